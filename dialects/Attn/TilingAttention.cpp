//===- TilingAttention.cpp - TilingInterface of attn.attention ------------===//
#include "attn/Dialect/Attn/AttnOps.h"
using namespace mlir;
using namespace attn;
SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() { return {}; }
SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &b) { return {}; }
FailureOr<TilingResult> AttentionOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) { return failure(); }
LogicalResult AttentionOp::getResultTilePosition(OpBuilder &b, unsigned n, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &ro, SmallVector<OpFoldResult> &rs) { return failure(); }
FailureOr<TilingResult> AttentionOp::generateResultTileValue(OpBuilder &b, unsigned n, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) { return failure(); }
