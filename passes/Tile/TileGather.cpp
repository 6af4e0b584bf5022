//===- TileGather.cpp - reads of a paged cache into parallel tiles --------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEGATHERPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileGatherPass : public attn::impl::TileGatherPassBase<TileGatherPass> {
  static void tile(KVGatherOp op) {
    IRRewriter rewriter(op);
    Location loc = op.getLoc();
    OpFoldResult zero = rewriter.getIndexAttr(0),
                 one = rewriter.getIndexAttr(1);
    auto sizesOf = [&](Value tensor) {
      return tensor::getMixedSizes(rewriter, loc, tensor);
    };
    SmallVector<OpFoldResult> out = sizesOf(op.getOut());
    SmallVector<OpFoldResult> pages = sizesOf(op.getPages());
    SmallVector<OpFoldResult> tables = sizesOf(op.getBlockTables());
    auto forall = scf::ForallOp::create(
        rewriter, loc, ArrayRef<OpFoldResult>{out[0], out[op.getOutHeadDim()]},
        ValueRange{op.getOut()}, std::nullopt);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(forall.getBody());
    OpFoldResult batch = forall.getInductionVar(0);
    OpFoldResult head = forall.getInductionVar(1);
    auto slice = [&](Value from, ArrayRef<OpFoldResult> offsets,
                     ArrayRef<OpFoldResult> sizes) -> Value {
      SmallVector<OpFoldResult> strides(offsets.size(), one);
      return tensor::ExtractSliceOp::create(rewriter, loc, from, offsets, sizes,
                                            strides);
    };
    SmallVector<OpFoldResult> outAt(4, zero), pageAt(4, zero);
    outAt[0] = batch;
    outAt[op.getOutHeadDim()] = pageAt[op.getHeadDim()] = head;
    out[0] = out[op.getOutHeadDim()] = pages[op.getHeadDim()] = one;
    tables[0] = one;
    Value into = slice(forall.getRegionIterArgs()[0], outAt, out);
    auto gather =
        KVGatherOp::create(rewriter, loc, TypeRange{into.getType()},
                           slice(op.getPages(), pageAt, pages),
                           slice(op.getBlockTables(), {batch, zero}, tables),
                           slice(op.getKvLens(), {batch}, {one}), into,
                           op.getLayoutAttr(), op.getPageLayoutAttr());
    rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
    SmallVector<OpFoldResult> strides(4, one);
    tensor::ParallelInsertSliceOp::create(rewriter, loc, gather.getResult(0),
                                          forall.getRegionIterArgs()[0], outAt,
                                          out, strides);
    rewriter.replaceOp(op, forall.getResults());
  }

  void runOnOperation() override {
    SmallVector<KVGatherOp> ops;
    getOperation()->walk([&](KVGatherOp op) { ops.push_back(op); });
    for (KVGatherOp op : ops) {
      if (!op.hasTensorSemantics()) {
        op.emitOpError("expected tensors: wrap memrefs first "
                       "(attn-wrap-memrefs)");
        return signalPassFailure();
      }
      tile(op);
    }
  }
};

} // namespace
