//===- TileProgram.h - what one tile of attention does --------------------===//
// The ops of a kernel that tiling made, told apart: the front that lowerings
// for tensor cores, for FMA units and for wgmma share.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_TILEPROGRAM_H
#define ATTN_PASSES_NVGPU_TILEPROGRAM_H

#include "TensorView.h"
#include "WarpBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/CodeForm.h"

namespace attn {

struct TileProgram {
  KeyLoopOp loop;
  OnlineAttentionOp online;
  FinalizeStateOp finalize;
  /// Positions of row dimensions g and m, and of d, in the dimensions of q.
  unsigned headDim = 0, queryDim = 1, sizeDim = 2;
  int64_t headSize = 0, valueSize = 0;
  int64_t heads = 0;   // of a tile; kDynamic where not known
  int64_t queries = 0; // likewise
  /// What makes elements of the codes of keys and values; null without codes.
  KVDequantizeOp keyCodes, valueCodes;
  KeyForms forms;

  bool isPaged() { return loop.getSource() == KeySource::Pages; }
  /// Keys and values of a tile as they lie in memory.
  mlir::Value keys() { return keyCodes ? keyCodes.getCodes() : online.getK(); }
  mlir::Value values() {
    return valueCodes ? valueCodes.getCodes() : online.getV();
  }

  /// Reads the program around `loop`, or reports what is in the way.
  static mlir::FailureOr<TileProgram> match(KeyLoopOp loop);

  /// The natural units of the scores: x is `scale` times the product where
  /// there is a score region or no positive scale; else the product itself.
  bool scaled() {
    return !online.getScore().empty() || online.getScaleValue() <= 0;
  }
  /// log2(e) in the unit of the scores, so that e^y = 2^(unit * x).
  double log2Unit();
  /// The natural logarithm of a score: y = naturalUnit * x.
  double naturalUnit() { return scaled() ? 1.0 : online.getScaleValue(); }

private:
  mlir::LogicalResult matchCodes();
};

/// Clones the scalar ops of the body of `loop` for a tile of `size` keys at
/// `key` (both index).
void cloneBodyScalars(mlir::OpBuilder &builder, KeyLoopOp loop, mlir::Value key,
                      mlir::Value size, mlir::IRMapping &mapping);

/// Rows of a tile as (head, query) pairs, in 32 bits.
struct TileRows {
  mlir::Value heads, queries, count; // i32
  TileProgram *program = nullptr;

  static TileRows make(WarpBuilder &warp, TileProgram &program,
                       const TensorView &q);
  /// (g, m) of row `row`.
  std::pair<mlir::Value, mlir::Value> split(WarpBuilder &warp,
                                            mlir::Value row) const;
  /// The element index of row `row` in `view`, whose dimensions g and m are
  /// `headDim` and `queryDim`.
  mlir::Value offset(WarpBuilder &warp, mlir::Value row, const TensorView &view,
                     unsigned headDim, unsigned queryDim) const;
};

/// Tiles of the segments of a key loop, one after the other. All i32. Segments
/// are ranges of keys, or of a list of tiles.
class KeyCursor {
public:
  /// `mapping` gives the values that stand for bounds of the loop. Backward the
  /// last key comes first: places are then those of keys, negated.
  KeyCursor(WarpBuilder &warp, KeyLoopOp loop, int64_t step,
            const mlir::IRMapping &mapping = {}, bool backward = false);
  /// Finds the list of tiles, where the loop has one. `mapping` is for what it
  /// depends on.
  mlir::LogicalResult prepare(TensorViews &views,
                              const mlir::IRMapping &mapping = {});

  struct Tile {
    mlir::Value key, size; // size 0: past the end
    mlir::Value masked;    // 1 in partial segments and ragged tiles, else 0
  };
  using State = llvm::SmallVector<mlir::Value>;
  static constexpr unsigned kStateSize = 5;

  /// Moves borders between full and partial segments into the full ones, to
  /// where whole steps end: a ragged step costs what a whole one does.
  void alignBorders();

  State first();
  Tile tile(mlir::ValueRange state);
  State next(mlir::ValueRange state);

private:
  WarpBuilder &warp;
  KeyLoopOp loop;
  int64_t step;
  bool backward;
  llvm::SmallVector<mlir::Value> lower, upper;
  llvm::SmallVector<int64_t> kinds;
  std::optional<TensorView> list; // numbers of tiles
  mlir::Value limit;              // keys of the sequence

  /// (place, end, kind, number) of the first segment with keys whose number is
  /// above `after`.
  State choose(mlir::Value after);
  /// Adds the key at the place of `state`, which is in front of its end where
  /// there is one.
  State located(State state);
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_TILEPROGRAM_H
