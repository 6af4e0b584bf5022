//===- MMATile.cpp - a tile of attention on tensor cores ------------------===//

#include "MMATile.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

// Powers of 2 by which a maximum may grow before the state follows.
constexpr double kSlack = 8;
constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// A balanced tree: the chains of a thread stay short.
static Value reduce(ArrayRef<Value> values,
                    llvm::function_ref<Value(Value, Value)> join) {
  if (values.size() == 1) {
    return values.front();
  }
  size_t half = values.size() / 2;
  return join(reduce(values.take_front(half), join),
              reduce(values.drop_front(half), join));
}

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
  firstRow =
      warp.add(warp.mul(rowWarp, kernel.rowBlocks * 16), warp.shr(lane, 2));
  keyColumn = warp.add(warp.mul(keyWarp, kernel.warpKeys()),
                       warp.mul(warp.andi(lane, 3), 2));
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
    scoreRows.push_back(scoring->row(firstRow, block * 16 + half * 8));
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
  queryAddress.emplace(
      warp, queryTile, lane, /*keysFirst=*/false,
      warp.mul(rowWarp, kernel.rowBlocks * 16 * queryTile.rowBytes));
  Value keyRow = warp.mul(keyWarp, kernel.warpKeys());
  keyAddress.emplace(warp, keyTile, lane, /*keysFirst=*/true,
                     warp.mul(keyRow, keyTile.rowBytes));
  Value firstValue = warp.mul(keyRow, valueTile.rowBytes);
  if (element.isF32()) {
    // Words, which no ldmatrix transposes: keys 2 (lane mod 4) and the next.
    Value column = warp.shr(lane, 2);
    valueAddress.emplace(
        warp, valueTile, warp.mul(warp.andi(lane, 3), 2), warp.shr(column, 2),
        warp.add(firstValue, warp.mul(warp.andi(column, 3), 4)));
  } else {
    valueAddress.emplace(warp, valueTile, lane, /*keysFirst=*/false,
                         firstValue);
  }
  return success();
}

static bool isContiguous(Value stride) { return matchPattern(stride, m_One()); }

void MMATile::loadQueries() {
  TileCopy copy{queryTile, program.headSize, kernel.threads()};
  TensorView view = q;
  std::rotate(view.dims.begin() + program.sizeDim,
              view.dims.begin() + program.sizeDim + 1, view.dims.end());
  copy.alignment = view.alignment();
  copy.contiguous = isContiguous(view.dims.back().stride);
  copy.emit(
      warp, thread, warp.c(0), view,
      [&](Value row) {
        return rows.offset(warp, row, q, program.headDim, program.queryDim);
      },
      rows.count, view.dims.back().stride);
}

// Starts the copies of a tile of K and V into the stage at byte `stage`.
LogicalResult MMATile::loadKeys(const KeyCursor::Tile &tile, Value stage) {
  auto viewOf = [&](Value tensor) {
    if (pages) { // of some row: all are alike but for their offset
      return pages->row(tensor, tile.key, warp.c(0));
    }
    IRMapping mapping;
    cloneBodyScalars(warp.builder, program.loop, warp.toIndex(tile.key),
                     warp.toIndex(tile.size), mapping);
    return views.get(tensor, mapping);
  };
  IndexBuilder index(warp.builder, warp.loc);
  // Columns are elements of memory: two of codes of 4 bits are one.
  auto load = [&](Value tensor, const SharedTile &shared, int64_t valid,
                  int64_t sliceColumns, Value firstColumn, Value validColumns) {
    FailureOr<TensorView> view = viewOf(tensor);
    if (failed(view)) {
      return failure();
    }
    Value stride = view->dims[0].stride, columnStride = view->dims[1].stride;
    Value start = index.constant(0);
    if (firstColumn) {
      start = index.mul(warp.toIndex(firstColumn), columnStride);
      view->offsetMultiple = std::gcd(
          view->offsetMultiple, sliceColumns * view->dims[1].strideMultiple);
    }
    TileCopy copy{shared, valid, kernel.threads()};
    copy.alignment = view->alignment();
    copy.contiguous = isContiguous(columnStride);
    copy.rowStride = pages ? Value() : stride;
    copy.emit(
        warp, thread, stage, *view,
        [&](Value row) {
          Value offset = pages
                             ? pages->kept(row, tensor == program.values(),
                                           stage, pagePlace)
                             : index.add(view->offset,
                                         index.mul(warp.toIndex(row), stride));
          return index.add(offset, start);
        },
        tile.size, columnStride, validColumns);
    return success();
  };
  auto stored = [](int64_t elements, const CodeForm &form) {
    return form.bits == 4 ? llvm::divideCeil(elements, 2) : elements;
  };
  const CodeForm &form = kernel.forms.value;
  if (failed(load(program.keys(), keyTile,
                  stored(program.headSize, kernel.forms.key), 0, Value(),
                  Value()))) {
    return failure();
  }
  int64_t whole = stored(kernel.valueSlice, form);
  Value some = form.bits == 4 ? warp.div(warp.add(columns, 1), 2) : columns;
  return load(program.values(), valueTile,
              stored(std::min(program.valueSize, kernel.valueSlice), form),
              whole, slice ? warp.mul(slice, whole) : Value(),
              slice ? some : Value());
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
  return state;
}

SmallVector<Value> MMATile::flatten(State state) {
  SmallVector<Value> values;
  for (const auto &line : state.accumulator) {
    for (const Fragment &fragment : line) {
      values.append(fragment.begin(), fragment.end());
    }
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
  for (RowValues *list : state.rows()) {
    for (auto &pair : *list) {
      for (Value &value : pair) {
        value = values[at++];
      }
    }
  }
  return state;
}

MMATile::Fragment MMATile::loadOperands(Value address) {
  Fragment loaded = warp.loadMatrix(address, /*transposed=*/false);
  if (element.isF32()) {
    for (Value &part : loaded) {
      part = warp.toTF32(part);
    }
  }
  return loaded;
}

MMATile::Fragment MMATile::weights(ArrayRef<Fragment> line, int64_t k) {
  const Fragment &left = line[k];
  if (element.isF32()) { // keys 0, 2, 4, 6, 1, 3, 5, 7
    return {warp.toTF32(left[0]), warp.toTF32(left[2]), warp.toTF32(left[1]),
            warp.toTF32(left[3])};
  }
  const Fragment &right = line[k + 1];
  return {warp.pack(left[0], left[1], element),
          warp.pack(left[2], left[3], element),
          warp.pack(right[0], right[1], element),
          warp.pack(right[2], right[3], element)};
}

MMATile::Fragment MMATile::loadValues(const MatrixAddress &values, int64_t k,
                                      int64_t n) {
  if (!element.isF32()) {
    return warp.loadMatrix(values.at(k * 8, n), /*transposed=*/true);
  }
  auto word = [&](int64_t key, int64_t block) {
    return warp.toTF32(
        warp.load(warp.f32(), values.at(k * 8 + key, 2 * block)));
  };
  return {word(0, n), word(1, n), word(0, n + 1), word(1, n + 1)};
}

// S = Q K^T of a stage.
MMATile::Fragments MMATile::products(Value stage) {
  Value zero = warp.f(0);
  Fragments scores(
      kernel.rowBlocks,
      SmallVector<Fragment>(keyBlocks(), Fragment{zero, zero, zero, zero}));
  MatrixAddress keys = keyAddress->moved(stage);
  for (int64_t k = 0; k < depth / mmaDepth(); ++k) {
    SmallVector<Fragment> a;
    for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
      a.push_back(kernel.queriesInRegisters
                      ? queries[block][k]
                      : loadOperands(queryAddress->at(block * 16, 2 * k)));
    }
    for (int64_t n = 0; n < keyBlocks(); n += 2) {
      Fragment b = loadOperands(keys.at(n * 8, 2 * k));
      for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
        auto &line = scores[block];
        line[n] = warp.mma(a[block], b[0], b[1], line[n], element);
        line[n + 1] = warp.mma(a[block], b[2], b[3], line[n + 1], element);
      }
    }
  }
  return scores;
}

// Hides scores where the tile is partial or ragged; others skip it as one.
void MMATile::applyMask(Fragments &scores, const KeyCursor::Tile &tile,
                        Value stage) {
  SmallVector<Value> flat;
  for (auto &line : scores) {
    for (Fragment &fragment : line) {
      flat.append(fragment.begin(), fragment.end());
    }
  }
  SmallVector<Type> types(flat.size(), warp.f32());
  Value masked = warp.equal(tile.masked, warp.c(1));
  auto choice = scf::IfOp::create(warp.builder, warp.loc, types, masked,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(warp.builder, warp.loc, flat);
  warp.builder.setInsertionPointToStart(choice.thenBlock());
  SmallVector<Value> hidden;
  HiddenKeys::Seen seen;
  Value none = warp.f(kMinusInfinity);
  for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      for (int64_t i = 0; i < 4; ++i) {
        Value column = warp.add(keyColumn, n * 8 + i % 2);
        Value shown =
            scoring->visible(scoreRows[block * 2 + i / 2],
                             warp.add(tile.key, column), column, tile.size);
        hidden.push_back(warp.select(shown, scores[block][n][i], none));
        if (hiddenKeys) {
          Value inside = warp.less(row(block, i / 2), rows.count);
          hiddenKeys->add(seen, 2 * n + i % 2, warp.both(shown, inside));
        }
      }
    }
  }
  if (hiddenKeys) {
    hiddenKeys->clear(seen, stage, [&](Value key) {
      if (valueCodes) {
        valueCodes->clear(key, stage);
      }
    });
  }
  scf::YieldOp::create(warp.builder, warp.loc, hidden);
  unsigned at = 0;
  for (auto &line : scores) {
    for (Fragment &fragment : line) {
      for (Value &value : fragment) {
        value = choice.getResult(at++);
      }
    }
  }
}

// Moves the references of rows to their new maxima, and the state with them.
// Returns what to add to a score, in powers of 2.
MMATile::RowValues MMATile::follow(State &state, const Fragments &scores) {
  double unit = program.log2Unit();
  Value none = warp.f(kMinusInfinity), zero = warp.f(0);
  RowValues before = state.max, bases(kernel.rowBlocks);
  Value moved;
  forEachRow([&](int64_t block, int64_t half) {
    SmallVector<Value> row;
    for (const Fragment &fragment : scores[block]) {
      row.push_back(fragment[2 * half]);
      row.push_back(fragment[2 * half + 1]);
    }
    auto max = [&](Value a, Value b) { return warp.fmax(a, b); };
    Value &reference = state.max[block][half];
    Value largest = reduce(row, max);
    largest = warp.fmax(largest, warp.shuffle(largest, 1));
    largest = warp.fmax(largest, warp.shuffle(largest, 2));
    // The reference of a row follows its maximum only where that has grown by
    // enough: 2^8 does no harm to any sum, and accumulators mostly stay.
    Value grew = arith::CmpFOp::create(
        warp.builder, warp.loc, arith::CmpFPredicate::OGT,
        warp.fsub(largest, reference), warp.f(kSlack / unit));
    reference = warp.select(grew, largest, reference);
    moved = moved ? warp.either(moved, grew) : grew;
    // A row without a visible key keeps its -inf, and nothing becomes NaN.
    bases[block][half] = warp.select(warp.isEqual(reference, none), zero,
                                     warp.fmul(reference, warp.f(-unit)));
  });
  // One vote of the warp, in front of the exponentials, which then share a
  // basic block with the products that they feed.
  SmallVector<Value> flat = flatten(state);
  SmallVector<Type> types(flat.size(), warp.f32());
  auto choice = scf::IfOp::create(warp.builder, warp.loc, types,
                                  warp.any(moved), /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(warp.builder, warp.loc, flat);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    State scaled = state;
    forEachRow([&](int64_t block, int64_t half) {
      // From the old reference as it was rounded: what is lost would add up.
      // The choice keeps the product from becoming part of an fma.
      Value reference = before[block][half];
      Value old = warp.select(warp.isEqual(reference, none),
                              warp.f(std::numeric_limits<double>::infinity()),
                              warp.fmul(reference, warp.f(-unit)));
      Value factor = warp.exp2(warp.fsub(bases[block][half], old));
      for (Fragment &fragment : scaled.accumulator[block]) {
        for (int64_t i = 2 * half; i < 2 * half + 2; ++i) {
          fragment[i] = warp.fmul(fragment[i], factor);
        }
      }
      for (RowValues *sums : {&scaled.sum, &scaled.shift}) {
        if (!sums->empty()) {
          Value &sum = (*sums)[block][half];
          sum = warp.fmul(sum, factor);
        }
      }
    });
    scf::YieldOp::create(warp.builder, warp.loc, flatten(scaled));
  }
  state = unflatten(choice.getResults());
  return bases;
}

// acc += P V of a stage, P = 2^(unit * score + base) made on the way.
void MMATile::accumulate(State &state, Fragments &scores,
                         const RowValues &bases, Value stage) {
  Value unit = warp.f(program.log2Unit());
  MatrixAddress values = valueAddress->moved(stage);
  auto sum = [&](Value a, Value b) { return warp.fadd(a, b); };
  int64_t together = mmaDepth() / 8;
  for (int64_t k = 0; k < keyBlocks(); k += together) {
    forEachRow([&](int64_t block, int64_t half) {
      SmallVector<Value> exps;
      for (int64_t n = k; n < k + together; ++n) {
        for (int64_t i = 2 * half; i < 2 * half + 2; ++i) {
          Value &score = scores[block][n][i];
          score = warp.exp2(warp.fma(score, unit, bases[block][half]));
          exps.push_back(score);
        }
      }
      Value &total = state.sum[block][half];
      total = warp.fadd(total, reduce(exps, sum));
    });
    if (valueCodes) {
      scaleWeights(state, scores, k, stage);
    }
    SmallVector<Fragment> a;
    for (const auto &line : scores) {
      a.push_back(weights(line, k));
    }
    if (valueCodes) {
      codedValues(state, a, k, stage);
      continue;
    }
    for (int64_t n = 0; n < columnBlocks(); n += 2) {
      Fragment b = loadValues(values, k, n);
      for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
        auto &line = state.accumulator[block];
        line[n] = warp.mma(a[block], b[0], b[1], line[n], element);
        line[n + 1] = warp.mma(a[block], b[2], b[3], line[n + 1], element);
      }
    }
  }
}

LogicalResult MMATile::step(State &state, const KeyCursor::Tile &tile,
                            Value stage) {
  Fragments scores;
  if (keyCodes) {
    FailureOr<Value> phase = keyCodes->phase(tile, pages ? &*pages : nullptr);
    if (failed(phase)) {
      return failure();
    }
    scores = codedProducts(*phase, stage);
  } else {
    scores = products(stage);
  }
  for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      for (int64_t i = 0; i < 4; ++i) {
        Value position = warp.add(tile.key, warp.add(keyColumn, n * 8 + i % 2));
        Value &score = scores[block][n][i];
        score = scoring->score(score, scoreRows[block * 2 + i / 2], position);
      }
    }
  }
  applyMask(scores, tile, stage);
  RowValues bases = follow(state, scores);
  accumulate(state, scores, bases, stage);
  return success();
}

// Rows of the tiles in front of the loop, and of the first that it loads. All
// are read at once: this is a wait that nothing hides.
LogicalResult MMATile::placeFirstPages(ArrayRef<KeyCursor::Tile> queue,
                                       const KeyCursor::Tile &last) {
  SmallVector<KeyCursor::Tile> tiles(queue);
  tiles.push_back(last);
  SmallVector<PageRows::Offsets> all;
  for (const KeyCursor::Tile &tile : tiles) {
    FailureOr<PageRows::Offsets> offsets = pages->fetch(tile, pagePlace);
    if (failed(offsets)) {
      return failure();
    }
    all.push_back(*offsets);
  }
  for (auto [i, offsets] : llvm::enumerate(all)) {
    pages->keep(offsets, warp.c(static_cast<int64_t>(i) * stageBytes),
                pagePlace);
  }
  warp.barrier();
  return success();
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
