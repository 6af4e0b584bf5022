//===- TileRope.cpp - rotary positions into tiles of tokens ---------------===//
// attn.rope -> scf.forall over sequences and tiles of tokens, each with all
// heads, so that a sine is computed once for them.
//===----------------------------------------------------------------------===//

#include "attn/Passes/EmitFrequencies.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEROPEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileRopePass : public attn::impl::TileRopePassBase<TileRopePass> {
  using TileRopePassBase::TileRopePassBase;

  static LogicalResult check(RopeOp op) {
    if (!op.hasTensorSemantics()) {
      return op.emitOpError("expected tensors: wrap memrefs first "
                            "(attn-wrap-memrefs)");
    }
    if (op.getRotarySize() < 0) {
      return op.emitOpError(
          "expected a static number of rotary elements for tiling");
    }
    return success();
  }

  void tile(RopeOp op) {
    IRRewriter rewriter(op);
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    Frequencies frequencies;
    if (!op.getCos()) {
      frequencies = emitFrequencies(b, op);
    }
    bool ragged = op.getLayout() == Layout::THD;
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, op.getX());
    Value count = index.value(sizes[op.getSeqDim()]);
    SmallVector<OpFoldResult> grid;
    if (!ragged) {
      grid.push_back(sizes[0]);
    }
    grid.push_back(getAsOpFoldResult(index.ceilDiv(count, tokens)));
    auto forall = scf::ForallOp::create(rewriter, loc, grid,
                                        ValueRange{op.getOut()}, std::nullopt);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(forall.getBody());
    Value first = index.mul(forall.getInductionVars().back(), tokens);
    OpFoldResult size = getAsOpFoldResult(
        index.min(index.constant(tokens), index.sub(count, first)));
    OpFoldResult zero = rewriter.getIndexAttr(0),
                 one = rewriter.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets(sizes.size(), zero);
    SmallVector<OpFoldResult> strides(sizes.size(), one);
    if (!ragged) {
      offsets[0] = forall.getInductionVar(0);
      sizes[0] = one;
    }
    offsets[op.getSeqDim()] = first;
    sizes[op.getSeqDim()] = size;
    auto slice = [&](Value from) -> Value {
      return tensor::ExtractSliceOp::create(rewriter, loc, from, offsets, sizes,
                                            strides);
    };
    Value x = slice(op.getX());
    Value out = slice(forall.getRegionIterArgs()[0]);
    Value positions, offset;
    if (op.getPositions()) {
      positions = tensor::ExtractSliceOp::create(
          rewriter, loc, op.getPositions(),
          ArrayRef<OpFoldResult>{
              ragged ? zero : OpFoldResult(forall.getInductionVar(0)), first},
          ArrayRef<OpFoldResult>{one, size}, ArrayRef<OpFoldResult>{one, one});
    } else {
      offset = op.getOffset() ? index.add(op.getOffset(), first) : first;
    }
    auto tiled = RopeOp::create(
        rewriter, loc, TypeRange{out.getType()}, x, positions, offset, Value(),
        op.getCos(), op.getSin(), frequencies.values, out, op.getLayoutAttr(),
        op.getPairsAttr(), rewriter.getI64IntegerAttr(op.getRotarySize()),
        op.getBaseAttr(), RopeScalingInterface(),
        rewriter.getF64FloatAttr(frequencies.magnitude),
        frequencies.kept ? rewriter.getI64IntegerAttr(*frequencies.kept)
                         : IntegerAttr());
    rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(rewriter, loc, tiled.getResult(0),
                                          forall.getRegionIterArgs()[0],
                                          offsets, sizes, strides);
    rewriter.replaceOp(op, forall.getResults());
  }

  void runOnOperation() override {
    SmallVector<RopeOp> ops;
    getOperation()->walk([&](RopeOp op) {
      if (!op->getParentOfType<scf::ForallOp>()) { // else in a tile already
        ops.push_back(op);
      }
    });
    for (RopeOp op : ops) {
      if (failed(check(op))) {
        return signalPassFailure();
      }
      tile(op);
    }
  }
};

} // namespace
