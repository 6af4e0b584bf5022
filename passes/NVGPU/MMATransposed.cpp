//===- MMATransposed.cpp - products whose columns are the rows of a tile --===//
// S^T = K Q^T and O^T = V^T P^T: few rows fill the 8 columns of a product where
// they would leave most of its 16 lines idle, so that there are half as many
// products, sums and exponentials. Codes of K and V are operands as they are,
// exact, once their bits are those of integers: scales of channels meet Q,
// those of keys the scores, and those of V the weights. What integers are too
// large by, and zeros, are products of their own, which all codes share.
//===----------------------------------------------------------------------===//

#include "MMATile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn {

using Grain = CodeForm::Grain;

SmallVector<Value> MMATile::queryColumns() {
  SmallVector<Value> columns;
  if (keyCodes) {
    for (int64_t chunk = 0; chunk < keyTile.chunks(); ++chunk) {
      llvm::append_range(columns, codedQueryPairs(0, chunk));
    }
    return columns;
  }
  int64_t words = 2 * (depth / mmaDepth());
  for (int64_t k = 0; k < words; k += 4) {
    llvm::append_range(columns, loadOperands(queryAddress->at(0, k)));
  }
  columns.truncate(words);
  return columns;
}

// sum + a line of `factor` times the columns: each line of the result is that.
MMATile::Fragment MMATile::constantProducts(double factor,
                                            ArrayRef<Value> columns,
                                            Fragment sum) {
  Value word = warp.twice(factor, element);
  for (size_t k = 0; k < columns.size(); k += 2) {
    sum = warp.mma({word, word, word, word}, columns[k], columns[k + 1], sum,
                   element);
  }
  return sum;
}

MMATile::Fragments MMATile::transposedProducts(Value phase, Value stage) {
  SmallVector<Value> columns =
      kernel.queriesInRegisters ? columnQueries : queryColumns();
  if (keyCodes && !keyCodes->scalesKeys()) {
    return channelProducts(phase, columns, stage);
  }
  Value zero = warp.f(0);
  Fragment first = {zero, zero, zero, zero};
  if (keyCodes && keyCodes->offset() != 0) {
    for (int64_t i = 0; i < 4; ++i) {
      first[i] = warp.fmul(querySums[0][rowOf(i)], warp.f(-keyCodes->offset()));
    }
  }
  Fragments scores(1, SmallVector<Fragment>(keyBlocks(), first));
  if (!keyCodes) {
    keyProducts(scores, columns, stage);
    return scores;
  }
  codedKeyProducts(scores, columns, stage);
  for (int64_t n = 0; n < keyBlocks(); ++n) {
    for (int64_t point = 0; point < 2; ++point) {
      Value key = warp.add(keyColumn, keyOf(n, elementOf(0, point)));
      Value scale = keyCodes->ofKey(key, stage, /*zeros=*/false);
      Value shift = keyCodes->hasZero()
                        ? keyCodes->ofKey(key, stage, /*zeros=*/true)
                        : Value();
      for (int64_t half = 0; half < 2; ++half) {
        Value &score = scores[0][n][elementOf(half, point)];
        score = warp.fmul(score, scale);
        score = shift ? warp.fma(shift, querySums[0][half], score) : score;
      }
    }
  }
  return scores;
}

void MMATile::keyProducts(Fragments &scores, ArrayRef<Value> columns,
                          Value stage) {
  MatrixAddress keys = keyAddress->moved(stage);
  for (int64_t k = 0; k < depth / mmaDepth(); ++k) {
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      Fragment a = loadOperands(keys.at(16 * n, 2 * k));
      scores[0][n] = warp.mma(a, columns[2 * k], columns[2 * k + 1],
                              scores[0][n], element);
    }
  }
}

void MMATile::codedKeyProducts(Fragments &scores, ArrayRef<Value> columns,
                               Value stage) {
  MatrixAddress keys = keyAddress->moved(stage);
  for (int64_t chunk = 0; chunk < keyTile.chunks(); chunk += 2) {
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      Fragment words =
          warp.loadMatrix(keys.at(16 * n, chunk), /*transposed=*/false);
      for (int64_t c = 0; c < 2; ++c) {
        SmallVector<Value> low = keyCodes->integers(words[2 * c]);
        SmallVector<Value> high = keyCodes->integers(words[2 * c + 1]);
        for (size_t i = 0; i < low.size(); i += 2) {
          size_t at = (chunk + c) * low.size() + i;
          Fragment &score = scores[0][n];
          score = warp.mma({low[i], high[i], low[i + 1], high[i + 1]},
                           columns[at], columns[at + 1], score, element);
        }
      }
    }
  }
}

// Q times the scales of a group of keys; a warp may have keys of several.
MMATile::Fragments
MMATile::channelProducts(Value phase, ArrayRef<Value> columns, Value stage) {
  Value none = warp.f(0);
  auto ofGroup = [&](Value group) {
    SmallVector<Value> scales, zeros, scaled;
    for (int64_t chunk = 0; chunk < keyTile.chunks(); ++chunk) {
      llvm::append_range(scales, keyCodes->ofChannels(group, chunk, stage,
                                                      /*zeros=*/false));
      if (keyCodes->hasZero()) {
        llvm::append_range(
            zeros, keyCodes->ofChannels(group, chunk, stage, /*zeros=*/true));
      }
    }
    for (auto [column, scale] : llvm::zip_equal(columns, scales)) {
      scaled.push_back(keyCodes->times(column, scale));
    }
    // Sums of their own: a chain of products is what a step waits for.
    Fragment zero = {none, none, none, none}, first = zero, second = zero;
    if (keyCodes->offset() != 0) {
      first = constantProducts(-keyCodes->offset(), scaled, first);
    }
    for (size_t k = 0; k < zeros.size(); k += 2) {
      second = warp.mma({zeros[k], zeros[k], zeros[k + 1], zeros[k + 1]},
                        columns[k], columns[k + 1], second, element);
    }
    Fragments made(1, SmallVector<Fragment>(keyBlocks(), zero));
    codedKeyProducts(made, scaled, stage);
    for (Fragment &fragment : made[0]) {
      for (int64_t i = 0; i < 4; ++i) {
        Value rest = warp.fadd(first[rowOf(i)], second[rowOf(i)]);
        fragment[i] = warp.fadd(fragment[i], rest);
      }
    }
    return made;
  };
  if (!phase) {
    return ofGroup(warp.c(0));
  }
  int64_t shared = kernel.forms.key.keys;
  Value begin = warp.add(phase, warpKey);
  Value firstGroup = warp.div(begin, shared);
  Value lastGroup = warp.div(warp.add(begin, kernel.warpKeys() - 1), shared);
  SmallVector<Value> flat(4 * keyBlocks(), none);
  auto loop = scf::ForOp::create(warp.builder, warp.loc, firstGroup,
                                 warp.add(lastGroup, 1), warp.c(1), flat);
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(loop.getBody());
    Value group = loop.getInductionVar();
    Fragments made = ofGroup(group);
    for (int64_t n = 0; n < keyBlocks(); ++n) {
      for (int64_t i = 0; i < 4; ++i) {
        Value key = warp.add(phase, warp.add(keyColumn, keyOf(n, i)));
        Value &value = flat[4 * n + i];
        value = warp.select(warp.equal(warp.div(key, shared), group),
                            made[0][n][i], loop.getRegionIterArg(4 * n + i));
      }
    }
    scf::YieldOp::create(warp.builder, warp.loc, flat);
  }
  Fragments scores(1);
  for (int64_t n = 0; n < keyBlocks(); ++n) {
    scores[0].push_back({});
    for (int64_t i = 0; i < 4; ++i) {
      scores[0][n][i] = loop.getResult(4 * n + i);
    }
  }
  return scores;
}

// Weights of 16 keys as the B operand; with scales of keys, those times them.
std::array<Value, 2> MMATile::weightColumns(State &state, Fragment &weights,
                                            int64_t n, Value stage) {
  if (valueCodes && valueCodes->scalesKeys()) {
    for (int64_t point = 0; point < 2; ++point) {
      Value key = warp.add(keyColumn, keyOf(n, elementOf(0, point)));
      Value scale = valueCodes->ofKey(key, stage, /*zeros=*/false);
      Value zero = valueCodes->hasZero()
                       ? valueCodes->ofKey(key, stage, /*zeros=*/true)
                       : Value();
      for (int64_t half = 0; half < 2; ++half) {
        Value &weight = weights[elementOf(half, point)];
        if (zero) {
          Value &shift = state.shift[0][half];
          shift = warp.fma(weight, zero, shift);
        }
        weight = warp.fmul(weight, scale);
      }
    }
  }
  return {warp.transposeMatrix(warp.pack(weights[0], weights[1], element)),
          warp.transposeMatrix(warp.pack(weights[2], weights[3], element))};
}

// acc += V^T P^T for the 16 keys of block `n`.
void MMATile::transposedValues(State &state, Fragments &weights, int64_t n,
                               Value stage) {
  std::array<Value, 2> b = weightColumns(state, weights[0][n], n, stage);
  if (valueCodes) {
    return foldedValues(state, b, n, stage);
  }
  MatrixAddress values = valueAddress->moved(stage);
  for (int64_t m = 0; m < columnBlocks(); ++m) {
    Fragment a = warp.loadMatrix(values.at(16 * n, 2 * m), /*transposed=*/true);
    Fragment &sum = state.accumulator[0][m];
    sum = warp.mma(a, b[0], b[1], sum, element);
  }
}

void MMATile::foldedValues(State &state, std::array<Value, 2> weights,
                           int64_t n, Value stage) {
  const CodeForm &form = kernel.forms.value;
  bool grouped = form.grain == Grain::Groups;
  int64_t groups = valueGroups(), unit = form.unit();
  double offset = valueCodes->offset();
  Value line = warp.shr(lane, 2);
  Value key =
      warp.add(warp.add(warpKey, 16 * n), warp.mul(warp.andi(lane, 3), 2));
  std::array<Value, 2> keys = {key, warp.add(key, 8)};
  Value none = warp.c(0);
  if (grouped && valueCodes->hasZero()) { // a line for each group
    Value group = warp.add(valueGroup(0), line);
    group = warp.min(group, warp.c(form.groups() - 1));
    std::array<Value, 2> zeros;
    for (int64_t i = 0; i < 2; ++i) {
      zeros[i] = valueCodes->ofGroup(keys[i], group, stage, /*zeros=*/true);
    }
    state.rest[0] = warp.mma({zeros[0], none, zeros[1], none}, weights[0],
                             weights[1], state.rest[0], element);
  }
  SmallVector<std::array<Value, 2>> scaled(groups, weights);
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t i = 0; grouped && i < 2; ++i) {
      Value scale =
          valueCodes->ofGroup(keys[i], valueGroup(g), stage, /*zeros=*/false);
      scaled[g][i] = valueCodes->times(weights[i], scale);
    }
    if (offset != 0) {
      Value word = warp.select(warp.equal(line, warp.c(g)),
                               warp.twice(-offset, element), none);
      state.rest[0] = warp.mma({word, none, word, none}, scaled[g][0],
                               scaled[g][1], state.rest[0], element);
    }
  }
  MatrixAddress values = valueAddress->moved(stage);
  for (int64_t chunk = 0; chunk < valueTile.chunks(); chunk += 2) {
    Fragment words =
        warp.loadMatrix(values.at(16 * n, chunk), /*transposed=*/true);
    for (int64_t c = 0; c < 2; ++c) {
      int64_t at = chunk + c;
      const auto &b = scaled[groupOf(at)];
      SmallVector<Value> low = valueCodes->integers(words[2 * c]);
      SmallVector<Value> high = valueCodes->integers(words[2 * c + 1]);
      for (int64_t u = 0; u < unit; u += 2) {
        Fragment &sum = state.accumulator[0][(at * unit + u) / 2];
        sum = warp.mma({low[u], low[u + 1], high[u], high[u + 1]}, b[0], b[1],
                       sum, element);
      }
    }
  }
}

void MMATile::addRest(State &state) {
  if (state.rest.empty()) {
    return;
  }
  SmallVector<std::array<Value, 2>> rests; // of a group: of both rows
  for (int64_t g = 0; g < valueGroups(); ++g) {
    Value from = warp.add(warp.andi(lane, 3), 4 * g);
    rests.push_back({warp.broadcast(state.rest[0][0], from),
                     warp.broadcast(state.rest[0][1], from)});
  }
  int64_t blocksAChunk = kernel.forms.value.unit() / 2;
  for (auto [m, sums] : llvm::enumerate(state.accumulator[0])) {
    for (int64_t i = 0; i < 4; ++i) {
      sums[i] = warp.fadd(sums[i], rests[groupOf(m / blocksAChunk)][rowOf(i)]);
    }
  }
}

} // namespace attn
