//===- ReferenceForm.h - attention pair by pair ---------------------------===//
// What the two reference forms (streamed by rows, materialised) share: where an
// element lies in its layout, which keys a row has, and the score of one pair.
// It is written from the definition alone and uses no tile analysis, so that it
// can judge the results of passes that do.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCEFORM_H
#define ATTN_PASSES_GRAPH_REFERENCEFORM_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// One query row: all values are scalars.
struct ReferenceRow {
  mlir::Value batch, head; ///< as masks and score regions see them
  mlir::Value keyHead;     ///< head of k and v
  mlir::Value token;       ///< where the row lies along the sequence of q
  mlir::Value position;    ///< i + offset
  mlir::Value keys;        ///< number of keys in use
  mlir::Value firstKey;    ///< where key 0 lies along the sequence of k
};

class ReferenceForm {
public:
  /// `source` gives the value to read for an operand, which may be a wider
  /// tensor than the operand itself.
  ReferenceForm(AttentionOp op, mlir::FloatType type,
                llvm::function_ref<mlir::Value(mlir::Value)> source);

  mutable AttentionOp op; // a handle, whose accessors are not const
  mlir::FloatType type;   ///< of all arithmetic
  mlir::Value q, k, v, sink;

  /// Emits what rows share (sizes, the scale); before any other method.
  void prepare(mlir::ImplicitLocOpBuilder &b);

  bool isRagged() const { return op.getLayout() == Layout::THD; }
  /// B x Hq x Sq, or Hq x Tq for thd.
  llvm::SmallVector<mlir::OpFoldResult>
  rowSizes(mlir::ImplicitLocOpBuilder &b) const;

  /// The row at `indices` of `rowSizes`.
  ReferenceRow row(mlir::ImplicitLocOpBuilder &b,
                   mlir::ValueRange indices) const;
  /// Dimensions of an element of q, k, v or out in the order of the layout.
  llvm::SmallVector<mlir::Value> at(mlir::Value batch, mlir::Value head,
                                    mlir::Value sequence,
                                    mlir::Value element) const;
  /// Same for sizes, offsets and strides of slices.
  llvm::SmallVector<mlir::OpFoldResult> at(mlir::OpFoldResult batch,
                                           mlir::OpFoldResult head,
                                           mlir::OpFoldResult sequence,
                                           mlir::OpFoldResult element) const;

  /// The indices of key `j` in k and v, but for the element, which comes last.
  llvm::SmallVector<mlir::Value> keyRow(mlir::ImplicitLocOpBuilder &b,
                                        const ReferenceRow &row,
                                        mlir::Value j) const;

  /// Whether `row` sees key `j`, a number below `row.keys`; null: always.
  mlir::Value visible(mlir::ImplicitLocOpBuilder &b, const ReferenceRow &row,
                      mlir::Value j) const;
  /// The scaled and modified score of a pair from its product <q, k>.
  mlir::Value score(mlir::ImplicitLocOpBuilder &b, const ReferenceRow &row,
                    mlir::Value j, mlir::Value product) const;
  /// `e^y / e^max`, 0 for a hidden pair or a part of nothing (y = -inf).
  mlir::Value weight(mlir::ImplicitLocOpBuilder &b, mlir::Value y,
                     mlir::Value max) const;

  mlir::Value constant(mlir::ImplicitLocOpBuilder &b, double value) const;
  mlir::Value infinity(mlir::ImplicitLocOpBuilder &b) const; ///< -inf
  mlir::Value isInfinity(mlir::ImplicitLocOpBuilder &b, mlir::Value y) const;
  /// `tensor[indices]`, converted to `type` if it is a float.
  mlir::Value read(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                   mlir::ValueRange indices) const;

  /// `value`, a float, converted to `to`.
  static mlir::Value convert(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                             mlir::Type to);

private:
  llvm::SmallVector<mlir::Value> captured, maskCaptured;
  mlir::Value scale, groupSize, querySize, keySize, pageSize;

  /// `region`, of scores or the mask, at the pair (`row`, `j`). Captured
  /// tensors are read at indices clamped to them.
  mlir::Value inlineRegion(mlir::ImplicitLocOpBuilder &b, mlir::Region &region,
                           mlir::ValueRange leading, mlir::ValueRange captured,
                           mlir::ArrayAttr maps, const ReferenceRow &row,
                           mlir::Value j) const;
  mlir::Value readIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                        mlir::Value index) const;
};

/// A loop `for iv in [lower, upper)` that carries `inits`; returns its results.
llvm::SmallVector<mlir::Value> referenceLoop(
    mlir::ImplicitLocOpBuilder &b, mlir::Value lower, mlir::Value upper,
    mlir::ValueRange inits,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                      mlir::ValueRange)>
        body);

/// The materialised form: linalg ops on n x n tensors. Returns `out` and `lse`
/// of the arithmetic's type.
llvm::SmallVector<mlir::Value>
buildMaterialisedAttention(mlir::ImplicitLocOpBuilder &b,
                           const ReferenceForm &form);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCEFORM_H
