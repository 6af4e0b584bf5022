//===- Codes.h - codes of few bits on vectors -----------------------------===//

#ifndef ATTN_PASSES_CPU_CODES_H
#define ATTN_PASSES_CPU_CODES_H

#include "RopeRows.h"

namespace attn {

/// Codes of one packing and element type; `isSigned` tells those of integers
/// without a zero.
class Codes {
public:
  Codes(LaneBuilder &lb, mlir::Type element, Packing packing, bool isSigned)
      : lb(lb), element(element), packing(packing), isSigned(isSigned) {}

  /// The numbers of elements [d, d + count) of a row, a vector of the builder's
  /// type; `count` is 1 or divides 16, and `d` is a multiple of it.
  mlir::Value load(const ElementRow &row, mlir::Value d, int64_t count);
  /// The scale inside of the row that these elements have; null with others.
  mlir::Value innerScale(const ElementRow &row, mlir::Value d);
  /// Rounds numbers within [least(), largest()] and stores them; those of int4
  /// come in twos, as `count` is 2 or more.
  void store(mlir::Value numbers, const ElementRow &row, mlir::Value d);

  double largest() const;
  double least() const;

private:
  mlir::Value bytes(const ElementRow &row, mlir::Value at, int64_t count);
  mlir::Value fromE4M3(mlir::Value bits);
  mlir::Value fromE5M2(mlir::Value bits);
  mlir::Value toFloat8(mlir::Value x, int64_t mantissa);
  template <typename OpTy> mlir::Value integer(mlir::Value x, mlir::Value y) {
    return OpTy::create(lb.b, lb.loc, x, y);
  }
  /// `value` in all lanes of a vector of `type`.
  mlir::Value all(mlir::VectorType type, int64_t value);

  LaneBuilder &lb;
  mlir::Type element;
  Packing packing;
  bool isSigned;
};

} // namespace attn

#endif // ATTN_PASSES_CPU_CODES_H
