//===- RecurrenceProgram.h - a recurrence of a kernel, whatever its op ----===//
// S_t = e^(decay_t) S_{t-1} + weight_t value_t write_t^T, out_t = S_t read_t:
// what attn.ssd and attn.linear_attention are to a kernel.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_HOPPER_RECURRENCEPROGRAM_H
#define ATTN_PASSES_HOPPER_RECURRENCEPROGRAM_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/RecurrenceModel.h"

namespace attn {

struct RecurrenceProgram {
  mlir::Operation *op = nullptr;
  // 1 x tokens x heads x size, or with heads in front of tokens.
  mlir::Value read, write, value, out, gate;
  unsigned tokenDim = 0, headDim = 0;
  static constexpr unsigned kSizeDim = 3;
  int64_t heads = 0, valueSize = 0, stateSize = 0;
  mlir::FloatType element;

  enum class Decay {
    kNone,
    kHead,  // rates[h], or 0
    kToken, // steps[t, h], or steps[t, h] * rates[h], which is the weight too
    kKey    // steps[t, h, n], of each column of the state
  } decay = Decay::kNone;
  mlir::Value steps, rates, bias, skip;
  mlir::Value beta;    // of the delta rule: values less what the state has
  mlir::Value ids;     // 1 x tokens: another one than before clears the state
  bool weighs = false; // steps are weights
  bool softplus = false;
  std::optional<std::pair<double, double>> limit;
  double scale = 1;

  // 1 x heads x values x states, or the other way round.
  bool hasState = false;
  bool stateReversed = false;
  mlir::Value initial;   // null: 0
  mlir::Value finalInto; // a memref

  /// The program of `op`, on slices of one tile. On failure `reason` says what
  /// has no such form.
  static std::optional<RecurrenceProgram> match(mlir::Operation *op,
                                                std::string &reason);
  RecurrenceShape shape() const;
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_RECURRENCEPROGRAM_H
