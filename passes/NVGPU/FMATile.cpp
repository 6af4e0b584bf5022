//===- FMATile.cpp - a tile of attention without tensor cores -------------===//

#include "FMATile.h"
#include "PageRows.h"
#include "RowFinish.h"
#include "ScoreFragments.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Target/GPUCostModel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

int64_t fmaSharedBytes(const TileProgram &program) {
  // The query row of each warp, in f64 at most.
  return FMAKernel::kWarps * program.headSize * 8;
}

namespace {

class FMATile {
public:
  FMATile(WarpBuilder &warp, TileProgram &program, TensorViews &views)
      : warp(warp), program(program), views(views),
        type(program.online.getAccumulatorType()) {}

  LogicalResult emit() {
    IRMapping none;
    FailureOr<TensorView> query = views.get(program.online.getQ(), none);
    FailureOr<TensorView> result = views.get(program.finalize.getOut(), none);
    if (failed(query) || failed(result)) {
      return failure();
    }
    q = *query;
    out = *result;
    for (auto [value, view] :
         {std::pair{program.finalize.getLse(), &lse},
          std::pair{Value(program.finalize.getSink()), &sink}}) {
      if (value) {
        FailureOr<TensorView> found = views.get(value, none);
        if (failed(found)) {
          return failure();
        }
        *view = *found;
      }
    }
    rows = TileRows::make(warp, program, q);
    ScoreFragments fragments(warp, program, rows, views, type);
    scoring = &fragments;
    if (failed(fragments.prepare())) {
      return failure();
    }
    KeyCursor keys(warp, program.loop, FMAKernel::kKeys);
    if (failed(keys.prepare(views))) {
      return failure();
    }
    cursor = &keys;
    if (program.isPaged()) {
      pages.emplace(warp, program, views);
      if (failed(pages->prepare())) {
        return failure();
      }
    }
    lane = warp.andi(warp.thread(), 31);
    number = warp.shr(warp.thread(), 5);
    bytes = type.getIntOrFloatBitWidth() / 8;
    chunks = llvm::divideCeil(program.valueSize, 32);
    auto loop = scf::ForOp::create(warp.builder, warp.loc, number, rows.count,
                                   warp.c(FMAKernel::kWarps));
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
    return oneRow(loop.getInductionVar());
  }

private:
  WarpBuilder &warp;
  TileProgram &program;
  TensorViews &views;
  FloatType type;
  TensorView q, out, lse, sink;
  TileRows rows;
  ScoreFragments *scoring = nullptr;
  KeyCursor *cursor = nullptr;
  std::optional<PageRows> pages;
  Value lane, number;
  int64_t bytes = 4, chunks = 1;

  // The value of another lane, in 32-bit halves where it is wider.
  Value exchange(Value value, llvm::function_ref<Value(Value)> move) {
    if (type.isF32()) {
      return move(value);
    }
    OpBuilder &b = warp.builder;
    Type halves = VectorType::get(2, warp.i32());
    Value parts = LLVM::BitcastOp::create(b, warp.loc, halves, value);
    Value moved = LLVM::UndefOp::create(b, warp.loc, halves);
    for (int64_t i = 0; i < 2; ++i) {
      Value part =
          LLVM::ExtractElementOp::create(b, warp.loc, parts, warp.c(i));
      moved = LLVM::InsertElementOp::create(b, warp.loc, moved, move(part),
                                            warp.c(i));
    }
    return LLVM::BitcastOp::create(b, warp.loc, type, moved);
  }
  Value reduce(Value value, llvm::function_ref<Value(Value, Value)> join) {
    for (int64_t mask : {16, 8, 4, 2, 1}) {
      value = join(value, exchange(value, [&](Value part) {
                     return warp.shuffle(part, mask);
                   }));
    }
    return value;
  }
  Value read(const TensorView &view, Value elements) {
    return warp.convert(
        warp.load(view.element,
                  warp.globalAddress(view.pointer, elements, view.element)),
        type);
  }
  Value queryAt(Value d) {
    Value at = warp.add(warp.mul(number, program.headSize * bytes),
                        warp.mul(d, bytes));
    return warp.sharedAddress(at);
  }

  // The row of q to shared memory, where all lanes read it.
  void loadQuery(Value row) {
    IndexBuilder index(warp.builder, warp.loc);
    Value start = rows.offset(warp, row, q, program.headDim, program.queryDim);
    warp.warpBarrier();
    auto loop = scf::ForOp::create(warp.builder, warp.loc, lane,
                                   warp.c(program.headSize), warp.c(32));
    {
      OpBuilder::InsertionGuard guard(warp.builder);
      warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
      Value d = loop.getInductionVar();
      Value at = index.add(
          start, index.mul(warp.toIndex(d), q.dims[program.sizeDim].stride));
      warp.store(read(q, at), queryAt(d));
    }
    warp.warpBarrier();
  }

  LogicalResult oneRow(Value row) {
    OpBuilder &builder = warp.builder;
    Location loc = warp.loc;
    loadQuery(row);
    ScoreFragments::Row scoreRow = scoring->row(row, 0);
    Value zero = warp.f(0, type);
    // (max, sum, accumulator..., cursor...)
    SmallVector<Value> inits(chunks + 2, zero);
    inits[0] = warp.f(kMinusInfinity, type);
    unsigned stateSize = inits.size();
    KeyCursor::State start = cursor->first();
    inits.append(start.begin(), start.end());
    SmallVector<Type> types =
        llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
    SmallVector<Location> locs(types.size(), loc);
    auto loop = scf::WhileOp::create(builder, loc, types, inits);
    Block *before = builder.createBlock(&loop.getBefore(), {}, types, locs);
    ValueRange state = before->getArguments();
    scf::ConditionOp::create(
        builder, loc,
        warp.less(warp.c(0), cursor->tile(state.drop_front(stateSize)).size),
        state);
    Block *body = builder.createBlock(&loop.getAfter(), {}, types, locs);
    ValueRange carried = body->getArguments();
    SmallVector<Value> yielded(carried.take_front(stateSize));
    if (failed(step(yielded, cursor->tile(carried.drop_front(stateSize)),
                    scoreRow))) {
      return failure();
    }
    KeyCursor::State next = cursor->next(carried.drop_front(stateSize));
    yielded.append(next.begin(), next.end());
    scf::YieldOp::create(builder, loc, yielded);
    builder.setInsertionPointAfter(loop);
    finish(row, loop.getResults().take_front(stateSize));
    return success();
  }

  // Row `row` of a tile of `tensor`, which is on page `page`, where there are
  // pages.
  FailureOr<TensorView> rowOf(Value tensor, const KeyCursor::Tile &tile,
                              Value row, Value page) {
    if (pages) {
      return pages->row(tensor, warp.add(tile.key, row), page);
    }
    IndexBuilder index(warp.builder, warp.loc);
    IRMapping mapping;
    cloneBodyScalars(warp.builder, program.loop, warp.toIndex(tile.key),
                     warp.toIndex(tile.size), mapping);
    FailureOr<TensorView> view = views.get(tensor, mapping);
    if (succeeded(view)) {
      view->offset = index.add(
          view->offset, index.mul(warp.toIndex(row), view->dims[0].stride));
    }
    return view;
  }

  LogicalResult step(MutableArrayRef<Value> state, const KeyCursor::Tile &tile,
                     const ScoreFragments::Row &row) {
    OpBuilder &builder = warp.builder;
    IndexBuilder index(builder, warp.loc);
    // Lanes past the tile repeat its last key, and their score is hidden.
    Value mine = warp.min(lane, warp.sub(tile.size, warp.c(1)));
    Value page;
    if (pages) {
      page = pages->read(warp.add(tile.key, mine),
                         arith::ConstantIntOp::create(builder, warp.loc, 1, 1));
    }
    FailureOr<TensorView> k = rowOf(program.online.getK(), tile, mine, page);
    if (failed(k)) {
      return failure();
    }
    Value start = k->offset;
    Value zero = warp.f(0, type);
    auto dot = scf::ForOp::create(builder, warp.loc, warp.c(0),
                                  warp.c(program.headSize), warp.c(1),
                                  ValueRange{zero});
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(dot.getBody());
      Value d = dot.getInductionVar();
      Value at =
          index.add(start, index.mul(warp.toIndex(d), k->dims[1].stride));
      scf::YieldOp::create(builder, warp.loc,
                           warp.fma(read(*k, at), warp.load(type, queryAt(d)),
                                    dot.getRegionIterArg(0)));
    }
    Value position = warp.add(tile.key, lane);
    Value score = scoring->score(dot.getResult(0), row, position);
    score = maskIfPartial(score, row, position, tile);

    Value none = warp.f(kMinusInfinity, type);
    double unit = program.log2Unit();
    // In powers of 2, as rounded: a factor made from the maximum itself would
    // differ from 1 by what was lost, tile after tile.
    Value here = warp.fmul(
        reduce(score, [&](Value a, Value b) { return warp.fmax(a, b); }),
        warp.f(unit, type));
    Value largest = warp.fmax(state[0], here);
    Value base = warp.select(warp.isEqual(largest, none), zero, largest);
    Value factor = warp.exp2(warp.fsub(state[0], base));
    Value weight =
        warp.exp2(warp.fma(score, warp.f(unit, type),
                           arith::NegFOp::create(builder, warp.loc, base)));
    Value sum =
        reduce(weight, [&](Value a, Value b) { return warp.fadd(a, b); });
    state[0] = largest;
    state[1] = warp.fma(state[1], factor, sum);
    SmallVector<Value> columns;
    for (Value value : state.drop_front(2)) {
      columns.push_back(warp.fmul(value, factor));
    }
    auto loop = scf::ForOp::create(builder, warp.loc, warp.c(0), tile.size,
                                   warp.c(1), columns);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value other = loop.getInductionVar();
    Value p = exchange(weight,
                       [&](Value part) { return warp.broadcast(part, other); });
    FailureOr<TensorView> v =
        rowOf(program.online.getV(), tile, other,
              page ? warp.broadcast(page, other) : Value());
    if (failed(v)) {
      return failure();
    }
    Value line = v->offset;
    SmallVector<Value> added;
    for (int64_t i = 0; i < chunks; ++i) {
      Value column =
          warp.min(warp.add(lane, 32 * i), warp.c(program.valueSize - 1));
      Value at =
          index.add(line, index.mul(warp.toIndex(column), v->dims[1].stride));
      added.push_back(warp.fma(p, read(*v, at), loop.getRegionIterArgs()[i]));
    }
    // A hidden value may be NaN.
    Value hidden =
        warp.both(warp.equal(tile.masked, warp.c(1)), warp.isEqual(p, zero));
    for (auto [value, before] :
         llvm::zip_equal(added, loop.getRegionIterArgs())) {
      value = warp.select(hidden, before, value);
    }
    scf::YieldOp::create(builder, warp.loc, added);
    llvm::copy(loop.getResults(), state.begin() + 2);
    return success();
  }

  Value maskIfPartial(Value score, const ScoreFragments::Row &row,
                      Value position, const KeyCursor::Tile &tile) {
    auto choice = scf::IfOp::create(warp.builder, warp.loc, TypeRange{type},
                                    warp.equal(tile.masked, warp.c(1)),
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(warp.builder, warp.loc, score);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    Value seen = scoring->visible(row, position, lane, tile.size);
    scf::YieldOp::create(
        warp.builder, warp.loc,
        warp.select(seen, score, warp.f(kMinusInfinity, type)));
    return choice.getResult(0);
  }

  void finish(Value row, ValueRange state) {
    IndexBuilder index(warp.builder, warp.loc);
    auto [inverse, natural] =
        finishRow(warp, program, rows, sink, state[0], state[1], row);
    Value start = rows.offset(warp, row, out, outDim(0), outDim(1));
    for (int64_t i = 0; i < chunks; ++i) {
      Value column = warp.add(lane, 32 * i);
      Value value = warp.fmul(state[2 + i], inverse);
      warp.guarded(warp.less(column, warp.c(program.valueSize)), [&] {
        Value at = index.add(
            start, index.mul(warp.toIndex(column), out.dims[outDim(2)].stride));
        warp.store(warp.convert(value, out.element),
                   warp.globalAddress(out.pointer, at, out.element));
      });
    }
    if (lse.pointer) {
      // A lambda takes no name of a structured binding.
      Value value = natural;
      warp.guarded(warp.equal(lane, warp.c(0)), [&] {
        warp.store(warp.convert(value, lse.element),
                   warp.globalAddress(lse.pointer,
                                      rows.offset(warp, row, lse, 0, 1),
                                      lse.element));
      });
    }
  }

  unsigned outDim(unsigned dim) {
    AffineMap map = program.finalize.getOutMap();
    return *map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  }
};

} // namespace

LogicalResult emitFMATile(WarpBuilder &warp, TileProgram &program,
                          TensorViews &views) {
  return FMATile(warp, program, views).emit();
}

} // namespace attn
