//===- TileAttention.cpp - attention into row tiles and a key loop --------===//
// attn.attention -> scf.forall over row tiles, each with one attn.key_loop.
// Two forms: prefill (TilePrefill.cpp) takes one head and `rows` queries a
// tile; decode (TileDecode.cpp) takes all heads of a group and all queries, and
// cuts the keys in chunks whose (o, lse) attn.merge_states joins
// (Flash-Decoding).
//===----------------------------------------------------------------------===//

#include "../Explain/MaskFindings.h"
#include "../PassTarget.h"
#include "AttentionTiler.h"
#include "attn/Passes/EmitBounds.h"
#include "attn/Passes/FoldRope.h"
#include "attn/Passes/Passes.h"
#include "attn/Target/GPUCostModel.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEATTENTIONPASS
#include "attn/Passes/Passes.h.inc"

// Keys of a segment are rounded to this many, so that partial tiles take whole
// register tiles and full ones start where vectors like to.
constexpr int64_t kSegmentAlignment = 16;

void AttentionTiler::readSizes() {
  auto dim = [&](Value tensor, int64_t d) {
    return tensor::getMixedSize(rewriter, loc, tensor, d);
  };
  batches = op.getLayout() == Layout::THD
                ? index.add(index.value(dim(op.getCuSeqlensQ(), 0)), -1)
                : index.value(dim(op.getQ(), 0));
  heads = index.value(dim(op.getQ(), op.getHeadDim()));
  keyHeads = index.value(dim(storedKeys(), op.getKeyHeadDim()));
  group = index.div(heads, keyHeads);
  headSize = dim(op.getQ(), op.getSizeDim());
  valueSize = dim(op.getV(), op.getKeySizeDim());
}

// Keys as they lie in memory: decoded ones do not.
Value AttentionTiler::storedKeys() {
  auto codes = op.getK().getDefiningOp<KVDequantizeOp>();
  return codes ? codes.getCodes() : op.getK();
}

Value AttentionTiler::countKeys() {
  auto dim = [&](Value tensor, int64_t d) {
    return index.value(tensor::getMixedSize(rewriter, loc, tensor, d));
  };
  Value keys = dim(storedKeys(), op.getKeySeqDim());
  return op.isPaged() ? index.mul(dim(op.getBlockTables(), 1), keys) : keys;
}

Sequence AttentionTiler::sequence(Value batch) {
  auto load = [&](Value tensor, Value at) -> Value {
    Value element = tensor::ExtractOp::create(rewriter, loc, tensor, at);
    return arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(),
                                      element);
  };
  Value zero = index.constant(0);
  Sequence seq;
  if (op.getLayout() == Layout::THD) {
    Value next = index.add(batch, 1);
    seq.queryStart = load(op.getCuSeqlensQ(), batch);
    seq.queries = index.sub(load(op.getCuSeqlensQ(), next), seq.queryStart);
    seq.keyStart = zero;
    if (!op.isPaged()) {
      seq.keyStart = load(op.getCuSeqlensK(), batch);
      seq.keys = index.sub(load(op.getCuSeqlensK(), next), seq.keyStart);
    }
  } else {
    seq.queryStart = seq.keyStart = zero;
    seq.queries = index.value(
        tensor::getMixedSize(rewriter, loc, op.getQ(), op.getSeqDim()));
    seq.keys = countKeys();
  }
  if (op.getKvLens()) {
    seq.keys = index.clamp(load(op.getKvLens(), batch), zero, countKeys());
  }
  seq.offset =
      op.getOffset() ? op.getOffset() : index.sub(seq.keys, seq.queries);
  return seq;
}

RankedTensorType AttentionTiler::tileType(ArrayRef<OpFoldResult> sizes,
                                          Type element) {
  SmallVector<int64_t> dims;
  for (OpFoldResult size : sizes) {
    dims.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  }
  return RankedTensorType::get(dims, element);
}

// `seqDim` is the dimension along which the elements of a class lie apart.
Value AttentionTiler::slice(Value tensor, ArrayRef<OpFoldResult> offsets,
                            ArrayRef<OpFoldResult> sizes, RankedTensorType type,
                            int64_t seqDim, bool ofKeys) {
  return tensor::ExtractSliceOp::create(
      rewriter, loc, type, tensor, offsets, sizes,
      strides(static_cast<int64_t>(offsets.size()), seqDim, ofKeys));
}

// The offsets and sizes of the rows of `tile` in q or out.
void AttentionTiler::sliceRows(const Sequence &seq, const RowTile &tile,
                               OpFoldResult size,
                               SmallVector<OpFoldResult> &offsets,
                               SmallVector<OpFoldResult> &sizes) {
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  OpFoldResult count = getAsOpFoldResult(tile.queries);
  Value first = index.add(seq.queryStart, index.mul(tile.query, classes.step));
  switch (op.getLayout()) {
  case Layout::BHSD:
    offsets = {tile.batch, tile.head, first, zero};
    sizes = {one, tile.heads, count, size};
    break;
  case Layout::BSHD:
    offsets = {tile.batch, first, tile.head, zero};
    sizes = {one, count, tile.heads, size};
    break;
  case Layout::THD:
    offsets = {first, tile.head, zero};
    sizes = {count, tile.heads, size};
    break;
  }
}

void AttentionTiler::sliceLse(const Sequence &seq, const RowTile &tile,
                              SmallVector<OpFoldResult> &offsets,
                              SmallVector<OpFoldResult> &sizes) {
  OpFoldResult count = getAsOpFoldResult(tile.queries);
  Value first = index.add(seq.queryStart, index.mul(tile.query, classes.step));
  if (op.getLayout() == Layout::THD) {
    offsets = {tile.head, first};
    sizes = {tile.heads, count};
    return;
  }
  offsets = {tile.batch, tile.head, first};
  sizes = {rewriter.getIndexAttr(1), tile.heads, count};
}

// Which keys of [lo, hi) the rows of a tile can see, from the analysis of the
// mask. Between a partial segment and a full one the border is moved into the
// full one: a few full keys with mask arithmetic are cheaper than a ragged
// tile.
void AttentionTiler::segments(const Sequence &seq, const RowTile &tile,
                              Value lo, Value hi, SmallVector<Value> &lower,
                              SmallVector<Value> &upper,
                              SmallVector<int32_t> &kinds) {
  auto add = [&](bool full, Value from, Value to) {
    if (from != to) {
      kinds.push_back(static_cast<int32_t>(full ? SegmentKind::Full
                                                : SegmentKind::Partial));
      lower.push_back(from);
      upper.push_back(to);
    }
  };
  MaskAttrInterface mask = classes.mask;
  if (!mask) {
    add(/*full=*/true, lo, hi);
    return;
  }
  bool oneHead = getConstantIntValue(tile.heads) == 1;
  TileSegments analysis =
      analyzeTile(mask.getMaskSet(), TileWalk::Keys, oneHead);
  Value first = index.add(seq.offset, tile.query);
  Value last = index.add(index.add(first, tile.queries), -1);
  Value lastHead =
      oneHead ? tile.head
              : index.add(index.add(tile.head, index.value(tile.heads)), -1);
  SmallVector<Value> values = emitSteps(
      index, rewriter, loc, analysis,
      {tile.batch, tile.head, lastHead, first, last, lo, hi, maskSymbols(seq)});
  auto aligned = [&](Value from, Value to, bool up) {
    Value count = index.sub(to, from);
    Value units = up ? index.ceilDiv(count, kSegmentAlignment)
                     : index.div(count, kSegmentAlignment);
    return index.add(from, index.mul(units, kSegmentAlignment));
  };
  Value start; // of the segment at hand, where it was moved
  ArrayRef<TileSegment> found = analysis.segments;
  for (auto [n, segment] : llvm::enumerate(found)) {
    Value from = start ? start : values[segment.lower];
    Value to = values[segment.upper];
    start = Value();
    bool touches = n + 1 < found.size() &&
                   found[n + 1].lower == segment.upper &&
                   found[n + 1].full != segment.full;
    if (touches && segment.full) {
      to = start = aligned(from, to, /*up=*/false);
    } else if (touches) {
      to = start =
          index.min(aligned(from, to, /*up=*/true), values[found[n + 1].upper]);
    }
    add(segment.full, from, to);
  }
}

Value AttentionTiler::scaleOf(unsigned number, const RowTile &tile) {
  if (op.getScales().empty()) {
    return Value();
  }
  Value scale = op.getScales()[number];
  SmallVector<Value> at = {tile.batch, number == 0 ? tile.head : tile.keyHead};
  int64_t rank = cast<ShapedType>(scale.getType()).getRank();
  return tensor::ExtractOp::create(rewriter, loc, scale,
                                   ValueRange(at).take_back(rank));
}

// State, key loop: (acc, max, sum) of a row tile over the keys of
// [chunkLo, chunkHi).
SmallVector<Value>
AttentionTiler::keyLoop(const Sequence &seq, const RowTile &tile, Value chunkLo,
                        Value chunkHi, const TileChoice &tiles, Value number) {
  MLIRContext *context = op.getContext();
  FloatType accumulator = op.getAccumulatorType();
  OpFoldResult count = getAsOpFoldResult(tile.queries);

  SmallVector<OpFoldResult> offsets, sizes;
  sliceRows(seq, tile, headSize, offsets, sizes);
  SmallVector<OpFoldResult> rows =
      rowsHeadFirst() ? SmallVector<OpFoldResult>{tile.heads, count, headSize}
                      : SmallVector<OpFoldResult>{count, tile.heads, headSize};
  auto qType = tileType(rows, op.getElementType());
  Value q = turnedQ ? turnedTile(turnedQ, op.getQ(), tile, offsets, sizes,
                                 tiles.rows / *getConstantIntValue(tile.heads),
                                 qType, /*ofKeys=*/false)
                    : slice(op.getQ(), offsets, sizes, qType, op.getSeqDim());

  auto fill = [&](ArrayRef<OpFoldResult> shape, double value) -> Value {
    Value empty = tensor::EmptyOp::create(rewriter, loc, shape, accumulator);
    Value constant = arith::ConstantOp::create(
        rewriter, loc, rewriter.getFloatAttr(accumulator, value));
    return linalg::FillOp::create(rewriter, loc, constant, empty).getResult(0);
  };
  SmallVector<Value> state = {
      fill({tile.heads, count, valueSize}, 0.0),
      fill({tile.heads, count}, -std::numeric_limits<double>::infinity()),
      fill({tile.heads, count}, 0.0)};
  SmallVector<Type> types =
      llvm::map_to_vector(state, [](Value value) { return value.getType(); });

  SmallVector<Value> lower, upper;
  SmallVector<int32_t> kinds;
  TileList list;
  if (plan.list) {
    list = listSegments(seq, tile, number, lower, upper, kinds);
  } else {
    segments(seq, tile, chunkLo, chunkHi, lower, upper, kinds);
    if (!op.getMaskRegion().empty()) {
      refine(seq, tile, lower, upper, kinds);
    }
  }
  Value position = index.add(seq.offset, tile.query);

  KeySource source = list.list ? KeySource::Tiles : KeySource::Slice;
  IntegerAttr pageSize;
  int64_t step = tiles.keys;
  if (op.isPaged()) {
    source = KeySource::Pages;
    int64_t slots =
        cast<ShapedType>(op.getK().getType()).getDimSize(op.getKeySeqDim());
    pageSize = rewriter.getI64IntegerAttr(slots);
    step = std::min(step, slots);
    Value tables = op.getBlockTables();
    OpFoldResult columns = tensor::getMixedSize(rewriter, loc, tables, 1);
    OpFoldResult one = rewriter.getIndexAttr(1);
    list.list =
        slice(tables, {tile.batch, rewriter.getIndexAttr(0)}, {one, columns},
              tileType({columns}, rewriter.getI32Type()));
  }
  tileKeys = step;
  Value factor = scaleOf(0, tile);
  if (factor) {
    factor = arith::MulFOp::create(rewriter, loc, factor, scaleOf(1, tile));
  }
  auto loop = KeyLoopOp::create(rewriter, loc, types, index.constant(step),
                                lower, upper, list.list, list.limit, state,
                                rewriter.getDenseI32ArrayAttr(kinds),
                                KeySourceAttr::get(context, source), pageSize,
                                rewriter.getI64IntegerAttr(tiles.rows));
  Block *body = rewriter.createBlock(&loop.getBody());
  body->addArguments({rewriter.getIndexType(), rewriter.getIndexType()},
                     {loc, loc});
  Value page;
  if (op.isPaged()) {
    page = body->addArgument(rewriter.getIndexType(), loc);
  }
  for (Type type : types) {
    body->addArgument(type, loc);
  }
  rewriter.setInsertionPointToStart(body);
  Value key = body->getArgument(0), keys = body->getArgument(1);
  Value k = keyTile(op.getK(), seq, tile, key, keys, page, headSize, turnedK);
  Value v = valuesInKeys(k, keys);
  if (!v) {
    v = keyTile(op.getV(), seq, tile, key, keys, page, valueSize);
  }
  auto carried = loop.getCarried();

  enum { G, M, N, D, E };
  auto map = [&](ArrayRef<unsigned> dims) {
    return AffineMapAttr::get(
        AffineMap::getMultiDimMapWithTargets(5, dims, context));
  };
  Attribute maps[] = {rowsHeadFirst() ? map({G, M, D}) : map({M, G, D}),
                      map({N, D}),
                      map({N, E}),
                      map({G, M, E}),
                      map({G, M}),
                      map({G, M})};
  auto online = OnlineAttentionOp::create(
      rewriter, loc, types, q, k, v, tile.batch, tile.head, position, key,
      factor, maskSymbols(seq), op.getCaptured(), op.getMaskCaptured(),
      carried[0], carried[1], carried[2],
      rewriter.getFloatAttr(accumulator, *op.getStaticScale()), classes.mask,
      rewriter.getArrayAttr(maps),
      AffineMapAttr::get(AffineMap::getMultiDimIdentityMap(2, context)),
      classes.capturedMaps, op.getMaskMapsAttr(), op.getMaskAscendingAttr(),
      rewriter.getI64IntegerAttr(step), op.getTf32Attr());
  rewriter.cloneRegionBefore(op.getScore(), online.getScore(),
                             online.getScore().end());
  if (seq.residue && !online.getScore().empty()) {
    moveScore(online, seq.residue);
  }
  rewriter.cloneRegionBefore(op.getMaskRegion(), online.getMaskRegion(),
                             online.getMaskRegion().end());
  rewriter.setInsertionPointToEnd(body);
  YieldOp::create(rewriter, loc, online.getResults());
  rewriter.setInsertionPointAfter(loop);
  return SmallVector<Value>(loop.getResults());
}

// The longest sequence of queries, or class of one, or a bound of it: the grid
// must reach it.
Value AttentionTiler::countQueries() {
  if (op.getLayout() != Layout::THD || !readsLengths) {
    Value queries = index.value(
        tensor::getMixedSize(rewriter, loc, op.getQ(), op.getSeqDim()));
    return index.ceilDiv(queries, classes.step);
  }
  Value zero = index.constant(0);
  auto loop = scf::ForOp::create(
      rewriter, loc, zero, batches, index.constant(1), ValueRange{zero},
      [&](OpBuilder &, Location, Value batch, ValueRange longest) {
        OpBuilder::InsertionGuard guard(rewriter);
        Value queries = sequence(batch).queries;
        scf::YieldOp::create(rewriter, loc,
                             index.max(longest.front(), queries));
      });
  return index.ceilDiv(loop.getResult(0), classes.step);
}

void AttentionTiler::noteForm(StringRef name, const TileChoice &tiles) {
  forms += (forms.empty() ? "" : "; ") + name.str() + ": " + tiles.reason;
}

// Row tile `number` of a head. The keys of `seq` become none where it is empty.
RowTile AttentionTiler::rowTile(Value batch, Value head, Value number,
                                int64_t rows, Sequence &seq) {
  RowTile tile;
  tile.batch = batch;
  tile.head = head;
  tile.keyHead = index.div(head, group);
  tile.heads = rewriter.getIndexAttr(1);
  tile.query = index.mul(number, rows);
  tile.queries =
      index.min(index.sub(seq.queries, tile.query), index.constant(rows));
  if (op.getLayout() == Layout::THD || classes.step > 1) {
    // A sequence or class shorter than the longest has no row in its last
    // tiles, which walk no keys then.
    Value zero = index.constant(0);
    tile.queries = index.max(tile.queries, zero);
    tile.query = index.min(tile.query, seq.queries);
    Value empty = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        tile.queries, zero);
    seq.keys = arith::SelectOp::create(rewriter, loc, empty, zero, seq.keys);
  }
  return tile;
}

// `then` where `condition` holds, else `otherwise`.
SmallVector<Value>
AttentionTiler::guard(Value condition, function_ref<SmallVector<Value>()> then,
                      function_ref<SmallVector<Value>()> otherwise) {
  auto choice = scf::IfOp::create(rewriter, loc, op.getResultTypes(), condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard insertion(rewriter);
  rewriter.setInsertionPointToStart(&choice.getThenRegion().front());
  scf::YieldOp::create(rewriter, loc, then());
  rewriter.setInsertionPointToStart(&choice.getElseRegion().front());
  scf::YieldOp::create(rewriter, loc, otherwise());
  return SmallVector<Value>(choice.getResults());
}

SmallVector<Value> AttentionTiler::run(const AttentionTiles &tiles,
                                       int64_t rowLimit) {
  readSizes();
  plan = MaskPlan::of(op);
  auto prefill = [&] { return prefillForm(tiles.prefill); };
  std::optional<int64_t> heads = getConstantIntValue(group);
  // Ragged rows do not make a rectangle of (head, query), and a group must be
  // known to become lanes.
  // A larger group, a part of it a tile, on GPUs alone: a CPU reads K and V
  // from its caches.
  if (op.getLayout() == Layout::THD || !heads || rowLimit == 0 ||
      (*heads > rowLimit && readsLengths)) {
    return prefill();
  }
  int64_t part = gpuDecodeHeads(*heads, rowLimit);
  auto decode = [&]() -> SmallVector<Value> {
    const TileChoice &choice = tiles.decode;
    auto split = [&] { return decodeForm(choice, part); };
    if (choice.blocks == 0 || shape.queries != 1 || classes.step > 1 ||
        classes.endHead >= 0) {
      return split();
    }
    Value sequences = index.mul(batches, index.mul(keyHeads, *heads / part));
    Value chunks = index.min(chunksThatFill(sequences, choice.blocks),
                             index.ceilDiv(countKeys(), chunkUnit(choice)));
    Value isWhole = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::sle, chunks, index.constant(1));
    return guard(isWhole, [&] { return wholeForm(choice, part); }, split);
  };
  if (shape.queries >= 0) {
    return shape.queries * part <= rowLimit &&
                   (part == *heads || shape.queries == 1)
               ? decode()
               : prefill();
  }
  // The number of queries is not known: one, a few, or many of them.
  auto atMost = [&](int64_t count) -> Value {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::sle,
                                 countQueries(), index.constant(count));
  };
  return guard(
      atMost(1), [&] { return decodeForm(tiles.decode, part); },
      [&] {
        if (rowLimit / *heads <= 1) {
          return prefill();
        }
        return guard(
            atMost(rowLimit / *heads),
            [&] { return decodeForm(tiles.fewRows, part); }, prefill);
      });
}

} // namespace attn

using namespace attn;

namespace {

struct TileAttentionPass
    : public attn::impl::TileAttentionPassBase<TileAttentionPass> {
  using TileAttentionPassBase::TileAttentionPassBase;

  // Proofs are looked for where somebody reads them.
  void noteFindings(AttentionOp op) {
    if (!op.getContext()->getRemarkEngine() || !op.getMaskAttr()) {
      return;
    }
    for (const std::string &finding : findInMask(op, MaskProblem::of(op))) {
      remark::analysis(op.getLoc(), remark::RemarkOpts::name("proof").category(
                                        "attn-tile-attention"))
          << finding;
    }
  }

  void remarkOnClasses(AttentionOp op, const AttentionClasses &classes) {
    auto opts =
        remark::RemarkOpts::name("classes").category("attn-tile-attention");
    if (classes.step > 1) {
      remark::passed(op.getLoc(), opts)
          << std::to_string(classes.step) +
                 " residue classes: what the dilation hides is not read" +
                 (classes.endHead < 0
                      ? ""
                      : "; heads " + std::to_string(classes.firstHead) +
                            " to " + std::to_string(classes.endHead - 1));
    } else if (!classes.refused.empty()) {
      remark::missed(op.getLoc(), opts)
          << "no residue classes, each pair is tested: " + classes.refused;
    }
  }

  // Tiles read what `attn.rope` reads, and turn it themselves, where they can.
  TurnedRows takeRope(RewriterBase &rewriter, AttentionOp op,
                      OpOperand &operand, bool onGPU) {
    auto rope = operand.get().getDefiningOp<RopeOp>();
    if (!rope) {
      return {};
    }
    StringRef why = whyRopeStays(op, rope, onGPU);
    auto opts = remark::RemarkOpts::name("rope").category(getArgument());
    if (!why.empty()) {
      remark::missed(op.getLoc(), opts)
          << "rotary positions: " + ropeInFront(op, operand, why);
      return {};
    }
    remark::passed(op.getLoc(), opts)
        << "rotary positions: " + ropeInTiles(op, operand);
    TurnedRows turned = emitRopeTables(rewriter, rope, turnedRows);
    turnedRows.push_back(turned);
    operand.set(rope.getX());
    return turned;
  }

  SmallVector<Value> tilePiece(RewriterBase &rewriter, AttentionOp op,
                               const AttentionShape &shape,
                               const AttentionClasses &piece,
                               const TurnedRows &turnedQ,
                               const TurnedRows &turnedK, ValueRange outs,
                               const TargetDescription &description) {
    const std::optional<GPUDescription> &gpu = description.gpu;
    AttentionTiles tiles =
        gpu ? chooseGPUTiles(shape, *gpu) : chooseTiles(shape, description);
    tiles.useMask(op);
    tiles.useOptions(rows, keys, split);

    AttentionTiler tiler(rewriter, op, shape, piece, turnedQ, turnedK, outs,
                         /*readsLengths=*/!gpu);
    SmallVector<Value> results =
        tiler.run(tiles, gpu ? gpuDecodeRowLimit(shape, *gpu)
                             : decodeRowLimit(shape, description));
    remark::passed(op.getLoc(), remark::RemarkOpts::name("tiles").category(
                                    "attn-tile-attention"))
        << tiler.getForms();
    remarkOnClasses(op, piece);
    if (!tiler.getMaskText().empty()) {
      remark::passed(op.getLoc(), remark::RemarkOpts::name("mask").category(
                                      "attn-tile-attention"))
          << tiler.getMaskText();
    }
    return results;
  }

  LogicalResult tile(AttentionOp op, const TargetDescription &description) {
    if (!op.hasTensorSemantics()) {
      return op.emitOpError("expected tensors: wrap memrefs first "
                            "(attn-wrap-memrefs)");
    }
    // No row, nothing to do; and slices of an empty dimension do not verify.
    auto q = cast<ShapedType>(op.getQ().getType());
    for (int64_t d = 0; d < q.getRank(); ++d) {
      if (d != op.getSizeDim() && q.getDimSize(d) == 0) {
        IRRewriter rewriter(op);
        rewriter.replaceOp(op, op.getOuts());
        return success();
      }
    }
    int64_t slots =
        cast<ShapedType>(op.getK().getType()).getDimSize(op.getKeySeqDim());
    if (op.isPaged() && slots < 1) {
      return op.emitOpError("expected a static number of slots of a page for "
                            "tiling");
    }
    noteFindings(op);
    SmallVector<Value> results = llvm::to_vector(op.getOuts());
    IRRewriter rewriter(op);
    bool onGPU = description.gpu.has_value();
    TurnedRows turnedQ = takeRope(rewriter, op, op.getQMutable(), onGPU);
    TurnedRows turnedK = takeRope(rewriter, op, op.getKMutable(), onGPU);
    for (const AttentionClasses &piece : AttentionClasses::of(op)) {
      AttentionShape shape = AttentionShape::of(op, piece);
      if (shape.headSize < 0 || shape.valueSize < 0) {
        return op.emitOpError(
            "expected static head sizes of 'q' and 'v' for tiling");
      }
      results = tilePiece(rewriter, op, shape, piece, turnedQ, turnedK, results,
                          description);
    }
    rewriter.replaceOp(op, results);
    ++numTiled;
    return success();
  }

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target, PassTargets::kAll);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<AttentionOp> ops;
    SmallVector<BlockSummaryOp> summaries;
    getOperation()->walk([&](Operation *op) {
      if (auto attention = dyn_cast<AttentionOp>(op)) {
        ops.push_back(attention);
      } else if (auto summary = dyn_cast<BlockSummaryOp>(op)) {
        summaries.push_back(summary);
      }
    });
    for (BlockSummaryOp op : summaries) {
      IRRewriter rewriter(op);
      Value table = BoxEvaluator(rewriter, op.getLoc())
                        .summarize(op.getX(), op.getDim(), op.getBlock());
      if (table.getType() != op.getType()) {
        table =
            tensor::CastOp::create(rewriter, op.getLoc(), op.getType(), table);
      }
      rewriter.replaceOp(op, table);
    }
    for (AttentionOp op : ops) {
      if (failed(tile(op, *description))) {
        return signalPassFailure();
      }
    }
    for (TurnedRows &turned : turnedRows) {
      turned.rope.erase();
    }
    turnedRows.clear();
  }

  SmallVector<TurnedRows> turnedRows;
};

} // namespace
