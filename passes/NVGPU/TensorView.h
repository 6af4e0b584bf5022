//===- TensorView.h - tensors of a kernel as pointers and strides ---------===//

#ifndef ATTN_PASSES_NVGPU_TENSORVIEW_H
#define ATTN_PASSES_NVGPU_TENSORVIEW_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"

namespace attn {

/// Part of a buffer in device memory. Offsets and strides are in elements, of
/// type index. What they are known to be a multiple of decides how wide copies
/// can be.
struct TensorView {
  mlir::Value pointer; // !llvm.ptr<1>
  mlir::Type element;
  mlir::Value offset;
  int64_t offsetMultiple = 0; // 0: the offset is 0
  struct Dim {
    mlir::Value size, stride;
    int64_t strideMultiple = 1;
  };
  llvm::SmallVector<Dim> dims;

  /// The whole of a buffer of `type` with row-major elements; `sizes` are its
  /// dynamic ones.
  static TensorView whole(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::MemRefType type, mlir::Value pointer,
                          mlir::ValueRange sizes);
  /// Bytes that every row `dims[row]` of the view is aligned to, up to 16,
  /// where the buffer itself is.
  int64_t alignment() const;
  /// The element index at `indices`, beyond `pointer`.
  mlir::Value at(mlir::OpBuilder &builder, mlir::Location loc,
                 mlir::ValueRange indices) const;
};

/// The views of the tensors of a kernel.
class TensorViews {
public:
  TensorViews(mlir::OpBuilder &builder) : builder(builder) {}

  void add(mlir::Value tensor, TensorView view) {
    known[tensor] = std::move(view);
  }
  /// The view of `tensor`, with code for its offset at the insertion point;
  /// `mapping` gives the values that stand for operands of the slices on the
  /// way. Reports what has no view.
  mlir::FailureOr<TensorView> get(mlir::Value tensor,
                                  const mlir::IRMapping &mapping);

private:
  mlir::OpBuilder &builder;
  llvm::DenseMap<mlir::Value, TensorView> known;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_TENSORVIEW_H
