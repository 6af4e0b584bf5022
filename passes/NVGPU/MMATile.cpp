//===- MMATile.cpp - a tile of attention on tensor cores ------------------===//

#include "MMATile.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

MMATile::MMATile(WarpBuilder &warp, TileProgram &program,
                 const MMAKernel &kernel, TensorViews &views, Value slice)
    : warp(warp), program(program), kernel(kernel), views(views), slice(slice) {
}

LogicalResult MMATile::prepare() {
  IRMapping none;
  FailureOr<TensorView> query = views.get(program.online.getQ(), none);
  FailureOr<TensorView> result = views.get(program.finalize.getOut(), none);
  if (failed(query) || failed(result)) {
    return failure();
  }
  q = *query;
  out = *result;
  if (Value value = program.finalize.getLse()) {
    FailureOr<TensorView> view = views.get(value, none);
    if (failed(view)) {
      return failure();
    }
    lse = *view;
  }
  if (Value value = program.finalize.getSink()) {
    FailureOr<TensorView> view = views.get(value, none);
    if (failed(view)) {
      return failure();
    }
    sink = *view;
  }
  AffineMap outMap = program.finalize.getOutMap();
  auto position = [&](unsigned dim) {
    return *outMap.getResultPosition(
        getAffineDimExpr(dim, outMap.getContext()));
  };
  outHeadDim = position(0);
  outQueryDim = position(1);
  outSizeDim = position(2);
  element = cast<FloatType>(q.element);
  depth = llvm::alignTo(program.headSize, kernel.forms.key.padding());
  queryTile = SharedTile::make(0, kernel.rows(), kernel.rowUnits(depth));
  keyTile = SharedTile::make(queryTile.bytes(), kernel.keys,
                             kernel.rowUnits(depth, kernel.forms.key));
  valueTile =
      SharedTile::make(keyTile.start + keyTile.bytes(), kernel.keys,
                       kernel.rowUnits(kernel.valueSlice, kernel.forms.value));
  stageBytes = kernel.stageBytes(program.headSize);

  thread = warp.thread();
  lane = warp.andi(thread, 31);
  Value number = warp.shr(thread, 5);
  rowWarp = kernel.keyWarps == 1 ? number : warp.div(number, kernel.keyWarps);
  keyWarp =
      kernel.keyWarps == 1 ? warp.c(0) : warp.rem(number, kernel.keyWarps);
  // Of fragments: lines have numbers lane / 4, columns 2 (lane mod 4).
  Value line = warp.shr(lane, 2), pair = warp.mul(warp.andi(lane, 3), 2);
  firstRow = kernel.transposed
                 ? pair
                 : warp.add(warp.mul(rowWarp, kernel.rowBlocks * 16), line);
  warpKey = warp.mul(keyWarp, kernel.warpKeys());
  keyColumn = warp.add(warpKey, kernel.transposed ? line : pair);
  columns = warp.c(std::min(program.valueSize, kernel.valueSlice));
  if (slice) {
    columns = warp.min(
        warp.sub(warp.c(program.valueSize), warp.mul(slice, kernel.valueSlice)),
        columns);
  }
  rows = TileRows::make(warp, program, q);
  scoring = std::make_unique<ScoreFragments>(warp, program, rows, views,
                                             warp.builder.getF32Type());
  if (failed(scoring->prepare())) {
    return failure();
  }
  forEachRow([&](int64_t block, int64_t half) {
    scoreRows.push_back(scoring->row(row(block, half), 0));
  });
  cursor = std::make_unique<KeyCursor>(warp, program.loop, kernel.keys);
  if (failed(cursor->prepare(views))) {
    return failure();
  }
  if (program.isPaged()) {
    pages.emplace(warp, program, views);
    pagePlace = {thread, kernel.threads(), kernel.keys,
                 valueTile.start + valueTile.bytes()};
    if (failed(pages->prepare())) {
      return failure();
    }
  }
  if (failed(prepareCodes())) {
    return failure();
  }
  if (mayHoldHiddenKeys(program.online, program.heads == 1)) {
    hiddenKeys.emplace(warp, kernel, valueTile, thread, keyWarp);
  }
  if (kernel.transposed) { // 8 rows, 4 chunks
    queryAddress.emplace(warp, queryTile, warp.andi(lane, 7), warp.shr(lane, 3),
                         warp.c(0));
  } else {
    queryAddress.emplace(
        warp, queryTile, lane, /*keysFirst=*/false,
        warp.mul(rowWarp, kernel.rowBlocks * 16 * queryTile.rowBytes));
  }
  keyAddress.emplace(warp, keyTile, lane, /*keysFirst=*/!kernel.transposed,
                     warp.mul(warpKey, keyTile.rowBytes));
  Value firstValue = warp.mul(warpKey, valueTile.rowBytes);
  if (element.isF32()) {
    // Words, which no ldmatrix transposes: keys 2 (lane mod 4) and the next.
    Value column = warp.shr(lane, 2);
    valueAddress.emplace(
        warp, valueTile, warp.mul(warp.andi(lane, 3), 2), warp.shr(column, 2),
        warp.add(firstValue, warp.mul(warp.andi(column, 3), 4)));
  } else {
    // Codes of two chunks are those of 16 keys one after the other.
    bool columnsFirst = kernel.transposed && !valueCodes;
    valueAddress.emplace(warp, valueTile, lane, columnsFirst, firstValue);
  }
  return success();
}

MMATile::State MMATile::initial() {
  State state;
  Value zero = warp.f(0), none = warp.f(kMinusInfinity);
  state.accumulator.assign(
      kernel.rowBlocks,
      SmallVector<Fragment>(columnBlocks(), Fragment{zero, zero, zero, zero}));
  state.max.assign(kernel.rowBlocks, {none, none});
  state.sum.assign(kernel.rowBlocks, {zero, zero});
  if (valueCodes && valueCodes->scalesKeys() && valueCodes->hasZero()) {
    state.shift = state.sum;
  }
  if (valueCodes && folds() && valueCodes->leavesRest()) {
    state.rest.push_back({zero, zero, zero, zero});
  }
  return state;
}

SmallVector<Value> MMATile::flatten(State state) {
  SmallVector<Value> values;
  for (const auto &line : state.accumulator) {
    for (const Fragment &fragment : line) {
      values.append(fragment.begin(), fragment.end());
    }
  }
  for (const Fragment &fragment : state.rest) {
    values.append(fragment.begin(), fragment.end());
  }
  for (const RowValues *list : state.rows()) {
    for (const auto &pair : *list) {
      values.append(pair.begin(), pair.end());
    }
  }
  return values;
}

MMATile::State MMATile::unflatten(ValueRange values) {
  State state = initial();
  unsigned at = 0;
  for (auto &line : state.accumulator) {
    for (Fragment &fragment : line) {
      for (Value &value : fragment) {
        value = values[at++];
      }
    }
  }
  for (Fragment &fragment : state.rest) {
    for (Value &value : fragment) {
      value = values[at++];
    }
  }
  for (RowValues *list : state.rows()) {
    for (auto &pair : *list) {
      for (Value &value : pair) {
        value = values[at++];
      }
    }
  }
  return state;
}

// Q as operands of products.
void MMATile::keepQueries() {
  if (kernel.transposed) {
    columnQueries = queryColumns();
    return;
  }
  for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
    queries.emplace_back();
    if (keyCodes) {
      for (int64_t c = 0; c < keyTile.chunks(); ++c) {
        llvm::append_range(queries.back(), codedQueries(block, c));
      }
      continue;
    }
    for (int64_t k = 0; k < depth / mmaDepth(); ++k) {
      queries.back().push_back(
          loadOperands(queryAddress->at(block * 16, 2 * k)));
    }
  }
}

// One loop over the tiles of all segments. The copies of a tile start
// `stages` - 1 tiles ahead, into the stage that the tile before this one left.
LogicalResult MMATile::loop() {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  int64_t ahead = kernel.stages - 1;
  loadQueries();
  warp.commitCopies();
  KeyCursor::State next = cursor->first();
  SmallVector<KeyCursor::Tile> queue;
  for (int64_t i = 0; i < ahead; ++i) {
    queue.push_back(cursor->tile(next));
    next = cursor->next(next);
  }
  if (pages && failed(placeFirstPages(queue, cursor->tile(next)))) {
    return failure();
  }
  auto loadIfAny = [&](const KeyCursor::Tile &tile, Value stage) {
    auto choice =
        scf::IfOp::create(builder, loc, warp.less(warp.c(0), tile.size));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(choice.thenBlock()->getTerminator());
    return loadKeys(tile, stage);
  };
  for (int64_t i = 0; i < ahead; ++i) {
    if (failed(loadIfAny(queue[i], warp.c(i * stageBytes)))) {
      return failure();
    }
    warp.commitCopies();
  }
  for (int64_t i = 0; i < ahead; ++i) {
    FailureOr<SmallVector<CodeTile::Scales>> scales = fetchScales(queue[i]);
    if (failed(scales)) {
      return failure();
    }
    keepScales(*scales, warp.c(i * stageBytes));
  }
  if (kernel.queriesInRegisters || needsQuerySums()) {
    warp.waitCopies(ahead);
    warp.barrier();
  }
  if (needsQuerySums()) {
    sumQueries();
  }
  if (kernel.queriesInRegisters) {
    keepQueries();
  }

  // Carried: the state, the cursor, the tiles on their way, the stages of this
  // tile and of the next one to load.
  State state = initial();
  SmallVector<Value> inits = flatten(state);
  unsigned stateSize = inits.size();
  inits.append(next.begin(), next.end());
  for (const KeyCursor::Tile &tile : queue) {
    inits.append({tile.key, tile.size, tile.masked});
  }
  inits.append({warp.c(0), warp.c(ahead * stageBytes)});
  SmallVector<Type> types =
      llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
  auto tileAt = [&](ValueRange values, int64_t i) {
    unsigned at = stateSize + KeyCursor::kStateSize + 3 * i;
    return KeyCursor::Tile{values[at], values[at + 1], values[at + 2]};
  };
  auto loop = scf::WhileOp::create(builder, loc, types, inits);
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Location> locs(types.size(), loc);
  Block *before = builder.createBlock(&loop.getBefore(), {}, types, locs);
  scf::ConditionOp::create(
      builder, loc,
      warp.less(warp.c(0), tileAt(before->getArguments(), 0).size),
      before->getArguments());
  Block *body = builder.createBlock(&loop.getAfter(), {}, types, locs);
  ValueRange carried = body->getArguments();
  state = unflatten(carried.take_front(stateSize));
  next = KeyCursor::State(carried.slice(stateSize, KeyCursor::kStateSize));
  Value stage = carried[carried.size() - 2], free = carried.back();
  warp.waitCopies(ahead - 1);
  warp.barrier();
  KeyCursor::Tile coming = cursor->tile(next);
  if (failed(loadIfAny(coming, free))) {
    return failure();
  }
  warp.commitCopies();
  // Into a stage that no thread reads any more.
  FailureOr<SmallVector<CodeTile::Scales>> scales = fetchScales(coming);
  if (failed(scales)) {
    return failure();
  }
  next = cursor->next(next);
  // Read a step ahead, into the stage that this step is the last to use.
  FailureOr<PageRows::Offsets> offsets = PageRows::Offsets();
  if (pages) {
    offsets = pages->fetch(cursor->tile(next), pagePlace);
  }
  if (failed(offsets)) {
    return failure();
  }
  if (failed(step(state, tileAt(carried, 0), stage))) {
    return failure();
  }
  keepScales(*scales, free);
  if (pages) {
    pages->keep(*offsets, stage, pagePlace);
  }
  SmallVector<Value> yielded = flatten(state);
  yielded.append(next.begin(), next.end());
  for (int64_t i = 0; i < ahead; ++i) {
    KeyCursor::Tile tile = i + 1 < ahead ? tileAt(carried, i + 1) : coming;
    yielded.append({tile.key, tile.size, tile.masked});
  }
  auto following = [&](Value bytes) {
    Value moved = warp.add(bytes, stageBytes);
    return warp.select(warp.equal(moved, warp.c(kernel.stages * stageBytes)),
                       warp.c(0), moved);
  };
  yielded.append({following(stage), following(free)});
  scf::YieldOp::create(builder, loc, yielded);
  builder.setInsertionPointAfter(loop);
  return epilogue(unflatten(loop.getResults().take_front(stateSize)));
}

LogicalResult MMATile::emit() {
  if (failed(prepare())) {
    return failure();
  }
  return loop();
}

} // namespace attn
