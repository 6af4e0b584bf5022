//===- RegisterTile.cpp - products of matrices in registers ---------------===//

#include "RegisterTile.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

SmallVector<Value> tileProducts(LaneBuilder &lb, int64_t rows, int64_t vectors,
                                Value depth, ValueRange inits,
                                function_ref<Value(int64_t, Value)> left,
                                function_ref<Value(Value, int64_t)> right) {
  constexpr int64_t kUnroll = 2;
  return lb.unrolled(depth, kUnroll, inits, [&](Value d, ValueRange sums) {
    SmallVector<Value> next(sums), operands;
    for (int64_t c = 0; c < vectors; ++c) {
      operands.push_back(right(d, c));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value factor = left(r, d);
      for (int64_t c = 0; c < vectors; ++c) {
        Value &sum = next[r * vectors + c];
        sum = lb.fma(factor, operands[c], sum);
      }
    }
    return next;
  });
}

Value loadRowVector(LaneBuilder &lb, Value memref, SmallVector<Value> row,
                    int64_t n, int64_t size) {
  int64_t left = std::min(size - n * lb.lanes, lb.lanes);
  if (!isUnitStride(memref, row.size())) {
    Value result = lb.constant(0.0);
    for (int64_t l = 0; l < left; ++l) {
      SmallVector<Value> at(row);
      at.push_back(lb.index.constant(n * lb.lanes + l));
      result = vector::InsertOp::create(lb.b, lb.loc, lb.loadScalar(memref, at),
                                        result, l);
    }
    return result;
  }
  row.push_back(lb.index.constant(n * lb.lanes));
  return left == lb.lanes ? lb.load(memref, row)
                          : lb.loadPart(memref, row, lb.index.constant(left));
}

void storeRowVector(LaneBuilder &lb, Value value, Value memref,
                    SmallVector<Value> row, int64_t n, int64_t size) {
  int64_t left = std::min(size - n * lb.lanes, lb.lanes);
  row.push_back(lb.index.constant(n * lb.lanes));
  if (left == lb.lanes) {
    lb.store(value, memref, row);
  } else {
    lb.storePart(value, memref, row, lb.index.constant(left));
  }
}

} // namespace attn
