//===- StepTile.cpp - attn.ssm_step on a block of warps -------------------===//
// A lane has four states of a row, N / 4 lanes a row. All loads of a thread are
// on their way before the first is used: the time is that of memory.
//===----------------------------------------------------------------------===//

#include "StepTile.h"
#include "TimeStep.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

namespace {

constexpr int64_t kWidth = 4; // states of a lane

class StepTile {
public:
  StepTile(WarpBuilder &warp, SSMStepOp op, TensorViews &views)
      : warp(warp), op(op), views(views) {}

  LogicalResult emit() {
    auto type = cast<ShapedType>(op.getState().getType());
    int64_t states = type.getShape().back();
    int64_t rows = type.getShape()[type.getRank() - 2];
    lanes = llvm::PowerOf2Ceil(states / kWidth);
    if (states % kWidth != 0 || lanes > 32) {
      return op.emitOpError("of ")
             << states << " states has no lowering for GPUs: expected a "
             << "multiple of 4 up to 128";
    }
    if (failed(readViews())) {
      return failure();
    }
    if (op.getSlots()) {
      findSlot();
    }
    Value thread = warp.thread();
    lane = warp.rem(thread, lanes);
    first = warp.div(thread, lanes);
    int64_t last = states / kWidth - 1;
    column = lane;
    if (last + 1 < lanes) {
      // Lanes without states repeat the last ones, for nothing.
      hasStates = warp.less(lane, warp.c(last + 1));
      column = warp.min(lane, warp.c(last));
    }
    column = warp.toIndex(warp.mul(column, kWidth));
    int64_t together = kStepThreads / lanes;
    int64_t turns = llvm::divideCeil(rows, together);
    int64_t batch = std::min<int64_t>(turns, 16);
    for (int64_t turn = 0; turn < turns; turn += batch) {
      some(turn, std::min(batch, turns - turn), together, rows);
    }
    return success();
  }

private:
  WarpBuilder &warp;
  SSMStepOp op;
  TensorViews &views;
  int64_t lanes = 0;
  Value lane, first, column;
  Value hasStates;    // null: all lanes do
  Value slot, exists; // of the state; null without slots
  TensorView x, dt, a, b, c, bias, skip, gate, state, out, into, slots;

  LogicalResult readViews() {
    Value dest;
    for (Operation *user : op.getResult(1).getUsers()) {
      if (auto place =
              dyn_cast<bufferization::MaterializeInDestinationOp>(user)) {
        dest = place.getDest();
      }
    }
    IRMapping none;
    std::pair<Value, TensorView *> all[] = {
        {op.getX(), &x},       {op.getDt(), &dt},  {op.getA(), &a},
        {op.getB(), &b},       {op.getC(), &c},    {op.getDtBias(), &bias},
        {op.getSkip(), &skip}, {op.getZ(), &gate}, {op.getState(), &state},
        {op.getOut(), &out},   {dest, &into},      {op.getSlots(), &slots}};
    for (auto [value, view] : all) {
      if (!value) {
        continue;
      }
      FailureOr<TensorView> found = views.get(value, none);
      if (failed(found)) {
        return failure();
      }
      *view = *found;
    }
    return success();
  }

  Value index(int64_t value) { return warp.toIndex(warp.c(value)); }
  Value at(const TensorView &view, ArrayRef<Value> indices) {
    SmallVector<Value> all(view.dims.size() - indices.size(), index(0));
    llvm::append_range(all, indices);
    return warp.globalAddress(
        view.pointer, view.at(warp.builder, warp.loc, all), view.element);
  }
  // Where a row of the state is: in a slot, or the tile's only one.
  Value stateAt(const TensorView &view, Value row, Value column) {
    SmallVector<Value> all(view.dims.size(), index(0));
    if (slot) {
      all.front() = slot;
    }
    all[all.size() - 2] = row, all.back() = column;
    return at(view, all);
  }
  Value load(const TensorView &view, ArrayRef<Value> indices) {
    return warp.convert(
        warp.load(view.element, at(view, indices), 0, /*invariant=*/true),
        warp.f32());
  }
  void findSlot() {
    Value number = warp.toInt(
        warp.toIndex(warp.load(slots.element, at(slots, {index(0)}), 0, true)));
    exists =
        arith::CmpIOp::create(warp.builder, warp.loc, arith::CmpIPredicate::ult,
                              number, warp.toInt(state.dims.front().size));
    slot = warp.toIndex(warp.select(exists, number, warp.c(0)));
  }

  // Four neighbouring elements as they are.
  Value loadFour(const TensorView &view, Value address, bool invariant) {
    return warp.load(VectorType::get(kWidth, view.element), address,
                     kWidth * view.element.getIntOrFloatBitWidth() / 8,
                     invariant);
  }
  Value part(Value four, int64_t i) {
    return warp.convert(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, four, warp.c(i)),
        warp.f32());
  }
  void storeFour(ArrayRef<Value> values, Value address) {
    Value four = LLVM::UndefOp::create(warp.builder, warp.loc,
                                       VectorType::get(kWidth, into.element));
    for (auto [i, value] : llvm::enumerate(values)) {
      four = LLVM::InsertElementOp::create(warp.builder, warp.loc, four,
                                           warp.convert(value, into.element),
                                           warp.c(i));
    }
    warp.store(four, address,
               kWidth * into.element.getIntOrFloatBitWidth() / 8);
  }

  // What a lane needs of a row.
  struct Row {
    Value row, old, rates, step, bias, value, skip, gate;
  };
  Row loadRow(Value number, const Row *shared) {
    Row row;
    row.row = number;
    row.old = loadFour(state, stateAt(state, number, column), false);
    SmallVector<Value> place;
    if (!op.hasHeads()) {
      place.push_back(number);
      row.rates = loadFour(a, at(a, {number, column}), true);
    }
    bool isFirst = !shared || !op.hasHeads();
    row.step = isFirst ? load(dt, place) : shared->step;
    if (bias.pointer) {
      row.bias = isFirst ? load(bias, place) : shared->bias;
    }
    row.value = load(x, {number});
    if (skip.pointer) {
      bool ofHead = op.hasHeads() && skip.dims.size() == 1;
      row.skip = ofHead ? load(skip, {}) : load(skip, {number});
    }
    row.gate = gate.pointer ? load(gate, {number}) : Value();
    return row;
  }

  // The step of a row, or of all rows of a head, and e^(step a).
  struct Decay {
    Value step;
    SmallVector<Value> factors; // one, or one a state
  };
  Decay decayOf(const Row &row) {
    std::optional<std::pair<double, double>> limit;
    if (auto given = op.getDtLimit()) {
      limit = {(*given)[0], (*given)[1]};
    }
    Decay decay;
    decay.step =
        emitTimeStep(warp, row.step, row.bias, op.getSoftplus(), limit);
    auto factor = [&](Value rate) {
      Value bits = warp.fmul(rate, warp.f(kLog2e));
      return warp.exp2(warp.fmul(decay.step, bits));
    };
    if (op.hasHeads()) {
      decay.factors = {factor(load(a, {}))};
      return decay;
    }
    for (int64_t i = 0; i < kWidth; ++i) {
      decay.factors.push_back(factor(part(row.rates, i)));
    }
    return decay;
  }

  // `count` rows of each group of lanes, from `turn` on.
  void some(int64_t turn, int64_t count, int64_t together, int64_t rows) {
    SmallVector<Row> all;
    for (int64_t i = 0; i < count; ++i) {
      Value row = warp.add(first, (turn + i) * together);
      // What is beyond the end repeats the last row.
      if (rows % together != 0) {
        row = warp.min(row, warp.c(rows - 1));
      }
      all.push_back(
          loadRow(warp.toIndex(row), all.empty() ? nullptr : &all.front()));
    }
    Value writes = loadFour(b, at(b, {column}), true);
    Value reads = loadFour(c, at(c, {column}), true);
    Decay decay;
    for (const Row &row : all) {
      if (&row == &all.front() || !op.hasHeads()) {
        decay = decayOf(row);
      }
      finish(row, decay, writes, reads);
    }
  }

  void finish(const Row &row, const Decay &decay, Value writes, Value reads) {
    Value weighted = warp.fmul(decay.step, row.value);
    SmallVector<Value> next;
    Value sum;
    for (int64_t n = 0; n < kWidth; ++n) {
      Value factor = decay.factors[op.hasHeads() ? 0 : n];
      Value now = warp.fma(weighted, part(writes, n),
                           warp.fmul(part(row.old, n), factor));
      next.push_back(now);
      Value term = part(reads, n);
      sum = sum ? warp.fma(term, now, sum) : warp.fmul(term, now);
    }
    auto keep = [&] { storeFour(next, stateAt(into, row.row, column)); };
    Value writer = exists && hasStates ? warp.both(exists, hasStates)
                   : exists            ? exists
                                       : hasStates;
    writer ? warp.guarded(writer, keep) : keep();
    if (hasStates) {
      sum = warp.select(hasStates, sum, warp.f(0));
    }
    for (int64_t mask = 1; mask < lanes; mask *= 2) {
      sum = warp.fadd(sum, warp.shuffle(sum, mask));
    }
    if (row.skip) {
      sum = warp.fma(row.skip, row.value, sum);
    }
    if (row.gate) {
      sum = emitGate(warp, sum, row.gate);
    }
    if (exists) {
      sum = warp.select(exists, sum, warp.f(0));
    }
    warp.guarded(warp.equal(lane, warp.c(0)), [&] {
      warp.store(warp.convert(sum, out.element), at(out, {row.row}));
    });
  }
};

} // namespace

LogicalResult emitStepTile(WarpBuilder &warp, SSMStepOp op,
                           TensorViews &views) {
  return StepTile(warp, op, views).emit();
}

} // namespace attn
