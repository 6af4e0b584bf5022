//===- ColumnForms.h - bodies of elements, written out for columns --------===//
// The columns of a thread are one that it knows at run time plus constants. Of
// what a body computes, most is a sum with such a constant in it: a position, a
// bias, a bound. Written as base + step * constant, the base is the same for
// all columns, so that each element is left with a comparison or a sum with an
// immediate operand, and with no conversion of integers.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_HOPPER_COLUMNFORMS_H
#define ATTN_PASSES_HOPPER_COLUMNFORMS_H

#include "../NVGPU/WarpBuilder.h"
#include "mlir/IR/IRMapping.h"

namespace attn {

class ColumnForms {
public:
  /// Code of `body`, whose last argument is the column, of `columns`: `first`
  /// (i32) and a constant. What depends on an argument of `varying` differs
  /// from element to element; the rest is the same for all elements of a row.
  ColumnForms(WarpBuilder &warp, mlir::Block &body, mlir::Value first,
              int64_t columns, mlir::ValueRange varying);

  /// Arguments but the column, for the elements of a row that follow.
  void startRow(mlir::ValueRange arguments);
  /// What the body yields at column `first` + `offset`, with `elements` for the
  /// varying arguments.
  llvm::SmallVector<mlir::Value> emit(mlir::ValueRange elements,
                                      int64_t offset);

private:
  /// base + step * offset; or for i1 the conjunction of times * offset < bound,
  /// or a word with a bit for each column.
  struct Form {
    mlir::Value base, step; // step: a float; none where it is a number
    int64_t times = 0;
    llvm::SmallVector<std::pair<int64_t, mlir::Value>, 2> bounds;
    mlir::Value word;
    bool isUniform() const {
      return !step && times == 0 && bounds.empty() && !word;
    }
  };

  std::optional<Form> formOf(mlir::Operation &op);
  std::optional<Form> compare(mlir::Operation &op, const Form &a,
                              const Form &b);
  std::optional<Form> floats(mlir::Operation &op,
                             llvm::ArrayRef<const Form *> in);
  std::optional<Form> logical(mlir::Operation &op, const Form &a,
                              const Form &b);
  mlir::Value wordOf(const Form &form);
  mlir::Value wordBelow(mlir::Value bound);
  mlir::Value at(const Form &form, int64_t offset);
  mlir::Value valueAt(mlir::Value value, int64_t offset);

  WarpBuilder &warp;
  mlir::Block &body;
  mlir::Value first;
  int64_t columns;
  llvm::SmallVector<mlir::Value> varyingArguments;
  llvm::DenseSet<mlir::Value> varying;
  llvm::DenseMap<mlir::Value, Form> forms; // of this row
  mlir::IRMapping mapping;                 // of this element
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_COLUMNFORMS_H
