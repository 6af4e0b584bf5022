//===- AttentionTiler.h - what the forms of tiled attention share ---------===//
// Slices, positions and the key loop of a row tile are in TileAttention.cpp
// with the prefill form; the decode form is in TileDecode.cpp.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_ATTENTIONTILER_H
#define ATTN_PASSES_TILE_ATTENTIONTILER_H

#include "MaskPlan.h"
#include "PairBox.h"
#include "RopeTables.h"
#include "attn/Dialect/Attn/AttentionClasses.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Target/CostModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// One sequence of the batch, or a residue class of it, as SSA values.
struct Sequence {
  mlir::Value queryStart, queries; // rows of q, and how many
  mlir::Value keyStart, keys;
  mlir::Value offset;  // position of the first query
  mlir::Value residue; // of the positions of a class
};

/// The rows of a tile: `heads` x `queries` from (head, query) on.
struct RowTile {
  mlir::Value batch, head, keyHead; // head: the first one
  mlir::Value query, queries;       // first query in its sequence, and how many
  mlir::OpFoldResult heads;         // how many heads
};

/// Rewrites some heads of one attention op at the insertion point of the
/// rewriter, into `outs`.
class AttentionTiler {
public:
  AttentionTiler(mlir::RewriterBase &rewriter, AttentionOp op,
                 const AttentionShape &shape, const AttentionClasses &classes,
                 const TurnedRows &turnedQ, const TurnedRows &turnedK,
                 mlir::ValueRange outs, bool readsLengths)
      : rewriter(rewriter), loc(op.getLoc()), op(op), shape(shape),
        classes(classes), turnedQ(turnedQ), turnedK(turnedK), outs(outs),
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
  mlir::Value countClasses();
  Sequence inClass(const Sequence &seq, mlir::Value number);
  mlir::Value countInClass(mlir::Value size, mlir::Value start);
  void moveScore(OnlineAttentionOp online, mlir::Value residue);
  llvm::SmallVector<mlir::Value> maskSymbols(const Sequence &seq);
  /// Strides of a slice of `rank` dimensions of rows or keys, of which `dim` is
  /// the sequence.
  llvm::SmallVector<mlir::OpFoldResult> strides(int64_t rank, int64_t dim,
                                                bool ofKeys = false);
  mlir::Value countQueries();
  // RaggedTiles.cpp
  mlir::Value countPlaces(int64_t rows);
  std::pair<mlir::Value, mlir::Value> tileAtPlace(mlir::Value place,
                                                  int64_t rows);
  mlir::Value storedKeys();
  /// The most keys that a sequence may have.
  mlir::Value countKeys();
  void noteForm(llvm::StringRef name, const TileChoice &tiles);
  llvm::SmallVector<mlir::Value> prefillForm(const TileChoice &tiles);
  /// `part` heads of a group a tile, which divide the group.
  llvm::SmallVector<mlir::Value> decodeForm(const TileChoice &tiles,
                                            int64_t part);
  RowTile decodeTile(mlir::Value batch, mlir::Value number, int64_t part,
                     const Sequence &seq);
  llvm::SmallVector<mlir::Value> wholeForm(const TileChoice &tiles,
                                           int64_t part);
  void finishTile(mlir::scf::ForallOp forall, const Sequence &seq,
                  const RowTile &tile, mlir::ValueRange state);
  mlir::Value chunksThatFill(mlir::Value sequences, int64_t blocks);
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b);
  /// Keys that chunks are multiples of.
  static int64_t chunkUnit(const TileChoice &tiles) {
    return tiles.finest > 0 ? tiles.finest : tiles.split;
  }
  mlir::Value chunkSize(const TileChoice &tiles, mlir::Value keys,
                        mlir::Value keyHeadParts);
  llvm::SmallVector<mlir::Value> mergeForm(mlir::Value parts,
                                           mlir::Value partLse);
  llvm::SmallVector<mlir::Value>
  guard(mlir::Value condition,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
        llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);

  mlir::Value slice(mlir::Value tensor,
                    llvm::ArrayRef<mlir::OpFoldResult> offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::RankedTensorType type, int64_t seqDim = -1,
                    bool ofKeys = false);
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
                      mlir::Value page, mlir::OpFoldResult size,
                      const TurnedRows &turned = {});
  int64_t keySlice(mlir::Value tensor, const Sequence &seq, const RowTile &tile,
                   mlir::Value key, mlir::Value count, mlir::Value page,
                   mlir::OpFoldResult size,
                   llvm::SmallVector<mlir::OpFoldResult> &offsets,
                   llvm::SmallVector<mlir::OpFoldResult> &sizes);
  mlir::Value decodedTile(KVDequantizeOp codes, const Sequence &seq,
                          const RowTile &tile, mlir::Value key,
                          mlir::Value count, mlir::Value page,
                          mlir::OpFoldResult size);
  mlir::Value turnedTile(const TurnedRows &turned, mlir::Value tensor,
                         const RowTile &tile,
                         llvm::ArrayRef<mlir::OpFoldResult> offsets,
                         llvm::ArrayRef<mlir::OpFoldResult> sizes, int64_t most,
                         mlir::RankedTensorType type, bool ofKeys);
  mlir::Value valuesInKeys(mlir::Value k, mlir::Value count);
  /// The scale of operand `number` (q, k, v), of which the heads of a tile have
  /// one; null without scales.
  mlir::Value scaleOf(unsigned number, const RowTile &tile);
  mlir::Value scratchTile(mlir::OpFoldResult size);
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
  void wholeMask(mlir::Region &mask);
  std::pair<mlir::Value, mlir::Value> reach(const Sequence &seq,
                                            const RowTile &tile);
  std::pair<mlir::Value, mlir::Value> kindOf(BoxEvaluator &evaluator,
                                             mlir::Region &mask, PairBox box,
                                             llvm::SmallVector<Range> captured,
                                             const Sequence &seq,
                                             mlir::Value number, int64_t step);
  mlir::Value tabulate(
      llvm::ArrayRef<mlir::OpFoldResult> grid, mlir::Type element,
      llvm::function_ref<mlir::Value(mlir::ValueRange,
                                     llvm::SmallVector<mlir::OpFoldResult> &)>
          body);
  mlir::Value classify(mlir::Region &mask, const TileChoice &tiles,
                       llvm::SmallVector<mlir::OpFoldResult> grid,
                       mlir::Value most);
  void listKinds(mlir::Value kinds, llvm::SmallVector<mlir::OpFoldResult> grid,
                 mlir::Value most);
  mlir::Value countOf(mlir::Value batch, mlir::Value head, mlir::Value tile,
                      int64_t n);
  void rankTiles(llvm::ArrayRef<mlir::OpFoldResult> grid, mlir::Value rowTiles);
  mlir::Value tileOfRank(mlir::Value batch, mlir::Value head, mlir::Value rank);
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
  AttentionClasses classes;
  TurnedRows turnedQ, turnedK;
  llvm::SmallVector<mlir::Value> outs;
  bool readsLengths; // around the tiles too: not where lengths are on a device
  IndexBuilder index;
  mlir::Value batches, heads, keyHeads, group;
  /// Heads of q that this piece has.
  mlir::Value countHeads();
  mlir::OpFoldResult headSize, valueSize;
  int64_t tileKeys = 0; // the most keys of a tile of the loop at hand
  std::string forms;
  MaskPlan plan;
};

} // namespace attn

#endif // ATTN_PASSES_TILE_ATTENTIONTILER_H
