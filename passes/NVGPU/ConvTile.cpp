//===- ConvTile.cpp - attn.causal_conv1d on a block of warps --------------===//
// A thread has a vector of channels of some tokens in a row: it loads each
// token once, and the few in front of them. The threads of the first tokens
// alone see the state, so that it can be updated in place.
//===----------------------------------------------------------------------===//

#include "ConvTile.h"
#include "TimeStep.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attn {

namespace {

class ConvTile {
public:
  ConvTile(WarpBuilder &warp, CausalConv1dOp op, TensorViews &views)
      : warp(warp), op(op), views(views), index(warp.builder, warp.loc) {}

  LogicalResult emit() {
    if (failed(readViews())) {
      return failure();
    }
    tokenDim = op.isRagged() ? 0 : 1;
    channels = cast<ShapedType>(op.getX().getType()).getShape().back();
    taps = cast<ShapedType>(op.getW().getType()).getDimSize(1);
    // At least as many tokens of a thread as it needs in front of them: those
    // of the second lane have all of them in the sequence.
    count = taps <= 5 ? 4 : 8;
    findUnit();
    int64_t columns = channels / unit, lanes = kConvThreads / columns;
    Value thread = warp.thread();
    Value lane = warp.div(thread, columns);
    channel = warp.mul(warp.rem(thread, columns), unit);
    first = warp.c(0);
    end = warp.toInt(x.dims[tokenDim].size);
    if (bounds.pointer) {
      first = integer(bounds, {warp.c(0)});
      end = integer(bounds, {warp.c(1)});
    }
    if (kConvThreads % columns == 0) {
      return all(lane, lanes);
    }
    LogicalResult result = success();
    warp.guarded(warp.less(lane, warp.c(lanes)),
                 [&] { result = all(lane, lanes); });
    return result;
  }

private:
  using Values = SmallVector<Value>;
  WarpBuilder &warp;
  CausalConv1dOp op;
  TensorViews &views;
  IndexBuilder index;
  int64_t tokenDim = 1, channels = 1, taps = 4, unit = 1;
  int64_t count = 4; // tokens of a thread
  TensorView x, w, bias, ids, bounds, state, out, into;
  Value channel, first, end; // i32
  Values weights, biases;    // of a channel and tap

  LogicalResult readViews() {
    Value start = op.getState(), dest;
    if (start) {
      auto fill = start.getDefiningOp<linalg::FillOp>();
      if (fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat())) {
        start = Value();
      }
      for (Operation *user : op->getResult(1).getUsers()) {
        if (auto place =
                dyn_cast<bufferization::MaterializeInDestinationOp>(user)) {
          dest = place.getDest();
        }
      }
    }
    IRMapping none;
    std::pair<Value, TensorView *> all[] = {{op.getX(), &x},
                                            {op.getW(), &w},
                                            {op.getBias(), &bias},
                                            {op.getSeqIds(), &ids},
                                            {op.getCuSeqlens(), &bounds},
                                            {start, &state},
                                            {op.getOut(), &out},
                                            {dest, &into}};
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

  // The widest vectors that all of what lies in rows of channels allows.
  void findUnit() {
    unit = 16;
    for (const TensorView *view : {&x, &out, &state, &into}) {
      if (view->pointer) {
        int64_t bytes = view->element.getIntOrFloatBitWidth() / 8;
        unit = std::min(unit, std::max<int64_t>(view->alignment() / bytes, 1));
      }
    }
    while (channels % unit != 0) {
      unit /= 2;
    }
  }

  Value address(const TensorView &view, ArrayRef<Value> indices) {
    Values all(view.dims.size() - indices.size(), index.constant(0));
    for (Value value : indices) {
      all.push_back(warp.toIndex(value));
    }
    return warp.globalAddress(
        view.pointer, view.at(warp.builder, warp.loc, all), view.element);
  }
  Value integer(const TensorView &view, ArrayRef<Value> indices) {
    return warp.toInt(
        warp.toIndex(warp.load(view.element, address(view, indices))));
  }
  Value number(const TensorView &view, ArrayRef<Value> indices) {
    return warp.convert(warp.load(view.element, address(view, indices), 0,
                                  /*invariant=*/true),
                        warp.f32());
  }

  // The channels of the thread at row `row` of `view`, as f32.
  Values loadRow(const TensorView &view, Value row) {
    Value from = address(view, {row, channel});
    Values values;
    if (unit == 1) {
      return {warp.convert(warp.load(view.element, from), warp.f32())};
    }
    int64_t bytes = unit * view.element.getIntOrFloatBitWidth() / 8;
    Value whole = warp.load(VectorType::get(unit, view.element), from, bytes);
    for (int64_t e = 0; e < unit; ++e) {
      values.push_back(
          warp.convert(LLVM::ExtractElementOp::create(warp.builder, warp.loc,
                                                      whole, warp.c(e)),
                       warp.f32()));
    }
    return values;
  }
  void storeRow(const TensorView &view, Value row, ArrayRef<Value> values) {
    Value to = address(view, {row, channel});
    if (unit == 1) {
      warp.store(warp.convert(values[0], view.element), to);
      return;
    }
    Value whole = LLVM::UndefOp::create(warp.builder, warp.loc,
                                        VectorType::get(unit, view.element));
    for (int64_t e = 0; e < unit; ++e) {
      whole = LLVM::InsertElementOp::create(
          warp.builder, warp.loc, whole, warp.convert(values[e], view.element),
          warp.c(e));
    }
    warp.store(whole, to, unit * view.element.getIntOrFloatBitWidth() / 8);
  }
  Values zeros() { return Values(unit, warp.f(0)); }

  // `some` where `condition` holds, else `others`.
  Values either(Value condition, llvm::function_ref<Values()> some,
                llvm::function_ref<Values()> others) {
    SmallVector<Type> types(unit, warp.f32());
    auto choice = scf::IfOp::create(warp.builder, warp.loc, types, condition,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(warp.builder, warp.loc, some());
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(warp.builder, warp.loc, others());
    return llvm::to_vector_of<Value>(choice.getResults());
  }

  // A token of the sequence, or of the state in front of it.
  Values tokenOrState(Value token) {
    return either(
        warp.less(token, first),
        [&] {
          Value row = warp.add(warp.sub(token, first), taps - 1);
          return state.pointer ? loadRow(state, row) : zeros();
        },
        [&] { return loadRow(x, token); });
  }
  // The id of a token; of one in front, and of the state, the first one's.
  Value idOf(Value token) {
    return integer(ids, {warp.c(0), warp.max(token, first)});
  }
  static Values masked(WarpBuilder &warp, Value condition, Values values) {
    for (Value &value : values) {
      value = warp.select(condition, value, warp.f(0));
    }
    return values;
  }

  LogicalResult all(Value lane, int64_t lanes) {
    for (int64_t e = 0; e < unit; ++e) {
      Value at = warp.add(channel, e);
      for (int64_t i = 0; i < taps; ++i) {
        weights.push_back(number(w, {at, warp.c(i)}));
      }
      biases.push_back(bias.pointer ? number(bias, {at}) : warp.f(0));
    }
    Values next = nextState(lane);
    auto loop = scf::ForOp::create(warp.builder, warp.loc,
                                   warp.add(first, warp.mul(lane, count)), end,
                                   warp.c(lanes * count));
    {
      OpBuilder::InsertionGuard guard(warp.builder);
      warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
      tokens(loop.getInductionVar());
    }
    if (!next.empty()) {
      warp.guarded(warp.equal(lane, warp.c(0)), [&] {
        for (int64_t row = 0; row + 1 < taps; ++row) {
          storeRow(into, warp.c(row), ArrayRef(next).slice(row * unit, unit));
        }
      });
    }
    return success();
  }

  // What the state will be, of all threads, though few of them write it.
  Values nextState(Value lane) {
    Values next;
    if (!into.pointer) {
      return next;
    }
    Value hasTokens = warp.less(first, end), last = warp.add(end, -1);
    for (int64_t row = 0; row + 1 < taps; ++row) {
      Value token = warp.add(end, row - (taps - 1));
      Values values = either(
          warp.equal(lane, warp.c(0)),
          [&] {
            Values found = tokenOrState(token);
            if (!ids.pointer) {
              return found;
            }
            Values same = either(
                hasTokens,
                [&] {
                  return masked(warp, warp.equal(idOf(last), idOf(token)),
                                found);
                },
                [&] { return found; });
            return same;
          },
          [&] { return zeros(); });
      llvm::append_range(next, values);
    }
    return next;
  }

  // The tokens from `token` on.
  void tokens(Value token) {
    SmallVector<Values> rows;
    SmallVector<Value> rowIds;
    Value last = warp.add(end, -1);
    for (int64_t row = 0; row < count + taps - 1; ++row) {
      Value at = warp.add(token, row - (taps - 1));
      bool inFront = row + 1 < taps;
      // Behind the last token there is nothing to write.
      Value from = inFront ? at : warp.min(at, last);
      rows.push_back(inFront ? tokenOrState(at) : loadRow(x, from));
      if (ids.pointer) {
        rowIds.push_back(idOf(from));
      }
    }
    for (int64_t t = 0; t < count; ++t) {
      Values sums = biases;
      for (int64_t i = 0; i < taps; ++i) {
        Values inputs = rows[t + i];
        if (ids.pointer) {
          inputs = masked(warp, warp.equal(rowIds[t + i], rowIds[t + taps - 1]),
                          inputs);
        }
        for (int64_t e = 0; e < unit; ++e) {
          sums[e] = warp.fma(weights[e * taps + i], inputs[e], sums[e]);
        }
      }
      if (op.getSilu()) {
        for (Value &sum : sums) {
          sum = emitGate(warp, warp.f(1), sum);
        }
      }
      Value to = warp.add(token, t);
      warp.guarded(warp.less(to, end), [&] { storeRow(out, to, sums); });
    }
  }
};

} // namespace

LogicalResult emitConvTile(WarpBuilder &warp, CausalConv1dOp op,
                           TensorViews &views) {
  return ConvTile(warp, op, views).emit();
}

} // namespace attn
