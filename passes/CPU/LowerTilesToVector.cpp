//===- LowerTilesToVector.cpp - lower tile ops on memrefs to vectors ------===//

#include "../PassTarget.h"
#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "llvm/ADT/TypeSwitch.h"

#include <functional>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LOWERTILESTOVECTORPASS
#include "attn/Passes/Passes.h.inc"

Value scratch(LaneBuilder &lb, Operation *op, ArrayRef<int64_t> shape) {
  Operation *scope = op->getParentOfType<scf::ForallOp>();
  Block *block =
      scope ? cast<scf::ForallOp>(scope).getBody()
            : &op->getParentOfType<FunctionOpInterface>()->getRegion(0).front();
  OpBuilder::InsertionGuard guard(lb.b);
  lb.b.setInsertionPointToStart(block);
  Value buffer =
      memref::AllocOp::create(lb.b, lb.loc, MemRefType::get(shape, lb.type),
                              ValueRange(), lb.b.getI64IntegerAttr(64));
  lb.b.setInsertionPoint(block->getTerminator());
  memref::DeallocOp::create(lb.b, lb.loc, buffer);
  return buffer;
}

// Fills of workspaces, whole vectors at a time.
static LogicalResult lowerFill(linalg::FillOp op,
                               const TargetDescription &target) {
  auto type = cast<MemRefType>(op.output().getType());
  auto element = dyn_cast<FloatType>(type.getElementType());
  int64_t rank = type.getRank();
  if (!element || element.getWidth() < 32 || rank == 0 ||
      type.isDynamicDim(rank - 1) || !isUnitStride(op.output(), rank - 1)) {
    return success(); // convert-linalg-to-loops does it
  }
  OpBuilder builder(op);
  LaneBuilder lb(builder, op.getLoc(), target, element);
  if (type.getDimSize(rank - 1) % lb.lanes != 0) {
    return success();
  }
  Value value = lb.splat(op.value());
  SmallVector<Value> indices;
  std::function<void()> nest = [&] {
    int64_t d = indices.size();
    if (d == rank) {
      lb.store(value, op.output(), indices);
      return;
    }
    Value size =
        lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.output(), d));
    lb.loop(lb.index.constant(0), size, d == rank - 1 ? lb.lanes : 1,
            [&](Value iv) {
              indices.push_back(iv);
              nest();
              indices.pop_back();
            });
  };
  nest();
  op.erase();
  return success();
}

// Which of the two orientations of `attn-orient-tiles` a tile is in.
static LogicalResult lowerOnlineAttention(OnlineAttentionOp op,
                                          const TargetDescription &target) {
  enum { P, W, N, D, E };
  auto is = [&](unsigned map, ArrayRef<unsigned> dims) {
    return op.getMap(map) ==
           AffineMap::getMultiDimMapWithTargets(5, dims, op.getContext());
  };
  auto max = cast<MemRefType>(op.getMax().getType());
  AffineMap lanes = AffineMap::getMultiDimMapWithTargets(
      5, ArrayRef<unsigned>{P, D, W}, op.getContext());
  if (is(1, {N, D}) && is(2, {N, E}) && is(4, {P, W}) && !max.isDynamicDim(1) &&
      op.getMaxKeys()) {
    AffineMap q = unpairResults(op.getMap(0)).value_or(op.getMap(0));
    if (q == lanes && is(3, {P, E, W})) {
      return lowerOnlineLanes(op, target);
    }
    if (is(0, {P, W, D}) && is(3, {P, W, E})) {
      return lowerOnlineRows(op, target);
    }
  }
  return op.emitOpError("expected queries as lanes or rows of panels, and a "
                        "bound of the keys (attn-orient-tiles)");
}

} // namespace attn

using namespace attn;

namespace {

struct LowerTilesToVectorPass
    : public attn::impl::LowerTilesToVectorPassBase<LowerTilesToVectorPass> {
  using LowerTilesToVectorPassBase::LowerTilesToVectorPassBase;

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<OnlineAttentionOp, PackRowsOp, FinalizeStateOp, MergeStatesOp,
              KVAppendOp, KVGatherOp, KVQuantizeOp, KVDequantizeOp, KVScoreOp,
              KVEvictOp, RopeOp, ScanChunkOp, CausalConv1dOp, PairProductsOp,
              FavorFeaturesOp, LinformerProjectOp, S4KernelOp>(op) ||
          (isa<linalg::FillOp>(op) && op->getNumResults() == 0)) {
        ops.push_back(op);
      }
    });
    for (Operation *op : ops) {
      if (op->getNumResults() != 0) {
        op->emitOpError("expected memrefs: bufferize first");
        return signalPassFailure();
      }
      LogicalResult lowered =
          TypeSwitch<Operation *, LogicalResult>(op)
              .Case([&](OnlineAttentionOp tile) {
                return lowerOnlineAttention(tile, *description);
              })
              .Case([&](PackRowsOp pack) {
                return lowerPackRows(pack, *description);
              })
              .Case([&](FinalizeStateOp finalize) {
                return lowerFinalizeState(finalize, *description);
              })
              .Case([&](MergeStatesOp merge) {
                return lowerMergeStates(merge, *description);
              })
              .Case([&](KVAppendOp append) {
                return lowerKVAppend(append, *description);
              })
              .Case([&](KVGatherOp gather) {
                return lowerKVGather(gather, *description);
              })
              .Case([&](KVQuantizeOp quantize) {
                return lowerKVQuantize(quantize, *description);
              })
              .Case([&](KVDequantizeOp dequantize) {
                return lowerKVDequantize(dequantize, *description);
              })
              .Case([&](KVScoreOp score) {
                return lowerKVScore(score, *description);
              })
              .Case([&](KVEvictOp evict) {
                return lowerKVEvict(evict, *description);
              })
              .Case([&](RopeOp rope) { return lowerRope(rope, *description); })
              .Case([&](ScanChunkOp scan) {
                return lowerScanChunk(scan, *description);
              })
              .Case([&](CausalConv1dOp conv) {
                return lowerCausalConv(conv, *description);
              })
              .Case([&](PairProductsOp pairs) {
                return lowerPairProducts(pairs, *description);
              })
              .Case([&](FavorFeaturesOp favor) {
                return lowerFavorFeatures(favor, *description);
              })
              .Case([&](LinformerProjectOp project) {
                return lowerLinformerProject(project, *description);
              })
              .Case([&](S4KernelOp kernel) {
                return lowerS4Kernel(kernel, *description);
              })
              .Case([&](linalg::FillOp fill) {
                return lowerFill(fill, *description);
              })
              .Default([](Operation *) { return failure(); });
      if (failed(lowered)) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
