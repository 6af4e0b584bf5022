//===- ProtectArguments.cpp - forbid writes to what a caller owns ---------===//

#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_PROTECTARGUMENTSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

namespace {

struct ProtectArgumentsPass
    : public attn::impl::ProtectArgumentsPassBase<ProtectArgumentsPass> {
  void runOnOperation() override {
    StringRef name = bufferization::BufferizationDialect::kWritableAttrName;
    getOperation()->walk([&](FunctionOpInterface function) {
      if (function.isExternal() || !function.isPublic()) {
        return;
      }
      for (unsigned i = 0; i < function.getNumArguments(); ++i) {
        if (isa<TensorType>(function.getArgument(i).getType()) &&
            !function.getArgAttr(i, name)) {
          bool donated =
              static_cast<bool>(function.getArgAttr(i, "attn.donated"));
          function.setArgAttr(i, name, BoolAttr::get(&getContext(), donated));
        }
      }
    });
  }
};

} // namespace
