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

/// One position at a time: rows of cos and of signed sin in scratch memory, one
/// element for each rotary element, computed in f64; then any number of rows
/// y = x * cos + partner * sin.
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
  void put(mlir::Value i, mlir::Value cos, mlir::Value sin);
  void putHalves(mlir::Value i, mlir::Value cos, mlir::Value sin);
  mlir::Value turned(mlir::Value x, mlir::Value partner, mlir::Value cos,
                     mlir::Value sin);
  void turnPair(const ElementRow &from, const ElementRow &to, mlir::Value u,
                mlir::Value w);
  void turnHalves(const ElementRow &from, const ElementRow &to);
  void turnNeighbours(const ElementRow &from, const ElementRow &to);

  LaneBuilder &lb;
  RopeForm form;
  const int64_t half;
  const bool neox;
  mlir::Value cosRow, sinRow;
};

/// Copies elements [from, size) of a row, rounded to the type of the other.
void copyElements(LaneBuilder &lb, const ElementRow &source,
                  const ElementRow &dest, int64_t from, mlir::Value size);

} // namespace attn

#endif // ATTN_PASSES_CPU_ROPEROWS_H
