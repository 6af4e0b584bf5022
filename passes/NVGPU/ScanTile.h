//===- ScanTile.h - a recurrence token by token, one kernel ---------------===//
// A block has some rows of one sequence, from the first token to the last, and
// their states in registers. Tokens are staged in shared memory, some at a
// time, as f32 and with all that is done to an element (softplus, features,
// exponentials of decays); the next ones are on their way to registers while
// these are used. What threads read of them is then skipped to, gated and
// rounded as whole vectors.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_SCANTILE_H
#define ATTN_PASSES_NVGPU_SCANTILE_H

#include "ScanProgram.h"
#include "TensorView.h"
#include "WarpBuilder.h"

#include <functional>

namespace attn {

class ScanTile {
public:
  ScanTile(WarpBuilder &warp, const ScanProgram &program,
           const ScanKernel &kernel, TensorViews &views)
      : warp(warp), program(program), kernel(kernel), views(views) {}

  mlir::LogicalResult emit();

private:
  using Values = llvm::SmallVector<mlir::Value>;
  using Source = ScanProgram::Source;

  WarpBuilder &warp;
  const ScanProgram &program;
  ScanKernel kernel;
  TensorViews &views;

  struct Bound { // a source that has been found
    Source source;
    TensorView view;
    explicit operator bool() const { return static_cast<bool>(source); }
  };
  bool bind(const Source &source, Bound &bound);
  mlir::Value address(const Bound &bound, mlir::Value token, mlir::Value row,
                      mlir::Value state);
  mlir::Value element(const Bound &bound, mlir::Value token, mlir::Value row,
                      mlir::Value state);

  // ScanStages.cpp: a vector of each token, in shared memory.
  struct Stage {
    Bound from;
    int64_t count = 1, padded = 1; // elements
    int64_t unit = 1;              // that a thread moves at once
    int64_t offset = 0;            // floats from the token's first
    double missing = 0;            // of tokens behind the last
    // What is made of elements from the given one on.
    std::function<void(Values &, mlir::Value)> transform;
    Values loaded;
  };
  std::optional<Stage> write, read, value, gate, steps, decay, beta, kept;
  llvm::SmallVector<Stage *> stages;
  void addStage(std::optional<Stage> &stage, const Bound &from, int64_t count,
                int64_t padded);
  void planStages();
  int64_t unitOf(const Bound &bound, int64_t count);
  void loadStages(mlir::Value token);
  void storeStages(mlir::Value token, mlir::Value buffer);
  mlir::Value loadIsKept(const Stage &stage, mlir::Value token);
  void clearShared();
  void loadParameters();

  // Of a block.
  int64_t tokenBytes = 0, bufferBytes = 0, resultStart = 0;
  int64_t biasStart = 0, skipStart = 0;
  mlir::Value thread, lane, firstRow; // of the thread
  mlir::Value first, end;             // tokens
  Bound rates, headDecay, bias, skip, ids, bounds, initial, final, initialNorm,
      finalNorm, out;
  Values rateBits;   // of a row and state, or one of the head
  Values fixedDecay; // likewise, the same for all tokens
  Values fixedWrite, fixedRead, fixedStep;
  mlir::Value headBias;

  int64_t stateOf(int64_t n) const { return n / 4 * 4 * kernel.lanes + n % 4; }
  mlir::Value stateIndex(int64_t n);
  mlir::Value rowIndex(int64_t r);
  Values forStates(const Bound &bound, int64_t r);
  Values startStates();
  void endStates(mlir::ValueRange states);
  void readParameters();
  Values heldInputs();
  mlir::Value stepOf(mlir::Value raw, mlir::Value bias);
  mlir::Value exp2(mlir::Value bits, int64_t n);

  Values shared(mlir::Value bytes, int64_t constant, int64_t count);
  void storeShared(mlir::ValueRange values, mlir::Value bytes,
                   int64_t constant);
  Values ofStates(const Stage &stage, mlir::Value token);
  Values ofRows(const Stage &stage, mlir::Value token);
  mlir::Value scalar(const Stage &stage, mlir::Value token);
  Values decays(mlir::Value token, Values &states, const Values &stepOfRow);
  mlir::Value sumOfLanes(mlir::Value sum);
  mlir::Value product(const Values &a, mlir::ValueRange b);
  Values advance(mlir::Value token, mlir::Value result, mlir::ValueRange in);
  Values advanceChunk(mlir::Value buffer, mlir::Value count,
                      mlir::ValueRange states);
  void finish(mlir::Value token, mlir::Value buffer);
};

mlir::LogicalResult emitScanTile(WarpBuilder &warp, const ScanProgram &program,
                                 const ScanKernel &kernel, TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_SCANTILE_H
