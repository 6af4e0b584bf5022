//===- WarpgroupToNVVM.cpp - the warpgroup dialect to nvvm ----------------===//

#include "Lowering.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_WARPGROUPTONVVMPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// A map argument is a pointer already.
struct CastLowering : OpConversionPattern<UnrealizedConversionCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInputs());
    return success();
  }
};

struct WarpgroupToNVVMPass
    : public attn::impl::WarpgroupToNVVMPassBase<WarpgroupToNVVMPass> {
  LogicalResult lower(LLVM::LLVMFuncOp kernel, warpgroup::RolesOp roles) {
    MLIRContext *context = &getContext();
    SharedLayout layout(kernel);
    LoweringContext lowering{layout,
                             static_cast<int64_t>(roles.getConsumers())};
    TypeConverter converter;
    addWarpgroupTypes(converter);
    RewritePatternSet patterns(context);
    populateRingPatterns(patterns, converter, lowering);
    populateClearPatterns(patterns, converter, lowering);
    populateProductPatterns(patterns, converter, lowering);
    populateRecurrencePatterns(patterns, converter, lowering);
    populateFragmentPatterns(patterns, converter, lowering);
    patterns.add<CastLowering>(converter, context);
    ConversionTarget target(*context);
    target.addIllegalDialect<warpgroup::WarpgroupDialect>();
    target.addDynamicallyLegalOp<UnrealizedConversionCastOp>(
        [&](UnrealizedConversionCastOp op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    return applyPartialConversion(kernel, target, std::move(patterns));
  }

  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      SmallVector<warpgroup::RolesOp> roles(
          kernel.isExternal()
              ? SmallVector<warpgroup::RolesOp>()
              : llvm::to_vector(kernel.getBody().getOps<warpgroup::RolesOp>()));
      if (roles.size() > 1) {
        roles.back().emitOpError("is a second one in a kernel");
        return signalPassFailure();
      }
      if (roles.size() == 1 && failed(lower(kernel, roles.front()))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
