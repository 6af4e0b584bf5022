//===- StreamTile.h - tiles of attention as a stream, on warpgroups -------===//
// A block takes one tile of rows after the other. The producer walks their keys
// and fills rings with Q, K and V; the consumers see one flat stream of steps,
// whose tags say where a tile begins and ends. Both sides are correct whatever
// the producer decides, so they cannot disagree on how many steps there are.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_HOPPER_STREAMTILE_H
#define ATTN_PASSES_HOPPER_STREAMTILE_H

#include "../NVGPU/ScoreFragments.h"
#include "../NVGPU/TileProgram.h"
#include "TensorBox.h"
#include "TileValues.h"
#include "attn/Target/WarpgroupModel.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn {

/// A tensor map that the launch must make.
struct StreamMap {
  unsigned argument = 0; // of the kernel before it was lowered
  llvm::SmallVector<int64_t> order, box, steps;
};

class StreamTile {
public:
  /// Code goes to where `warp` inserts, in front of the key loop. `number`
  /// (index) is that of the block, which stands for the tile.
  StreamTile(WarpBuilder &warp, TileProgram &program,
             const WarpgroupKernel &kernel, TensorViews &views,
             mlir::Value number);

  /// Whether V is the first columns of K.
  static bool valuesLieInKeys(TileProgram &program);
  /// Finds the boxes of the tile. On failure `reason` says what the copy engine
  /// or the products cannot have.
  bool prepare(std::string &reason);
  /// The maps, in the order of the kernel's new arguments.
  llvm::ArrayRef<StreamMap> getMaps() const { return maps; }
  /// Whether tiles differ in length, so that blocks draw tickets for them; else
  /// each block has every n-th.
  bool drawsTickets();
  /// `mapArguments` (!llvm.ptr) are the maps, `tiles` (i32) is the number of
  /// tiles, `tickets` (!llvm.ptr<1>) a counter that is 0 before and after.
  mlir::LogicalResult emit(mlir::ValueRange mapArguments, mlir::Value tiles,
                           mlir::Value tickets);

private:
  // Tags of a step.
  enum StepTag { kKey, kSize, kFlags, kStepTags };
  // Bits of its flags.
  enum StepFlag { kMasked = 1, kFirst = 2, kLast = 4, kEnd = 8 };
  // What an assistant gets of the rows of a step: the reference of their
  // probabilities, and in the last step what to multiply with in the end.
  enum StateVector { kReference, kInverse, kStateVectors };

  using Coordinates = llvm::SmallVector<mlir::Value>;

  void prepareOrder();

  // StreamProducer.cpp
  mlir::LogicalResult produce(mlir::Block &block);
  mlir::Value drawTile(mlir::Value position);
  mlir::Value tileAt(mlir::Value position);
  void fill(mlir::Value ring, mlir::Value position, mlir::ValueRange tags,
            const TensorBox &box, mlir::Value map, mlir::ValueRange start);
  void fillKeys(mlir::Value position, mlir::ValueRange tags,
                mlir::ValueRange start, mlir::Value isThere);
  void fillValues(mlir::Value position, mlir::ValueRange start,
                  mlir::Value size);

  // StreamAssist.cpp
  void transposeValues(mlir::Block &block);

  // StreamSteps.cpp
  /// The loop of a role over the steps, at the insertion point of its body.
  struct Steps {
    mlir::scf::WhileOp loop;
    mlir::Value position, queryAt; // of K and V, of Q
    mlir::Value flags, first;
    mlir::ValueRange carried;
  };
  Steps beginSteps(mlir::ValueRange inits);
  void endSteps(Steps &steps, mlir::ValueRange next);
  mlir::Type fragmentOf(int64_t columns);
  mlir::Value tileOf(mlir::Value ring, int64_t rows, int64_t columns,
                     mlir::Value position, mlir::Value row,
                     mlir::Value panel = {});

  // StreamLatent.cpp
  void shareState(warpgroup::SoftmaxOp softmax, mlir::Value position,
                  mlir::Value isLast);
  mlir::Value followReference(mlir::Value acc, mlir::Value old, mlir::Value now,
                              mlir::Value first);
  void assist(mlir::Block &block);

  // StreamConsumer.cpp
  void consume(mlir::Block &block);
  mlir::Value isSet(mlir::Value flags, int64_t flag);
  mlir::Value score(mlir::Value scores, mlir::Value key);
  mlir::Value applyMask(mlir::Value scores, mlir::Value key, mlir::Value size,
                        mlir::Value masked);
  void clearHidden(mlir::Value position, mlir::Value key, mlir::Value size);
  void storeRows(mlir::Value result, int64_t firstColumn);
  void store(mlir::Value result, mlir::Value position);
  mlir::Value inverseOf(mlir::Value reference, mlir::Value sum);
  mlir::Value timesRows(mlir::Value acc, mlir::Value factor);
  mlir::Value finish(mlir::Value acc, mlir::Value reference, mlir::Value sum,
                     mlir::Value position);
  mlir::Value elements(mlir::ValueRange inputs, mlir::TypeRange results,
                       llvm::function_ref<void(mlir::ValueRange)> body);
  mlir::Value choose(mlir::Value condition, mlir::Type type,
                     llvm::function_ref<mlir::Value()> then,
                     llvm::function_ref<mlir::Value()> otherwise);
  void when(mlir::Value condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = {});
  mlir::Value tileRow(mlir::Value row); // of the warpgroup -> of the tile

  WarpBuilder &warp;
  TileProgram &program;
  WarpgroupKernel kernel;
  TensorViews &views;
  TileValues values;
  mlir::Value number;

  mlir::FloatType element;
  TensorBox query, key, value, outBox;
  llvm::SmallVector<StreamMap> maps;
  mlir::Value queryMap, keyMap, valueMap, outMap;
  mlir::Value tileRing;                      // whose tags are of a tile
  mlir::Value queryRing, keyRing, valueRing; // the same where V lies in K
  mlir::Value loadedRing;                    // of V as it comes, if not that
  mlir::Value probabilityRing, stateRing;    // what an assistant gets
  mlir::Value tiles, tickets;
  mlir::Value rowTiles;       // of a head (i32)
  mlir::Value headsOfSection; // whose K and V stay in the L2 cache (i32)
  int64_t depth = 0, accColumns = 0;
  bool mayHide = false; // keys between visible ones, from all rows
  // Results leave by copies, but for the last rows of a sequence, which is
  // followed by the next one; else from registers.
  bool copiesResults = false, endsInside = false;

  TensorView out, lse, sink;
  unsigned outHeads = 0, outRows = 0; // dimensions of `out`
  bool packsHeads = false;            // rows are heads of one query
  TileRows rows;
  std::unique_ptr<ScoreFragments> scoring;
  mlir::Value consumer, rowBase; // its number, its first row (i32)
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_STREAMTILE_H
