//===- KeyTiles.cpp - tiles of keys and values ----------------------------===//
// Slices of k and v, dense or of a page, and codes that are decoded, or keys
// and queries that are turned, into a tile of memory in front of the key loop.
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

Value AttentionTiler::keyTile(Value tensor, const Sequence &seq,
                              const RowTile &tile, Value key, Value count,
                              Value page, OpFoldResult size,
                              const TurnedRows &turned) {
  if (auto codes = tensor.getDefiningOp<KVDequantizeOp>()) {
    return decodedTile(codes, seq, tile, key, count, page, size);
  }
  SmallVector<OpFoldResult> offsets, sizes;
  int64_t seqDim =
      keySlice(tensor, seq, tile, key, count, page, size, offsets, sizes);
  auto type = tileType({getAsOpFoldResult(count), size}, op.getElementType());
  if (turned) {
    return turnedTile(turned, tensor, tile, offsets, sizes, tileKeys, type,
                      /*ofKeys=*/true);
  }
  return slice(tensor, offsets, sizes, type, seqDim, /*ofKeys=*/true);
}

// Rows of q or k, at most `most` of each head, turned into a tile of memory.
// The rows of the tables lie as those of the sequence do.
Value AttentionTiler::turnedTile(const TurnedRows &turned, Value tensor,
                                 const RowTile &tile,
                                 ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes, int64_t most,
                                 RankedTensorType type, bool ofKeys) {
  RopeOp rope = turned.rope;
  int64_t seqDim = op.getSeqDim();
  Type element = op.getElementType();
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  Value x =
      slice(tensor, offsets, sizes, tileType(sizes, element), seqDim, ofKeys);
  SmallVector<int64_t> shape;
  for (auto [d, size] : llvm::enumerate(sizes)) {
    shape.push_back(int64_t(d) == seqDim ? most : *getConstantIntValue(size));
  }
  Value scratch;
  {
    // In front of the key loop. Not tensor.empty, since equal ones are merged.
    OpBuilder::InsertionGuard guard(rewriter);
    if (ofKeys) {
      rewriter.setInsertionPoint(rewriter.getInsertionBlock()->getParentOp());
    }
    scratch = bufferization::AllocTensorOp::create(
        rewriter, loc, RankedTensorType::get(shape, element), ValueRange());
  }
  SmallVector<OpFoldResult> zeros(sizes.size(), zero), ones(sizes.size(), one);
  Value into = tensor::ExtractSliceOp::create(
      rewriter, loc, tileType(sizes, element), scratch, zeros, sizes, ones);
  Value first = index.value(offsets[seqDim]);
  if (rope.getPositions() && op.getLayout() != Layout::THD) {
    Value tokens =
        index.value(tensor::getMixedSize(rewriter, loc, tensor, seqDim));
    first = index.add(index.mul(tile.batch, tokens), first);
  }
  OpFoldResult half = rewriter.getIndexAttr(rope.getRotarySize() / 2);
  auto rows = [&](Value table) -> Value {
    return tensor::ExtractSliceOp::create(
        rewriter, loc, table, ArrayRef<OpFoldResult>{first, zero},
        ArrayRef<OpFoldResult>{sizes[seqDim], half}, strides(2, 0, ofKeys));
  };
  auto made = RopeOp::create(
      rewriter, loc, TypeRange{into.getType()}, x, /*positions=*/Value(),
      /*offset=*/Value(), /*length=*/Value(), rows(turned.cos),
      rows(turned.sin), /*frequencies=*/Value(), into, rope.getLayoutAttr(),
      rope.getPairsAttr(), rewriter.getI64IntegerAttr(rope.getRotarySize()),
      rope.getBaseAttr(), RopeScalingInterface(), rewriter.getF64FloatAttr(1),
      /*kept=*/IntegerAttr());
  return tensor::ExtractSliceOp::create(rewriter, loc, type, made.getResult(0),
                                        zeros, sizes, ones);
}

// The codes of a tile and the points of its scales: nothing else is decoded.
Value AttentionTiler::decodedTile(KVDequantizeOp codes, const Sequence &seq,
                                  const RowTile &tile, Value key, Value count,
                                  Value page, OpFoldResult size) {
  Value packed = codes.getCodes();
  auto type = cast<RankedTensorType>(packed.getType());
  SmallVector<OpFoldResult> offsets, sizes;
  OpFoldResult width = rewriter.getIndexAttr(
      getPackedSize(codes.getPacking(), *getConstantIntValue(size)));
  int64_t seqDim =
      keySlice(packed, seq, tile, key, count, page, width, offsets, sizes);
  OpFoldResult keys = getAsOpFoldResult(count);
  Value tiles = slice(packed, offsets, sizes,
                      tileType({keys, width}, type.getElementType()), seqDim,
                      /*ofKeys=*/true);
  AffineMapAttr map;
  SmallVector<Value> symbols;
  if (codes.getMap()) {
    // A point is (key, element), behind the offsets as symbols.
    AffineMap whole = *codes.getMap();
    SmallVector<AffineExpr> dims, moved;
    symbols = llvm::to_vector(codes.getMapSymbols());
    for (unsigned s = 0; s < whole.getNumSymbols(); ++s) {
      moved.push_back(rewriter.getAffineSymbolExpr(s));
    }
    int64_t last = static_cast<int64_t>(offsets.size()) - 1;
    for (int64_t d = 0; d < last; ++d) {
      AffineExpr at = rewriter.getAffineSymbolExpr(symbols.size());
      symbols.push_back(index.value(offsets[d]));
      bool along = page ? d == op.getKeySeqDim() : d == op.getSeqDim();
      if (along) {
        int64_t step = classes.step;
        at = rewriter.getAffineDimExpr(0) * step + at;
      }
      dims.push_back(at);
    }
    dims.push_back(rewriter.getAffineDimExpr(1));
    map = AffineMapAttr::get(whole.replaceDimsAndSymbols(
        dims, moved, 2, static_cast<unsigned>(symbols.size())));
  }
  Value into = tensor::ExtractSliceOp::create(
      rewriter, loc, tileType({keys, size}, op.getElementType()),
      scratchTile(size),
      ArrayRef<OpFoldResult>{rewriter.getIndexAttr(0),
                             rewriter.getIndexAttr(0)},
      ArrayRef<OpFoldResult>{keys, size},
      ArrayRef<OpFoldResult>{rewriter.getIndexAttr(1),
                             rewriter.getIndexAttr(1)});
  return KVDequantizeOp::create(rewriter, loc, TypeRange{into.getType()}, tiles,
                                codes.getScale(), codes.getZero(), symbols,
                                into, map, codes.getPackingAttr())
      .getResult(0);
}

// Where v is a part of each key (a latent cache) and keys are codes, they are
// decoded once; null where that is not so.
Value AttentionTiler::valuesInKeys(Value k, Value count) {
  if (!shape.valuesInKeys || !k.getDefiningOp<KVDequantizeOp>()) {
    return Value();
  }
  OpFoldResult keys = getAsOpFoldResult(count);
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      rewriter, loc, tileType({keys, valueSize}, op.getElementType()), k,
      ArrayRef<OpFoldResult>{zero, zero},
      ArrayRef<OpFoldResult>{keys, valueSize},
      ArrayRef<OpFoldResult>{one, one});
}

// A tile of elements outside of the key loop, into which codes are read.
Value AttentionTiler::scratchTile(OpFoldResult size) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(rewriter.getInsertionBlock()->getParentOp());
  // Not tensor.empty, since equal ones are merged: k and v need one each.
  auto type = RankedTensorType::get({tileKeys, *getConstantIntValue(size)},
                                    op.getElementType());
  return bufferization::AllocTensorOp::create(rewriter, loc, type,
                                              ValueRange());
}

// The offsets and sizes of the keys of a tile in k or v, whose sequence is the
// dimension that is returned.
int64_t AttentionTiler::keySlice(Value tensor, const Sequence &seq,
                                 const RowTile &tile, Value key, Value count,
                                 Value page, OpFoldResult size,
                                 SmallVector<OpFoldResult> &offsets,
                                 SmallVector<OpFoldResult> &sizes) {
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  OpFoldResult keys = getAsOpFoldResult(count);
  Value first = index.add(seq.keyStart, index.mul(key, classes.step));
  if (page) {
    int64_t head = op.getKeyHeadDim(), slot = op.getKeySeqDim();
    Value slots =
        index.value(tensor::getMixedSize(rewriter, loc, tensor, slot));
    Value number = arith::DivUIOp::create(rewriter, loc, key, slots);
    offsets.assign(4, zero);
    sizes.assign(4, one);
    offsets[0] = page;
    offsets[head] = tile.keyHead;
    offsets[slot] = index.sub(key, index.mul(number, slots));
    sizes[slot] = keys;
    sizes[3] = size;
    return -1;
  }
  switch (op.getLayout()) {
  case Layout::BHSD:
    offsets = {tile.batch, tile.keyHead, first, zero};
    sizes = {one, one, keys, size};
    break;
  case Layout::BSHD:
    offsets = {tile.batch, first, tile.keyHead, zero};
    sizes = {one, keys, one, size};
    break;
  case Layout::THD:
    offsets = {first, tile.keyHead, zero};
    sizes = {keys, one, size};
    break;
  }
  return op.getSeqDim();
}

} // namespace attn
