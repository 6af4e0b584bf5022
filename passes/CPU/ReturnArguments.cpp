//===- ReturnArguments.cpp - return donated buffers themselves ------------===//
// Buffer deallocation gives every returned buffer an owner, so it clones an
// argument that is returned. The launch ABI (attn/Runtime/Launch.h) knows
// results that lie in an argument's buffer: the clone is not needed.
//===----------------------------------------------------------------------===//

#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_RETURNARGUMENTSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

namespace {

// Whether `value` is an argument of `function`, or the same buffer by another
// type.
bool isArgument(Value value, func::FuncOp function) {
  while (auto cast = value.getDefiningOp<memref::CastOp>()) {
    value = cast.getSource();
  }
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &function.getBody().front();
}

// Whether `clone` serves the return of `function` alone.
bool isForReturn(bufferization::CloneOp clone) {
  return llvm::all_of(clone->getUsers(), [&](Operation *user) {
    return isa<func::ReturnOp>(user) && user->getBlock() == clone->getBlock();
  });
}

struct ReturnArgumentsPass
    : public attn::impl::ReturnArgumentsPassBase<ReturnArgumentsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>()) {
      // A caller in the module would free what it gets.
      if (function.isExternal() || !function.isPublic() ||
          !SymbolTable::symbolKnownUseEmpty(function.getNameAttr(), module)) {
        continue;
      }
      SmallVector<bufferization::CloneOp> clones;
      function.walk([&](bufferization::CloneOp clone) {
        if (clone.getInput().getType() == clone.getOutput().getType() &&
            isArgument(clone.getInput(), function) && isForReturn(clone)) {
          clones.push_back(clone);
        }
      });
      for (bufferization::CloneOp clone : clones) {
        clone.replaceAllUsesWith(clone.getInput());
        clone.erase();
        ++numForwarded;
      }
    }
  }
};

} // namespace
