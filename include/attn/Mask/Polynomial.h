//===- Polynomial.h - polynomials of dimensions, symbols and quotients ----===//
// With rational coefficients. A quotient, floor(affine / constant), is a
// variable of its own, so that a quasi-polynomial is one of these.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_POLYNOMIAL_H
#define ATTN_MASK_POLYNOMIAL_H

#include "attn/Mask/LinearForm.h"
#include "mlir/Analysis/Presburger/Fraction.h"

#include <map>
#include <vector>

namespace attn {

class Polynomial {
public:
  using Fraction = mlir::presburger::Fraction;
  /// Factors in order, powers as repetitions.
  using Monomial = std::vector<mlir::AffineExpr>;
  struct MonomialLess { // higher degrees first
    bool operator()(const Monomial &a, const Monomial &b) const;
  };
  using Terms = std::map<Monomial, Fraction, MonomialLess>;

  Polynomial() = default;
  explicit Polynomial(int64_t constant);
  explicit Polynomial(const LinearForm &form);

  const Terms &terms() const { return parts; }
  bool isZero() const { return parts.empty(); }

  Polynomial &add(const Polynomial &other, const Fraction &factor);
  Polynomial operator+(const Polynomial &other) const;
  Polynomial operator-(const Polynomial &other) const;
  Polynomial operator*(const Polynomial &other) const;
  bool operator==(const Polynomial &other) const;

  /// With `value` in place of `variable`, a dimension or symbol that is in no
  /// quotient.
  Polynomial substitute(mlir::AffineExpr variable,
                        const LinearForm &value) const;
  /// Whether `variable` is in a quotient.
  bool hasInQuotient(mlir::AffineExpr variable) const;
  /// The sum over first <= dim <= last, where first <= last + 1. Nothing where
  /// the power of `dim` is above `kMostPower`.
  std::optional<Polynomial> sum(unsigned dim, const LinearForm &first,
                                const LinearForm &last,
                                mlir::MLIRContext *context) const;
  static constexpr unsigned kMostPower = 4;

  /// The value where it is a whole number of 64 bits.
  std::optional<int64_t> evaluate(llvm::ArrayRef<int64_t> symbols) const;

private:
  void addTerm(const Monomial &monomial, const Fraction &factor);
  /// Coefficients of the powers of `dim`.
  std::vector<Polynomial> powersOf(mlir::AffineExpr dim) const;

  Terms parts;
};

} // namespace attn

#endif // ATTN_MASK_POLYNOMIAL_H
