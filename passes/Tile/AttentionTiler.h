//===- AttentionTiler.h - what the forms of tiled attention share ---------===//
// Slices, positions and the key loop of a row tile are in TileAttention.cpp
// with the prefill form; the decode form is in TileDecode.cpp.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_ATTENTIONTILER_H
#define ATTN_PASSES_TILE_ATTENTIONTILER_H

#include "MaskPlan.h"
#include "PairBox.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Target/CostModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// One sequence of the batch, as SSA values.
struct Sequence {
  mlir::Value queryStart, queries; // rows of q (thd), and how many
  mlir::Value keyStart, keys;
  mlir::Value offset; // position of the first query
};

/// The rows of a tile: `heads` x `queries` from (head, query) on.
struct RowTile {
  mlir::Value batch, head, keyHead; // head: the first one
  mlir::Value query, queries;       // first query in its sequence, and how many
  mlir::OpFoldResult heads;         // how many heads
};

/// Rewrites one attention op at the insertion point of the rewriter.
class AttentionTiler {
public:
  AttentionTiler(mlir::RewriterBase &rewriter, AttentionOp op,
                 const AttentionShape &shape, bool readsLengths)
      : rewriter(rewriter), loc(op.getLoc()), op(op), shape(shape),
        readsLengths(readsLengths), index(rewriter, loc) {}

  /// The values of `out` and `lse` (where it is asked for).
  llvm::SmallVector<mlir::Value> run(const AttentionTiles &tiles,
                                     int64_t rowLimit);

  /// After `run`: the forms that stand in the code, with their tiles.
  llvm::StringRef getForms() const { return forms; }
  /// After `run`: how the mask region is dealt with; empty without one.
  llvm::StringRef getMaskText() const { return plan.text; }

private:
  void readSizes();
  Sequence sequence(mlir::Value batch);
  mlir::Value countQueries();
  void noteForm(llvm::StringRef name, const TileChoice &tiles);
  llvm::SmallVector<mlir::Value> prefillForm(const TileChoice &tiles);
  llvm::SmallVector<mlir::Value> decodeForm(const TileChoice &tiles);
  llvm::SmallVector<mlir::Value> mergeForm(mlir::Value parts,
                                           mlir::Value partLse);
  llvm::SmallVector<mlir::Value>
  guard(mlir::Value condition,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);

  mlir::Value slice(mlir::Value tensor,
                    llvm::ArrayRef<mlir::OpFoldResult> offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::RankedTensorType type);
  mlir::RankedTensorType tileType(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                                  mlir::Type element);
  void sliceRows(const Sequence &seq, const RowTile &tile,
                 mlir::OpFoldResult size,
                 llvm::SmallVector<mlir::OpFoldResult> &offsets,
                 llvm::SmallVector<mlir::OpFoldResult> &sizes);
  void sliceLse(const Sequence &seq, const RowTile &tile,
                llvm::SmallVector<mlir::OpFoldResult> &offsets,
                llvm::SmallVector<mlir::OpFoldResult> &sizes);
  mlir::Value keyTile(mlir::Value tensor, const Sequence &seq,
                      const RowTile &tile, mlir::Value key, mlir::Value count,
                      mlir::OpFoldResult size);
  RowTile rowTile(mlir::Value batch, mlir::Value head, mlir::Value number,
                  int64_t rows, Sequence &seq);
  llvm::SmallVector<mlir::Value>
  keyLoop(const Sequence &seq, const RowTile &tile, mlir::Value chunkLo,
          mlir::Value chunkHi, const TileChoice &tiles, mlir::Value number);
  /// A list of tiles of keys, and how it divides into segments.
  struct TileList {
    mlir::Value list, limit;
  };
  // InspectMask.cpp
  PairBox boxOf(const Sequence &seq, const RowTile &tile);
  llvm::SmallVector<Range> readRows(BoxEvaluator &evaluator,
                                    const PairBox &box);
  Range readCaptured(BoxEvaluator &evaluator, unsigned n, const PairBox &box,
                     int64_t step);
  void inspect(const TileChoice &tiles, mlir::Value rowTiles);
  void refine(const Sequence &seq, const RowTile &tile,
              llvm::SmallVector<mlir::Value> &lower,
              llvm::SmallVector<mlir::Value> &upper,
              llvm::SmallVector<int32_t> &kinds);
  TileList listSegments(const Sequence &seq, const RowTile &tile,
                        mlir::Value number,
                        llvm::SmallVector<mlir::Value> &lower,
                        llvm::SmallVector<mlir::Value> &upper,
                        llvm::SmallVector<int32_t> &kinds);
  void segments(const Sequence &seq, const RowTile &tile, mlir::Value lo,
                mlir::Value hi, llvm::SmallVector<mlir::Value> &lower,
                llvm::SmallVector<mlir::Value> &upper,
                llvm::SmallVector<int32_t> &kinds);
  bool rowsHeadFirst() { return op.getLayout() == Layout::BHSD; }
  mlir::AffineMap rowsMap() { // (g, m, x) -> a tile of q or out
    mlir::MLIRContext *context = op.getContext();
    auto d = [&](unsigned i) { return mlir::getAffineDimExpr(i, context); };
    return rowsHeadFirst()
               ? mlir::AffineMap::get(3, 0, {d(0), d(1), d(2)}, context)
               : mlir::AffineMap::get(3, 0, {d(1), d(0), d(2)}, context);
  }

  mlir::RewriterBase &rewriter;
  mlir::Location loc;
  AttentionOp op;
  AttentionShape shape;
  bool readsLengths; // around the tiles too: not where lengths are on a device
  IndexBuilder index;
  mlir::Value batches, heads, keyHeads, group;
  mlir::OpFoldResult headSize, valueSize;
  std::string forms;
  MaskPlan plan;
};

} // namespace attn

#endif // ATTN_PASSES_TILE_ATTENTIONTILER_H
