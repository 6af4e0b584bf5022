//===- MergeTile.cpp - attn.merge_states on a block of warps --------------===//
// The parts of a row are dealt to the warps in turn. Each warp joins its parts
// online, lanes across the columns; the results join through shared memory in
// the order of the warps, so that the sum is the same each time.
//===----------------------------------------------------------------------===//

#include "MergeTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

constexpr int64_t kWarps = kMergeThreads / 32;
// Parts whose loads are on their way together.
constexpr int64_t kUnroll = 4;
constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

int64_t mergeSharedBytes(MergeStatesOp op) {
  auto parts = cast<ShapedType>(op.getParts().getType());
  return kWarps * (parts.getShape().back() + 2) *
         (parts.getElementTypeBitWidth() / 8);
}

namespace {

class MergeTile {
public:
  MergeTile(WarpBuilder &warp, MergeStatesOp op, TensorViews &views)
      : warp(warp), op(op), views(views) {}

  LogicalResult emit() {
    IRMapping none;
    FailureOr<TensorView> found[] = {views.get(op.getParts(), none),
                                     views.get(op.getPartLse(), none),
                                     views.get(op.getOut(), none)};
    if (failed(found[0]) || failed(found[1]) || failed(found[2])) {
      return failure();
    }
    parts = *found[0];
    partLse = *found[1];
    out = *found[2];
    if (parts.dims.size() != 3) {
      return op.emitOpError("of other than one row dimension has no lowering "
                            "for GPUs");
    }
    type = cast<FloatType>(parts.element);
    bytes = type.getWidth() / 8;
    if (op.getLse()) {
      FailureOr<TensorView> view = views.get(op.getLse(), none);
      if (failed(view)) {
        return failure();
      }
      lse = *view;
    }
    if (op.getSink()) {
      FailureOr<TensorView> view = views.get(op.getSink(), none);
      if (failed(view)) {
        return failure();
      }
      sink = *view;
    }
    size = cast<ShapedType>(op.getParts().getType()).getDimSize(2);
    lanes = llvm::divideCeil(size, 32);
    thread = warp.thread();
    lane = warp.andi(thread, 31);
    warpNumber = warp.shr(thread, 5);
    Value count = warp.toInt(parts.dims[1].size);
    auto loop =
        scf::ForOp::create(warp.builder, warp.loc, warp.c(0), count, warp.c(1));
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
    row(warp.toIndex(loop.getInductionVar()));
    return success();
  }

private:
  WarpBuilder &warp;
  MergeStatesOp op;
  TensorViews &views;
  TensorView parts, partLse, out, lse, sink;
  FloatType type; // of the parts
  int64_t bytes = 4;
  int64_t size = 0, lanes = 0;
  Value thread, lane, warpNumber;

  Value number(double value) { return warp.f(value, type); }

  Value at(const TensorView &view, ValueRange indices) {
    return warp.globalAddress(
        view.pointer, view.at(warp.builder, warp.loc, indices), view.element);
  }

  Value scale(Value max) {
    return warp.select(warp.isEqual(max, number(kMinusInfinity)), number(0),
                       max);
  }

  // (max, sum, columns...) of the parts of this warp, in powers of 2.
  SmallVector<Value> join(Value row) {
    Value count = warp.toInt(parts.dims[0].size);
    SmallVector<Value> state(lanes + 2, number(0));
    state[0] = number(kMinusInfinity);
    SmallVector<Type> types(state.size(), type);
    auto loop = scf::ForOp::create(warp.builder, warp.loc, warpNumber, count,
                                   warp.c(kWarps * kUnroll), state);
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(loop.getBody());
    state.assign(loop.getRegionIterArgs().begin(),
                 loop.getRegionIterArgs().end());
    SmallVector<Value> lses;
    SmallVector<SmallVector<Value>> values(kUnroll);
    for (int64_t i = 0; i < kUnroll; ++i) {
      // Past the end the last part is read, and weighs nothing.
      Value part = warp.add(loop.getInductionVar(), i * kWarps);
      Value valid = warp.less(part, count);
      part = warp.toIndex(warp.min(part, warp.sub(count, warp.c(1))));
      Value read = warp.load(type, at(partLse, {part, row}));
      lses.push_back(warp.select(valid,
                                 warp.fmul(read, number(llvm::numbers::log2e)),
                                 number(kMinusInfinity)));
      for (int64_t j = 0; j < lanes; ++j) {
        Value column =
            warp.toIndex(warp.min(warp.add(lane, 32 * j), warp.c(size - 1)));
        values[i].push_back(warp.load(type, at(parts, {part, row, column})));
      }
    }
    Value max = state[0];
    for (Value value : lses) {
      max = warp.fmax(max, value);
    }
    Value base = scale(max);
    Value factor = warp.exp2(warp.fsub(state[0], base));
    state[0] = max;
    for (Value &value : MutableArrayRef(state).drop_front()) {
      value = warp.fmul(value, factor);
    }
    for (int64_t i = 0; i < kUnroll; ++i) {
      Value weight = warp.exp2(warp.fsub(lses[i], base));
      state[1] = warp.fadd(state[1], weight);
      // A part without keys may hold anything.
      Value nothing = warp.isEqual(weight, number(0));
      for (int64_t j = 0; j < lanes; ++j) {
        Value value = warp.select(nothing, number(0), values[i][j]);
        state[2 + j] = warp.fma(weight, value, state[2 + j]);
      }
    }
    scf::YieldOp::create(warp.builder, warp.loc, state);
    return SmallVector<Value>(loop.getResults());
  }

  void row(Value row) {
    SmallVector<Value> state = join(row);
    Value start = warp.mul(warpNumber, (size + 2) * bytes);
    warp.store(state[0], warp.sharedAddress(start));
    warp.store(state[1], warp.sharedAddress(start, bytes));
    for (int64_t j = 0; j < lanes; ++j) {
      Value column = warp.add(lane, 32 * j);
      warp.guarded(warp.less(column, warp.c(size)), [&] {
        warp.store(state[2 + j],
                   warp.sharedAddress(warp.add(start, warp.mul(column, bytes)),
                                      2 * bytes));
      });
    }
    warp.barrier();
    auto loop = scf::ForOp::create(warp.builder, warp.loc, thread, warp.c(size),
                                   warp.c(kMergeThreads));
    {
      OpBuilder::InsertionGuard guard(warp.builder);
      warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
      Value column = loop.getInductionVar();
      auto read = [&](int64_t w, Value offset, int64_t constant) {
        return warp.load(type, warp.sharedAddress(
                                   offset, w * (size + 2) * bytes + constant));
      };
      Value max = number(kMinusInfinity);
      for (int64_t w = 0; w < kWarps; ++w) {
        max = warp.fmax(max, read(w, warp.c(0), 0));
      }
      Value logit;
      if (sink.pointer) {
        logit = warp.convert(warp.load(sink.element, at(sink, {op.getHead()})),
                             type);
        logit = warp.fmul(logit, number(llvm::numbers::log2e));
        max = warp.fmax(max, logit);
      }
      Value base = scale(max), sum = number(0), total = sum;
      for (int64_t w = 0; w < kWarps; ++w) {
        Value factor = warp.exp2(warp.fsub(read(w, warp.c(0), 0), base));
        sum = warp.fma(read(w, warp.c(0), bytes), factor, sum);
        total = warp.fma(read(w, warp.mul(column, bytes), 2 * bytes), factor,
                         total);
      }
      if (logit) {
        sum = warp.fadd(sum, warp.exp2(warp.fsub(logit, base)));
      }
      Value empty = warp.isEqual(sum, number(0));
      Value result =
          warp.select(empty, number(0), warp.fmul(total, warp.rcp(sum)));
      warp.store(warp.convert(result, out.element),
                 at(out, {row, warp.toIndex(column)}));
      if (lse.pointer) {
        Value value = warp.select(empty, number(kMinusInfinity),
                                  warp.fmul(warp.fadd(max, warp.log2(sum)),
                                            number(llvm::numbers::ln2)));
        warp.guarded(warp.equal(column, warp.c(0)), [&] {
          warp.store(warp.convert(value, lse.element), at(lse, {row}));
        });
      }
    }
    warp.barrier();
  }
};

} // namespace

LogicalResult emitMergeTile(WarpBuilder &warp, MergeStatesOp op,
                            TensorViews &views) {
  return MergeTile(warp, op, views).emit();
}

} // namespace attn
