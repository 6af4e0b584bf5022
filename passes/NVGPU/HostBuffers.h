//===- HostBuffers.h - the buffers of a host program ------------*- C++ -*-===//
// Where the tensors of a function of kernels lie. Attention never reads its
// destinations, so every result has a buffer of its own but where the caller
// gave one: a donated argument, or the target of a materialisation.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_HOSTBUFFERS_H
#define ATTN_PASSES_NVGPU_HOSTBUFFERS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

namespace attn {

class HostBuffers {
public:
  HostBuffers(mlir::func::FuncOp function, mlir::SymbolTable &symbols)
      : function(function), symbols(symbols), builder(function.getContext()),
        loc(function.getLoc()) {}

protected:
  mlir::func::FuncOp function;
  mlir::SymbolTable &symbols;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::IRMapping scalars;
  /// tensor -> its memref
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  /// tensor -> the memref it must be in
  llvm::DenseMap<mlir::Value, mlir::Value> destinations;

  static mlir::Type bufferType(mlir::Type type);
  /// The size of dimension `d` of `tensor`, on the host; null where it cannot
  /// tell.
  mlir::OpFoldResult sizeOf(mlir::Value tensor, int64_t d);
  mlir::FailureOr<mlir::Value> allocate(mlir::Operation *op, mlir::Value like);
  /// The buffer of a result of `op` that starts as `init`.
  mlir::FailureOr<mlir::Value>
  destination(mlir::Operation *op, mlir::Value result, mlir::Value init);
  /// What a result of a loop or a guard started as; null for other results.
  static mlir::Value initOf(mlir::OpResult result);
  /// What `value` started as, outside of `op`.
  static mlir::Value rootOutside(mlir::Value value, mlir::Operation *op);
  /// The buffer of `tensor`, or a view of all of one; null where there is none.
  mlir::Value hostBuffer(mlir::Value tensor);
  /// Data of the program, which the runtime uploads once.
  mlir::Value global(mlir::arith::ConstantOp constant);

private:
  /// The buffer of `init`, which `op` changes in place.
  mlir::FailureOr<mlir::Value> changed(mlir::Operation *op, mlir::Value result,
                                       mlir::Value init);

  unsigned constants = 0;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_HOSTBUFFERS_H
