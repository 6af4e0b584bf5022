//===- LinearForm.h - a pure affine expression as a sum of terms ----------===//
// c + sum of coefficient * term, a term being a dimension, a symbol or a
// floordiv by a constant; mod and ceildiv are written with floordiv.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_LINEARFORM_H
#define ATTN_MASK_LINEARFORM_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace attn {

struct LinearForm {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<mlir::AffineExpr, int64_t>, 4> terms;

  LinearForm() = default;
  explicit LinearForm(int64_t constant) : constant(constant) {}
  /// `expr` must be pure affine.
  static LinearForm of(mlir::AffineExpr expr);
  mlir::AffineExpr expr(mlir::MLIRContext *context) const;

  LinearForm &add(const LinearForm &other, int64_t factor = 1);
  LinearForm operator+(const LinearForm &other) const {
    return LinearForm(*this).add(other);
  }
  LinearForm operator-(const LinearForm &other) const {
    return LinearForm(*this).add(other, -1);
  }
  /// floor(this / divisor), divisor > 0.
  LinearForm floorDiv(int64_t divisor, mlir::MLIRContext *context) const;
  /// ceil(this / divisor), divisor > 0.
  LinearForm ceilDiv(int64_t divisor, mlir::MLIRContext *context) const;

  bool operator==(const LinearForm &other) const {
    return constant == other.constant && terms == other.terms;
  }
  bool isConstant() const { return terms.empty(); }
  /// Whether dimension `dim` occurs.
  bool uses(unsigned dim) const;
  int64_t coefficient(mlir::AffineExpr term) const;
  /// Whether some term is a quotient.
  bool hasQuotients() const;
  LinearForm substitute(llvm::ArrayRef<mlir::AffineExpr> dims,
                        mlir::MLIRContext *context) const;
};

/// A bound of a variable: `variable >= value`, or `variable <= value`.
struct VariableBound {
  bool isLower;
  LinearForm value;
};

/// `form >= 0` as a bound of dimension `dim`; nothing where it does not occur.
/// Where `dim` occurs more than once, quotients of it are relaxed, which clears
/// `exact`: the bound then holds wherever `form >= 0`, but not the reverse.
/// Where that leaves no `dim`, `form >= 0` is what remains.
std::optional<VariableBound> solveFor(LinearForm &form, unsigned dim,
                                      mlir::MLIRContext *context, bool &exact);

/// What remains of `forms`, all 0 or more, where `dim` is some integer that is
/// at least each of `lowers` and at most each of `uppers`: each lower bound is
/// at most each upper one. Exact, as bounds are integers, where `exact` is left
/// as it is.
std::vector<LinearForm> eliminate(llvm::ArrayRef<LinearForm> forms,
                                  unsigned dim, std::vector<LinearForm> lowers,
                                  std::vector<LinearForm> uppers,
                                  mlir::MLIRContext *context, bool &exact);

} // namespace attn

#endif // ATTN_MASK_LINEARFORM_H
