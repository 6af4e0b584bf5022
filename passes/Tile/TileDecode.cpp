//===- TileDecode.cpp - the decode form of tiled attention ----------------===//
// The heads of a group and all queries in one tile, the keys cut in chunks; a
// second scf.forall joins the (o, lse) of the chunks in the order of the keys.
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

// How many chunks each of `sequences` may have at most, so that all of them
// take `blocks` blocks in few rounds with few idle ones.
Value AttentionTiler::chunksThatFill(Value sequences, int64_t blocks) {
  // In thousandths of the time; a round starts tiles, and has parts to merge.
  constexpr int64_t kRounds = 4, kRoundCost = 30, kCounts = 4096;
  Value one = index.constant(1), best = one;
  sequences = index.max(sequences, one);
  for (int64_t rounds = 1; rounds <= kRounds; ++rounds) {
    int64_t slots = rounds * blocks;
    Value count = index.div(index.constant(slots), sequences);
    Value used = index.div(index.mul(index.mul(count, sequences), 1000), slots);
    Value score =
        index.max(index.add(used, -rounds * kRoundCost), index.constant(0));
    // The best score, and its count.
    best = index.max(best, index.add(index.mul(score, kCounts), count));
  }
  Value whole = index.mul(index.div(best, kCounts), kCounts);
  return index.max(index.sub(best, whole), one);
}

// All queries of piece `number` of the groups of heads.
RowTile AttentionTiler::decodeTile(Value batch, Value number, int64_t part,
                                   const Sequence &seq) {
  RowTile tile;
  tile.batch = batch;
  tile.keyHead = index.div(number, *getConstantIntValue(group) / part);
  tile.heads = rewriter.getIndexAttr(part);
  tile.head = index.mul(number, part);
  tile.query = index.constant(0);
  tile.queries = seq.queries;
  return tile;
}

// Whole sequences, where there are enough of them: nothing to merge.
SmallVector<Value> AttentionTiler::wholeForm(const TileChoice &tiles,
                                             int64_t part) {
  int64_t pieces = *getConstantIntValue(group) / part;
  SmallVector<OpFoldResult> bounds = {
      getAsOpFoldResult(batches),
      getAsOpFoldResult(index.mul(keyHeads, pieces))};
  auto forall =
      scf::ForallOp::create(rewriter, loc, bounds, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(forall.getBody());
  Value batch = forall.getInductionVar(0);
  Sequence seq = sequence(batch);
  RowTile tile = decodeTile(batch, forall.getInductionVar(1), part, seq);
  SmallVector<Value> state =
      keyLoop(seq, tile, index.constant(0), seq.keys, tiles, Value());
  finishTile(forall, seq, tile, state);
  return SmallVector<Value>(forall.getResults());
}

Value AttentionTiler::ceilDiv(Value a, Value b) {
  return index.div(index.add(a, index.add(b, -1)), b);
}

// Keys of a chunk, which follow from the sizes alone: shorter where the grid
// would have few blocks.
Value AttentionTiler::chunkSize(const TileChoice &tiles, Value keys,
                                Value keyHeadParts) {
  if (tiles.finest == 0) {
    return index.constant(tiles.split);
  }
  Value blocks =
      index.mul(index.mul(batches, keyHeadParts),
                index.mul(countClasses(), index.ceilDiv(keys, tiles.finest)));
  Value times = index.clamp(
      index.div(index.add(blocks, tiles.leastBlocks / 2), tiles.leastBlocks),
      index.constant(1), index.constant(tiles.split / tiles.finest));
  return index.mul(times, tiles.finest);
}

SmallVector<Value> AttentionTiler::decodeForm(const TileChoice &tiles,
                                              int64_t part) {
  noteForm("decode", tiles);
  // Parts always are S x B x Hq x Sq x E; the merge puts them in the layout.
  OpFoldResult count =
      tensor::getMixedSize(rewriter, loc, op.getQ(), op.getSeqDim());
  Value keys = index.ceilDiv(countKeys(), classes.step);
  // Pieces of the heads keep groups together, and a group is known here.
  int64_t pieces = *getConstantIntValue(group) / part;
  int64_t firstPart = classes.firstHead / part;
  Value ofPiece = classes.endHead < 0 ? index.mul(keyHeads, pieces)
                                      : index.div(countHeads(), part);
  Value ofChunk = chunkSize(tiles, keys, ofPiece);
  // Without keys there is one part, with nothing in it. A sequence that would
  // have more than `most` chunks has longer ones, so that fewer parts are
  // merged.
  Value splits = index.max(ceilDiv(keys, ofChunk), index.constant(1));
  Value most;
  if (tiles.blocks > 0) {
    most = chunksThatFill(index.mul(batches, ofPiece), tiles.blocks);
    splits = index.min(splits, most);
  } else if (tiles.chunks > 0) {
    Value divisor = index.max(keyHeads, index.constant(1));
    most = index.div(index.add(divisor, tiles.chunks - 1), divisor);
    splits = index.min(splits, most);
  }
  SmallVector<OpFoldResult> shapeOf = {
      getAsOpFoldResult(splits), getAsOpFoldResult(batches),
      getAsOpFoldResult(heads), count, valueSize};
  FloatType accumulator = op.getAccumulatorType();
  Value parts = tensor::EmptyOp::create(rewriter, loc, shapeOf, accumulator);
  Value partLse = tensor::EmptyOp::create(
      rewriter, loc, ArrayRef(shapeOf).drop_back(), accumulator);
  SmallVector<OpFoldResult> bounds = {
      getAsOpFoldResult(batches), getAsOpFoldResult(ofPiece),
      getAsOpFoldResult(index.mul(countClasses(), splits))};
  auto forall = scf::ForallOp::create(rewriter, loc, bounds,
                                      ValueRange{parts, partLse}, std::nullopt);
  {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(forall.getBody());
    Value batch = forall.getInductionVar(0), split = forall.getInductionVar(2);
    Sequence seq = sequence(batch);
    OpFoldResult zero = rewriter.getIndexAttr(0);
    OpFoldResult one = rewriter.getIndexAttr(1);
    OpFoldResult firstRow = zero, rows = count;
    if (classes.step > 1) {
      Value ofClass = index.div(split, splits);
      split = index.sub(split, index.mul(ofClass, splits));
      seq = inClass(seq, ofClass);
      firstRow = ofClass;
      rows = getAsOpFoldResult(seq.queries);
    }
    Value number = index.add(forall.getInductionVar(1), firstPart);
    RowTile tile = decodeTile(batch, number, part, seq);
    Value chunk = ofChunk;
    if (most) {
      int64_t unit = chunkUnit(tiles);
      Value times = ceilDiv(index.ceilDiv(seq.keys, unit), most);
      chunk = index.max(index.mul(times, unit), ofChunk);
    }
    Value lo = index.min(index.mul(split, chunk), seq.keys);
    Value hi = index.min(index.add(lo, chunk), seq.keys);
    SmallVector<Value> state = keyLoop(seq, tile, lo, hi, tiles, Value());

    constexpr int64_t kRowDim = 3;
    SmallVector<OpFoldResult> offsets = {split, batch, tile.head, firstRow,
                                         zero};
    SmallVector<OpFoldResult> sizes = {one, one, tile.heads, rows, valueSize};
    auto args = forall.getRegionOutArgs();
    Value out =
        slice(args[0], offsets, sizes,
              tileType({tile.heads, rows, valueSize}, accumulator), kRowDim);
    Value lse = slice(args[1], ArrayRef(offsets).drop_back(),
                      ArrayRef(sizes).drop_back(),
                      tileType({tile.heads, rows}, accumulator), kRowDim);
    AffineMap identity3 = AffineMap::getMultiDimIdentityMap(3, op.getContext());
    auto final = FinalizeStateOp::create(
        rewriter, loc, TypeRange{out.getType(), lse.getType()}, state[0],
        state[1], state[2], /*sink=*/Value(), /*head=*/Value(),
        scaleOf(2, tile), ValueRange{out, lse}, AffineMapAttr::get(identity3),
        AffineMapAttr::get(
            AffineMap::getMultiDimIdentityMap(2, op.getContext())),
        AffineMapAttr::get(identity3));
    rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
    SmallVector<OpFoldResult> apart = strides(5, kRowDim);
    tensor::ParallelInsertSliceOp::create(rewriter, loc, final.getResult(0),
                                          args[0], offsets, sizes, apart);
    tensor::ParallelInsertSliceOp::create(
        rewriter, loc, final.getResult(1), args[1],
        ArrayRef(offsets).drop_back(), ArrayRef(sizes).drop_back(),
        ArrayRef(apart).drop_back());
  }
  return mergeForm(forall.getResult(0), forall.getResult(1));
}

// Joins the parts of each (batch, head), in the order of the keys.
SmallVector<Value> AttentionTiler::mergeForm(Value parts, Value partLse) {
  SmallVector<OpFoldResult> bounds = {getAsOpFoldResult(batches),
                                      getAsOpFoldResult(countHeads())};
  auto forall =
      scf::ForallOp::create(rewriter, loc, bounds, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(forall.getBody());
  Value batch = forall.getInductionVar(0);
  Value head = index.add(forall.getInductionVar(1), classes.firstHead);
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  OpFoldResult splits = tensor::getMixedSize(rewriter, loc, parts, 0);
  OpFoldResult count = tensor::getMixedSize(rewriter, loc, parts, 3);
  FloatType accumulator = op.getAccumulatorType();
  SmallVector<OpFoldResult> offsets = {zero, batch, head, zero, zero};
  SmallVector<OpFoldResult> sizes = {splits, one, one, count, valueSize};
  Value part = slice(parts, offsets, sizes,
                     tileType({splits, count, valueSize}, accumulator));
  Value lses =
      slice(partLse, ArrayRef(offsets).drop_back(), ArrayRef(sizes).drop_back(),
            tileType({splits, count}, accumulator));
  auto args = forall.getRegionOutArgs();
  SmallVector<OpFoldResult> outOffsets = {batch, head, zero, zero};
  SmallVector<OpFoldResult> outSizes = {one, one, count, valueSize};
  if (!rowsHeadFirst()) {
    std::swap(outOffsets[1], outOffsets[2]);
    std::swap(outSizes[1], outSizes[2]);
  }
  SmallVector<OpFoldResult> lseOffsets = {batch, head, zero};
  SmallVector<OpFoldResult> lseSizes = {one, one, count};
  SmallVector<Value> tileOuts = {
      slice(args[0], outOffsets, outSizes,
            tileType({count, valueSize},
                     cast<ShapedType>(args[0].getType()).getElementType()))};
  if (op.getLse()) {
    tileOuts.push_back(
        slice(args[1], lseOffsets, lseSizes, tileType({count}, accumulator)));
  }
  SmallVector<Type> types = llvm::map_to_vector(
      tileOuts, [](Value value) { return value.getType(); });
  auto merge =
      MergeStatesOp::create(rewriter, loc, types, part, lses, op.getSink(),
                            op.getSink() ? head : Value(), tileOuts);
  rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
  SmallVector<OpFoldResult> strides(4, one);
  tensor::ParallelInsertSliceOp::create(rewriter, loc, merge.getResult(0),
                                        args[0], outOffsets, outSizes, strides);
  if (op.getLse()) {
    tensor::ParallelInsertSliceOp::create(rewriter, loc, merge.getResult(1),
                                          args[1], lseOffsets, lseSizes,
                                          ArrayRef(strides).drop_back());
  }
  return SmallVector<Value>(forall.getResults());
}

} // namespace attn
