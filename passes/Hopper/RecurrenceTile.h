//===- RecurrenceTile.h - a recurrence on warpgroups, one kernel ----------===//
// A block takes one head, or two that share what they read and write, from the
// first token to the last, 64 tokens at a time. Everything is transposed: of
// each head 64 columns of values are rows of the state, which stays in the
// fragments of a consumer, is rounded to an A operand in place, and never
// touches memory.
//   producer  copies what is read, written, valued and gated
//   prepare   makes decays and weights of tokens: vectors
//   assist    what is written times what is read, without later tokens
//   consumer  Y^T = S R^T + X^T M,  S = decay S + X^T W
//
// A chunk decays by 2^total. Relative to its middle, r = total / 2, tokens have
// the factors f_s = 2^(r - c_s) on the way in and g_t = 2^(c_t - r) on the way
// out, so that the products know no decay: M is that of all heads of a group.
// Where a chunk decays by more than bf16 and f32 bear, a branch makes the decay
// of each pair of tokens instead.
//
// Decays of keys are factors of what is read and written: the assistants put
// them there, in place. Of the delta rule they invert what the keys of a chunk
// have in common, so that consumers take products instead of a step a token.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_HOPPER_RECURRENCETILE_H
#define ATTN_PASSES_HOPPER_RECURRENCETILE_H

#include "../NVGPU/TensorView.h"
#include "../NVGPU/WarpBuilder.h"
#include "RecurrenceProgram.h"
#include "StreamTile.h"
#include "TensorBox.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <array>

namespace attn {

class RecurrenceTile {
public:
  RecurrenceTile(WarpBuilder &warp, const RecurrenceProgram &program,
                 const RecurrenceKernel &kernel, TensorViews &views)
      : warp(warp), program(program), kernel(kernel), views(views) {}

  /// Finds the boxes of the tile; on failure `reason` says what the copy engine
  /// cannot have.
  bool prepare(std::string &reason);
  /// The maps, in the order of the kernel's new arguments.
  llvm::ArrayRef<StreamMap> getMaps() const { return maps; }
  mlir::LogicalResult emit(mlir::ValueRange mapArguments);

private:
  using Coordinates = llvm::SmallVector<mlir::Value>;
  using Body = llvm::function_ref<void(mlir::ValueRange)>;

  /// Vectors of a head in a stage of their ring.
  enum Vector { kOut, kIn, kSum, kUnweighted, kLast, kNumbers, kVectors };
  /// The same of decays of keys, each of the columns of the state: what the
  /// state has to be multiplied with before a chunk, within and behind it.
  enum KeyVector { kBefore, kWithin, kBehind, kKeyNumbers, kKeyVectors };
  /// Elements of the last one.
  enum Number { kReference, kTotal };

  /// What a chunk starts with.
  struct Step {
    mlir::Value number, chunk, firstVector; // i32
    mlir::Value state, pending;             // true state = pending * state
    mlir::Value values;                     // operand
    mlir::Value before; // result of the chunk before, not stored
  };

  // A tensor that the copy engine moves in panels of 64 columns.
  struct Moved {
    TensorBox box;
    unsigned map = 0;
    unsigned headAt = 0; // coordinate
  };

  /// By a number for each token.
  bool decays() const {
    return program.decay != RecurrenceProgram::Decay::kNone && !keyDecays();
  }
  bool keyDecays() const {
    return program.decay == RecurrenceProgram::Decay::kKey;
  }
  bool isDelta() const { return static_cast<bool>(program.beta); }
  bool hasTokenVectors() const { return decays() || isDelta(); }
  bool find(Moved &moved, mlir::Value tensor);
  mlir::Value ring(int64_t stages, int64_t rows, int64_t columns,
                   int64_t consumers, mlir::Type element, int64_t writers = 0);
  Coordinates at(const Moved &moved, mlir::Value chunk, mlir::Value panel,
                 bool values);
  mlir::Value headOf(mlir::Value panel);
  mlir::Value columnOf(mlir::Value panel);
  mlir::scf::ForOp forChunks(mlir::ValueRange inits);

  void produce();
  void assist();
  void consume(mlir::Value number);
  // RecurrenceVectors.cpp
  void prepareVectors();
  void copyNumbers(mlir::Value chunk, const TensorView &from, int64_t head,
                   int64_t row);
  void copyIds(mlir::Value chunk);
  mlir::Value isCleared(mlir::Value chunk, int64_t which);
  mlir::Value numberOf(mlir::Value chunk, const TensorView &from, int64_t head,
                       int64_t row, int64_t which);
  // RecurrenceKeys.cpp
  struct KeyPlace;
  using Four = std::array<mlir::Value, 4>;
  void assistKeys();
  void copyDecays(const KeyPlace &place, mlir::Value chunk);
  Four decayOf(const KeyPlace &place, mlir::Value chunk, int64_t token);
  mlir::Value keyAddress(const KeyPlace &place, mlir::Value chunk,
                         int64_t token, bool reads);
  void scaleKeys(const KeyPlace &place, mlir::Value chunk, const Four *start,
                 const Four &read, const Four &write);
  using Two = std::array<mlir::Value, 2>;
  using Square = std::array<mlir::Value, 8>; // of 16 x 16 sums
  Two loadTwo(mlir::Value pointer, mlir::Type type);
  Two keyPair(mlir::Value chunk, mlir::Value token, mlir::Value column,
              bool reads);
  Two sumPair(mlir::Value chunk, mlir::Value token, mlir::Value column);
  mlir::Value maskedAt(mlir::Value chunk, mlir::Value from, mlir::Value to);
  void eachPair(mlir::Value chunk);
  Square blockOf(mlir::Value chunk, mlir::Value from, mlir::Value to,
                 mlir::Value reference);
  void eachBlock(mlir::Value chunk, mlir::Value isSteep);
  mlir::Value pairOf(mlir::Value chunk, mlir::Value from, mlir::Value to);
  // RecurrenceDelta.cpp
  void assistDelta();
  void invertBlocks();
  void invertPairs(int64_t size);
  void writeInverse(mlir::Value chunk);
  mlir::Value inverseAt(mlir::Value row, mlir::Value column);
  llvm::SmallVector<mlir::Value> deltaStep(const Step &step);

  // What roles have in common.
  mlir::Value address(mlir::Value ring, mlir::Value position, mlir::Value row);
  mlir::Value element(mlir::Value pointer, mlir::Value elements); // of f32
  mlir::Value byte(mlir::Value pointer, mlir::Value bytes);
  Four loadFour(mlir::Value pointer, mlir::Type type);
  void storeFour(const Four &values, mlir::Value pointer, mlir::Type type);
  void shareAssist();
  mlir::Value masked(mlir::Value chunk);

  // RecurrenceConsumer.cpp
  mlir::Value startState(mlir::Value number);
  void endState(mlir::Value state, mlir::Value number);
  // In the turn of a warpgroup, the state with what `values` write to it, and
  // what is read of the state before it (`packed`) and of the chunk.
  std::pair<mlir::Value, mlir::Value> products(const Step &step,
                                               mlir::Value packed,
                                               mlir::Value values,
                                               mlir::Value state);
  llvm::SmallVector<mlir::Value> usual(const Step &step);
  llvm::SmallVector<mlir::Value> steep(const Step &step);
  llvm::SmallVector<mlir::Value> keyStep(const Step &step);
  mlir::Value keyVector(mlir::Value chunk, KeyVector which);
  mlir::Value times(mlir::Value fragment, mlir::Value factor);
  mlir::Value finish(const Step &step, mlir::Value y);
  void store(mlir::Value number, mlir::Value chunk, mlir::Value y);
  void storeBefore(const Step &step);
  mlir::Value stateAddress(mlir::Value tensor, mlir::Value head, mlir::Value p,
                           mlir::Value n);
  mlir::Value elements(mlir::ValueRange inputs, mlir::TypeRange results,
                       Body body);
  mlir::Value yield(mlir::Value value);
  mlir::Value product(mlir::Value a, mlir::Value b, mlir::Value acc,
                      int64_t columns, bool transposed);
  mlir::Value tile(mlir::Value ring, mlir::Value position, int64_t columns,
                   mlir::Value panel);
  mlir::Value vector(const Step &step, Vector which, mlir::Type type);
  mlir::Value number(const Step &step, Number which);
  mlir::Type fragment(int64_t columns);
  mlir::Type operand(int64_t columns);

  WarpBuilder &warp;
  const RecurrenceProgram &program;
  RecurrenceKernel kernel;
  TensorViews &views;

  Moved read, write, value, gate, out;
  llvm::SmallVector<StreamMap> maps;
  llvm::SmallVector<mlir::Value> mapValues;
  mlir::Value keyRing, valueRing, gateRing, maskedRing, vectorRing, stepRing,
      decayRing, inverseRing, outRing;
  TensorView steps, rates, bias, skip, beta, ids, initial, final;
  mlir::Value tokens, chunks; // i32
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_RECURRENCETILE_H
