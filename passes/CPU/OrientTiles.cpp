//===- OrientTiles.cpp - orient key loops for the CPU ---------------------===//
// Rebuilds fill -> attn.key_loop -> attn.finalize_state with packed rows. A row
// is r = p * W + w; with G heads in a tile, head and query of it are
// (r mod G, r floordiv G), so that neighbouring rows share their position.
//===----------------------------------------------------------------------===//

#include "../PassTarget.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "attn/Target/CostModel.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_ORIENTTILESPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// The fill that a carried value starts as. Canonicalization puts a cast behind
// it where it learns a size of the fill alone.
linalg::FillOp initialFill(Value init) {
  while (auto cast = init.getDefiningOp<tensor::CastOp>()) {
    init = cast.getSource();
  }
  return init.getDefiningOp<linalg::FillOp>();
}

// Codes that a tile decodes become elements of the accumulation type `type`, to
// which tiles of narrower ones are widened at each read; so do slices of them.
// Whether `op` was rebuilt so, in the loop or, for the tile itself, in front of
// it.
static bool widen(RewriterBase &rewriter, Operation *op, FloatType type,
                  KeyLoopOp loop, IRMapping &mapping) {
  Location loc = op->getLoc();
  auto wide = [&](Value value) {
    return cast<RankedTensorType>(value.getType()).clone(type);
  };
  if (auto part = dyn_cast<tensor::ExtractSliceOp>(op)) {
    Value source = mapping.lookupOrDefault(part.getSource());
    if (source.getType() == part.getSource().getType()) {
      return false;
    }
    auto lookup = [&](ArrayRef<OpFoldResult> values) {
      return llvm::map_to_vector(values, [&](OpFoldResult value) {
        auto dynamic = dyn_cast<Value>(value);
        return dynamic ? OpFoldResult(mapping.lookupOrDefault(dynamic)) : value;
      });
    };
    mapping.map(part.getResult(), tensor::ExtractSliceOp::create(
                                      rewriter, loc, wide(part.getResult()),
                                      source, lookup(part.getMixedOffsets()),
                                      lookup(part.getMixedSizes()),
                                      lookup(part.getMixedStrides()))
                                      .getResult());
    return true;
  }
  auto codes = dyn_cast<KVDequantizeOp>(op);
  auto into = codes ? codes.getOut().getDefiningOp<tensor::ExtractSliceOp>()
                    : tensor::ExtractSliceOp();
  auto tile =
      into ? into.getSource().getDefiningOp<bufferization::AllocTensorOp>()
           : bufferization::AllocTensorOp();
  if (!tile || tile.getType().getElementType() == type) {
    return false;
  }
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(loop);
    Value larger = bufferization::AllocTensorOp::create(
        rewriter, loc, wide(tile), ValueRange());
    mapping.map(tile.getResult(), larger);
  }
  widen(rewriter, into, type, loop, mapping);
  Operation *decoded = rewriter.clone(*op, mapping);
  decoded->getResult(0).setType(wide(codes.getResult(0)));
  return true;
}

struct OrientTilesPass
    : public attn::impl::OrientTilesPassBase<OrientTilesPass> {
  using OrientTilesPassBase::OrientTilesPassBase;

  LogicalResult pack(KeyLoopOp loop, const TargetDescription &description) {
    auto onlines = loop.getBody().front().getOps<OnlineAttentionOp>();
    FinalizeStateOp finalize;
    for (Operation *user : loop->getUsers()) {
      finalize = dyn_cast<FinalizeStateOp>(user);
    }
    bool fits = llvm::hasSingleElement(onlines) && finalize &&
                llvm::all_equal(loop->getUsers()) && loop.getMaxRows() &&
                loop.getInits().size() == 3 &&
                llvm::all_of(loop.getInits(), initialFill);
    if (!fits) {
      return loop.emitOpError(
          "expected one attn.online_attention, state that starts as "
          "linalg.fill and ends in one attn.finalize_state, and 'max_rows'");
    }
    OnlineAttentionOp online = *onlines.begin();
    if (cast<ShapedType>(online.getK().getType())
            .getElementType()
            .getIntOrFloatBitWidth() == 8) {
      return online.emitOpError("of codes has no lowering for CPUs: decode "
                                "them first (attn-decode-operands)");
    }
    std::optional<int64_t> step = getConstantIntValue(loop.getStep());
    auto dims = online.getDims();
    auto heads = cast<ShapedType>(online.getMax().getType()).getDimSize(0);
    if (!step || dims.rows.size() != 2 || ShapedType::isDynamic(heads)) {
      return loop.emitOpError("expected a constant step, and row dimensions "
                              "(head, query) with a static number of heads");
    }

    IRRewriter rewriter(loop);
    Location loc = loop.getLoc();
    IndexBuilder index(rewriter, loc);
    MLIRContext *context = loop.getContext();
    FloatType type = online.getAccumulatorType();
    int64_t bound = *loop.getMaxRows();
    int64_t lanes = description.lanes(type.getWidth());
    auto qType = cast<RankedTensorType>(online.getQ().getType());
    auto accType = cast<RankedTensorType>(online.getAcc().getType());
    unsigned qSize = *online.getMap(0).getResultPosition(
        getAffineDimExpr(dims.contraction[0], context));
    int64_t size = qType.getDimSize(qSize);
    int64_t valueSize = accType.getShape().back();
    // Few rows stay rows, padded to a power of two; many become lanes, with
    // pairs of elements side by side where products of pairs are to be had.
    bool asRows = bound <= rowFormLimit(description, type.getWidth());
    bool dots = usesDots(qType.getElementType().isBF16(), size, description);
    int64_t rowBytes = panelRowBytes(size, valueSize, dots, type.getWidth());
    int64_t vectors =
        std::min<int64_t>(panelVectors(rowBytes, description, type.getWidth()),
                          llvm::divideCeil(bound, lanes));
    int64_t width = asRows ? static_cast<int64_t>(llvm::PowerOf2Ceil(bound))
                           : vectors * lanes;
    int64_t maxPanels = llvm::divideCeil(bound, width);

    Value queries =
        index.value(tensor::getMixedSize(rewriter, loc, loop.getInits()[1], 1));
    Value panels = index.ceilDiv(index.mul(queries, heads), width);
    AffineExpr row =
        getAffineDimExpr(0, context) * width + getAffineDimExpr(1, context);
    AffineMap rowMap = AffineMap::get(
        2, 0,
        heads == 1
            ? SmallVector<AffineExpr>{getAffineConstantExpr(0, context), row}
            : SmallVector<AffineExpr>{row % heads, row.floorDiv(heads)},
        context);

    // A workspace of static size, cut to the panels in use. Not tensor.empty,
    // of which CSE makes one for two workspaces, and bufferization then a
    // buffer of dynamic size for one of their slices.
    auto workspace = [&](ArrayRef<int64_t> inner, Type element) -> Value {
      SmallVector<int64_t> shape{maxPanels};
      llvm::append_range(shape, inner);
      Value empty = bufferization::AllocTensorOp::create(
          rewriter, loc, RankedTensorType::get(shape, element), ValueRange());
      if (maxPanels == 1) {
        return empty;
      }
      SmallVector<OpFoldResult> offsets(shape.size(), rewriter.getIndexAttr(0));
      SmallVector<OpFoldResult> strides(shape.size(), rewriter.getIndexAttr(1));
      SmallVector<OpFoldResult> sizes{panels};
      for (int64_t dim : inner) {
        sizes.push_back(rewriter.getIndexAttr(dim));
      }
      return tensor::ExtractSliceOp::create(rewriter, loc, empty, offsets,
                                            sizes, strides);
    };
    auto inner = [&](int64_t columns) {
      return asRows ? SmallVector<int64_t>{width, columns}
                    : SmallVector<int64_t>{columns, width};
    };
    auto refill = [&](Value init, ArrayRef<int64_t> inner) -> Value {
      return linalg::FillOp::create(rewriter, loc, initialFill(init).value(),
                                    workspace(inner, type))
          .getResult(0);
    };
    // The accumulator of a row without weight is not read (a factor of 0
    // selects 0), so it starts as whatever is there.
    SmallVector<Value> state = {workspace(inner(valueSize), type),
                                refill(loop.getInits()[1], {width}),
                                refill(loop.getInits()[2], {width})};
    AffineMap sourceMap = AffineMap::get(
        3, 0,
        llvm::map_to_vector(
            online.getMap(0).getResults(),
            [&](AffineExpr expr) {
              unsigned d = cast<AffineDimExpr>(expr).getPosition();
              unsigned role = d == dims.rows[0] ? 0 : d == dims.rows[1] ? 1 : 2;
              return getAffineDimExpr(role, context);
            }),
        context);
    auto packedMap = [&] {
      AffineExpr p = getAffineDimExpr(0, context);
      AffineExpr w = getAffineDimExpr(1, context);
      AffineExpr x = getAffineDimExpr(2, context);
      return AffineMapAttr::get(asRows
                                    ? AffineMap::get(3, 0, {p, w, x}, context)
                                    : AffineMap::get(3, 0, {p, x, w}, context));
    };
    bool pairs = dots && !asRows;
    auto paired = [&](AffineMapAttr map) {
      return pairs ? AffineMapAttr::get(pairResults(map.getValue())) : map;
    };
    Value qPacked = workspace(pairs ? SmallVector<int64_t>{size / 2, width * 2}
                                    : inner(size),
                              dots ? qType.getElementType() : Type(type));
    qPacked =
        PackRowsOp::create(rewriter, loc, qPacked.getType(), online.getQ(),
                           qPacked, AffineMapAttr::get(rowMap),
                           AffineMapAttr::get(sourceMap), paired(packedMap()))
            .getResult(0);

    auto types = TypeRange(ValueRange(state));
    auto packed = KeyLoopOp::create(
        rewriter, loc, types, loop.getStep(), loop.getLower(), loop.getUpper(),
        loop.getList(), loop.getLimit(), state, loop.getKindsAttr(),
        loop.getSourceAttr(), loop.getPageSizeAttr(), loop.getMaxRowsAttr());
    Block *body = rewriter.createBlock(&packed.getBody());
    body->addArguments({rewriter.getIndexType(), rewriter.getIndexType()},
                       {loc, loc});
    IRMapping mapping;
    if (loop.getSource() == KeySource::Pages) {
      mapping.map(loop.getBody().getArgument(2),
                  body->addArgument(rewriter.getIndexType(), loc));
    }
    for (Type carried : types) {
      body->addArgument(carried, loc);
    }
    mapping.map(loop.getKeyIndex(), packed.getKeyIndex());
    mapping.map(loop.getKeyCount(), packed.getKeyCount());
    rewriter.setInsertionPointToStart(body);
    enum { P, W, N, D, E };
    auto map = [&](ArrayRef<unsigned> targets) {
      return AffineMapAttr::get(
          AffineMap::getMultiDimMapWithTargets(5, targets, context));
    };
    Attribute maps[] = {asRows ? map({P, W, D}) : paired(map({P, D, W})),
                        map({N, D}),
                        map({N, E}),
                        asRows ? map({P, W, E}) : map({P, E, W}),
                        map({P, W}),
                        map({P, W})};
    for (Operation &op : loop.getBody().front().without_terminator()) {
      if (&op != online) {
        if (dots || !widen(rewriter, &op, type, packed, mapping)) {
          rewriter.clone(op, mapping);
        }
        continue;
      }
      auto lookup = [&](Value value) { return mapping.lookupOrDefault(value); };
      SmallVector<Value> captured =
          llvm::map_to_vector(online.getCaptured(), lookup);
      SmallVector<Value> maskCaptured =
          llvm::map_to_vector(online.getMaskCaptured(), lookup);
      auto turned = OnlineAttentionOp::create(
          rewriter, loc, types, qPacked, lookup(online.getK()),
          lookup(online.getV()), lookup(online.getBatch()),
          lookup(online.getHead()), lookup(online.getQuery()),
          lookup(online.getKey()), /*factor=*/Value(), online.getMaskSymbols(),
          captured, maskCaptured, packed.getCarried()[0],
          packed.getCarried()[1], packed.getCarried()[2], online.getScaleAttr(),
          online.getMaskAttr(), rewriter.getArrayAttr(maps),
          AffineMapAttr::get(rowMap), online.getCapturedMapsAttr(),
          online.getMaskMapsAttr(), online.getMaskAscendingAttr(),
          rewriter.getI64IntegerAttr(*step), online.getTf32Attr());
      rewriter.cloneRegionBefore(online.getScore(), turned.getScore(),
                                 turned.getScore().end(), mapping);
      rewriter.cloneRegionBefore(online.getMaskRegion(), turned.getMaskRegion(),
                                 turned.getMaskRegion().end(), mapping);
      YieldOp::create(rewriter, loc, turned.getResults());
    }

    rewriter.setInsertionPoint(finalize);
    auto finished = FinalizeStateOp::create(
        rewriter, finalize.getLoc(), finalize.getResultTypes(),
        packed.getResult(0), packed.getResult(1), packed.getResult(2),
        finalize.getSink(), finalize.getHead(), /*factor=*/Value(),
        finalize.getOuts(), packedMap(), AffineMapAttr::get(rowMap),
        finalize.getOutMapAttr());
    rewriter.replaceOp(finalize, finished.getResults());
    rewriter.eraseOp(loop);
    return success();
  }

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<KeyLoopOp> loops;
    getOperation()->walk([&](KeyLoopOp op) { loops.push_back(op); });
    for (KeyLoopOp loop : loops) {
      if (failed(pack(loop, *description))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
