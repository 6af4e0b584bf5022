//===- TilingOnlineAttention.cpp - tiling of attn.online_attention --------===//
#include "attn/Dialect/Attn/AttnOps.h"
using namespace mlir;
using namespace attn;
SmallVector<utils::IteratorType> OnlineAttentionOp::getLoopIteratorTypes() { return {}; }
SmallVector<Range> OnlineAttentionOp::getIterationDomain(OpBuilder &b) { return {}; }
FailureOr<TilingResult> OnlineAttentionOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) { return failure(); }
LogicalResult OnlineAttentionOp::getResultTilePosition(OpBuilder &b, unsigned n, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &ro, SmallVector<OpFoldResult> &rs) { return failure(); }
FailureOr<TilingResult> OnlineAttentionOp::generateResultTileValue(OpBuilder &b, unsigned n, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) { return failure(); }
FailureOr<SmallVector<Value>> OnlineAttentionOp::generateInitialTensorForPartialReduction(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes, const SetVector<unsigned> &dims) { return failure(); }
FailureOr<TilingResult> OnlineAttentionOp::tileToPartialReduction(OpBuilder &b, Location loc, ReductionTilingStrategy s, ValueRange init, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, const SetVector<unsigned> &dims, ArrayRef<OpFoldResult> split) { return failure(); }
FailureOr<MergeResult> OnlineAttentionOp::mergeReductions(OpBuilder &b, Location loc, ValueRange partial, const SetVector<unsigned> &dims) { return failure(); }
LogicalResult OnlineAttentionOp::getPartialResultTilePosition(OpBuilder &b, unsigned n, ReductionTilingStrategy s, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, const SetVector<unsigned> &dims, ArrayRef<OpFoldResult> split, SmallVector<OpFoldResult> &ro, SmallVector<OpFoldResult> &rs) { return failure(); }
