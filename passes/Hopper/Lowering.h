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
void populateRecurrencePatterns(mlir::RewritePatternSet &patterns,
                                const mlir::TypeConverter &converter,
                                const LoweringContext &lowering);
void populateFragmentPatterns(mlir::RewritePatternSet &patterns,
                              const mlir::TypeConverter &converter,
                              const LoweringContext &lowering);

// The place of a thread.
mlir::Value laneOf(WarpBuilder &warp);    // in its warp
mlir::Value warpOf(WarpBuilder &warp);    // in its warpgroup
mlir::Value firstLane(WarpBuilder &warp); // whether it is lane 0 (i1)

// Rings.
/// (stage, parity of its round) of a position.
std::pair<mlir::Value, mlir::Value> stageOf(WarpBuilder &warp,
                                            const SharedLayout::Ring &ring,
                                            mlir::Value position);
mlir::Value barrierOf(WarpBuilder &warp, int64_t start, mlir::Value stage);
void waitAt(WarpBuilder &warp, mlir::Value barrier, mlir::Value parity);
/// An arrival of lane 0.
void arriveAt(WarpBuilder &warp, mlir::Value barrier);
/// What threads wrote to shared memory is there for products and copies.
void fenceProducts(WarpBuilder &warp);

} // namespace attn

#endif // ATTN_PASSES_HOPPER_LOWERING_H
