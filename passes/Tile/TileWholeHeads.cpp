//===- TileWholeHeads.cpp - recurrences into heads, with all their tokens
//---===//
// attn.ssd, attn.linear_attention -> scf.forall over sequences and heads around
// the op on their slices. The state in front of the first token is read where
// it is, and that behind the last one written where the result is.
//===----------------------------------------------------------------------===//

#include "../PassTarget.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "attn/Target/RecurrenceModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEWHOLEHEADSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }

/// The forall of one op.
class HeadTiler {
public:
  HeadTiler(IRRewriter &rewriter, Operation *op, Layout layout, Value values,
            Value keys, const GPUDescription &gpu)
      : rewriter(rewriter), index(rewriter, op->getLoc()), op(op),
        values(values), keys(keys), gpu(gpu) {
    headDim = layout == Layout::BHSD ? 1 : 2;
  }

  LogicalResult run() {
    int64_t all = shaped(values).getDimSize(headDim),
            groups = shaped(keys).getDimSize(headDim),
            size = shaped(values).getDimSize(3),
            batch = shaped(values).getDimSize(0);
    if (ShapedType::isDynamic(all) || ShapedType::isDynamic(groups) ||
        ShapedType::isDynamic(size)) {
      return op->emitOpError("expected static heads and head sizes for tiling");
    }
    headsOfGroup = all / groups;
    Location loc = op->getLoc();
    rewriter.setInsertionPoint(op);
    outs = cast<DestinationStyleOpInterface>(op).getDpsInits();
    // On the host: kernels have no sizes of tensors that nobody wrote.
    for (Value operand : op->getOperands()) {
      sizes[operand] = tensor::getMixedSizes(rewriter, loc, operand);
    }
    bool isKnown = !ShapedType::isDynamic(batch);
    int64_t most =
        recurrenceHeads(all, groups, size, isKnown ? batch * all : -1, gpu);
    if (isKnown || most == 1) {
      rewriter.replaceOp(op, forallOf(most));
      return success();
    }
    // Tiles of one head where there are too few of two.
    Value count = index.mul(index.value(sizes[values][0]), all);
    Value few = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::sle,
                                      count, index.constant(gpu.processors));
    auto choice = scf::IfOp::create(rewriter, loc, op->getResultTypes(), few,
                                    /*withElseRegion=*/true);
    for (auto [block, tileHeads] : {std::pair(choice.thenBlock(), int64_t(1)),
                                    std::pair(choice.elseBlock(), most)}) {
      rewriter.setInsertionPointToStart(block);
      SmallVector<Value> results = forallOf(tileHeads);
      scf::YieldOp::create(rewriter, loc, results);
    }
    rewriter.replaceOp(op, choice.getResults());
    return success();
  }

private:
  IRRewriter &rewriter;
  IndexBuilder index;
  Operation *op;
  Value values, keys;
  const GPUDescription &gpu;
  unsigned headDim = 0;
  int64_t heads = 1, headsOfGroup = 1;
  Value sequence, first;
  SmallVector<Value> outs;
  DenseMap<Value, SmallVector<OpFoldResult>> sizes;

  // The tiles of `count` heads each.
  SmallVector<Value> forallOf(int64_t count) {
    OpBuilder::InsertionGuard guard(rewriter);
    Location loc = op->getLoc();
    heads = count;
    SmallVector<OpFoldResult> grid = {
        sizes[values][0],
        rewriter.getIndexAttr(shaped(values).getDimSize(headDim) / heads)};
    auto forall =
        scf::ForallOp::create(rewriter, loc, grid, outs, std::nullopt);
    rewriter.setInsertionPointToStart(forall.getBody());
    sequence = forall.getInductionVar(0);
    first = index.mul(forall.getInductionVar(1), heads);
    IRMapping mapping;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!mapping.contains(operand.get())) {
        mapping.map(operand.get(), tileOf(operand, forall));
      }
    }
    Operation *tiled = rewriter.clone(*op, mapping);
    for (auto [result, out] : llvm::zip(tiled->getResults(), outs)) {
      result.setType(mapping.lookup(out).getType());
    }
    rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
    for (auto [result, out, argument] : llvm::zip_equal(
             tiled->getResults(), outs, forall.getRegionIterArgs())) {
      Place place = placeOf(out);
      tensor::ParallelInsertSliceOp::create(
          rewriter, loc, result, argument, place.offsets, place.sizes,
          SmallVector<OpFoldResult>(place.offsets.size(), one()));
    }
    return llvm::to_vector_of<Value>(forall.getResults());
  }

  struct Place {
    SmallVector<OpFoldResult> offsets, sizes;
  };

  OpFoldResult one() { return rewriter.getIndexAttr(1); }

  bool isState(Value value) {
    auto outs = cast<DestinationStyleOpInterface>(op).getDpsInits();
    return llvm::is_contained(llvm::drop_begin(outs), value);
  }

  // What the tile has of a tensor: of rank 1 and 2 parameters of heads, else
  // its sequence and heads, or its group.
  Place placeOf(Value value) {
    Place place;
    place.sizes = sizes.lookup(value);
    int64_t rank = place.sizes.size();
    place.offsets.assign(rank, rewriter.getIndexAttr(0));
    unsigned at = rank <= 2 ? 0 : isState(value) ? 1 : headDim;
    if (rank > 2) {
      place.offsets[0] = sequence;
      place.sizes[0] = one();
    }
    bool isKeys =
        rank == 4 && !isState(value) &&
        shaped(value).getDimSize(headDim) == shaped(keys).getDimSize(headDim) &&
        isKeyOperand(value);
    if (isKeys) {
      place.offsets[at] = index.div(first, headsOfGroup);
      place.sizes[at] = one();
    } else {
      place.offsets[at] = first;
      place.sizes[at] = rewriter.getIndexAttr(heads);
    }
    return place;
  }

  bool isKeyOperand(Value value) {
    if (auto ssd = dyn_cast<SSDOp>(op)) {
      return value == ssd.getB() || value == ssd.getC();
    }
    auto linear = cast<LinearAttentionOp>(op);
    return value == linear.getQ() || value == linear.getK();
  }

  Value tileOf(OpOperand &operand, scf::ForallOp forall) {
    Value from = operand.get();
    auto outs = cast<DestinationStyleOpInterface>(op);
    Location loc = op->getLoc();
    Place place = placeOf(from);
    if (outs.isDpsInit(&operand) && !isState(from)) {
      from = forall.getRegionIterArgs()[0];
    }
    if (auto fill = from.getDefiningOp<linalg::FillOp>(); fill) {
      // No buffer of zeros.
      Value empty = tensor::EmptyOp::create(rewriter, loc, place.sizes,
                                            shaped(from).getElementType());
      return linalg::FillOp::create(rewriter, loc, fill.getInputs(), empty)
          .getResult(0);
    }
    return tensor::ExtractSliceOp::create(
        rewriter, loc, from, place.offsets, place.sizes,
        SmallVector<OpFoldResult>(place.offsets.size(), one()));
  }
};

struct TileWholeHeadsPass
    : public attn::impl::TileWholeHeadsPassBase<TileWholeHeadsPass> {
  using TileWholeHeadsPassBase::TileWholeHeadsPassBase;

  LogicalResult tile(IRRewriter &rewriter, Operation *op,
                     const GPUDescription &gpu) {
    auto ssd = dyn_cast<SSDOp>(op);
    auto linear = dyn_cast<LinearAttentionOp>(op);
    bool tensors = ssd ? ssd.hasTensorSemantics() : linear.hasTensorSemantics();
    if (!tensors) {
      return op->emitOpError("expected tensors: wrap memrefs first "
                             "(attn-wrap-memrefs)");
    }
    if (!gpu.warpgroups) {
      return op->emitOpError("has no lowering for ")
             << gpu.chip << ": needs warpgroups (sm_90)";
    }
    Layout layout = ssd ? ssd.getLayout() : linear.getLayout();
    if (layout == Layout::THD) {
      return op->emitOpError("of layout thd has no lowering for GPUs");
    }
    return HeadTiler(rewriter, op, layout, ssd ? ssd.getX() : linear.getV(),
                     ssd ? ssd.getB() : linear.getK(), gpu)
        .run();
  }

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target, PassTargets::kGPU);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<SSDOp, LinearAttentionOp>(op)) {
        ops.push_back(op);
      }
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      if (failed(tile(rewriter, op, *description->gpu))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
