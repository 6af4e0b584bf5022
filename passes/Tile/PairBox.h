//===- PairBox.h - a mask region on all pairs of a box at once ------------===//
// Abstract interpretation: every value of the region stands for the interval
// (and the bits) that it can have for any pair of the box, and a condition for
// whether it can be true and can be false. What cannot be bounded is unknown,
// which is always right. The intervals are SSA values: a box is known at run
// time.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_PAIRBOX_H
#define ATTN_PASSES_TILE_PAIRBOX_H

#include "attn/Passes/IndexBuilder.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"
#include "llvm/ADT/DenseMap.h"

namespace attn {

/// What a value can be. Integers are sign-extended to index; null bounds are
/// unknown.
struct Range {
  mlir::Value lo, hi;      ///< inclusive
  mlir::Value ones, maybe; ///< bits that are always set, that can be set
  mlir::Value can, cannot; ///< of an i1: can be true, can be false
  unsigned bits = 64;      ///< integers fit in so many, sign included
};

/// (b, h, i, j) of the pairs, both ends inclusive.
struct PairBox {
  Range dims[4];
};

class BoxEvaluator {
public:
  BoxEvaluator(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc), index(builder, loc) {}

  /// What `region` can yield for pairs of `box`, where its first arguments,
  /// the captured elements, can have the values `captured`.
  Range evaluate(mlir::Region &region, llvm::ArrayRef<Range> captured,
                 const PairBox &box);
  /// After `evaluate`: what `value` of the region, or from above it, can be.
  Range rangeOf(mlir::Value value);
  /// All that x - y can be.
  Range difference(Range x, Range y) { return add(x, y, /*subtract=*/true); }

  /// What `expr` of (b, h, i, j) can be.
  Range image(mlir::AffineExpr expr, const PairBox &box);

  /// What elements of `tensor` with indices in `indices` can be: reads all.
  Range readAll(mlir::Value tensor, llvm::ArrayRef<Range> indices);
  /// The same of a tensor that ascends along the dimensions that move.
  Range readEnds(mlir::Value tensor, llvm::ArrayRef<Range> indices);
  /// The same by a table that `summarize` made.
  Range readTable(mlir::Value table, llvm::ArrayRef<Range> indices,
                  unsigned dim, int64_t block);
  /// `attn.block_summary`, as loops.
  mlir::Value summarize(mlir::Value tensor, unsigned dim, int64_t block);

  /// `indices` of (b, h, i, j) in `box` by `map`, kept inside of `tensor`.
  llvm::SmallVector<Range> indicesOf(mlir::Value tensor, mlir::AffineMap map,
                                     const PairBox &box);

  Range constant(int64_t value);
  Range point(mlir::Value value) {
    Range range;
    range.lo = range.hi = value;
    range.bits = kPositionBits;
    return range;
  }
  Range span(mlir::Value lo, mlir::Value hi) {
    Range range = point(lo);
    range.hi = hi;
    return range;
  }

private:
  /// Positions are far from the ends of an index.
  static constexpr unsigned kPositionBits = 48;

  void visit(mlir::Operation &op);
  Range unknown(mlir::Type type);
  Range condition(mlir::Value can, mlir::Value cannot);
  Range toInteger(Range condition);
  Range fit(Range range, mlir::Type type);
  Range compare(mlir::arith::CmpIPredicate predicate, Range lhs, Range rhs);
  Range compare(mlir::arith::CmpFPredicate predicate, Range lhs, Range rhs);
  Range add(Range lhs, Range rhs, bool subtract);
  Range multiply(Range lhs, Range rhs);
  Range divide(Range lhs, Range rhs, bool floor);
  Range remainder(Range lhs, Range rhs, bool nonNegative);
  Range logical(mlir::Operation &op, Range lhs, Range rhs);
  Range shift(Range value, bool arithmetic);
  Range select(Range test, Range then, Range other);
  mlir::Value all(llvm::ArrayRef<mlir::Value> conditions);
  mlir::Value any(llvm::ArrayRef<mlir::Value> conditions);
  mlir::Value no(mlir::Value condition);
  mlir::Value less(mlir::Value a, mlir::Value b, bool orEqual);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value choose(mlir::Value test, mlir::Value a, mlir::Value b);
  mlir::Value toIndex(mlir::Value element);
  Range ofElement(mlir::Type type, mlir::Value lo, mlir::Value hi,
                  mlir::Value ones, mlir::Value maybe);

  mlir::OpBuilder &b;
  mlir::Location loc;
  IndexBuilder index;
  llvm::DenseMap<mlir::Value, Range> values;
};

} // namespace attn

#endif // ATTN_PASSES_TILE_PAIRBOX_H
