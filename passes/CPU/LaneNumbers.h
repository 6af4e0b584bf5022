//===- LaneNumbers.h - real or complex numbers in lanes ---------*- C++ -*-===//

#ifndef ATTN_PASSES_CPU_LANENUMBERS_H
#define ATTN_PASSES_CPU_LANENUMBERS_H

#include "LaneBuilder.h"

namespace attn {

/// A vector of numbers, without imaginary parts for real ones.
struct Number {
  mlir::Value re, im;
};

/// Arithmetic on them, both real or both complex.
class NumberBuilder {
public:
  explicit NumberBuilder(LaneBuilder &lb) : lb(lb) {}

  mlir::Value negated(mlir::Value x);
  mlir::Value div(mlir::Value x, mlir::Value y);
  Number scaled(Number x, mlir::Value by);
  Number add(Number x, Number y);
  Number plusOne(Number x);
  Number mul(Number x, Number y);
  Number conj(Number x);
  Number inverse(Number x);
  /// sum + what x and y, and for complex ones their conjugates, multiply to.
  mlir::Value accumulate(Number x, Number y, mlir::Value sum);

  /// Of a complex x: e^x, and (e^x - 1) / x, which is 1 for 0, made of
  /// `size` = e^re, `above` = e^re - 1, and cos and sin of half of its angle.
  /// Without `above` the second is null.
  std::pair<Number, Number> held(Number x, mlir::Value size, mlir::Value above,
                                 mlir::Value cosHalf, mlir::Value sinHalf);

private:
  LaneBuilder &lb;
};

} // namespace attn

#endif // ATTN_PASSES_CPU_LANENUMBERS_H
