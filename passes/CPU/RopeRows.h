//===- RopeRows.h - rows of elements turned by their position -------------===//

#ifndef ATTN_PASSES_CPU_ROPEROWS_H
#define ATTN_PASSES_CPU_ROPEROWS_H

#include "LaneBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

/// How an op turns rows: operands and attributes of `attn.rope` on memrefs.
struct RopeForm {
  mlir::Value cos, sin, frequencies; ///< tables, or frequencies
  int64_t rotary;
  RopePairs pairs;
  double magnitude;
  std::optional<int64_t> kept;
};

/// A row of a memref: indices of its element `d`, which is the last one.
struct ElementRow {
  mlir::Value memref;
  llvm::SmallVector<mlir::Value> leading;
  bool contiguous;

  ElementRow(mlir::Value memref, llvm::SmallVector<mlir::Value> leading);
  llvm::SmallVector<mlir::Value> at(mlir::Value d) const;
};

/// One position at a time: a row of cos and one of sin, one element for each
/// pair, of the tables or, computed in f64, in scratch memory; then any number
/// of rows that turn by them.
class RopeRows {
public:
  /// Scratch memory is that of `op`.
  RopeRows(LaneBuilder &lb, mlir::Operation *op, RopeForm form);

  /// The rows that follow are at `position`, an index.
  void moveTo(mlir::Value position);
  /// Turns a row of `size` elements, copying those behind the rotary ones. The
  /// rows may be one.
  void turn(const ElementRow &from, const ElementRow &to, mlir::Value size);

private:
  using Pair = std::pair<mlir::Value, mlir::Value>;

  Pair angles(mlir::Value frequency, mlir::Value turns);
  Pair turned(Pair x, mlir::Value cos, mlir::Value sin);
  Pair loadPairs(const ElementRow &from, mlir::Value pair);
  void storePairs(Pair x, const ElementRow &to, mlir::Value pair);
  void turnPair(const ElementRow &from, const ElementRow &to, mlir::Value pair);

  LaneBuilder &lb;
  RopeForm form;
  const int64_t half;
  const bool neox;
  std::optional<ElementRow> cos, sin;
};

/// Copies elements [from, size) of a row, rounded to the type of the other.
void copyElements(LaneBuilder &lb, const ElementRow &source,
                  const ElementRow &dest, int64_t from, mlir::Value size);

} // namespace attn

#endif // ATTN_PASSES_CPU_ROPEROWS_H
