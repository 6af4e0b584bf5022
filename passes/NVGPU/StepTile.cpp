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
    lanes = states / kWidth;
    if (states % kWidth != 0 || lanes > 32 || !llvm::isPowerOf2_64(lanes)) {
      return op.emitOpError("of ") << states
                                   << " states has no lowering for "
                                      "GPUs: expected 4 to 128, a "
                                      "power of 2";
    }
    if (failed(readViews())) {
      return failure();
    }
    Value thread = warp.thread();
    lane = warp.rem(thread, lanes);
    first = warp.div(thread, lanes);
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
  Value lane, first;
  TensorView x, dt, a, b, c, bias, skip, gate, state, out, into;

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
        {op.getOut(), &out},   {dest, &into}};
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
  Value load(const TensorView &view, ArrayRef<Value> indices) {
    return warp.convert(
        warp.load(view.element, at(view, indices), 0, /*invariant=*/true),
        warp.f32());
  }

  // Four neighbouring elements as f32; read before they are written.
  Value loadFour(const TensorView &view, ArrayRef<Value> indices) {
    Type type = VectorType::get(kWidth, view.element);
    return warp.load(type, at(view, indices),
                     kWidth * view.element.getIntOrFloatBitWidth() / 8);
  }
  Value part(Value four, int64_t i) {
    return warp.convert(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, four, warp.c(i)),
        warp.f32());
  }
  void storeFour(ArrayRef<Value> values, ArrayRef<Value> indices) {
    Value four = LLVM::UndefOp::create(warp.builder, warp.loc,
                                       VectorType::get(kWidth, into.element));
    for (auto [i, value] : llvm::enumerate(values)) {
      four = LLVM::InsertElementOp::create(warp.builder, warp.loc, four,
                                           warp.convert(value, into.element),
                                           warp.c(i));
    }
    warp.store(four, at(into, indices),
               kWidth * into.element.getIntOrFloatBitWidth() / 8);
  }

  // The step of a row, or of all rows of a head, and e^(step a).
  struct Decay {
    Value step;
    SmallVector<Value> factors; // one, or one a state
  };
  Decay decayOf(Value row, Value column) {
    SmallVector<Value> place;
    if (!op.hasHeads()) {
      place.push_back(row);
    }
    std::optional<std::pair<double, double>> limit;
    if (auto given = op.getDtLimit()) {
      limit = {(*given)[0], (*given)[1]};
    }
    Decay decay;
    decay.step = emitTimeStep(warp, load(dt, place),
                              bias.pointer ? load(bias, place) : Value(),
                              op.getSoftplus(), limit);
    Value bits = warp.fmul(decay.step, warp.f(kLog2e));
    if (op.hasHeads()) {
      decay.factors = {warp.exp2(warp.fmul(bits, load(a, {})))};
      return decay;
    }
    Value rates = loadFour(a, {row, column});
    for (int64_t i = 0; i < kWidth; ++i) {
      decay.factors.push_back(warp.exp2(warp.fmul(bits, part(rates, i))));
    }
    return decay;
  }

  Value skipOf(Value row) {
    bool ofHead = op.hasHeads() && skip.dims.size() == 1;
    return ofHead ? load(skip, {}) : load(skip, {row});
  }

  // `count` rows of each group of lanes, from `turn` on.
  void some(int64_t turn, int64_t count, int64_t together, int64_t rows) {
    Value column = warp.toIndex(warp.mul(lane, kWidth));
    SmallVector<Value> places, olds;
    for (int64_t i = 0; i < count; ++i) {
      Value row = warp.add(first, (turn + i) * together);
      // What is beyond the end repeats the last row.
      if (rows % together != 0) {
        row = warp.min(row, warp.c(rows - 1));
      }
      places.push_back(warp.toIndex(row));
      olds.push_back(loadFour(state, {places.back(), column}));
    }
    Value writes = loadFour(b, {column}), reads = loadFour(c, {column});
    Decay decay;
    for (size_t i = 0; i < places.size(); ++i) {
      Value row = places[i];
      if (i == 0 || !op.hasHeads()) {
        decay = decayOf(row, column);
      }
      Value value = load(x, {row});
      Value weighted = warp.fmul(decay.step, value);
      SmallVector<Value> next;
      Value sum;
      for (int64_t n = 0; n < kWidth; ++n) {
        Value factor = decay.factors[op.hasHeads() ? 0 : n];
        Value now = warp.fma(weighted, part(writes, n),
                             warp.fmul(part(olds[i], n), factor));
        next.push_back(now);
        Value term = part(reads, n);
        sum = sum ? warp.fma(term, now, sum) : warp.fmul(term, now);
      }
      storeFour(next, {row, column});
      for (int64_t mask = 1; mask < lanes; mask *= 2) {
        sum = warp.fadd(sum, warp.shuffle(sum, mask));
      }
      if (skip.pointer) {
        sum = warp.fma(skipOf(row), value, sum);
      }
      if (gate.pointer) {
        sum = emitGate(warp, sum, load(gate, {row}));
      }
      warp.guarded(warp.equal(lane, warp.c(0)), [&] {
        warp.store(warp.convert(sum, out.element), at(out, {row}));
      });
    }
  }
};

} // namespace

LogicalResult emitStepTile(WarpBuilder &warp, SSMStepOp op,
                           TensorViews &views) {
  return StepTile(warp, op, views).emit();
}

} // namespace attn
