//===- RecurrenceSlices.h - a recurrence on parts of its operands ---------===//
// Where tiles of GPUs are the op itself: a forall over sequences and blocks of
// heads or channels around it.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_RECURRENCESLICES_H
#define ATTN_PASSES_TILE_RECURRENCESLICES_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// What a tile takes of an op with heads, or channels.
struct RecurrenceBlock {
  int64_t count = 1; ///< heads, or channels
  int64_t rows = 0;  ///< values of a head; 0: all
};

class RecurrenceSlices {
public:
  RecurrenceSlices(mlir::IRRewriter &rewriter, mlir::Operation *op);

  int64_t heads() const; ///< or channels; kDynamic where it is not known
  int64_t groups() const;
  int64_t valueSize() const; ///< of a head; 1 of channels
  mlir::OpFoldResult sequences();
  /// Reports memrefs, and sizes that are not static.
  mlir::LogicalResult verify();
  /// The tiles, at the insertion point: what replaces the results of the op.
  /// `mark` is an attribute of the op of a tile.
  llvm::SmallVector<mlir::Value> forallOf(RecurrenceBlock block,
                                          llvm::StringRef mark = {});

private:
  mlir::IRRewriter &rewriter;
  IndexBuilder index;
  mlir::Operation *op;
  llvm::SmallVector<mlir::Value> outs;

  // Dimensions of an operand that tiles have a part of; -1: none.
  struct Axes {
    int sequence = -1, head = -1, row = -1;
    int group = -1;  // of heads that share it
    int bounds = -1; // the ends of sequences that lie in one
  };
  llvm::SmallVector<Axes> axes; // of each operand
  llvm::SmallVector<llvm::SmallVector<mlir::OpFoldResult>> sizes;
  unsigned values = 0, keys = 0; // operands that have heads, and groups
  mlir::Value ends;              // of ragged sequences

  void place(mlir::OpOperand &operand, Axes at);
  void place(mlir::MutableOperandRange operands, Axes at);
  void find(SSDOp ssd);
  void find(LinearAttentionOp linear);
  void find(SSMScanOp scan);
  void find(SSMStepOp step);
  void find(CausalConv1dOp conv);
  int64_t sizeOf(unsigned operand, int dim) const;

  // Of one tile.
  struct Tile {
    mlir::Value sequence, head, row;
    RecurrenceBlock block;
  };
  struct Place {
    llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
  };
  Place placeOf(mlir::OpOperand &operand, const Tile &tile);
  mlir::Value sliceOf(mlir::Value from, const Place &place);
};

} // namespace attn

#endif // ATTN_PASSES_TILE_RECURRENCESLICES_H
