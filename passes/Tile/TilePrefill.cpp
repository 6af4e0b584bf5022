//===- TilePrefill.cpp - the prefill form of tiled attention --------------===//
// Tiles of `rows` queries of one head; those that see the most keys go first.
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "attn/Mask/TileAnalysis.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

// Of the tiles of one head, which see more keys: those at the end, or those at
// the start? Counted at a number of tiles and values of symbols that stand for
// all.
static bool laterTilesAreLonger(MaskAttrInterface mask, int64_t rows) {
  constexpr int64_t kTiles = 16;
  if (!mask) {
    return false; // a region: rows that see all keys mostly are in front
  }
  MaskSet set = mask.getMaskSet();
  TileSegments analysis = analyzeTile(set, TileWalk::Keys, /*oneHead=*/true);
  SmallVector<int64_t> symbols(set.numSymbols, 4 * rows);
  int64_t order = 0, before = 0;
  for (int64_t n = 0; n < kTiles; ++n) {
    TileAt tile;
    tile.from = n * rows;
    tile.to = tile.from + rows - 1;
    tile.upper = kTiles * rows;
    tile.symbols = symbols;
    int64_t keys = 0;
    for (const TileRange &range : evaluate(analysis, tile)) {
      keys += range.upper - range.lower;
    }
    order += n == 0 ? 0 : keys - before;
    before = keys;
  }
  return order >= 0;
}

SmallVector<Value> AttentionTiler::prefillForm(const TileChoice &tiles) {
  noteForm("prefill", tiles);
  bool isList = plan.rung == MaskPlan::Rung::Lists;
  bool inPlaces = op.getLayout() == Layout::THD && !readsLengths && !isList;
  int64_t unit = tiles.rows * classes.step; // what a tile covers of a sequence
  Value count =
      inPlaces ? countPlaces(unit) : index.ceilDiv(countQueries(), tiles.rows);
  Value ofAll = index.mul(countClasses(), count);
  if (isList) {
    inspect(tiles, count);
  }
  SmallVector<OpFoldResult> bounds = {getAsOpFoldResult(countHeads()),
                                      getAsOpFoldResult(ofAll)};
  if (!inPlaces) {
    bounds.insert(bounds.begin(), getAsOpFoldResult(batches));
  }
  // Tiles by their rank are taken of all heads at a time.
  if (plan.order) {
    std::rotate(bounds.begin(), bounds.begin() + 2, bounds.end());
  }
  auto forall =
      scf::ForallOp::create(rewriter, loc, bounds, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(forall.getBody());
  SmallVector<Value> point(forall.getInductionVars());
  if (plan.order) {
    std::rotate(point.begin(), point.begin() + 1, point.end());
  }
  Value batch = inPlaces ? Value() : point[0], number = point.back();
  Value head = index.add(*(point.end() - 2), classes.firstHead), ofClass;
  if (classes.step > 1) { // the tiles of a class follow each other
    Value one = index.constant(1);
    ofClass = index.div(number, index.max(count, one));
    number = index.sub(number, index.mul(ofClass, count));
  }
  // The longest tiles go first.
  bool masked = classes.mask || !op.getMaskRegion().empty();
  if (plan.order) {
    number = tileOfRank(batch, head, number);
  } else if (masked && laterTilesAreLonger(classes.mask, tiles.rows)) {
    number = index.sub(index.add(count, -1), number);
  }
  if (inPlaces) {
    std::tie(batch, number) = tileAtPlace(number, unit);
  }
  Sequence seq = sequence(batch);
  if (ofClass) {
    seq = inClass(seq, ofClass);
  }
  RowTile tile = rowTile(batch, head, number, tiles.rows, seq);
  SmallVector<Value> state =
      keyLoop(seq, tile, index.constant(0), seq.keys, tiles, number);
  plan.list = plan.order = Value();
  finishTile(forall, seq, tile, state);
  return SmallVector<Value>(forall.getResults());
}

// Puts the results of a tile where they belong.
void AttentionTiler::finishTile(scf::ForallOp forall, const Sequence &seq,
                                const RowTile &tile, ValueRange state) {
  SmallVector<OpFoldResult> offsets, sizes, lseOffsets, lseSizes;
  sliceRows(seq, tile, valueSize, offsets, sizes);
  sliceLse(seq, tile, lseOffsets, lseSizes);
  OpFoldResult queries = getAsOpFoldResult(tile.queries);
  SmallVector<OpFoldResult> rows =
      rowsHeadFirst()
          ? SmallVector<OpFoldResult>{tile.heads, queries, valueSize}
          : SmallVector<OpFoldResult>{queries, tile.heads, valueSize};
  auto args = forall.getRegionOutArgs();
  SmallVector<Value> tileOuts = {slice(
      args[0], offsets, sizes,
      tileType(rows, cast<ShapedType>(args[0].getType()).getElementType()),
      op.getSeqDim())};
  int64_t lseSeqDim = static_cast<int64_t>(lseOffsets.size()) - 1;
  if (op.getLse()) {
    tileOuts.push_back(slice(
        args[1], lseOffsets, lseSizes,
        tileType({tile.heads, queries}, op.getAccumulatorType()), lseSeqDim));
  }
  SmallVector<Type> types = llvm::map_to_vector(
      tileOuts, [](Value value) { return value.getType(); });
  auto final = FinalizeStateOp::create(
      rewriter, loc, types, state[0], state[1], state[2], op.getSink(),
      op.getSink() ? tile.head : Value(), scaleOf(2, tile), tileOuts,
      AffineMapAttr::get(AffineMap::getMultiDimIdentityMap(3, op.getContext())),
      AffineMapAttr::get(AffineMap::getMultiDimIdentityMap(2, op.getContext())),
      AffineMapAttr::get(rowsMap()));
  rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
  auto insert = [&](Value source, Value dest, ArrayRef<OpFoldResult> at,
                    ArrayRef<OpFoldResult> size, int64_t seqDim) {
    tensor::ParallelInsertSliceOp::create(
        rewriter, loc, source, dest, at, size,
        strides(static_cast<int64_t>(at.size()), seqDim));
  };
  insert(final.getResult(0), args[0], offsets, sizes, op.getSeqDim());
  if (op.getLse()) {
    insert(final.getResult(1), args[1], lseOffsets, lseSizes, lseSeqDim);
  }
}

} // namespace attn
