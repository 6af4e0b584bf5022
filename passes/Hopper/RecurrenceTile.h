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
  /// Elements of the last one.
  enum Number { kReference, kTotal };

  // A tensor that the copy engine moves in panels of 64 columns.
  struct Moved {
    TensorBox box;
    unsigned map = 0;
    unsigned headAt = 0; // coordinate
  };

  bool decays() const {
    return program.decay != RecurrenceProgram::Decay::kNone;
  }
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
  void copySteps(mlir::Value chunk);
  void copyIds(mlir::Value chunk);
  mlir::Value isCleared(mlir::Value chunk, int64_t which);
  mlir::Value step(mlir::Value chunk, int64_t head, int64_t which);

  // RecurrenceConsumer.cpp
  struct Step;
  mlir::Value startState(mlir::Value number);
  void endState(mlir::Value state, mlir::Value number);
  llvm::SmallVector<mlir::Value> usual(const Step &step);
  llvm::SmallVector<mlir::Value> steep(const Step &step);
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
      outRing;
  TensorView steps, rates, bias, skip, ids, initial, final;
  mlir::Value tokens, chunks; // i32
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_RECURRENCETILE_H
