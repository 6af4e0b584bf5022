//===- ScanTile.cpp - a recurrence token by token, one kernel -------------===//

#include "ScanTile.h"
#include "TimeStep.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

bool ScanTile::bind(const Source &source, Bound &bound) {
  if (!source) {
    return true;
  }
  IRMapping none;
  FailureOr<TensorView> view = views.get(source.tensor, none);
  if (failed(view)) {
    return false;
  }
  bound = {source, *view};
  return true;
}

// Parts that a source does not go along are not looked at.
Value ScanTile::address(const Bound &bound, Value token, Value row,
                        Value state) {
  IndexBuilder index(warp.builder, warp.loc);
  Value at = bound.view.offset;
  for (auto [dim, place] :
       {std::pair(bound.source.token, token), std::pair(bound.source.row, row),
        std::pair(bound.source.state, state)}) {
    if (dim >= 0) {
      at = index.add(
          at, index.mul(warp.toIndex(place), bound.view.dims[dim].stride));
    }
  }
  return warp.globalAddress(bound.view.pointer, at, bound.view.element);
}

Value ScanTile::element(const Bound &bound, Value token, Value row,
                        Value state) {
  return warp.convert(warp.load(bound.view.element,
                                address(bound, token, row, state), 0,
                                /*invariant=*/true),
                      warp.f32());
}

// The n-th state of the thread: lanes take turns at groups of four.
Value ScanTile::stateIndex(int64_t n) {
  return warp.add(warp.mul(lane, 4), stateOf(n));
}
Value ScanTile::rowIndex(int64_t r) { return warp.add(firstRow, r); }

// The elements of row r and the thread's states; 0 where there is none.
ScanTile::Values ScanTile::forStates(const Bound &bound, int64_t r) {
  Values values;
  bool allRows = kernel.allRows() == program.rows;
  bool allStates = kernel.allStates() == program.states;
  Value row = warp.min(rowIndex(r), warp.c(program.rows - 1));
  for (int64_t n = 0; n < kernel.states; ++n) {
    Value state = stateIndex(n);
    Value value =
        warp.load(bound.view.element,
                  address(bound, Value(), allRows ? rowIndex(r) : row,
                          warp.min(state, warp.c(program.states - 1))));
    value = warp.convert(value, warp.f32());
    values.push_back(allStates
                         ? value
                         : warp.select(warp.less(state, warp.c(program.states)),
                                       value, warp.f(0)));
  }
  return values;
}

Value ScanTile::stepOf(Value raw, Value bias) {
  return emitTimeStep(warp, raw, bias, program.softplus, program.limit);
}

// 2^bits of the n-th state; where the program has many, some on other units.
Value ScanTile::exp2(Value bits, int64_t n) {
  bool slowly = n * kernel.polynomials % 16 + kernel.polynomials >= 16;
  return slowly ? warp.exp2OnFMA(bits) : warp.exp2(bits);
}

// What does not change with tokens.
void ScanTile::readParameters() {
  if (program.steps && program.steps.row < 0 && bias) {
    headBias = element(bias, Value(), Value(), Value());
  }
  if (headDecay && headDecay.source.token < 0) {
    fixedDecay = {warp.exp2(warp.fmul(
        element(headDecay, Value(), Value(), Value()), warp.f(kLog2e)))};
  }
  if (rates && !program.ofChannels()) {
    rateBits = {
        warp.fmul(element(rates, Value(), Value(), Value()), warp.f(kLog2e))};
  }
  if (!program.ofChannels()) {
    return;
  }
  Values natural = forStates(rates, 0);
  for (Value rate : natural) {
    rateBits.push_back(warp.fmul(rate, warp.f(kLog2e)));
  }
  Value row = warp.min(rowIndex(0), warp.c(program.rows - 1));
  if (program.hasFixedSteps()) {
    Bound given;
    bind(program.steps, given);
    Value offset = bias ? element(bias, Value(), row, Value()) : Value();
    fixedStep = {stepOf(element(given, Value(), row, Value()), offset)};
    for (Value bits : rateBits) {
      fixedDecay.push_back(warp.exp2(warp.fmul(fixedStep[0], bits)));
    }
  }
  if (program.isFixed()) {
    Bound writes, reads;
    bind(program.write, writes), bind(program.read, reads);
    fixedWrite = forStates(writes, 0);
    fixedRead = forStates(reads, 0);
  }
  if (program.zoh) {
    // b (e^(delta a) - 1) / a; with a = 0 delta b.
    for (auto [n, rate] : llvm::enumerate(natural)) {
      Value bits = warp.fmul(fixedStep[0], rate);
      Value held = arith::DivFOp::create(warp.builder, warp.loc,
                                         emitExpM1(warp, bits), rate);
      held = warp.select(warp.isEqual(rate, warp.f(0)), fixedStep[0], held);
      fixedWrite[n] = warp.fmul(fixedWrite[n], held);
    }
  }
}

ScanTile::Values ScanTile::startStates() {
  Values states;
  for (int64_t r = 0; r < kernel.rows; ++r) {
    if (initial) {
      llvm::append_range(states, forStates(initial, r));
    } else {
      states.append(kernel.states, warp.f(0));
    }
  }
  if (program.normalized) {
    if (initialNorm) {
      llvm::append_range(states, forStates(initialNorm, 0));
    } else {
      states.append(kernel.states, warp.f(0));
    }
  }
  return states;
}

void ScanTile::endStates(ValueRange states) {
  auto write = [&](const Bound &into, ValueRange values, Value row) {
    for (auto [n, value] : llvm::enumerate(values)) {
      Value state = stateIndex(n);
      Value exists = warp.both(warp.less(row, warp.c(program.rows)),
                               warp.less(state, warp.c(program.states)));
      warp.guarded(exists, [&, value = value] {
        warp.store(warp.convert(value, into.view.element),
                   address(into, Value(), row, state));
      });
    }
  };
  int64_t count = kernel.states;
  for (int64_t r = 0; final && r < kernel.rows; ++r) {
    write(final, states.slice(r * count, count), rowIndex(r));
  }
  if (finalNorm) {
    write(finalNorm, states.take_back(count), warp.c(0));
  }
}

//===----------------------------------------------------------------------===//
// One token
//===----------------------------------------------------------------------===//

ScanTile::Values ScanTile::ofStates(const Stage &stage, Value token) {
  Values values;
  Value start = warp.add(token, warp.mul(lane, 16));
  for (int64_t n = 0; n < kernel.states; n += 4) {
    llvm::append_range(values,
                       shared(start, (stage.offset + stateOf(n)) * 4, 4));
  }
  return values;
}
ScanTile::Values ScanTile::ofRows(const Stage &stage, Value token) {
  return shared(warp.add(token, warp.mul(firstRow, 4)), stage.offset * 4,
                kernel.rows);
}
Value ScanTile::scalar(const Stage &stage, Value token) {
  return shared(token, stage.offset * 4, 1)[0];
}

Value ScanTile::sumOfLanes(Value sum) {
  for (int64_t mask = 1; mask < kernel.lanes; mask *= 2) {
    sum = warp.fadd(sum, warp.shuffle(sum, mask));
  }
  return sum;
}

// In two chains where they are long; with four states in the order of a step.
Value ScanTile::product(const Values &a, ValueRange b) {
  constexpr size_t kChains = 2;
  Value sums[kChains];
  for (size_t n = 0; n < a.size(); ++n) {
    Value &sum = sums[n / 4 % kChains];
    sum = sum ? warp.fma(a[n], b[n], sum) : warp.fmul(a[n], b[n]);
  }
  return sums[1] ? warp.fadd(sums[0], sums[1]) : sums[0];
}

// The factors of the states: none, one, one a state, or one a row and state.
ScanTile::Values ScanTile::decays(Value token, Values &states,
                                  const Values &steps) {
  Values factors;
  if (!fixedDecay.empty()) {
    factors = fixedDecay;
  } else if (program.ofChannels()) {
    for (int64_t n = 0; n < kernel.states; ++n) {
      factors.push_back(exp2(warp.fmul(steps[0], rateBits[n]), n));
    }
  } else if (rates) {
    factors = {warp.exp2(warp.fmul(steps[0], rateBits[0]))};
  } else if (decay) {
    factors = decay->padded > 1 ? ofStates(*decay, token)
                                : Values{scalar(*decay, token)};
  }
  if (!kept) {
    return factors;
  }
  Value keep = scalar(*kept, token);
  if (factors.size() <= 1) {
    return {factors.empty() ? keep : warp.fmul(factors[0], keep)};
  }
  // All threads take the same branch.
  auto choice =
      scf::IfOp::create(warp.builder, warp.loc, ValueRange(states).getTypes(),
                        warp.isEqual(keep, warp.f(1)), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(warp.builder, warp.loc, states);
  warp.builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(warp.builder, warp.loc,
                       Values(states.size(), warp.f(0)));
  states = llvm::to_vector_of<Value>(choice.getResults());
  return factors;
}

// The token whose staged floats are at `token` bytes; its results go to
// `result`.
ScanTile::Values ScanTile::advance(Value token, Value result, ValueRange in) {
  int64_t count = kernel.states;
  Values states(in.begin(), in.end());
  Values writes = write ? ofStates(*write, token) : fixedWrite;
  Values reads = read ? ofStates(*read, token) : fixedRead;
  Values inputs = ofRows(*value, token);
  Values stepOfRow = fixedStep;
  if (steps) {
    stepOfRow = steps->padded > 1 ? ofRows(*steps, token)
                                  : Values{scalar(*steps, token)};
  }
  Values factors = decays(token, states, stepOfRow);
  auto decayed = [&](int64_t at) {
    if (factors.empty()) {
      return states[at];
    }
    Value factor = factors[factors.size() == 1 ? 0 : at % count];
    return warp.fmul(states[at], factor);
  };
  Value weight = beta ? scalar(*beta, token) : Value();
  Value inverse;
  if (program.normalized) {
    int64_t start = kernel.rows * count;
    for (int64_t n = 0; n < count; ++n) {
      states[start + n] = warp.fadd(decayed(start + n), writes[n]);
    }
    Value sum = sumOfLanes(product(reads, ValueRange(states).take_back(count)));
    inverse = warp.rcp(warp.fadd(sum, warp.f(program.epsilon)));
  }
  Values results;
  for (int64_t r = 0; r < kernel.rows; ++r) {
    int64_t start = r * count;
    for (int64_t n = 0; n < count; ++n) {
      states[start + n] = decayed(start + n);
    }
    Value input = inputs[r];
    if (weight) {
      Value seen =
          sumOfLanes(product(writes, ValueRange(states).slice(start, count)));
      input = warp.fmul(weight, warp.fsub(input, seen));
    } else if (!stepOfRow.empty() && !program.zoh) {
      input = warp.fmul(stepOfRow[stepOfRow.size() == 1 ? 0 : r], input);
    }
    for (int64_t n = 0; n < count; ++n) {
      states[start + n] = warp.fma(input, writes[n], states[start + n]);
    }
    Value sum =
        sumOfLanes(product(reads, ValueRange(states).slice(start, count)));
    results.push_back(inverse ? warp.fmul(sum, inverse) : sum);
  }
  auto keepResults = [&] {
    storeShared(results, warp.add(result, warp.mul(firstRow, 4)), resultStart);
  };
  if (kernel.lanes == 1) {
    keepResults();
  } else {
    warp.guarded(warp.equal(lane, warp.c(0)), keepResults);
  }
  return states;
}

// The `count` tokens of a chunk, in pairs: what stands for one behind the last
// changes nothing, but where states decay at any rate.
ScanTile::Values ScanTile::advanceChunk(Value buffer, Value count,
                                        ValueRange states) {
  int64_t unrolled = fixedDecay.empty() ? 2 : 1;
  int64_t rowBytes = llvm::alignTo(kernel.allRows(), 4) * 4;
  auto loop = scf::ForOp::create(warp.builder, warp.loc, warp.c(0), count,
                                 warp.c(unrolled), states);
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPointToStart(loop.getBody());
  Value at = loop.getInductionVar();
  Values now = llvm::to_vector_of<Value>(loop.getRegionIterArgs());
  for (int64_t i = 0; i < unrolled; ++i) {
    Value number = warp.add(at, i);
    now = advance(warp.add(buffer, warp.mul(number, tokenBytes)),
                  warp.mul(number, rowBytes), now);
  }
  scf::YieldOp::create(warp.builder, warp.loc, now);
  return llvm::to_vector_of<Value>(loop.getResults());
}

//===----------------------------------------------------------------------===//
// The block
//===----------------------------------------------------------------------===//

LogicalResult ScanTile::emit() {
  Bound writes, reads, values, gates, stepsOf, betas;
  std::pair<const Source *, Bound *> all[] = {
      {&program.write, &writes},
      {&program.read, &reads},
      {&program.value, &values},
      {&program.gate, &gates},
      {&program.steps, &stepsOf},
      {&program.beta, &betas},
      {&program.decay, &headDecay},
      {&program.rates, &rates},
      {&program.bias, &bias},
      {&program.skip, &skip},
      {&program.ids, &ids},
      {&program.bounds, &bounds},
      {&program.initial, &initial},
      {&program.finalInto, &final},
      {&program.initialNorm, &initialNorm},
      {&program.finalNormInto, &finalNorm},
      {&program.out, &out}};
  for (auto [source, bound] : all) {
    if (!bind(*source, *bound)) {
      return failure();
    }
  }
  thread = warp.thread();
  lane = warp.rem(thread, kernel.lanes);
  firstRow = warp.mul(warp.div(thread, kernel.lanes), kernel.rows);
  first = warp.c(0);
  end = warp.toInt(values.view.dims[program.value.token].size);
  if (bounds) {
    auto bound = [&](int64_t n) {
      TensorView &view = bounds.view;
      Value at = view.at(warp.builder, warp.loc, warp.toIndex(warp.c(n)));
      return warp.toInt(warp.toIndex(warp.load(
          view.element, warp.globalAddress(view.pointer, at, view.element))));
    };
    first = bound(0), end = bound(1);
  }
  if (!program.isFixed()) {
    addStage(write, writes, program.states, kernel.allStates());
    addStage(read, reads, program.states, kernel.allStates());
    auto features = [&](Values &values, double scale) {
      for (Value &value : values) {
        if (program.elu1) {
          Value below = warp.exp2(warp.fmul(value, warp.f(kLog2e)));
          Value isAbove = arith::CmpFOp::create(warp.builder, warp.loc,
                                                arith::CmpFPredicate::OGT,
                                                value, warp.f(0));
          value = warp.select(isAbove, warp.fadd(value, warp.f(1)), below);
        }
        value = scale == 1 ? value : warp.fmul(value, warp.f(scale));
      }
    };
    write->transform = [=](Values &values, Value) { features(values, 1); };
    read->transform = [=](Values &values, Value) {
      features(values, program.scale);
    };
  }
  addStage(value, values, program.rows, kernel.allRows());
  if (gates) {
    addStage(gate, gates, program.rows, kernel.allRows());
  }
  if (stepsOf && !program.hasFixedSteps()) {
    bool ofRows = program.steps.row >= 0;
    addStage(steps, stepsOf, ofRows ? program.rows : 1,
             ofRows ? kernel.allRows() : 1);
    steps->transform = [&, ofRows](Values &values, Value element) {
      Values biases(values.size(), headBias);
      if (ofRows && bias) {
        biases = shared(warp.mul(element, 4), biasStart, values.size());
      }
      for (auto [value, bias] : llvm::zip_equal(values, biases)) {
        value = stepOf(value, bias);
      }
    };
  }
  if (headDecay && headDecay.source.token >= 0) {
    bool ofKeys = headDecay.source.state >= 0;
    addStage(decay, headDecay, ofKeys ? program.states : 1,
             ofKeys ? kernel.allStates() : 1);
    decay->missing = 1;
    decay->transform = [&](Values &values, Value) {
      for (Value &value : values) {
        value = warp.exp2(warp.fmul(value, warp.f(kLog2e)));
      }
    };
  }
  if (betas) {
    addStage(beta, betas, 1, 1);
  }
  if (ids) {
    addStage(kept, ids, 1, 1);
    kept->missing = 1;
  }
  planStages();
  clearShared();
  warp.barrier();
  loadParameters();
  readParameters();
  Values states = startStates();
  warp.barrier();
  warp.guarded(warp.less(first, end), [&] {
    loadStages(first);
    storeStages(first, warp.c(0));
  });
  warp.barrier();

  auto loop = scf::ForOp::create(warp.builder, warp.loc, first, end,
                                 warp.c(kernel.tokens), states);
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(loop.getBody());
    Value token = loop.getInductionVar();
    Value next = warp.add(token, kernel.tokens);
    Value number = warp.div(warp.sub(token, first), kernel.tokens);
    Value buffer = warp.mul(warp.andi(number, 1), bufferBytes);
    Value other = warp.sub(warp.c(bufferBytes), buffer);
    loadStages(next);
    Value count = warp.min(warp.sub(end, token), warp.c(kernel.tokens));
    Values now = advanceChunk(buffer, count, loop.getRegionIterArgs());
    warp.barrier();
    finish(token, buffer);
    storeStages(next, other);
    warp.barrier();
    scf::YieldOp::create(warp.builder, warp.loc, now);
  }
  endStates(loop.getResults());
  return success();
}

LogicalResult emitScanTile(WarpBuilder &warp, const ScanProgram &program,
                           const ScanKernel &kernel, TensorViews &views) {
  return ScanTile(warp, program, kernel, views).emit();
}

} // namespace attn
