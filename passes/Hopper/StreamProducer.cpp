//===- StreamProducer.cpp - the warp that walks tiles and keys ------------===//
// Steps are filled in the order in which consumers want them: K of a step, then
// V of the step before. A last step without keys tells them that all is done.
//===----------------------------------------------------------------------===//

#include "../NVGPU/PageRows.h"
#include "StreamTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn {

void StreamTile::when(Value condition, llvm::function_ref<void()> then,
                      llvm::function_ref<void()> otherwise) {
  auto choice = scf::IfOp::create(warp.builder, warp.loc, condition,
                                  static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPoint(choice.thenBlock()->getTerminator());
  then();
  if (otherwise) {
    warp.builder.setInsertionPoint(choice.elseBlock()->getTerminator());
    otherwise();
  }
}

// Arms a stage and starts the copies of all panels of a tile.
void StreamTile::fill(Value ring, Value position, ValueRange tags,
                      const TensorBox &box, Value map, ValueRange start) {
  OpBuilder &builder = warp.builder;
  auto type = cast<warpgroup::RingType>(ring.getType());
  int64_t all = type.getShape()[1];
  bool whole = ring == queryRing && packsHeads; // one box of heads and queries
  int64_t copied = whole ? all : box.copiedRows(all);
  warpgroup::AcquireOp::create(builder, warp.loc, ring, position, tags,
                               /*empty=*/false);
  int64_t width = warpgroup::panelColumns(element, type.getPanelBytes());
  for (int64_t panel = 0; panel < warpgroup::panels(type); ++panel) {
    for (int64_t row = 0; row < all; row += copied) {
      SmallVector<Value> at(start);
      at[0] = warp.add(at[0], panel * width);
      at[1] = warp.add(at[1], row * box.rowStep);
      auto rows = copied == all ? DenseI64ArrayAttr()
                                : builder.getDenseI64ArrayAttr({row, copied});
      warpgroup::LoadOp::create(builder, warp.loc, map, at, ring, position,
                                panel, rows);
    }
  }
}

void StreamTile::fillKeys(Value position, ValueRange tags, ValueRange start,
                          Value isThere) {
  when(
      isThere, [&] { fill(keyRing, position, tags, key, keyMap, start); },
      [&] {
        warpgroup::AcquireOp::create(warp.builder, warp.loc, keyRing, position,
                                     tags, /*empty=*/true);
      });
}

void StreamTile::fillValues(Value position, ValueRange start, Value size) {
  SmallVector<Value> tags;
  if (loadedRing != valueRing) {
    tags.push_back(size);
  }
  when(
      warp.less(warp.c(0), size),
      [&] { fill(loadedRing, position, tags, value, valueMap, start); },
      [&] {
        warpgroup::AcquireOp::create(warp.builder, warp.loc, loadedRing,
                                     position, tags, /*empty=*/true);
      });
}

// The position of the tile of this block that follows that at `position`.
Value StreamTile::drawTile(Value position) {
  OpBuilder &builder = warp.builder;
  Value blocks = NVVM::GridDimXOp::create(builder, warp.loc, warp.i32());
  if (!tickets) {
    return warp.add(position, blocks);
  }
  // Blocks start with the tile of their number, and each draws until it gets
  // nothing: as many draws as there are tiles, after which the counter, which
  // wraps there, is 0 again.
  Value last = warp.sub(tiles, warp.c(1));
  Value drawn =
      LLVM::AtomicRMWOp::create(builder, warp.loc, LLVM::AtomicBinOp::uinc_wrap,
                                tickets, last, LLVM::AtomicOrdering::monotonic);
  return warp.add(drawn, blocks);
}

// The number of the tile at `position` of the order in which they are taken.
// Tickets: heads in sections that fit the L2 cache, in them the row tiles of
// the same place in the sequence side by side, in the order that tiling gave
// them, which is longest first.
Value StreamTile::tileAt(Value position) {
  auto times = [&](Value a, Value b) -> Value {
    return warp.builder.createOrFold<arith::MulIOp>(warp.loc, a, b);
  };
  if (!tickets) {
    return warp.toIndex(position);
  }
  Value heads = warp.div(tiles, rowTiles);
  Value tilesOfSection = times(headsOfSection, rowTiles);
  Value section = warp.div(position, tilesOfSection);
  Value firstHead = times(section, headsOfSection);
  Value here = warp.min(headsOfSection, warp.sub(heads, firstHead));
  Value rest = warp.sub(position, times(firstHead, rowTiles));
  Value rowTile = warp.div(rest, here);
  Value head = warp.add(firstHead, warp.sub(rest, times(rowTile, here)));
  return warp.toIndex(warp.add(times(head, rowTiles), rowTile));
}

LogicalResult StreamTile::produce(Block &block) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  builder.setInsertionPointToStart(&block);
  Value zero = warp.c(0);

  // Carried by both loops: the position in the rings of K and V, and the V tile
  // that the next step lets follow: whether it has keys, and where it starts.
  SmallVector<Value> pending;
  if (!kernel.latent) {
    pending.append(1 + value.order().size(), zero);
  }
  auto flushValues = [&](Value position, ValueRange last) {
    if (kernel.latent) {
      return;
    }
    when(warp.less(zero, position), [&] {
      fillValues(warp.sub(position, warp.c(1)), last.drop_front(),
                 last.front());
    });
  };

  // Tiles: (position, position of Q, position of K, pending...).
  SmallVector<Value> inits = {warp.block(), zero, zero};
  inits.append(pending.begin(), pending.end());
  SmallVector<Type> types(inits.size(), warp.i32());
  SmallVector<Location> locs(inits.size(), loc);
  auto tileLoop = scf::WhileOp::create(builder, loc, types, inits);
  Block *before = builder.createBlock(&tileLoop.getBefore(), {}, types, locs);
  scf::ConditionOp::create(builder, loc,
                           warp.less(before->getArgument(0), tiles),
                           before->getArguments());
  Block *tile = builder.createBlock(&tileLoop.getAfter(), {}, types, locs);
  Value tilePosition = tile->getArgument(0), queryAt = tile->getArgument(1);
  // Early: a draw takes a while.
  Value nextTile = drawTile(tilePosition);
  IRMapping mapping;
  mapping.map(number, tileAt(tilePosition));
  values.bring(program.loop.getBody().front(), mapping);
  for (Value bound :
       llvm::concat<Value>(llvm::to_vector(program.loop.getLower()),
                           llvm::to_vector(program.loop.getUpper()))) {
    mapping.map(bound, values.here(bound, mapping));
  }
  for (const auto &parts : query.at) {
    for (const TensorBox::Part &part : parts) {
      if (auto value = dyn_cast<Value>(part.count)) {
        mapping.map(value, values.here(value, mapping));
      }
    }
  }
  SmallVector<Value> tags = values.tagValues(mapping);
  if (tileRing != queryRing) {
    warpgroup::AcquireOp::create(builder, loc, tileRing, queryAt, tags,
                                 /*empty=*/true);
    tags.clear();
  }
  fill(queryRing, queryAt, tags, query, queryMap,
       query.start(builder, loc, mapping));

  // Steps of the tile: (cursor..., is first, position of K, pending...).
  // From the last key where biases mostly grow towards the diagonal, so that
  // the first step has the row maxima, and where few steps are full: where a
  // mask ends is one step with where a tile begins. Others run through keys in
  // one direction, which blocks find in L2 together. Tiles of pages start where
  // pages do.
  bool backward = program.loop.getSource() != KeySource::Pages &&
                  (!program.online.getScore().empty() ||
                   !program.online.getMaskRegion().empty());
  KeyCursor cursor(warp, program.loop, kernel.keys, mapping, backward);
  if (Value list = program.loop.getList()) {
    values.bringView(list, mapping);
  }
  if (Value limit = program.loop.getLimit()) {
    mapping.map(limit, values.here(limit, mapping));
  }
  PageRows pages(warp, program, views);
  if (failed(cursor.prepare(views, mapping)) ||
      (program.isPaged() && failed(pages.prepare(mapping)))) {
    return failure();
  }
  cursor.alignBorders();
  constexpr unsigned kState = KeyCursor::kStateSize;
  SmallVector<Value> steps = cursor.first();
  steps.push_back(warp.c(kFirst));
  llvm::append_range(steps, tile->getArguments().drop_front(2));
  SmallVector<Type> stepTypes(steps.size(), warp.i32());
  SmallVector<Location> stepLocs(steps.size(), loc);
  auto stepLoop = scf::WhileOp::create(builder, loc, stepTypes, steps);
  Block *step =
      builder.createBlock(&stepLoop.getBefore(), {}, stepTypes, stepLocs);
  ValueRange carried = step->getArguments();
  KeyCursor::Tile keys = cursor.tile(carried.take_front(kState));
  KeyCursor::State next = cursor.next(carried.take_front(kState));
  Value isLast = warp.less(cursor.tile(next).size, warp.c(1));
  Value flags = warp.add(warp.add(keys.masked, carried[kState]),
                         warp.select(isLast, warp.c(kLast), zero));
  Value position = carried[kState + 1];
  IRMapping inner = mapping;
  if (program.isPaged()) {
    Value page = pages.read(keys.key, warp.less(zero, keys.size));
    inner.map(program.loop.getBody().getArgument(2), warp.toIndex(page));
  }
  cloneBodyScalars(builder, program.loop, warp.toIndex(keys.key),
                   warp.toIndex(keys.size), inner);
  fillKeys(position, {keys.key, keys.size, flags},
           key.start(builder, loc, inner), warp.less(zero, keys.size));
  flushValues(position, carried.drop_front(kState + 2));
  SmallVector<Value> after(next);
  after.push_back(zero);
  after.push_back(warp.add(position, 1));
  if (!kernel.latent) {
    after.push_back(keys.size);
    llvm::append_range(after, value.start(builder, loc, inner));
  }
  scf::ConditionOp::create(builder, loc,
                           warp.less(warp.c(0), cursor.tile(next).size), after);
  Block *again =
      builder.createBlock(&stepLoop.getAfter(), {}, stepTypes, stepLocs);
  scf::YieldOp::create(builder, loc, again->getArguments());

  builder.setInsertionPointAfter(stepLoop);
  SmallVector<Value> following = {nextTile, warp.add(queryAt, 1)};
  llvm::append_range(following, stepLoop.getResults().drop_front(kState + 1));
  scf::YieldOp::create(builder, loc, following);

  builder.setInsertionPointAfter(tileLoop);
  Value last = tileLoop.getResult(2);
  warpgroup::AcquireOp::create(builder, loc, keyRing, last,
                               ValueRange{zero, zero, warp.c(kEnd)},
                               /*empty=*/true);
  flushValues(last, tileLoop.getResults().drop_front(3));
  if (loadedRing != valueRing) {
    warpgroup::AcquireOp::create(builder, loc, loadedRing, last,
                                 ValueRange{warp.c(-1)}, /*empty=*/true);
  }
  return success();
}

} // namespace attn
