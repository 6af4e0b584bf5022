//===- EmitBounds.cpp - bounds of tiles as arithmetic ---------------------===//

#include "attn/Passes/EmitBounds.h"
#include "attn/Mask/BoundSteps.h"
#include "attn/Passes/EmitMask.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn {

namespace {

struct Values {
  IndexBuilder &index;
  OpBuilder &builder;
  Location loc;
  const TileValues &tile;
  ArrayRef<Value> dims;

  Value lower() { return tile.lower; }
  Value upper() { return tile.upper; }
  Value form(const LinearForm &form) {
    return emitForm(builder, loc, form, dims, tile.symbols);
  }
  Value min(Value a, Value b) { return index.min(a, b); }
  Value max(Value a, Value b) { return index.max(a, b); }
  Value ifForm(const LinearForm &test, Value a, Value b) {
    return select(arith::CmpIPredicate::sge, form(test), index.constant(0), a,
                  b);
  }
  Value ifAtMost(Value x, Value y, Value a, Value b) {
    return select(arith::CmpIPredicate::sle, x, y, a, b);
  }

  Value select(arith::CmpIPredicate predicate, Value x, Value y, Value a,
               Value b) {
    Value condition = arith::CmpIOp::create(builder, loc, predicate, x, y);
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
};

} // namespace

SmallVector<Value> emitSteps(IndexBuilder &index, OpBuilder &builder,
                             Location loc, const TileSegments &segments,
                             const TileValues &tile) {
  Value dims[NumMaskDims] = {};
  dims[BatchDim] = tile.batch;
  dims[FromDim] = tile.from;
  dims[ToDim] = tile.to;
  dims[FirstHeadDim] = tile.firstHead;
  dims[LastHeadDim] = tile.lastHead;
  std::vector<Value> values =
      computeSteps<Value>(segments, Values{index, builder, loc, tile, dims});
  return SmallVector<Value>(values.begin(), values.end());
}

} // namespace attn
