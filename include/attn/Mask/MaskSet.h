//===- MaskSet.h - a mask as a set of points (b, h, q, k) -----------------===//
// A mask is an expression of `and`, `or` and `not` over sets of integer points
// in absolute positions, each set the points where all of its affine
// constraints are 0 or more. Symbols are numbers that are known at run time.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_MASKSET_H
#define ATTN_MASK_MASKSET_H

#include "attn/Mask/LinearForm.h"
#include "mlir/IR/AffineMap.h"

#include <cstdint>
#include <vector>

namespace attn {

/// The dimensions of masks, and those that tiles add: a tile has the points of
/// `From` to `To` of the one axis, and of heads `FirstHead` to `LastHead`.
enum MaskDim : unsigned {
  BatchDim,
  HeadDim,
  QueryDim,
  KeyDim,
  FromDim,
  ToDim,
  FirstHeadDim,
  LastHeadDim,
  NumMaskDims
};

/// Points where every form is 0 or more.
using MaskTerm = std::vector<LinearForm>;

/// A point, with the values of the symbols.
struct MaskPoint {
  int64_t b = 0, h = 0, q = 0, k = 0;
  llvm::ArrayRef<int64_t> symbols = {};
};

struct MaskSet {
  enum class Kind { Set, And, Or, Not };
  Kind kind = Kind::Set;
  mlir::MLIRContext *context = nullptr;
  unsigned numSymbols = 0;
  MaskTerm constraints;          // Set
  std::vector<MaskSet> children; // And, Or, Not

  /// Sides and counts of 2^60 and more are no bounds: no position is as large.
  static constexpr int64_t kUnbounded = int64_t(1) << 60;

  /// q - left <= k <= q + right; -1 for a side without bound.
  static MaskSet band(mlir::MLIRContext *context, int64_t left, int64_t right);
  /// k < count.
  static MaskSet prefix(mlir::MLIRContext *context, int64_t count);
  /// k < count or q < count.
  static MaskSet global(mlir::MLIRContext *context, int64_t count);
  /// floor(q / size) = floor(k / size).
  static MaskSet chunk(mlir::MLIRContext *context, int64_t size);
  /// (q - k) mod step = 0.
  static MaskSet dilated(mlir::MLIRContext *context, int64_t step);
  /// (b, h, q, k)[symbols...] -> what is 0 or more. Pure affine.
  static MaskSet points(mlir::AffineMap map);
  /// Symbols of the children follow each other.
  static MaskSet all(std::vector<MaskSet> children); // And
  static MaskSet any(std::vector<MaskSet> children); // Or
  static MaskSet complement(MaskSet set);            // Not

  bool contains(const MaskPoint &point) const;
  /// Whether a constraint has dimension `dim` in it.
  bool usesDim(unsigned dim) const;
  /// The set with `values` of `total` symbols in place of its own.
  MaskSet replaceSymbols(llvm::ArrayRef<mlir::AffineExpr> values,
                         unsigned total) const;

  /// The set, or what is not in it, as a union of terms; nothing where that
  /// takes more than `kMostTerms`. Terms inside of others are dropped.
  std::optional<std::vector<MaskTerm>> terms(bool negated = false) const;
  static constexpr size_t kMostTerms = 24;

private:
  static MaskSet combine(Kind kind, std::vector<MaskSet> children);
  void shiftSymbols(unsigned shift, unsigned total);
};

/// The value of `form` at `dims` and `symbols`.
int64_t evaluate(const LinearForm &form, llvm::ArrayRef<int64_t> dims,
                 llvm::ArrayRef<int64_t> symbols);

/// Drops what always holds and keeps the tightest of forms that differ by a
/// constant. False where nothing satisfies the term, as far as pairs of forms
/// show.
bool simplify(MaskTerm &term);

/// Whether each form of `outer` holds on `inner`, as single forms show.
bool isInside(const MaskTerm &inner, const MaskTerm &outer);

} // namespace attn

#endif // ATTN_MASK_MASKSET_H
