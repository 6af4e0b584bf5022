//===- MMACodes.cpp - products of a tile whose keys or values are codes ---===//
// Scales of keys meet the scores, and those of values the weights: a value a
// row and key. Others meet the elements.
//===----------------------------------------------------------------------===//

#include "MMATile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

LogicalResult MMATile::prepareCodes() {
  int64_t start = valueTile.start + valueTile.bytes() + kernel.pageBytes();
  auto make = [&](KVDequantizeOp op, const CodeForm &form, bool ofValues,
                  std::optional<CodeTile> &codes) {
    if (!op) {
      return success();
    }
    codes.emplace(warp, program, views, op, form, element, ofValues,
                  CodeTile::Place{thread, lane, kernel.threads(), kernel.keys,
                                  start, folds()});
    start += form.tableBytes(kernel.keys);
    return codes->prepare();
  };
  if (failed(make(program.keyCodes, kernel.forms.key, false, keyCodes))) {
    return failure();
  }
  if (keyCodes) {
    // What a lane has of the codes of a chunk: 4 of 8 bits, or 8 of 4.
    Value quad = warp.andi(lane, 3);
    bool narrow = kernel.forms.key.bits == 4;
    codedQueryAddress.emplace(
        warp, queryTile, kernel.transposed ? warp.shr(lane, 2) : firstRow,
        narrow ? quad : warp.shr(quad, 1),
        narrow ? warp.c(0) : warp.mul(warp.andi(quad, 1), 8));
  }
  const CodeForm &form = kernel.forms.value;
  if (slice && form.isCodes() && form.grain == CodeForm::Grain::Groups &&
      kernel.valueSlice % form.elements != 0) {
    return program.valueCodes.emitOpError("whose groups of elements do not "
                                          "divide ")
           << kernel.valueSlice << " columns has no lowering for GPUs";
  }
  return make(program.valueCodes, form, true, valueCodes);
}

FailureOr<SmallVector<CodeTile::Scales>>
MMATile::fetchScales(const KeyCursor::Tile &tile) {
  SmallVector<CodeTile::Scales> all;
  for (std::optional<CodeTile> *codes : {&keyCodes, &valueCodes}) {
    if (!*codes) {
      continue;
    }
    FailureOr<CodeTile::Scales> scales =
        (*codes)->fetch(tile, pages ? &*pages : nullptr);
    if (failed(scales)) {
      return failure();
    }
    all.push_back(*scales);
  }
  return all;
}

void MMATile::keepScales(ArrayRef<CodeTile::Scales> scales, Value stage) {
  for (std::optional<CodeTile> *codes : {&keyCodes, &valueCodes}) {
    if (*codes) {
      (*codes)->keep(scales.front(), stage);
      scales = scales.drop_front();
    }
  }
}

// Q in the order that the codes of a chunk of K have: the pairs of a row,
// `offset` rows beyond the first of the thread.
SmallVector<Value> MMATile::codedQueryPairs(int64_t offset, int64_t chunk) {
  bool narrow = kernel.forms.key.bits == 4;
  int64_t size = narrow ? 4 : 2;
  Value all = warp.load(VectorType::get(size, warp.i32()),
                        codedQueryAddress->at(offset, size * chunk), 4 * size);
  SmallVector<Value> words, pairs;
  for (int64_t i = 0; i < size; ++i) {
    words.push_back(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, all, warp.c(i)));
  }
  if (!narrow) {
    return words;
  }
  // A pair of codes is element n and element n + 4 of eight.
  for (int64_t n = 0; n < 4; ++n) {
    pairs.push_back(warp.permute(words[n / 2], words[n / 2 + 2],
                                 n % 2 == 0 ? 0x5410 : 0x7632));
  }
  return pairs;
}

// Fragments of the steps of a chunk.
SmallVector<WarpBuilder::Fragment> MMATile::codedQueries(int64_t block,
                                                         int64_t chunk) {
  SmallVector<Value> first = codedQueryPairs(block * 16, chunk);
  SmallVector<Value> second = codedQueryPairs(block * 16 + 8, chunk);
  SmallVector<Fragment> steps;
  for (size_t n = 0; n < first.size(); n += 2) {
    steps.push_back({first[n], second[n], first[n + 1], second[n + 1]});
  }
  return steps;
}

// Zeros of K add their product with the sum of a row of Q to a score.
void MMATile::sumQueries() {
  if (kernel.transposed) {
    Value zero = warp.f(0);
    Fragment sum =
        constantProducts(1, queryColumns(), {zero, zero, zero, zero});
    querySums.push_back({sum[0], sum[1]});
    return;
  }
  querySums.assign(kernel.rowBlocks, {warp.f(0), warp.f(0)});
  for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
    for (int64_t chunk = 0; chunk < keyTile.chunks(); ++chunk) {
      for (const Fragment &fragment : codedQueries(block, chunk)) {
        for (int64_t i = 0; i < 4; ++i) {
          Value pair = LLVM::BitcastOp::create(
              warp.builder, warp.loc, VectorType::get(2, element), fragment[i]);
          Value &sum = querySums[block][i % 2];
          for (int64_t j = 0; j < 2; ++j) {
            Value one = LLVM::ExtractElementOp::create(warp.builder, warp.loc,
                                                       pair, warp.c(j));
            sum = warp.fadd(sum, warp.convert(one, warp.f32()));
          }
        }
      }
    }
    for (Value &sum : querySums[block]) {
      sum = warp.fadd(sum, warp.shuffle(sum, 1));
      sum = warp.fadd(sum, warp.shuffle(sum, 2));
    }
  }
}

MMATile::Fragments MMATile::codedProducts(Value phase, Value stage) {
  Value zero = warp.f(0);
  Fragments scores(
      kernel.rowBlocks,
      SmallVector<Fragment>(keyBlocks(), Fragment{zero, zero, zero, zero}));
  MatrixAddress keys = keyAddress->moved(stage);
  Value first =
      warp.add(warp.mul(keyWarp, kernel.warpKeys()), warp.shr(lane, 2));
  int64_t stepsAChunk = kernel.forms.key.unit() / 2;
  for (int64_t chunk = 0; chunk < keyTile.chunks(); chunk += 2) {
    SmallVector<SmallVector<Fragment>> a(kernel.rowBlocks); // of both chunks
    for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
      if (kernel.queriesInRegisters) {
        llvm::append_range(a[block],
                           ArrayRef(queries[block])
                               .slice(chunk * stepsAChunk, 2 * stepsAChunk));
        continue;
      }
      for (int64_t c = chunk; c < chunk + 2; ++c) {
        llvm::append_range(a[block], codedQueries(block, c));
      }
    }
    for (int64_t n = 0; n < keyBlocks(); n += 2) {
      Fragment words =
          warp.loadMatrix(keys.at(n * 8, chunk), /*transposed=*/false);
      for (int64_t i = 0; i < 4; ++i) {
        int64_t keyBlock = n + i / 2, c = i % 2;
        SmallVector<Value> pairs = keyCodes->keyPairs(
            words[i], warp.add(first, keyBlock * 8), chunk + c, phase, stage);
        for (int64_t s = 0; s < stepsAChunk; ++s) {
          for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
            Fragment &score = scores[block][keyBlock];
            score = warp.mma(a[block][c * stepsAChunk + s], pairs[2 * s],
                             pairs[2 * s + 1], score, element);
          }
        }
      }
    }
  }
  if (keyCodes->scalesKeys()) {
    scaleScores(scores, stage);
  }
  return scores;
}

void MMATile::scaleScores(Fragments &scores, Value stage) {
  for (int64_t n = 0; n < keyBlocks(); ++n) {
    Value key = warp.add(keyColumn, n * 8);
    std::array<Value, 2> scales = keyCodes->ofKeys(key, stage, false), zeros;
    if (keyCodes->hasZero()) {
      zeros = keyCodes->ofKeys(key, stage, /*zeros=*/true);
    }
    for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
      for (int64_t i = 0; i < 4; ++i) {
        Value &score = scores[block][n][i];
        score = warp.fmul(score, scales[i % 2]);
        if (keyCodes->hasZero()) {
          score = warp.fma(zeros[i % 2], querySums[block][i / 2], score);
        }
      }
    }
  }
}

// Weights of 16 keys from block `k` on, whose sums have been taken.
void MMATile::scaleWeights(State &state, Fragments &scores, int64_t k,
                           Value stage) {
  if (!valueCodes->scalesKeys()) {
    return;
  }
  for (int64_t n = k; n < k + 2; ++n) {
    Value key = warp.add(keyColumn, n * 8);
    std::array<Value, 2> scales = valueCodes->ofKeys(key, stage, false), zeros;
    if (valueCodes->hasZero()) {
      zeros = valueCodes->ofKeys(key, stage, /*zeros=*/true);
    }
    for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
      for (int64_t i = 0; i < 4; ++i) {
        Value &weight = scores[block][n][i];
        if (valueCodes->hasZero()) {
          Value &shift = state.shift[block][i / 2];
          shift = warp.fma(weight, zeros[i % 2], shift);
        }
        weight = warp.fmul(weight, scales[i % 2]);
      }
    }
  }
}

Value MMATile::valueGroup(int64_t number) {
  if (!slice) {
    return warp.c(number);
  }
  // The last slice may be narrower.
  int64_t last = kernel.forms.value.groups() - 1;
  return warp.min(
      warp.add(warp.mul(slice, groupOf(valueTile.chunks())), number),
      warp.c(last));
}

// acc += P V for 16 keys from block `k` on.
void MMATile::codedValues(State &state, ArrayRef<Fragment> weights, int64_t k,
                          Value stage) {
  MatrixAddress values = valueAddress->moved(stage);
  int64_t unit = kernel.forms.value.unit();
  Value key = warp.add(keyColumn, k * 8);
  for (int64_t chunk = 0; chunk < valueTile.chunks(); chunk += 2) {
    Fragment words =
        warp.loadMatrix(values.at(k * 8, chunk), /*transposed=*/true);
    for (int64_t c = 0; c < 2; ++c) {
      int64_t at = chunk + c;
      Value group = valueGroup(groupOf(at));
      SmallVector<Value> low =
          valueCodes->valuePairs(words[2 * c], key, group, stage);
      SmallVector<Value> high = valueCodes->valuePairs(
          words[2 * c + 1], warp.add(key, 8), group, stage);
      for (int64_t u = 0; u < unit; ++u) {
        for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
          Fragment &sum = state.accumulator[block][at * unit + u];
          sum = warp.mma(weights[block], low[u], high[u], sum, element);
        }
      }
    }
  }
}

} // namespace attn
