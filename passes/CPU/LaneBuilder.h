//===- LaneBuilder.h - code on vectors of query lanes ---------------------===//
// What the lowerings of the tile ops share: vectors of one width, arithmetic on
// them, and the head and query of the rows in a vector.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_CPU_LANEBUILDER_H
#define ATTN_PASSES_CPU_LANEBUILDER_H

#include "attn/Passes/IndexBuilder.h"
#include "attn/Target/TargetDescription.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace attn {

class LaneBuilder {
public:
  LaneBuilder(mlir::OpBuilder &builder, mlir::Location loc,
              const TargetDescription &target, mlir::FloatType type)
      : index(builder, loc), b(builder), loc(loc), target(target), type(type),
        lanes(target.lanes(type.getWidth())),
        vector(mlir::VectorType::get({lanes}, type)) {}

  mlir::Value constant(double value); // splat
  mlir::Value splat(mlir::Value scalar);
  /// `lanes` elements of `memref` from `indices` on, widened to `type`.
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices);
  /// Stores `value`, rounded to the element type of `memref`.
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange indices);
  /// The same of the first `count` < lanes elements; the others are 0.
  mlir::Value loadPart(mlir::Value memref, mlir::ValueRange indices,
                       mlir::Value count);
  void storePart(mlir::Value value, mlir::Value memref,
                 mlir::ValueRange indices, mlir::Value count);
  /// One element, widened to `type`.
  mlir::Value loadScalar(mlir::Value memref, mlir::ValueRange indices);

  /// Prefetches all cache lines of row `row` of a matrix of static row size,
  /// to L1 (`locality` 3) or L2 (2). The row may lie past the end: a prefetch
  /// of any address is harmless.
  void prefetchRow(mlir::Value memref, mlir::Value row, unsigned locality);
  /// The lines of `count` elements of it from `column` on.
  void prefetchPart(mlir::Value memref, mlir::Value row, mlir::Value column,
                    int64_t count, unsigned locality, bool isWrite = false);
  /// Elements of `memref` in a cache line.
  static int64_t lineOf(mlir::Value memref);

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  /// x * weight + sum; where `skipZero`, x does not matter if the weight is 0,
  /// NaN included.
  mlir::Value weightedSum(mlir::Value x, mlir::Value weight, mlir::Value sum,
                          bool skipZero);
  /// Pairs of bf16, the first in the low half of its lane, as vectors of f32
  /// (no arithmetic is done on them as such). From or to `lanes` pairs side by
  /// side in a memref of bf16, and of two vectors of f32, rounded to even.
  mlir::Value loadPairs(mlir::Value memref, mlir::ValueRange indices);
  mlir::Value loadPairsPart(mlir::Value memref, mlir::ValueRange indices,
                            mlir::Value count); // elements; the others are 0
  void storePairs(mlir::Value pairs, mlir::Value memref,
                  mlir::ValueRange indices);
  mlir::Value roundPairs(mlir::Value low, mlir::Value high);
  /// (0, 2, 4, ..) and (1, 3, 5, ..) of the elements of two vectors of pairs
  /// turned into pairs of the elements of one number: the first and the second
  /// half of them.
  std::pair<mlir::Value, mlir::Value> zipPairs(mlir::Value low,
                                               mlir::Value high);
  /// sum + x.low * y.low + x.high * y.high (vdpbf16ps).
  mlir::Value dotPairs(mlir::Value x, mlir::Value y, mlir::Value sum);
  /// Pairs `x` with 0 for the elements that are 0 in `weights`.
  mlir::Value whereNonZero(mlir::Value x, mlir::Value weights);

  /// The larger one; `b` where either is NaN (what vmaxps does).
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// e^a of a difference of logits: 2^(a log2(e)). The product is rounded,
  /// which matters only where the result is negligible.
  mlir::Value exp(mlir::Value a);
  /// Lanes of `a` in the order of `from`.
  mlir::Value shuffle(mlir::Value a, llvm::ArrayRef<int64_t> from);
  mlir::Value extract(mlir::Value a, int64_t lane);
  /// `base + by` for an index, or a vector of index, `by`.
  mlir::Value offset(mlir::Value base, mlir::Value by);
  /// `a`, or 0 where it is -inf: a maximum that can be subtracted.
  mlir::Value finiteMax(mlir::Value a);
  /// `a` where `test == 0`, else `b`; NaN in `test` selects `b`.
  mlir::Value selectZero(mlir::Value test, mlir::Value a, mlir::Value b);

  /// `a * factor`, and 0 where `factor` is 0, whatever `a` holds: accumulators
  /// need no initial value. Scalars or vectors.
  mlir::Value scaled(mlir::Value a, mlir::Value factor);

  /// Transposes `lanes` vectors in registers.
  llvm::SmallVector<mlir::Value> transpose(llvm::SmallVector<mlir::Value> rows);

  /// (head offset, query offset) of the rows p * W + w + [0, lanes): a vector
  /// of index each, or an index where all lanes agree.
  std::pair<mlir::Value, mlir::Value> rows(mlir::AffineMap rowMap,
                                           mlir::Value panel, mlir::Value lane);
  /// The same of one row.
  std::pair<mlir::Value, mlir::Value> row(mlir::AffineMap rowMap,
                                          mlir::Value panel, mlir::Value lane);

  /// A loop without carried values.
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// A loop that carries `inits`; `body` returns the next values.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value lower, mlir::Value upper, int64_t step,
       mlir::ValueRange inits,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  /// The same over [0, count), `unroll` iterations at a time: counters and
  /// addresses compete with multiply-adds for ports. What a count that is not
  /// known to be a multiple leaves goes one by one.
  llvm::SmallVector<mlir::Value>
  unrolled(mlir::Value count, int64_t unroll, mlir::ValueRange inits,
           llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                             mlir::ValueRange)>
               body);
  /// Covers [0, count) with register tiles of at most `tile`: tiles of two
  /// sizes as equal as can be where `count` is constant, else of `tile` and,
  /// for the rest, of 2 and 1. `body(size, start, carried)` returns the
  /// carried.
  llvm::SmallVector<mlir::Value>
  tiles(mlir::Value count, int64_t tile, mlir::ValueRange inits,
        llvm::function_ref<llvm::SmallVector<mlir::Value>(int64_t, mlir::Value,
                                                          mlir::ValueRange)>
            body);

  IndexBuilder index;
  mlir::OpBuilder &b;
  const mlir::Location loc;
  const TargetDescription &target;
  mlir::FloatType type;
  const int64_t lanes;
  mlir::VectorType vector;

  /// Widens or rounds `value`, a scalar or a vector, to `element`.
  mlir::Value convert(mlir::Value value, mlir::Type element);
};

/// The elements of a row lie side by side in `memref`, dimension `d`.
bool isUnitStride(mlir::Value memref, unsigned d);

/// Whether `memref` is memory of the tile, which decoded codes and turned keys
/// are in: it is in the cache.
bool isWorkspace(mlir::Value memref);

} // namespace attn

#endif // ATTN_PASSES_CPU_LANEBUILDER_H
