//===- RecurrenceTiler.h - what the tilings of recurrences share ----------===//

#ifndef ATTN_PASSES_TILE_RECURRENCETILER_H
#define ATTN_PASSES_TILE_RECURRENCETILER_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// Scalar arithmetic in the body of an elementwise op.
struct ElementBuilder {
  mlir::ImplicitLocOpBuilder b;
  mlir::FloatType type;

  mlir::Value number(double value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value exp(mlir::Value x);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value isAbove(mlir::Value x, double bound);
  /// ln(1 + e^x), as exact for small results as for large ones.
  mlir::Value softplus(mlir::Value x);
  /// e^x - 1, as exact for small x.
  mlir::Value expm1(mlir::Value x);
  mlir::Value silu(mlir::Value x);

  /// A complex number, or a real one without an imaginary part.
  struct Complex {
    mlir::Value re, im;
  };
  Complex mul(Complex x, Complex y);
  Complex exp(Complex x);
  /// (e^x - 1) / x, which is 1 for 0: what a zero-order hold weighs inputs by.
  Complex held(Complex x);
  /// clamp(softplus(dt + bias)); parts that are not given are left out.
  mlir::Value stepSize(mlir::Value dt, mlir::Value bias, bool softplus,
                       std::optional<llvm::ArrayRef<double>> limit);
  /// `value`, a float, as `to`.
  mlir::Value convert(mlir::Value value, mlir::Type to);
};

/// Some tokens of one sequence and head (or block of channels).
struct TokenChunk {
  mlir::Value sequence, batch; ///< of state; of rows of tokens
  mlir::Value head, group;     ///< or the first channel of a block
  mlir::Value begin;           ///< the first token of the sequence
  mlir::Value first, count;
};

class RecurrenceTiler {
public:
  RecurrenceTiler(mlir::Operation *op)
      : b(op->getLoc(), op), index(b, op->getLoc()), op(op),
        type(recurrenceType(op)) {}

protected:
  using Values = llvm::SmallVector<mlir::Value>;
  using Sizes = llvm::SmallVector<mlir::OpFoldResult>;

  mlir::ImplicitLocOpBuilder b;
  IndexBuilder index;
  mlir::Operation *op;
  mlir::FloatType type; ///< of the arithmetic

  /// A part of a tensor, as what is written back to it.
  struct Slice {
    mlir::Value tensor;
    Sizes offsets, sizes;
  };
  /// The part at `offsets`; dimensions of size 1 that are not in `kept` are
  /// dropped.
  Slice slice(mlir::Value from, Sizes offsets, Sizes sizes,
              llvm::ArrayRef<unsigned> kept);
  mlir::Value insert(mlir::Value part, mlir::Value into, const Slice &at);
  /// `value` with a dimension of 1 for the token of a step behind the batch,
  /// and the reverse.
  mlir::Value withToken(mlir::Value value);
  mlir::Value withoutToken(mlir::Value value, mlir::Type type);

  mlir::Value workspace(llvm::ArrayRef<int64_t> shape);
  /// The first `count` rows of a workspace.
  mlir::Value rowsOf(mlir::Value workspace, mlir::Value count);
  mlir::Value zeros(mlir::Value workspace);
  mlir::Value scalar(mlir::Value tensor, mlir::ValueRange at);
  mlir::OpFoldResult one() { return b.getIndexAttr(1); }
  mlir::OpFoldResult zero() { return b.getIndexAttr(0); }

  /// `out` elementwise of `ins`, read through `maps` and converted to the type
  /// of the arithmetic.
  mlir::Value elementwise(
      mlir::ValueRange ins, llvm::ArrayRef<mlir::AffineMap> maps,
      mlir::Value out,
      llvm::function_ref<mlir::Value(ElementBuilder &, mlir::ValueRange)> body);
  /// The same where all are of the shape of `out`.
  mlir::Value elementwise(
      mlir::ValueRange ins, mlir::Value out,
      llvm::function_ref<mlir::Value(ElementBuilder &, mlir::ValueRange)> body);
  mlir::Value copy(mlir::Value from, mlir::AffineMap map, mlir::Value to);

  /// `decay` with -inf at tokens whose id is not that of the token before.
  mlir::Value clearedDecay(mlir::Value decay, mlir::Value seqIds,
                           const TokenChunk &chunk);
  /// 0 for these tokens, and 1 for the others.
  mlir::Value keptTokens(mlir::Value into, mlir::Value seqIds,
                         const TokenChunk &chunk);
  /// [first, end) of a sequence, of all `tokens` without `cuSeqlens`.
  std::pair<mlir::Value, mlir::Value>
  range(mlir::Value cuSeqlens, mlir::Value sequence, mlir::Value tokens);
  /// Whether a sequence has a slot of `state`, and which one; 0 without.
  std::pair<mlir::Value, mlir::Value>
  slotOf(mlir::Value slots, mlir::Value sequence, mlir::Value state);
  /// What `scan` makes of `parts`, out and state, where there is a slot;
  /// without one nothing happens to the state, and the output is 0.
  Values inSlot(mlir::Value exists, llvm::ArrayRef<mlir::Value> parts,
                llvm::function_ref<Values()> scan);
  /// A loop over chunks of `step` tokens of [first, end) that carries `inits`.
  Values chunks(mlir::Value first, mlir::Value end, int64_t step,
                mlir::ValueRange inits,
                llvm::function_ref<Values(mlir::Value first, mlir::Value count,
                                          mlir::ValueRange carried)>
                    body);
  /// An scf.forall over `grid`, whose body returns a slice and its new value
  /// for each of `outs`.
  Values forall(llvm::ArrayRef<mlir::OpFoldResult> grid, mlir::ValueRange outs,
                llvm::function_ref<
                    void(mlir::ValueRange ivs, mlir::ValueRange outs,
                         llvm::SmallVectorImpl<Slice> &slices, Values &values)>
                    body);

private:
  /// Whether this token has the id of the one before.
  mlir::Value keepsState(ElementBuilder &e, mlir::Value seqIds,
                         const TokenChunk &chunk);
};

/// Each replaces one op by its tiles, or reports on it why it cannot.
mlir::LogicalResult tileSSD(SSDOp op);
mlir::LogicalResult tileLinearAttention(LinearAttentionOp op);
mlir::LogicalResult tileChannelScan(SSMScanOp op);
mlir::LogicalResult tileHeadStep(SSMStepOp op);
mlir::LogicalResult tileChannelStep(SSMStepOp op);

} // namespace attn

#endif // ATTN_PASSES_TILE_RECURRENCETILER_H
