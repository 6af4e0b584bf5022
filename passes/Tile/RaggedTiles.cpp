//===- RaggedTiles.cpp - row tiles of sequences of unknown lengths --------===//
// Where the lengths are on a device, the grid can not be made of them. But with
// a place for every `rows` rows of the batch, and one more for each sequence,
// sequence b can start at place cu[b] / rows + b: it never has more tiles than
// places up to that of the next one. Which sequence a place belongs to is then
// a binary search, and no table is written.
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

Value AttentionTiler::countPlaces(int64_t rows) {
  Value tokens = index.value(
      tensor::getMixedSize(rewriter, loc, op.getQ(), op.getSeqDim()));
  // Without a sequence there is none to search for, and without a token nothing
  // that a tile could read.
  Value any = index.min(index.min(batches, tokens), index.constant(1));
  return index.mul(index.add(index.div(tokens, rows), batches), any);
}

// The sequence of `place`, and the number of the tile in it.
std::pair<Value, Value> AttentionTiler::tileAtPlace(Value place, int64_t rows) {
  auto firstPlace = [&](Value batch) {
    Value start =
        tensor::ExtractOp::create(rewriter, loc, op.getCuSeqlensQ(), batch);
    start = arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(),
                                       start);
    return index.add(index.div(start, rows), batch);
  };
  auto compare = [&](arith::CmpIPredicate kind, Value a, Value b) -> Value {
    return arith::CmpIOp::create(rewriter, loc, kind, a, b);
  };
  // The sequence is in [from, to).
  Type types[] = {rewriter.getIndexType(), rewriter.getIndexType()};
  auto search = scf::WhileOp::create(
      rewriter, loc, types, ValueRange{index.constant(0), batches},
      [&](OpBuilder &, Location, ValueRange range) {
        Value more = compare(arith::CmpIPredicate::slt, index.add(range[0], 1),
                             range[1]);
        scf::ConditionOp::create(rewriter, loc, more, range);
      },
      [&](OpBuilder &, Location, ValueRange range) {
        Value middle = index.div(index.add(range[0], range[1]), 2);
        Value isLater =
            compare(arith::CmpIPredicate::sle, firstPlace(middle), place);
        Value from =
            arith::SelectOp::create(rewriter, loc, isLater, middle, range[0]);
        Value to =
            arith::SelectOp::create(rewriter, loc, isLater, range[1], middle);
        scf::YieldOp::create(rewriter, loc, ValueRange{from, to});
      });
  Value batch = search.getResult(0);
  return {batch, index.sub(place, firstPlace(batch))};
}

} // namespace attn
