//===- Lowering.h - patterns from the warpgroup dialect to nvvm -----------===//

#ifndef ATTN_PASSES_HOPPER_LOWERING_H
#define ATTN_PASSES_HOPPER_LOWERING_H

#include "../NVGPU/WarpBuilder.h"
#include "SharedLayout.h"
#include "mlir/Transforms/DialectConversion.h"

namespace attn {

/// What patterns know of the kernel around an op.
struct LoweringContext {
  const SharedLayout &layout;
  int64_t consumers = 0;
};

/// A pattern whose operands and results may be many registers each.
template <typename Op>
class WarpgroupPattern : public mlir::OpConversionPattern<Op> {
public:
  WarpgroupPattern(const mlir::TypeConverter &converter,
                   mlir::MLIRContext *context, const LoweringContext &lowering)
      : mlir::OpConversionPattern<Op>(converter, context), lowering(lowering) {}

protected:
  const LoweringContext &lowering;
};

/// Registers of a thread for values of the dialect.
void addWarpgroupTypes(mlir::TypeConverter &converter);

void populateRingPatterns(mlir::RewritePatternSet &patterns,
                          const mlir::TypeConverter &converter,
                          const LoweringContext &lowering);
void populateClearPatterns(mlir::RewritePatternSet &patterns,
                           const mlir::TypeConverter &converter,
                           const LoweringContext &lowering);
void populateProductPatterns(mlir::RewritePatternSet &patterns,
                             const mlir::TypeConverter &converter,
                             const LoweringContext &lowering);
void populateFragmentPatterns(mlir::RewritePatternSet &patterns,
                              const mlir::TypeConverter &converter,
                              const LoweringContext &lowering);

// The place of a thread.
mlir::Value laneOf(WarpBuilder &warp);    // in its warp
mlir::Value warpOf(WarpBuilder &warp);    // in its warpgroup
mlir::Value firstLane(WarpBuilder &warp); // whether it is lane 0 (i1)

} // namespace attn

#endif // ATTN_PASSES_HOPPER_LOWERING_H
