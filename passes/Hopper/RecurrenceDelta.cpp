//===- RecurrenceDelta.cpp - the delta rule, a chunk at a time ------------===//
// What token t adds to the state is x_t = beta_t (v_t - g_t S k_t - what the
// tokens in front of it in the chunk have added and k_t reads), with g_t the
// decay from the chunk's start to t. So X = (I + A)^-1 diag(beta) Z of
//   Z = V - diag(g) K S       A[t, s] = beta_t g_t / g_s k_t . k_s, s < t.
// The assistants make L = (I + A)^-1 - I in f32, which no chunk before is
// needed for: 16 x 16 blocks by substitution, then pairs of blocks by
//   (I + A)^-1 = [I + L1, 0; (I + L2) (-A21) (I + L1), I + L2].
// Consumers keep diag(beta) Z as it is in f32 and add L diag(beta) Z.
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "RecurrenceTile.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

constexpr int64_t kTokens = RecurrenceKernel::kChunk;
constexpr int64_t kPitch = RecurrenceKernel::kInversePitch;
constexpr int64_t kBlock = 16;

Value RecurrenceTile::inverseAt(Value row, Value column) {
  return element(address(inverseRing, warp.c(0), warp.c(0)),
                 warp.add(warp.mul(row, kPitch), column));
}

// A lane has a column of its warp's block on the diagonal; both halves of the
// warp do the same.
void RecurrenceTile::invertBlocks() {
  Value first = warp.mul(warpOf(warp), kBlock);
  Value column = warp.add(first, warp.andi(laneOf(warp), kBlock - 1));
  SmallVector<Value> inverse = {warp.f(0)};
  for (int64_t i = 1; i < kBlock; ++i) {
    Value row = warp.add(first, i);
    Value sum = warp.load(warp.f32(), inverseAt(row, column));
    for (int64_t j = 0; j < i; j += 4) {
      Four factors = loadFour(inverseAt(row, warp.add(first, j)), warp.f32());
      for (int64_t k = j; k < std::min(i, j + 4); ++k) {
        sum = warp.fma(factors[k - j], inverse[k], sum);
      }
    }
    inverse.push_back(sum);
  }
  warp.warpBarrier();
  for (int64_t i = 1; i < kBlock; ++i) {
    warp.store(inverse[i], inverseAt(warp.add(first, i), column));
  }
  shareAssist();
}

// Joins pairs of inverted blocks of `size`: four threads have a row of what is
// below the first one, and four neighbours of it each, or twice as many.
void RecurrenceTile::invertPairs(int64_t size) {
  Value thread = warp.add(warp.mul(warpOf(warp), 32), laneOf(warp));
  Value first = warp.mul(warp.div(thread, 4 * size), 2 * size);
  Value row =
      warp.add(warp.add(first, size), warp.rem(warp.div(thread, 4), size));
  Value column = warp.add(first, warp.mul(warp.rem(thread, 4), 4));
  SmallVector<Four> sums(size / kBlock);
  auto at = [&](Value row, int64_t which) {
    return inverseAt(row, warp.add(column, which * kBlock));
  };
  // sums += the row of the left matrix, from its column `from` on, times rows
  // of the right one.
  auto accumulate = [&](Value from) {
    for (auto [which, sum] : llvm::enumerate(sums)) {
      sum = loadFour(at(row, which), warp.f32());
    }
    for (int64_t k = 0; k < size; k += 4) {
      Value start = warp.add(from, k);
      Four factors = loadFour(inverseAt(row, start), warp.f32());
      for (int64_t i = 0; i < 4; ++i) {
        for (auto [which, sum] : llvm::enumerate(sums)) {
          Four values = loadFour(at(warp.add(start, i), which), warp.f32());
          for (int64_t j = 0; j < 4; ++j) {
            sum[j] = warp.fma(factors[i], values[j], sum[j]);
          }
        }
      }
    }
  };
  auto store = [&] {
    for (auto [which, sum] : llvm::enumerate(sums)) {
      storeFour(sum, at(row, which), warp.f32());
    }
    shareAssist();
  };
  accumulate(first); // -A21 (I + L1): a row is of one warp
  warp.warpBarrier();
  store();
  accumulate(warp.add(first, size)); // (I + L2) of that: of all warps
  shareAssist();
  store();
}

// L diag(beta), rounded, as the second panel of what is masked: its rows are
// tokens that get, two threads a row.
void RecurrenceTile::writeInverse(Value chunk) {
  Value thread = warp.add(warp.mul(warpOf(warp), 32), laneOf(warp));
  Value row = warp.div(thread, 2);
  Value start = address(maskedRing, chunk, warp.add(row, kTokens));
  Value weights = address(vectorRing, chunk, warp.c(kIn));
  for (int64_t i = 0; i < kTokens / 2; i += 4) {
    Value column = warp.add(warp.mul(warp.rem(thread, 2), kTokens / 2), i);
    Four values = loadFour(inverseAt(row, column), warp.f32());
    Four weight = loadFour(element(weights, column), warp.f32());
    for (int64_t j = 0; j < 4; ++j) {
      values[j] = warp.fmul(values[j], weight[j]);
    }
    Value piece = warp.xori(warp.div(column, 8), warp.andi(row, 7));
    Value at = warp.add(warp.mul(piece, 16), warp.mul(warp.rem(column, 8), 2));
    storeFour(values, byte(start, at), program.element);
  }
}

void RecurrenceTile::assistDelta() {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Type columns = ColumnsType::get(builder.getContext(), {kTokens}, warp.f32());
  Type rows = RowsType::get(builder.getContext(), warp.f32());
  Value chunk = forChunks({}).getInductionVar();
  auto vector = [&](Vector which, Type type) {
    return VectorOp::create(builder, loc, type, vectorRing, chunk,
                            warp.c(which));
  };
  AwaitOp::create(builder, loc, vectorRing, chunk);
  AwaitOp::create(builder, loc, keyRing, chunk);
  Value writes = tile(keyRing, chunk, kernel.stateColumns, Value());
  Value known = product(writes, writes, Value(), kTokens, /*transposed=*/true);
  // -A.
  SmallVector<Value> inputs = {known, vector(kIn, rows)};
  if (decays()) {
    inputs.append({Value(vector(kSum, rows)), Value(vector(kSum, columns))});
  }
  elements(inputs, {}, [&](ValueRange in) {
    Value row = in[inputs.size()], column = in[inputs.size() + 1];
    Value value = warp.fmul(in[0], warp.fsub(warp.f(0), in[1]));
    if (decays()) {
      value = warp.fmul(value, warp.exp2(warp.fsub(in[2], in[3])));
    }
    value = warp.select(warp.less(column, row), value, warp.f(0));
    warp.store(value, inverseAt(row, column));
  });
  shareAssist();
  invertBlocks();
  invertPairs(kBlock);
  invertPairs(2 * kBlock);
  ReserveOp::create(builder, loc, maskedRing, chunk);
  writeInverse(chunk);
  shareAssist(); // the next chunk writes where this one was read
  Value products = masked(chunk);
  inputs = {products};
  if (decays()) {
    inputs.append({Value(vector(kSum, rows)), Value(vector(kSum, columns))});
  }
  products = elements(inputs, products.getType(), [&](ValueRange in) {
    Value value = warp.fmul(in[0], warp.f(program.scale));
    if (decays()) {
      Value later = warp.less(in[4], in[3]);
      Value decay = warp.exp2(warp.fsub(in[2], in[1]));
      value = warp.select(later, warp.f(0), warp.fmul(value, decay));
    }
    yield(value);
  });
  ReleaseOp::create(builder, loc, keyRing, chunk);
  WriteOp::create(builder, loc, products, maskedRing, chunk, warp.c(0),
                  /*transposed=*/false);
  PublishOp::create(builder, loc, maskedRing, chunk);
  ReleaseOp::create(builder, loc, vectorRing, chunk);
}

// (state, out) of a consumer.
SmallVector<Value> RecurrenceTile::deltaStep(const Step &step) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Type columns = ColumnsType::get(builder.getContext(), {kTokens}, warp.f32());
  Value packed =
      PackOp::create(builder, loc, operand(kernel.stateColumns), step.state);
  Value readPanel = warp.c(kernel.stateColumns / 64);
  Value reads = tile(keyRing, step.chunk, kernel.stateColumns, readPanel);
  Value writes = tile(keyRing, step.chunk, kernel.stateColumns, Value());
  Value masked = tile(maskedRing, step.chunk, kTokens, Value());
  Value inverse = tile(maskedRing, step.chunk, kTokens, warp.c(1));
  Value seen = product(packed, writes, Value(), kTokens, /*transposed=*/true);
  Value y = product(packed, reads, Value(), kTokens, /*transposed=*/true);
  Value values = UnpackOp::create(builder, loc, fragment(kTokens), step.values);
  if (decays()) {
    Value out = vector(step, kOut, columns);
    seen = times(seen, out);
    y = times(y, out);
  }
  Value unknown =
      elements({values, seen}, values.getType(),
               [&](ValueRange in) { yield(warp.fsub(in[0], in[1])); });
  Value rounded = PackOp::create(builder, loc, operand(kTokens), unknown);
  Value added = times(unknown, vector(step, kIn, columns));
  added = product(rounded, inverse, added, kTokens, /*transposed=*/true);
  Value operandOfOut = PackOp::create(builder, loc, operand(kTokens), added);
  Value operandOfState = operandOfOut;
  Value state = step.state;
  if (decays()) {
    operandOfState = PackOp::create(builder, loc, operand(kTokens),
                                    times(added, vector(step, kLast, columns)));
    state = times(state, warp.exp2(number(step, kTotal)));
  }
  if (program.scale != 1) {
    y = times(y, warp.f(program.scale));
  }
  y = product(operandOfOut, masked, y, kTokens, false);
  state = product(operandOfState, writes, state, kernel.stateColumns, false);
  storeBefore(step);
  return {state, y};
}

} // namespace attn
