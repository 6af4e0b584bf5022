//===- ScanProgram.h - a recurrence token by token, whatever its op -------===//
// S_t = e^(decay_t) . S_{t-1} + k_t v_t^T, out_t = S_t^T q_t on one tile: rows
// are values of a head, or channels.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_SCANPROGRAM_H
#define ATTN_PASSES_NVGPU_SCANPROGRAM_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/ScanKernelModel.h"

namespace attn {

/// Of an op that is the tile of a kernel which goes token by token.
inline constexpr char kTokensAttr[] = "attn.token_by_token";

struct ScanProgram {
  mlir::Operation *op = nullptr;
  int64_t rows = 1, states = 1;

  /// A tensor, and the dimensions that tokens, rows and states go along; all
  /// others are of size 1.
  struct Source {
    mlir::Value tensor;
    int token = -1, row = -1, state = -1;
    explicit operator bool() const { return static_cast<bool>(tensor); }
  };
  Source value, write, read, gate, out;
  Source steps;              // dt of Mamba: of rows, or one a token
  Source rates;              // what steps are multiplied with
  Source decay;              // of tokens, keys, or a head
  Source bias, skip;         // of steps, of values
  Source beta;               // the delta rule
  Source ids, bounds;        // of sequences
  Source initial, finalInto; // state; null: 0, or nowhere
  Source initialNorm, finalNormInto;

  bool softplus = false, zoh = false, exact = false;
  bool elu1 = false, normalized = false;
  double scale = 1, epsilon = 0;
  std::optional<std::pair<double, double>> limit;

  /// Each row has rates for its states.
  bool ofChannels() const { return rates && rates.state >= 0; }
  /// The rows have what they read and write for themselves, in all tokens.
  bool isFixed() const { return write.row >= 0; }
  /// So are steps.
  bool hasFixedSteps() const { return steps && steps.token < 0; }

  /// The program of `op`, on slices of one tile, or nothing and the reason.
  static std::optional<ScanProgram> match(mlir::Operation *op,
                                          std::string &reason);
  ScanShape shape() const;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_SCANPROGRAM_H
