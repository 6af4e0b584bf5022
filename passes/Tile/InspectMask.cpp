//===- InspectMask.cpp - which keys a mask region shows to a row tile -----===//
// The rungs: bounds of the segments of a row tile, lists of tiles of keys that
// a loop in front of the tiles writes, or nothing (each pair is tested).
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "attn/Passes/EmitMask.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace attn {

using Read = MaskPlan::Read;

PairBox AttentionTiler::boxOf(const Sequence &seq, const RowTile &tile) {
  BoxEvaluator make(rewriter, loc);
  Value first = index.add(seq.offset, tile.query);
  Value last = index.add(index.add(first, tile.queries), -1);
  Value heads = index.value(tile.heads);
  PairBox box;
  box.dims[0] = make.point(tile.batch);
  box.dims[1] =
      getConstantIntValue(tile.heads) == 1
          ? make.point(tile.head)
          : make.span(tile.head, index.add(index.add(tile.head, heads), -1));
  box.dims[2] = make.span(first, last);
  box.dims[3] = make.constant(0);
  return box;
}

Range AttentionTiler::readCaptured(BoxEvaluator &evaluator, unsigned n,
                                   const PairBox &box, int64_t step) {
  Value tensor = op.getMaskCaptured()[n];
  AffineMap map = maskMapOf(op, n);
  SmallVector<Range> indices = evaluator.indicesOf(tensor, map, box);
  switch (plan.reads[n]) {
  case Read::Ends:
    return evaluator.readEnds(tensor, indices);
  case Read::Row:
  case Read::All:
    return evaluator.readAll(tensor, indices);
  case Read::Blocks:
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      if (expr.isFunctionOfDim(3)) {
        return evaluator.readTable(plan.tables[n], indices, dim, step);
      }
    }
  }
  return Range();
}

// What is the same for all keys of a row tile; the others are unknown.
SmallVector<Range> AttentionTiler::readRows(BoxEvaluator &evaluator,
                                            const PairBox &box) {
  SmallVector<Range> ranges(op.getMaskCaptured().size());
  for (unsigned n = 0; n < ranges.size(); ++n) {
    if (!maskMapOf(op, n).isFunctionOfDim(3)) {
      ranges[n] = readCaptured(evaluator, n, box, 0);
    }
  }
  return ranges;
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

// Cuts the segments of the attribute to the keys that the region can show, and
// keeps full what it must show.
void AttentionTiler::refine(const Sequence &seq, const RowTile &tile,
                            SmallVector<Value> &lower,
                            SmallVector<Value> &upper,
                            SmallVector<int32_t> &kinds) {
  auto partial = static_cast<int32_t>(SegmentKind::Partial);
  auto full = static_cast<int32_t>(SegmentKind::Full);
  if (plan.rung != MaskPlan::Rung::Bounds) {
    llvm::fill(kinds, partial);
    return;
  }
  BoxEvaluator evaluator(rewriter, loc);
  PairBox box = boxOf(seq, tile);
  evaluator.evaluate(op.getMaskRegion(), readRows(evaluator, box), box);
  // Keys [lo, hi) can be visible; [fullLo, fullHi) are.
  Value lo = index.constant(0), hi = seq.keys, fullLo = lo, fullHi = hi;
  auto negated = [&](Value value) {
    return index.sub(index.constant(0), value);
  };
  std::optional<SmallVector<arith::CmpIOp>> leaves = solvableComparisons(op);
  for (arith::CmpIOp leaf : *leaves) {
    using P = arith::CmpIPredicate;
    KeyCoefficients keys(op);
    int64_t times = *keys.of(leaf.getLhs()) - *keys.of(leaf.getRhs());
    if (times == 0) {
      Range test = evaluator.rangeOf(leaf.getResult());
      auto cut = [&](Value condition, Value end, Value none) -> Value {
        return arith::SelectOp::create(rewriter, loc, condition, end, none);
      };
      hi = cut(test.can, hi, lo);
      fullHi = cut(test.cannot, fullLo, fullHi);
      continue;
    }
    // times * j + rest, compared with 0, is j compared with [least, largest].
    Range rest = evaluator.difference(evaluator.rangeOf(leaf.getLhs()),
                                      evaluator.rangeOf(leaf.getRhs()));
    P predicate = leaf.getPredicate();
    if (!rest.lo) {
      fullHi = fullLo;
      continue;
    }
    Value least = times == 1 ? negated(rest.hi) : rest.lo;
    Value largest = times == 1 ? negated(rest.lo) : rest.hi;
    if (times == -1) {
      predicate = predicate == P::slt   ? P::sgt
                  : predicate == P::sle ? P::sge
                  : predicate == P::sgt ? P::slt
                  : predicate == P::sge ? P::sle
                                        : P::eq;
    }
    if (predicate == P::sgt || predicate == P::sge || predicate == P::eq) {
      int64_t past = predicate == P::sgt;
      lo = index.max(lo, index.add(least, past));
      fullLo = index.max(fullLo, index.add(largest, past));
    }
    if (predicate == P::slt || predicate == P::sle || predicate == P::eq) {
      int64_t past = predicate != P::slt;
      hi = index.min(hi, index.add(largest, past));
      fullHi = index.min(fullHi, index.add(least, past));
    }
  }
  SmallVector<Value> oldLower = std::move(lower), oldUpper = std::move(upper);
  SmallVector<int32_t> oldKinds = std::move(kinds);
  lower.clear();
  upper.clear();
  kinds.clear();
  auto add = [&](int32_t kind, Value from, Value to) {
    kinds.push_back(kind);
    lower.push_back(from);
    upper.push_back(to);
  };
  for (auto [from, to, kind] : llvm::zip_equal(oldLower, oldUpper, oldKinds)) {
    from = index.max(from, lo);
    to = index.max(index.min(to, hi), from);
    if (kind == partial) {
      add(partial, from, to);
      continue;
    }
    Value start = index.clamp(fullLo, from, to);
    Value end = index.clamp(fullHi, start, to);
    add(partial, from, start);
    add(full, start, end);
    add(partial, end, to);
  }
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

// The mask as a whole as one region.
void AttentionTiler::wholeMask(Region &mask) {
  IRMapping mapping;
  op.getMaskRegion().cloneInto(&mask, mapping);
  MaskAttrInterface attribute = op.getMaskAttr();
  if (!attribute) {
    return;
  }
  OpBuilder::InsertionGuard guard(rewriter);
  Operation *yield = mask.front().getTerminator();
  rewriter.setInsertionPoint(yield);
  auto point = mask.front().getArguments().take_back(4);
  Value visible =
      emitMask(rewriter, loc, attribute.getMaskSet(),
               {point[0], point[1], point[2], point[3], op.getMaskSymbols()});
  yield->setOperand(
      0, arith::AndIOp::create(rewriter, loc, visible, yield->getOperand(0)));
}

// Keys that the attribute can show to a row tile: others need no look.
std::pair<Value, Value> AttentionTiler::reach(const Sequence &seq,
                                              const RowTile &tile) {
  SmallVector<Value> lower, upper;
  SmallVector<int32_t> kinds;
  Value zero = index.constant(0);
  segments(seq, tile, zero, seq.keys, lower, upper, kinds);
  Value lo = seq.keys, hi = zero;
  for (auto [from, to] : llvm::zip_equal(lower, upper)) {
    Value any = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::slt,
                                      from, to);
    lo = arith::SelectOp::create(rewriter, loc, any, index.min(lo, from), lo);
    hi = arith::SelectOp::create(rewriter, loc, any, index.max(hi, to), hi);
  }
  return {lo, hi};
}

// Of tile `number` of the keys, whether it is full and whether it is partial.
// `captured` has what is the same for all of them.
std::pair<Value, Value> AttentionTiler::kindOf(BoxEvaluator &evaluator,
                                               Region &mask, PairBox box,
                                               SmallVector<Range> captured,
                                               const Sequence &seq,
                                               Value number, int64_t step) {
  Value key = index.mul(number, step);
  box.dims[3] = evaluator.span(
      key, index.add(index.min(index.add(key, step), seq.keys), -1));
  for (unsigned n = 0; n < captured.size(); ++n) {
    if (maskMapOf(op, n).isFunctionOfDim(3)) {
      captured[n] = readCaptured(evaluator, n, box, step);
    }
  }
  Range visible = evaluator.evaluate(mask, captured, box);
  Value partial =
      arith::AndIOp::create(rewriter, loc, visible.can, visible.cannot);
  Value full = arith::SelectOp::create(
      rewriter, loc, visible.cannot,
      arith::ConstantOp::create(rewriter, loc, rewriter.getBoolAttr(false)),
      visible.can);
  return {full, partial};
}

// One value a point of `grid`: `body` makes it, and says where it goes.
Value AttentionTiler::tabulate(
    ArrayRef<OpFoldResult> grid, Type element,
    function_ref<Value(ValueRange, SmallVector<OpFoldResult> &)> body) {
  Value empty = tensor::EmptyOp::create(rewriter, loc, grid, element);
  auto forall = scf::ForallOp::create(rewriter, loc, grid, ValueRange{empty},
                                      std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(forall.getBody());
  SmallVector<OpFoldResult> at = getAsOpFoldResult(forall.getInductionVars());
  SmallVector<OpFoldResult> ones(grid.size(), rewriter.getIndexAttr(1));
  Value value = body(forall.getInductionVars(), at);
  Value out = forall.getRegionIterArgs()[0];
  auto type = RankedTensorType::get({1}, element);
  Value place =
      tensor::ExtractSliceOp::create(rewriter, loc, type, out, at, ones, ones);
  Value filled =
      tensor::InsertOp::create(rewriter, loc, value, place, index.constant(0));
  rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(rewriter, loc, filled, out, at, ones,
                                        ones);
  return forall.getResult(0);
}

// The kinds of all tiles, each by itself: 1 full, 2 partial, 0 neither.
Value AttentionTiler::classify(Region &mask, const TileChoice &tiles,
                               SmallVector<OpFoldResult> grid, Value most) {
  grid.push_back(getAsOpFoldResult(most));
  Type i8 = rewriter.getI8Type();
  return tabulate(grid, i8, [&](ValueRange at, SmallVector<OpFoldResult> &) {
    Sequence seq = sequence(at[0]);
    RowTile tile = rowTile(at[0], at[1], at[2], tiles.rows, seq);
    auto [lo, hi] = reach(seq, tile);
    Value key = index.mul(at[3], tiles.keys);
    auto less = [&](Value a, Value b) -> Value {
      return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::slt, a,
                                   b);
    };
    Value inside = arith::AndIOp::create(
        rewriter, loc, less(lo, index.add(key, tiles.keys)), less(key, hi));
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(rewriter, loc, i8, value);
    };
    auto choice = scf::IfOp::create(rewriter, loc, i8, inside,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    BoxEvaluator evaluator(rewriter, loc);
    PairBox box = boxOf(seq, tile);
    auto [full, partial] = kindOf(
        evaluator, mask, box, readRows(evaluator, box), seq, at[3], tiles.keys);
    Value kind = arith::SelectOp::create(rewriter, loc, partial, constant(2),
                                         constant(0));
    kind = arith::SelectOp::create(rewriter, loc, full, constant(1), kind);
    scf::YieldOp::create(rewriter, loc, kind);
    rewriter.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(rewriter, loc, constant(0));
    return choice.getResult(0);
  });
}

// The lists from the kinds, with a point for each entry: what stands in front
// of it is counted by blocks of tiles first. Tiles that are neither full nor
// partial get the places between.
void AttentionTiler::listKinds(Value kinds, SmallVector<OpFoldResult> grid,
                               Value most) {
  constexpr int64_t kBlock = 32;
  Type i32 = rewriter.getI32Type();
  Value one = index.constant(1), zero = index.constant(0);
  using P = arith::CmpIPredicate;
  // How many of the tiles [from, to) of a row tile are full, and partial.
  auto countKinds = [&](ValueRange at, Value from, Value to) {
    auto loop = scf::ForOp::create(
        rewriter, loc, from, to, one, ValueRange{zero, zero},
        [&](OpBuilder &, Location, Value tile, ValueRange counts) {
          OpBuilder::InsertionGuard guard(rewriter);
          Value kind = tensor::ExtractOp::create(
              rewriter, loc, kinds, ValueRange{at[0], at[1], at[2], tile});
          SmallVector<Value> next;
          for (int64_t n : {0, 1}) {
            Value is = arith::CmpIOp::create(
                rewriter, loc, P::eq, kind,
                arith::ConstantIntOp::create(rewriter, loc, kind.getType(),
                                             n + 1));
            next.push_back(index.add(
                counts[n], arith::IndexCastUIOp::create(
                               rewriter, loc, rewriter.getIndexType(), is)));
          }
          scf::YieldOp::create(rewriter, loc, next);
        });
    return std::pair(loop.getResult(0), loop.getResult(1));
  };
  auto choose = [&](Value test, Value a, Value b) -> Value {
    return arith::SelectOp::create(rewriter, loc, test, a, b);
  };
  auto equal = [&](Value a, Value b) -> Value {
    return arith::CmpIOp::create(rewriter, loc, P::eq, a, b);
  };
  auto narrow = [&](Value value) -> Value {
    return arith::IndexCastOp::create(rewriter, loc, i32, value);
  };
  // Up to the end of each block; the last one has all.
  Value blocks = index.max(index.ceilDiv(most, kBlock), one);
  SmallVector<OpFoldResult> counted(grid);
  counted.append({getAsOpFoldResult(blocks), rewriter.getIndexAttr(2)});
  plan.counts =
      tabulate(counted, i32, [&](ValueRange at, SmallVector<OpFoldResult> &) {
        Value end = index.min(index.mul(index.add(at[3], 1), kBlock), most);
        auto [full, partial] = countKinds(at, zero, end);
        return narrow(choose(equal(at[4], zero), full, partial));
      });
  SmallVector<OpFoldResult> listed(grid);
  listed.push_back(getAsOpFoldResult(most));
  plan.list = tabulate(
      listed, i32, [&](ValueRange at, SmallVector<OpFoldResult> &place) {
        Value block = index.div(at[3], kBlock);
        auto [full, partial] = countKinds(at, index.mul(block, kBlock), at[3]);
        // The block in front of the first has counted nothing.
        Value before = index.max(index.add(block, -1), zero);
        Value first = equal(block, zero);
        auto inFront = [&](int64_t n) {
          Value count = tensor::ExtractOp::create(
              rewriter, loc, plan.counts,
              ValueRange{at[0], at[1], at[2], before, index.constant(n)});
          return choose(first, zero,
                        arith::IndexCastOp::create(
                            rewriter, loc, rewriter.getIndexType(), count));
        };
        full = index.add(full, inFront(0));
        partial = index.add(partial, inFront(1));
        Value kind = tensor::ExtractOp::create(rewriter, loc, kinds, at);
        auto is = [&](int64_t value) {
          return equal(kind, arith::ConstantIntOp::create(
                                 rewriter, loc, kind.getType(), value));
        };
        Value neither = index.add(countOf(at[0], at[1], at[2], 0),
                                  index.sub(index.sub(at[3], full), partial));
        Value back = index.sub(index.add(most, -1), partial);
        place[3] = choose(is(1), full, choose(is(2), back, neither));
        return narrow(at[3]);
      });
}

// How many tiles the list of a row tile has that are full (0) or partial (1).
Value AttentionTiler::countOf(Value batch, Value head, Value tile, int64_t n) {
  SmallVector<Value> at{batch, head, tile, index.constant(n)};
  if (cast<ShapedType>(plan.counts.getType()).getRank() > 4) {
    Value blocks = index.value(tensor::getMixedSize(rewriter, loc, plan.counts,
                                                    /*dim=*/3));
    at.insert(at.end() - 1, index.add(blocks, -1));
  }
  Value count = tensor::ExtractOp::create(rewriter, loc, plan.counts, at);
  return arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(),
                                    count);
}

// Row tiles in the order of what they see, the most first, by steps of kStep
// tiles: those of a step keep their order, as neighbours see much the same keys
// and find them in L2.
void AttentionTiler::rankTiles(ArrayRef<OpFoldResult> grid, Value rowTiles) {
  constexpr int64_t kStep = 8;
  auto rank = [&](ValueRange at, SmallVector<OpFoldResult> &place) -> Value {
    auto work = [&](Value tile) -> Value {
      Value seen = index.add(countOf(at[0], at[1], tile, 0),
                             countOf(at[0], at[1], tile, 1));
      return index.div(seen, kStep);
    };
    Value mine = work(at[2]);
    auto loop = scf::ForOp::create(
        rewriter, loc, index.constant(0), rowTiles, index.constant(1),
        ValueRange{index.constant(0)},
        [&](OpBuilder &, Location, Value other, ValueRange rank) {
          OpBuilder::InsertionGuard guard(rewriter);
          using P = arith::CmpIPredicate;
          auto compare = [&](P kind, Value a, Value b) -> Value {
            return arith::CmpIOp::create(rewriter, loc, kind, a, b);
          };
          Value its = work(other);
          Value tie =
              arith::AndIOp::create(rewriter, loc, compare(P::eq, its, mine),
                                    compare(P::sgt, other, at[2]));
          Value ahead = arith::OrIOp::create(rewriter, loc,
                                             compare(P::sgt, its, mine), tie);
          Value one = arith::IndexCastUIOp::create(
              rewriter, loc, rewriter.getIndexType(), ahead);
          scf::YieldOp::create(rewriter, loc, index.add(rank[0], one));
        });
    place[2] = loop.getResult(0);
    return arith::IndexCastOp::create(rewriter, loc, rewriter.getI32Type(),
                                      at[2]);
  };
  plan.order = tabulate(grid, rewriter.getI32Type(), rank);
}

/// Tables and lists, before the tiles: for each row tile the full tiles of keys
/// from the front of its list, the partial ones from the back.
void AttentionTiler::inspect(const TileChoice &tiles, Value rowTiles) {
  BoxEvaluator evaluator(rewriter, loc);
  plan.tables.assign(op.getMaskCaptured().size(), Value());
  for (unsigned n = 0; n < plan.tables.size(); ++n) {
    for (auto [dim, expr] : llvm::enumerate(maskMapOf(op, n).getResults())) {
      if (plan.reads[n] == Read::Blocks && expr.isFunctionOfDim(3)) {
        plan.tables[n] =
            evaluator.summarize(op.getMaskCaptured()[n], dim, tiles.keys);
      }
    }
  }
  Region mask;
  wholeMask(mask);

  Value zero = index.constant(0), one = index.constant(1);
  Value length = index.value(
      tensor::getMixedSize(rewriter, loc, storedKeys(), op.getSeqDim()));
  Value most = index.ceilDiv(length, tiles.keys);
  Type i32 = rewriter.getI32Type();
  OpFoldResult attrOne = rewriter.getIndexAttr(1);
  OpFoldResult attrZero = rewriter.getIndexAttr(0);
  SmallVector<OpFoldResult> grid = {
      plan.byBatch ? getAsOpFoldResult(batches) : attrOne,
      plan.byHead ? getAsOpFoldResult(heads) : attrOne,
      getAsOpFoldResult(rowTiles)};
  if (tiles.sortsLists) {
    listKinds(classify(mask, tiles, grid, most), grid, most);
    return rankTiles(grid, rowTiles);
  }
  auto empty = [&](OpFoldResult size) -> Value {
    SmallVector<OpFoldResult> shape(grid);
    shape.push_back(size);
    return tensor::EmptyOp::create(rewriter, loc, shape, i32);
  };
  OpFoldResult listSize = getAsOpFoldResult(most);
  OpFoldResult two = rewriter.getIndexAttr(2);
  auto forall = scf::ForallOp::create(rewriter, loc, grid,
                                      ValueRange{empty(listSize), empty(two)},
                                      std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(forall.getBody());
  auto ivs = forall.getInductionVars();
  Sequence seq = sequence(ivs[0]);
  RowTile tile = rowTile(ivs[0], ivs[1], ivs[2], tiles.rows, seq);
  SmallVector<OpFoldResult> offsets = getAsOpFoldResult(ivs);
  offsets.push_back(attrZero);
  auto rowOf = [&](unsigned n, OpFoldResult size) {
    SmallVector<OpFoldResult> sizes{attrOne, attrOne, attrOne, size};
    return slice(forall.getRegionIterArgs()[n], offsets, sizes,
                 tileType({size}, i32));
  };
  Value list = rowOf(0, listSize), counts = rowOf(1, two);
  auto [lo, hi] = reach(seq, tile);
  PairBox box = boxOf(seq, tile);
  SmallVector<Range> captured = readRows(evaluator, box);
  auto loop = scf::ForOp::create(rewriter, loc, index.div(lo, tiles.keys),
                                 index.ceilDiv(hi, tiles.keys), one,
                                 ValueRange{list, zero, zero});
  {
    OpBuilder::InsertionGuard inner(rewriter);
    rewriter.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar();
    auto [full, partial] =
        kindOf(evaluator, mask, box, captured, seq, number, tiles.keys);
    auto carried = loop.getRegionIterArgs();
    // The place is free, so that what is neither may be written too.
    Value back = index.sub(index.add(most, -1), carried[2]);
    Value at = arith::SelectOp::create(rewriter, loc, full, carried[1], back);
    Value entry = arith::IndexCastOp::create(rewriter, loc, i32, number);
    Value next = tensor::InsertOp::create(rewriter, loc, entry, carried[0], at);
    auto count = [&](Value old, Value condition) -> Value {
      return index.add(old,
                       arith::IndexCastUIOp::create(
                           rewriter, loc, rewriter.getIndexType(), condition));
    };
    scf::YieldOp::create(
        rewriter, loc,
        ValueRange{next, count(carried[1], full), count(carried[2], partial)});
  }
  for (int64_t n : {0, 1}) {
    Value count =
        arith::IndexCastOp::create(rewriter, loc, i32, loop.getResult(1 + n));
    counts = tensor::InsertOp::create(rewriter, loc, count, counts,
                                      index.constant(n));
  }
  rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
  SmallVector<OpFoldResult> strides(4, attrOne);
  SmallVector<Value> rows{loop.getResult(0), counts};
  for (auto [n, row] : llvm::enumerate(rows)) {
    SmallVector<OpFoldResult> sizes{attrOne, attrOne, attrOne,
                                    n == 0 ? listSize : two};
    tensor::ParallelInsertSliceOp::create(rewriter, loc, row,
                                          forall.getRegionIterArgs()[n],
                                          offsets, sizes, strides);
  }
  plan.list = forall.getResult(0);
  plan.counts = forall.getResult(1);
}

// The row tile that has place `rank` among those of a head.
Value AttentionTiler::tileOfRank(Value batch, Value head, Value rank) {
  Value zero = index.constant(0);
  Value number = tensor::ExtractOp::create(
      rewriter, loc, plan.order,
      ValueRange{plan.byBatch ? batch : zero, plan.byHead ? head : zero, rank});
  return arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(),
                                    number);
}

AttentionTiler::TileList
AttentionTiler::listSegments(const Sequence &seq, const RowTile &tile,
                             Value number, SmallVector<Value> &lower,
                             SmallVector<Value> &upper,
                             SmallVector<int32_t> &kinds) {
  Value zero = index.constant(0);
  Value batch = plan.byBatch ? tile.batch : zero;
  Value head = plan.byHead ? tile.head : zero;
  OpFoldResult size = tensor::getMixedSize(rewriter, loc, plan.list, 3);
  OpFoldResult one = rewriter.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets{batch, head, number,
                                    rewriter.getIndexAttr(0)};
  Value list = slice(plan.list, offsets, {one, one, one, size},
                     tileType({size}, rewriter.getI32Type()));
  auto count = [&](int64_t n) { return countOf(batch, head, number, n); };
  Value end = index.value(size);
  lower = {zero, index.sub(end, count(1))};
  upper = {count(0), end};
  kinds = {static_cast<int32_t>(SegmentKind::Full),
           static_cast<int32_t>(SegmentKind::Partial)};
  return {list, seq.keys};
}

} // namespace attn
