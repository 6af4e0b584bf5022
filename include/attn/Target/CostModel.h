//===- CostModel.h - tile sizes and predicted cost of attention -----------===//
// Chooses the tile sizes of the tiling passes from a target description, and
// predicts the cost of the result, so that a report can say what bounds it.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_COSTMODEL_H
#define ATTN_TARGET_COSTMODEL_H

#include "attn/Target/CodeForm.h"
#include "attn/Target/TargetDescription.h"

#include <cstdint>
#include <string>

namespace attn {

class AttentionOp;
struct AttentionClasses;

/// One attention problem; -1 for a size that is known at run time only. Of an
/// attention by residue classes, the longest class.
struct AttentionShape {
  int64_t batch = -1, queryHeads = -1, keyHeads = -1;
  int64_t queries = -1, keys = -1;
  int64_t headSize = -1, valueSize = -1;
  int64_t elementBits = 32, accumulatorBits = 32;
  bool bf16 = false;   // the element type
  bool tf32 = false;   // f32 that tensor cores may round
  int64_t slots = 0;   // of a page
  bool masked = false; // some tiles are partial
  KeyForms forms;
  /// Why tiles of rows are no boxes of tensors, as bulk tensor copies need them
  /// (rows of a multiple of 16 bytes); empty where they are.
  std::string notBoxes;
  /// Whether V is the first columns of K, and whether tiles of it are such
  /// boxes.
  bool valuesInKeys = false, latentTiles = false;

  /// Whether tensor cores of a GPU multiply the elements.
  bool tensorCores() const { return elementBits == 16 || tf32; }

  /// Of the whole op where its heads differ.
  static AttentionShape of(AttentionOp op);
  static AttentionShape of(AttentionOp op, const AttentionClasses &classes);
};

/// How one form (prefill or decode) of an attention is tiled on a CPU.
struct TileChoice {
  int64_t rows = 0;         // query rows a tile (all heads of a group counted)
  int64_t keys = 0;         // keys a step
  int64_t lanes = 0;        // rows a panel: vectors x vector lanes
  int64_t vectors = 0;      // vectors a panel
  int64_t registerTile = 0; // keys (or values) times `vectors` accumulators
  int64_t split = 0;        // keys a decode chunk; 0: keys are not split
  int64_t chunks = 0;       // of a sequence and all its key heads, at most, by
                            // multiples of `split`; 0: any number
  int64_t blocks = 0;       // at a time, which chunks of all sequences fill;
                            // 0: chunks do not depend on other sequences
  int64_t finest = 0;       // keys of a chunk where the grid would have less
  int64_t leastBlocks = 0;  // than so many blocks; 0: all are of `split`
  bool dots = false;        // products of pairs of bf16
  bool warpgroups = false;  // tiles of warpgroups
  bool sortsLists = false;  // tiles are classified each by itself, and row
                            // tiles taken in the order of what they see
  std::string reason;       // one sentence for the report
};

/// The tiles of each form of an attention; which forms stand in the code
/// depends on what is known of the number of queries.
struct AttentionTiles {
  TileChoice prefill; // many rows: one head a tile
  TileChoice fewRows; // up to decodeRowLimit rows, all heads of a group
  TileChoice decode;  // one query, or the known few, all heads of a group

  /// Tiles no larger than the blocks of a mask that works on blocks.
  void useMask(AttentionOp op);

  /// Puts the sizes that are given (above 0), and says so in the reasons.
  void useOptions(int64_t rows, int64_t keys, int64_t split);
};
AttentionTiles chooseTiles(const AttentionShape &shape,
                           const TargetDescription &target);
/// The work of one call, and the tiles that do it.
struct AttentionWork {
  double flops = 0; // of the two products, visible pairs alone
  double exps = 0;  // visible pairs
  double bytes = 0; // operands and results, once
  int64_t valueSize = 0;
  int64_t headSize = 0;
  int64_t rows = 0, keys = 0; // of a tile
  bool narrow = false;        // elements are narrower than the accumulator
  bool codes = false;         // of 8 bits, and so are products on a GPU
  bool tf32 = false;          // f32 that tensor cores of a GPU may round
  bool dots = false;          // their pairs are multiplied as they are
  bool fewRows = false;       // K and V are read once, for few rows
  bool warpgroups = false;    // few rows, but on warpgroups
  double filled = 1;          // of the rows of a tile, those that there are
};

/// Predicted seconds of a call by what they go to. A score region is not part
/// of it, nor are pairs of partial tiles that the mask hides.
struct PredictedTime {
  double products = 0, softmax = 0, tiles = 0; // arithmetic
  double memory = 0;                           // at the same time as that
  double total() const;
};
/// `flopsPerSecond`: multiply-add peak; `bytesPerSecond`: reads of memory.
PredictedTime predictTime(const AttentionWork &work, double flopsPerSecond,
                          double bytesPerSecond);

/// Up to this many rows (queries times heads of a group) the decode form is
/// the faster one.
int64_t decodeRowLimit(const AttentionShape &shape,
                       const TargetDescription &target);
/// Up to this many rows a tile keeps its queries as rows rather than lanes.
int64_t rowFormLimit(const TargetDescription &target, int64_t elementBits);
/// Vectors of lanes side by side in a panel of query rows, each `rowBytes` long
/// and accumulated in `accumulatorBits`.
int64_t panelVectors(int64_t rowBytes, const TargetDescription &target,
                     int64_t accumulatorBits);
/// Whether tiles of many rows of bf16 are products of pairs (vdpbf16ps), rather
/// than f32 copies of the operands.
bool usesDots(bool bf16, int64_t headSize, const TargetDescription &target);
/// Bytes of a query row in a panel.
int64_t panelRowBytes(int64_t headSize, int64_t valueSize, bool dots,
                      int64_t accumulatorBits);
/// Keys (or values) of a register tile beside `vectors` vectors of lanes.
int64_t registerTile(int64_t vectors, const TargetDescription &target);

} // namespace attn

#endif // ATTN_TARGET_COSTMODEL_H
