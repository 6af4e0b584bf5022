//===- RecurrenceConsumer.cpp - the state of a recurrence in fragments ----===//
// In the plain order; attn-warpgroup-group lets the products of a chunk run
// together.
//===----------------------------------------------------------------------===//

#include "../NVGPU/TimeStep.h"
#include "RecurrenceTile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

// Bits that a chunk may decay by in one factor on each side: two factors of
// half of it multiply, and the smallest f32 is 2^-126.
constexpr double kFactoredBits = 120;

/// What a chunk starts with.
// Stores a result, from where it is staged.
void RecurrenceTile::store(Value number, Value chunk, Value y) {
  WriteOp::create(warp.builder, warp.loc, y, outRing, chunk, number,
                  /*transposed=*/true);
  SendOp::create(warp.builder, warp.loc, outRing, chunk, number, number,
                 mapValues[out.map], at(out, chunk, number, true));
}

void RecurrenceTile::storeBefore(const Step &step) {
  if (step.before) {
    warp.guarded(warp.less(warp.c(0), step.chunk), [&] {
      store(step.number, warp.sub(step.chunk, warp.c(1)), step.before);
    });
  }
}

Value RecurrenceTile::vector(const Step &step, Vector which, Type type) {
  return VectorOp::create(warp.builder, warp.loc, type, vectorRing, step.chunk,
                          warp.add(step.firstVector, which));
}

Value RecurrenceTile::number(const Step &step, Number which) {
  Value row =
      AddressOp::create(warp.builder, warp.loc, warp.shared(), vectorRing,
                        step.chunk, warp.add(step.firstVector, kNumbers));
  return warp.load(warp.f32(),
                   LLVM::GEPOp::create(warp.builder, warp.loc, warp.shared(),
                                       warp.f32(), row,
                                       ArrayRef<LLVM::GEPArg>{which}));
}

Value RecurrenceTile::stateAddress(Value tensor, Value head, Value p, Value n) {
  const TensorView &view = tensor == program.initial ? initial : final;
  SmallVector<Value> at = {warp.c(0), head, p, n};
  if (program.stateReversed) {
    std::swap(at[2], at[3]);
  }
  for (Value &index : at) {
    index = warp.toIndex(index);
  }
  return warp.globalAddress(view.pointer, view.at(warp.builder, warp.loc, at),
                            view.element);
}

Value RecurrenceTile::startState(Value number) {
  Value zero = SplatOp::create(warp.builder, warp.loc,
                               fragment(kernel.stateColumns), warp.f(0));
  if (!program.initial) {
    return zero;
  }
  Value head = headOf(number), column = columnOf(number);
  return elements(zero, zero.getType(), [&](ValueRange in) {
    auto load = [&] {
      Value at =
          stateAddress(program.initial, head, warp.add(column, in[1]), in[2]);
      return warp.convert(warp.load(initial.element, at), warp.f32());
    };
    if (program.stateSize == kernel.stateColumns) {
      yield(load());
      return;
    }
    auto choice = scf::IfOp::create(warp.builder, warp.loc, warp.f32(),
                                    warp.less(in[2], warp.c(program.stateSize)),
                                    /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(warp.builder);
      warp.builder.setInsertionPointToStart(choice.thenBlock());
      scf::YieldOp::create(warp.builder, warp.loc, load());
      warp.builder.setInsertionPointToStart(choice.elseBlock());
      scf::YieldOp::create(warp.builder, warp.loc, in[0]);
    }
    yield(choice.getResult(0));
  });
}

void RecurrenceTile::endState(Value state, Value number) {
  if (!program.finalInto) {
    return;
  }
  Value head = headOf(number), column = columnOf(number);
  elements(state, {}, [&](ValueRange in) {
    auto store = [&] {
      warp.store(warp.convert(in[0], final.element),
                 stateAddress(program.finalInto, head, warp.add(column, in[1]),
                              in[2]));
    };
    if (program.stateSize == kernel.stateColumns) {
      store();
    } else {
      warp.guarded(warp.less(in[2], warp.c(program.stateSize)), store);
    }
  });
}

std::pair<Value, Value> RecurrenceTile::products(const Step &step, Value packed,
                                                 Value values, Value state) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  if (kernel.consumers > 1) {
    TakeTurnOp::create(builder, loc, step.number);
  }
  Value readPanel = warp.c(kernel.stateColumns / 64);
  Value reads = tile(keyRing, step.chunk, kernel.stateColumns, readPanel);
  Value writes = tile(keyRing, step.chunk, kernel.stateColumns, Value());
  Value masked = tile(maskedRing, step.chunk, 64, Value());
  Value y = product(packed, reads, Value(), 64, /*transposed=*/true);
  state = product(values, writes, state, kernel.stateColumns, false);
  y = product(values, masked, y, 64, false);
  if (kernel.consumers > 1) {
    PassTurnOp::create(builder, loc, step.number, /*first=*/false);
  }
  storeBefore(step);
  return {state, y};
}

// (state, what it has to be multiplied with, out): decays are factors of what
// comes in and goes out.
SmallVector<Value> RecurrenceTile::usual(const Step &step) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Type columns = ColumnsType::get(builder.getContext(), {64}, warp.f32());
  Value values = step.values, state = step.state, reference;
  if (decays()) {
    values = ScaleOp::create(builder, loc, values, vector(step, kIn, columns));
    reference = number(step, kReference);
    Value factor = warp.fmul(reference, step.pending);
    state = times(state, factor);
  }
  Value packed =
      PackOp::create(builder, loc, operand(kernel.stateColumns), state);
  auto [written, y] = products(step, packed, values, state);
  if (!decays()) {
    return {written, times(y, warp.f(program.scale))};
  }
  return {written, reference, times(y, vector(step, kOut, columns))};
}

Value RecurrenceTile::keyVector(Value chunk, KeyVector which) {
  Type columns = ColumnsType::get(warp.builder.getContext(),
                                  {kernel.stateColumns}, warp.f32());
  return VectorOp::create(warp.builder, warp.loc, columns, vectorRing, chunk,
                          warp.c(which));
}

// Decays of keys are in what is read and written, and here in the columns of
// the state: in front of the chunk, and where it decays by too much for that
// within it.
SmallVector<Value> RecurrenceTile::keyStep(const Step &step) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Value state = times(step.state, keyVector(step.chunk, kBefore));
  Value packed =
      PackOp::create(builder, loc, operand(kernel.stateColumns), state);
  Value flag = warp.load(warp.f32(),
                         address(vectorRing, step.chunk, warp.c(kKeyNumbers)));
  Value isSteep = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ONE,
                                        flag, warp.f(0));
  isSteep = warp.any(isSteep);
  auto choice = scf::IfOp::create(builder, loc, state.getType(), isSteep,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(builder, loc,
                         times(state, keyVector(step.chunk, kWithin)));
    builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(builder, loc, state);
  }
  state = choice.getResult(0);
  auto [written, y] = products(step, packed, step.values, state);
  if (program.scale != 1) {
    y = times(y, warp.f(program.scale));
  }
  return {written, y};
}

Value RecurrenceTile::times(Value fragment, Value factor) {
  if (isa<ColumnsType>(factor.getType())) {
    return elements({fragment, factor}, fragment.getType(),
                    [&](ValueRange in) { yield(warp.fmul(in[0], in[1])); });
  }
  return elements(fragment, fragment.getType(),
                  [&](ValueRange in) { yield(warp.fmul(in[0], factor)); });
}

// The same for a chunk that decays by more: each pair of tokens has its own
// decay, and the masked products of this head take the place of its result.
SmallVector<Value> RecurrenceTile::steep(const Step &step) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Type columns = ColumnsType::get(builder.getContext(), {64}, warp.f32());
  Type rows = RowsType::get(builder.getContext(), warp.f32());
  if (kernel.consumers > 1) {
    TakeTurnOp::create(builder, loc, step.number);
  }
  storeBefore(step);
  Value shared = FetchOp::create(builder, loc, operand(64),
                                 tile(maskedRing, step.chunk, 64, Value()),
                                 /*transposed=*/false);
  shared = UnpackOp::create(builder, loc, fragment(64), shared);
  Value sums = vector(step, kSum, columns);
  Value own = elements(
      {shared, vector(step, kUnweighted, rows), sums}, shared.getType(),
      [&](ValueRange in) {
        Value decayed = warp.fmul(in[0], warp.exp2(warp.fsub(in[2], in[1])));
        yield(warp.select(warp.less(in[4], in[3]), warp.f(0), decayed));
      });
  WriteOp::create(builder, loc, own, outRing, step.chunk, step.number,
                  /*transposed=*/false);
  Value state = times(step.state, step.pending);
  Value packed =
      PackOp::create(builder, loc, operand(kernel.stateColumns), state);
  state = times(state, warp.exp2(number(step, kTotal)));
  Value weighted =
      ScaleOp::create(builder, loc, step.values, vector(step, kLast, columns));
  ShareOp::create(builder, loc, step.number);
  Value readPanel = warp.c(kernel.stateColumns / 64);
  Value reads = tile(keyRing, step.chunk, kernel.stateColumns, readPanel);
  Value writes = tile(keyRing, step.chunk, kernel.stateColumns, Value());
  Value y = product(packed, reads, Value(), 64, /*transposed=*/true);
  state = product(weighted, writes, state, kernel.stateColumns, false);
  y = elements({y, sums}, y.getType(), [&](ValueRange in) {
    yield(warp.fmul(in[0], warp.exp2(in[1])));
  });
  y = product(step.values, tile(outRing, step.chunk, 64, step.number), y, 64,
              false);
  if (program.scale != 1) {
    y = times(y, warp.f(program.scale));
  }
  ShareOp::create(builder, loc, step.number);
  if (kernel.consumers > 1) {
    PassTurnOp::create(builder, loc, step.number, /*first=*/false);
  }
  return {state, warp.f(1), y};
}

// Values that go past the state, and the gate.
Value RecurrenceTile::finish(const Step &step, Value y) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  SmallVector<Value> inputs = {y};
  if (program.skip) {
    inputs.push_back(UnpackOp::create(builder, loc, fragment(64), step.values));
  }
  if (program.gate) {
    AwaitOp::create(builder, loc, gateRing, step.chunk);
    Value gates = FetchOp::create(builder, loc, operand(64),
                                  tile(gateRing, step.chunk, 64, step.number),
                                  /*transposed=*/true);
    inputs.push_back(UnpackOp::create(builder, loc, fragment(64), gates));
  }
  if (inputs.size() == 1) {
    return y;
  }
  Value head = warp.toIndex(headOf(step.number));
  Value column = columnOf(step.number);
  return elements(inputs, y.getType(), [&](ValueRange in) {
    Value result = in[0];
    if (program.skip) {
      SmallVector<Value> at = {head};
      if (skip.dims.size() == 2) {
        at.push_back(warp.toIndex(warp.add(column, in[inputs.size()])));
      }
      Value factor = warp.convert(
          warp.load(skip.element,
                    warp.globalAddress(skip.pointer, skip.at(builder, loc, at),
                                       skip.element),
                    0, /*invariant=*/true),
          warp.f32());
      result = warp.fma(in[1], factor, result);
    }
    if (program.gate) {
      result = emitGate(warp, result, in[inputs.size() - 1]);
    }
    yield(result);
  });
}

void RecurrenceTile::consume(Value number) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  // Products of the delta rule wait for each other: no turns.
  if (kernel.consumers > 1 && !isDelta()) {
    PassTurnOp::create(builder, loc, number, /*first=*/true);
  }
  bool carriesFactor = decays() && !isDelta();
  SmallVector<Value> inits = {startState(number)};
  if (carriesFactor) {
    inits.push_back(warp.f(1));
  }
  // Where one head's chain of chunks is what takes the time, a result leaves
  // while the products of the next chunk run.
  bool late = kernel.consumers == 1 && !program.gate;
  if (late) {
    inits.push_back(SplatOp::create(builder, loc, fragment(64), warp.f(0)));
  }
  scf::ForOp loop = forChunks(inits);
  Step step;
  step.number = number;
  step.chunk = loop.getInductionVar();
  step.firstVector = warp.mul(headOf(number), kVectors);
  step.state = loop.getRegionIterArg(0);
  step.pending = carriesFactor ? loop.getRegionIterArg(1) : Value();
  step.before = late ? loop.getRegionIterArgs().back() : Value();
  AwaitOp::create(builder, loc, valueRing, step.chunk);
  step.values = FetchOp::create(builder, loc, operand(64),
                                tile(valueRing, step.chunk, 64, number),
                                /*transposed=*/true);
  SmallVector<Value> results;
  if (vectorRing) {
    AwaitOp::create(builder, loc, vectorRing, step.chunk);
  }
  AwaitOp::create(builder, loc, keyRing, step.chunk);
  AwaitOp::create(builder, loc, maskedRing, step.chunk);
  if (isDelta()) {
    results = deltaStep(step);
  } else if (keyDecays()) {
    results = keyStep(step);
  } else if (decays()) {
    Value isSteep = arith::CmpFOp::create(
        builder, loc, arith::CmpFPredicate::OLT, this->number(step, kTotal),
        warp.f(-kFactoredBits));
    // The same in all threads, and known to be.
    isSteep = warp.any(isSteep);
    auto choice = scf::IfOp::create(
        builder, loc, TypeRange{step.state.getType(), warp.f32(), fragment(64)},
        isSteep,
        /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(choice.thenBlock());
      scf::YieldOp::create(builder, loc, steep(step));
      builder.setInsertionPointToStart(choice.elseBlock());
      scf::YieldOp::create(builder, loc, usual(step));
    }
    llvm::append_range(results, choice.getResults());
  } else {
    results = usual(step);
  }
  for (Value ring : {valueRing, keyRing, maskedRing}) {
    ReleaseOp::create(builder, loc, ring, step.chunk);
  }
  Value y = finish(step, results.pop_back_val());
  if (late) {
    results.push_back(y);
  } else {
    store(number, step.chunk, y);
  }
  if (program.gate) {
    ReleaseOp::create(builder, loc, gateRing, step.chunk);
  }
  if (vectorRing) {
    ReleaseOp::create(builder, loc, vectorRing, step.chunk);
  }
  scf::YieldOp::create(builder, loc, results);
  builder.setInsertionPointAfter(loop);
  Value state = loop.getResult(0);
  if (late) {
    warp.guarded(warp.less(warp.c(0), chunks), [&] {
      store(number, warp.sub(chunks, warp.c(1)), loop.getResults().back());
    });
  }
  if (program.finalInto) {
    if (carriesFactor) {
      state = times(state, loop.getResult(1));
    }
    if (keyDecays()) {
      // Nobody fills a stage behind the last chunk.
      Value some = warp.less(warp.c(0), chunks);
      Value last = warp.max(warp.sub(chunks, warp.c(1)), warp.c(0));
      Value behind = keyVector(last, kBehind);
      state = elements({state, behind}, state.getType(), [&](ValueRange in) {
        yield(warp.fmul(in[0], warp.select(some, in[1], warp.f(1))));
      });
    }
    endState(state, number);
  }
  DrainOp::create(builder, loc, /*all=*/true);
}

} // namespace attn
