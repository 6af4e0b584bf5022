//===- MMAStep.cpp - a step of keys: scores, softmax, values --------------===//

#include "MMATile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

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

Value MMATile::acrossRow(Value value,
                         llvm::function_ref<Value(Value, Value)> join) {
  static constexpr int64_t kQuad[] = {1, 2}, kLines[] = {4, 8, 16};
  for (int64_t mask : kernel.transposed ? ArrayRef(kLines) : ArrayRef(kQuad)) {
    value = join(value, warp.shuffle(value, mask));
  }
  return value;
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
        Value column = warp.add(keyColumn, keyOf(n, i));
        Value shown =
            scoring->visible(scoreRows[block * 2 + rowOf(i)],
                             warp.add(tile.key, column), column, tile.size);
        hidden.push_back(warp.select(shown, scores[block][n][i], none));
        if (hiddenKeys) {
          Value inside = warp.less(row(block, rowOf(i)), rows.count);
          hiddenKeys->add(seen, 2 * n + pointOf(i), warp.both(shown, inside));
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
      row.push_back(fragment[elementOf(half, 0)]);
      row.push_back(fragment[elementOf(half, 1)]);
    }
    auto max = [&](Value a, Value b) { return warp.fmax(a, b); };
    Value &reference = state.max[block][half];
    Value largest = acrossRow(reduce(row, max), max);
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
      auto scale = [&](Fragment &fragment) {
        for (int64_t point = 0; point < 2; ++point) {
          Value &value = fragment[elementOf(half, point)];
          value = warp.fmul(value, factor);
        }
      };
      llvm::for_each(scaled.accumulator[block], scale);
      llvm::for_each(scaled.rest, scale);
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
  int64_t together = mmaDepth() / blockSize();
  for (int64_t k = 0; k < keyBlocks(); k += together) {
    forEachRow([&](int64_t block, int64_t half) {
      SmallVector<Value> exps;
      for (int64_t n = k; n < k + together; ++n) {
        for (int64_t point = 0; point < 2; ++point) {
          Value &score = scores[block][n][elementOf(half, point)];
          score = warp.exp2(warp.fma(score, unit, bases[block][half]));
          exps.push_back(score);
        }
      }
      Value &total = state.sum[block][half];
      total = warp.fadd(total, reduce(exps, sum));
    });
    if (kernel.transposed) {
      transposedValues(state, scores, k, stage);
      continue;
    }
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
  FailureOr<Value> phase = Value();
  if (keyCodes) {
    phase = keyCodes->phase(tile, pages ? &*pages : nullptr);
  }
  if (failed(phase)) {
    return failure();
  }
  Fragments scores = kernel.transposed ? transposedProducts(*phase, stage)
                     : keyCodes        ? codedProducts(*phase, stage)
                                       : products(stage);
  for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      for (int64_t i = 0; i < 4; ++i) {
        Value position = warp.add(tile.key, warp.add(keyColumn, keyOf(n, i)));
        Value &score = scores[block][n][i];
        score =
            scoring->score(score, scoreRows[block * 2 + rowOf(i)], position);
      }
    }
  }
  applyMask(scores, tile, stage);
  RowValues bases = follow(state, scores);
  accumulate(state, scores, bases, stage);
  return success();
}

} // namespace attn
