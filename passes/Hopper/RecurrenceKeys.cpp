//===- RecurrenceKeys.cpp - decays of keys, in what is read and written ---===//
// A thread of the assistants has four keys of 8 or 16 tokens. With b_t the sum
// of decays from the first token of the chunk to t, and r half of all of them,
// what is read gets the factor 2^(b_t - r) and what is written 2^(r - b_s), in
// place: products then know no decay. Where a key decays by more than bf16 and
// f32 bear, r is 0 for what is read and all of it for what is written, whose
// exponents are then never positive, and each pair of tokens has its decay.
//===----------------------------------------------------------------------===//

#include "../NVGPU/TimeStep.h"
#include "Lowering.h"
#include "RecurrenceTile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

// As of tokens: two factors of half of it multiply.
constexpr double kFactoredBits = 120;
// What decays by more is nothing; sums of a chunk stay precise.
constexpr double kMostBits = 256;
constexpr int64_t kTokens = RecurrenceKernel::kChunk;
constexpr int64_t kBlock = 16; // tokens that a warp of assistants reads for

/// The part of a thread of the assistants.
struct RecurrenceTile::KeyPlace {
  int64_t count, groups; // tokens of a thread, groups of them
  Value group, column;
  Value firstToken; // in the chunk
};

// Starts copies of the thread's decays to itself; what is beyond the tensor
// is 0.
void RecurrenceTile::copyDecays(const KeyPlace &place, Value chunk) {
  int64_t bytes = steps.element.getIntOrFloatBitWidth() / 2;
  Value isKey = warp.less(place.column, warp.c(program.stateSize));
  Value first = warp.add(warp.mul(chunk, kTokens), place.firstToken);
  for (int64_t i = 0; i < place.count; ++i) {
    Value token = warp.add(first, i);
    Value inside = warp.both(isKey, warp.less(token, tokens));
    SmallVector<Value> at(4, warp.toIndex(warp.c(0)));
    at[program.tokenDim] = warp.toIndex(warp.select(inside, token, warp.c(0)));
    at[RecurrenceProgram::kSizeDim] =
        warp.toIndex(warp.select(isKey, place.column, warp.c(0)));
    Value from = warp.globalAddress(
        steps.pointer, steps.at(warp.builder, warp.loc, at), steps.element);
    Value row = address(decayRing, chunk, warp.add(place.firstToken, i));
    warp.copyAsync(element(row, place.column), from, bytes,
                   warp.select(inside, warp.c(bytes), warp.c(0)));
  }
}

RecurrenceTile::Four RecurrenceTile::decayOf(const KeyPlace &place, Value chunk,
                                             int64_t token) {
  Value row = address(decayRing, chunk, warp.add(place.firstToken, token));
  Four decay = loadFour(element(row, place.column), steps.element);
  for (Value &value : decay) {
    value = warp.fmax(warp.fmul(value, warp.f(kLog2e)), warp.f(-kMostBits));
  }
  return decay;
}

// Of the thread's four elements of what is read, or written.
Value RecurrenceTile::keyAddress(const KeyPlace &place, Value chunk,
                                 int64_t token, bool reads) {
  int64_t panels = reads ? kernel.stateColumns / 64 : 0;
  Value panel = warp.add(warp.div(place.column, 64), panels);
  Value row = warp.add(warp.mul(panel, kTokens), place.firstToken);
  Value start = address(keyRing, chunk, warp.add(row, token));
  // 16 bytes are where the row puts them; groups start at multiples of 8 rows.
  Value column = warp.rem(place.column, 64);
  Value piece = warp.xori(warp.div(column, 8), warp.c(token % 8));
  Value at = warp.add(warp.mul(piece, 16), warp.mul(warp.rem(column, 8), 2));
  return byte(start, at);
}

// Two neighbours of what a token reads, or writes, from `column` on.
RecurrenceTile::Two RecurrenceTile::keyPair(Value chunk, Value token,
                                            Value column, bool reads) {
  int64_t panels = reads ? kernel.stateColumns / 64 : 0;
  Value panel = warp.add(warp.div(column, 64), panels);
  Value row =
      address(keyRing, chunk, warp.add(warp.mul(panel, kTokens), token));
  Value piece =
      warp.xori(warp.div(warp.rem(column, 64), 8), warp.andi(token, 7));
  Value at = warp.add(warp.mul(piece, 16), warp.mul(warp.rem(column, 8), 2));
  return loadTwo(byte(row, at), program.element);
}

// The sums of decays up to a token, which take the place of decays.
RecurrenceTile::Two RecurrenceTile::sumPair(Value chunk, Value token,
                                            Value column) {
  return loadTwo(element(address(decayRing, chunk, token), column), warp.f32());
}

RecurrenceTile::Two RecurrenceTile::loadTwo(Value pointer, Type type) {
  Value both = warp.load(VectorType::get(2, type), pointer,
                         type.getIntOrFloatBitWidth() / 4);
  std::array<Value, 2> values;
  for (auto [i, value] : llvm::enumerate(values)) {
    value = warp.convert(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, both, warp.c(i)),
        warp.f32());
  }
  return values;
}

// Where M has what token `from` writes times what token `to` reads.
Value RecurrenceTile::maskedAt(Value chunk, Value from, Value to) {
  Value piece = warp.xori(warp.div(to, 8), warp.andi(from, 7));
  return byte(address(maskedRing, chunk, from),
              warp.add(warp.mul(piece, 16), warp.mul(warp.rem(to, 8), 2)));
}

// The sum over keys of one pair of tokens, in all lanes.
Value RecurrenceTile::pairOf(Value chunk, Value from, Value to) {
  Value sum = warp.f(0);
  for (int64_t first = 0; first < kernel.stateColumns; first += 64) {
    Value column = warp.add(warp.mul(laneOf(warp), 2), first);
    auto written = keyPair(chunk, from, column, false),
         read = keyPair(chunk, to, column, true),
         sumFrom = sumPair(chunk, from, column),
         sumTo = sumPair(chunk, to, column);
    for (int64_t i = 0; i < 2; ++i) {
      Value decay = warp.exp2(warp.fsub(sumTo[i], sumFrom[i]));
      sum = warp.fma(warp.fmul(written[i], read[i]), decay, sum);
    }
  }
  for (int64_t mask = 16; mask > 0; mask /= 2) {
    sum = warp.fadd(sum, warp.shuffle(sum, mask));
  }
  return sum;
}

// The pairs of the warp's block of tokens, each with its decay.
void RecurrenceTile::eachPair(Value chunk) {
  OpBuilder &builder = warp.builder;
  OpBuilder::InsertionGuard guard(builder);
  auto loop = [&](Value start, int64_t count, int64_t step) {
    auto made = scf::ForOp::create(builder, warp.loc, start,
                                   warp.add(start, count), warp.c(step));
    builder.setInsertionPointToStart(made.getBody());
    return made.getInductionVar();
  };
  Value first = warp.mul(warpOf(warp), kBlock);
  Value to = loop(first, kBlock, 1), from = loop(first, kBlock, 4);
  for (int64_t i = 0; i < 4; ++i) {
    Value token = warp.add(from, i);
    Value sum = pairOf(chunk, token, to);
    sum = warp.select(warp.less(to, token), warp.f(0), sum);
    warp.guarded(firstLane(warp), [&] {
      warp.store(warp.convert(sum, program.element), maskedAt(chunk, token, to),
                 2);
    });
  }
}

// What a block of 16 tokens writes times what the warp's block reads, with the
// sums of token `reference` between them in both factors.
RecurrenceTile::Square RecurrenceTile::blockOf(Value chunk, Value from,
                                               Value to, Value reference) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  OpBuilder::InsertionGuard guard(builder);
  auto loop =
      scf::ForOp::create(builder, loc, warp.c(0), warp.c(kernel.stateColumns),
                         warp.c(16), SmallVector<Value>(8, warp.f(0)));
  builder.setInsertionPointToStart(loop.getBody());
  Value lane = laneOf(warp), row = warp.shr(lane, 2);
  Value first =
      warp.add(loop.getInductionVar(), warp.mul(warp.andi(lane, 3), 2));
  auto scaled = [&](Value token, Value column, bool reads) {
    auto keys = keyPair(chunk, token, column, reads);
    auto sums = sumPair(chunk, token, column),
         middle = sumPair(chunk, reference, column);
    for (int64_t i = 0; i < 2; ++i) {
      Value bits =
          reads ? warp.fsub(sums[i], middle[i]) : warp.fsub(middle[i], sums[i]);
      keys[i] = warp.fmul(keys[i], warp.exp2(bits));
    }
    return warp.pack(keys[0], keys[1], program.element);
  };
  WarpBuilder::Fragment a;
  for (int64_t i = 0; i < 4; ++i) {
    a[i] = scaled(warp.add(warp.add(from, row), i % 2 * 8),
                  warp.add(first, i / 2 * 8), false);
  }
  SmallVector<Value> sums;
  for (int64_t half = 0; half < 2; ++half) {
    Value token = warp.add(warp.add(to, row), half * 8);
    WarpBuilder::Fragment c;
    for (int64_t i = 0; i < 4; ++i) {
      c[i] = loop.getRegionIterArg(4 * half + i);
    }
    c = warp.mma(a, scaled(token, first, true),
                 scaled(token, warp.add(first, 8), true), c, program.element);
    sums.append(c.begin(), c.end());
  }
  scf::YieldOp::create(builder, loc, sums);
  Square block;
  llvm::copy(loop.getResults(), block.begin());
  return block;
}

// M of a chunk that decays by too much for its factors: a warp has the 16
// tokens that read. What is in front of their block meets at its start, with
// exponents that are never positive; what is in it, in its middle, or each pair
// with its decay where that is too much too (`isSteep`).
void RecurrenceTile::eachBlock(Value chunk, Value isSteep) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Value to = warp.mul(warpOf(warp), kBlock);
  auto loop = scf::ForOp::create(builder, loc, warp.c(0), warp.c(kTokens),
                                 warp.c(kBlock));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value from = loop.getInductionVar();
    Value isBefore = warp.less(from, to);
    Value reference =
        warp.select(isBefore, warp.add(to, -1), warp.add(to, kBlock / 2 - 1));
    SmallVector<Type> types(8, warp.f32());
    auto choice = scf::IfOp::create(builder, loc, types, warp.less(to, from),
                                    /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard inner(builder);
      builder.setInsertionPointToStart(choice.thenBlock());
      scf::YieldOp::create(builder, loc, SmallVector<Value>(8, warp.f(0)));
      builder.setInsertionPointToStart(choice.elseBlock());
      scf::YieldOp::create(builder, loc, blockOf(chunk, from, to, reference));
    }
    Value lane = laneOf(warp);
    for (int64_t i = 0; i < 8; i += 2) {
      Value row = warp.add(warp.add(from, warp.shr(lane, 2)), i % 4 * 4);
      Value column =
          warp.add(warp.add(to, warp.mul(warp.andi(lane, 3), 2)), i / 4 * 8);
      Value pair[2];
      for (int64_t j = 0; j < 2; ++j) {
        pair[j] = warp.select(warp.less(warp.add(column, j), row), warp.f(0),
                              choice.getResult(i + j));
      }
      warp.store(warp.pack(pair[0], pair[1], program.element),
                 maskedAt(chunk, row, column), 4);
    }
  }
  warp.guarded(isSteep, [&] {
    warp.warpBarrier();
    eachPair(chunk);
  });
}

// Puts the factors of decays into what is read and written. Sums of decays
// start at `start`, or are in the place of decays.
void RecurrenceTile::scaleKeys(const KeyPlace &place, Value chunk,
                               const Four *start, const Four &read,
                               const Four &write) {
  Four running;
  if (start) {
    running = *start;
  }
  for (int64_t token = 0; token < place.count; ++token) {
    if (start) {
      for (auto [sum, decay] :
           llvm::zip_equal(running, decayOf(place, chunk, token))) {
        sum = warp.fadd(sum, decay);
      }
    } else {
      Value row = address(decayRing, chunk, warp.add(place.firstToken, token));
      running = loadFour(element(row, place.column), warp.f32());
    }
    Value writeAt = keyAddress(place, chunk, token, false);
    Value readAt = keyAddress(place, chunk, token, true);
    Four keys = loadFour(writeAt, program.element);
    Four queries = loadFour(readAt, program.element);
    for (int64_t i = 0; i < 4; ++i) {
      queries[i] =
          warp.fmul(queries[i], warp.exp2(warp.fsub(running[i], read[i])));
      keys[i] = warp.fmul(keys[i], warp.exp2(warp.fsub(write[i], running[i])));
    }
    storeFour(keys, writeAt, program.element);
    storeFour(queries, readAt, program.element);
  }
}

void RecurrenceTile::assistKeys() {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  KeyPlace place;
  int64_t quads = kernel.stateColumns / 4;
  place.groups = kernel.decayGroups();
  place.count = kTokens / place.groups;
  Value thread = warp.add(warp.mul(warpOf(warp), 32), laneOf(warp));
  place.group = warp.div(thread, quads);
  place.column = warp.mul(warp.rem(thread, quads), 4);
  place.firstToken = warp.mul(place.group, place.count);
  int64_t distance = kernel.decayStages - 1;
  for (int64_t i = 0; i < distance; ++i) {
    copyDecays(place, warp.c(i));
    warp.commitCopies();
  }
  // What the state has still to be multiplied with, in bits.
  scf::ForOp loop = forChunks(SmallVector<Value>(4, warp.f(0)));
  Value chunk = loop.getInductionVar();
  copyDecays(place, warp.add(chunk, distance));
  warp.commitCopies();
  warp.waitCopies(distance);

  // Sums of the thread, and how far they can go either way.
  Four sum, size;
  sum.fill(warp.f(0)), size.fill(warp.f(0));
  for (int64_t token = 0; token < place.count; ++token) {
    Four decay = decayOf(place, chunk, token);
    for (int64_t i = 0; i < 4; ++i) {
      sum[i] = warp.fadd(sum[i], decay[i]);
      size[i] = warp.fadd(
          size[i], LLVM::FAbsOp::create(builder, loc, decay[i]).getResult());
    }
  }
  auto sumsAt = [&](Value group, int64_t which, Value column) {
    Value row = warp.add(warp.add(group, which * place.groups), kTokens);
    return element(address(decayRing, chunk, row), column);
  };
  // Whether some key decays by too much: in all lanes, which have all keys.
  auto exceeds = [&](const Four &bits) {
    Value most =
        warp.fmax(warp.fmax(bits[0], bits[1]), warp.fmax(bits[2], bits[3]));
    return warp.any(arith::CmpFOp::create(
        builder, loc, arith::CmpFPredicate::OGT, most, warp.f(kFactoredBits)));
  };
  storeFour(sum, sumsAt(place.group, 0, place.column), warp.f32());
  storeFour(size, sumsAt(place.group, 1, place.column), warp.f32());
  shareAssist();
  Four start, total, bits;
  for (Four *values : {&start, &total, &bits}) {
    values->fill(warp.f(0));
  }
  for (int64_t group = 0; group < place.groups; ++group) {
    Value isBefore = warp.less(warp.c(group), place.group);
    Four part = loadFour(sumsAt(warp.c(group), 0, place.column), warp.f32());
    Four partSize =
        loadFour(sumsAt(warp.c(group), 1, place.column), warp.f32());
    for (int64_t i = 0; i < 4; ++i) {
      total[i] = warp.fadd(total[i], part[i]);
      bits[i] = warp.fadd(bits[i], partSize[i]);
      start[i] = warp.select(isBefore, total[i], start[i]);
    }
  }
  Value isSteep = exceeds(bits);

  Four before, within, behind, pending, read, write;
  for (int64_t i = 0; i < 4; ++i) {
    Value half = warp.fmul(total[i], warp.f(0.5));
    read[i] = warp.select(isSteep, warp.f(0), half);
    write[i] = warp.select(isSteep, total[i], half);
    before[i] = warp.exp2(warp.fadd(loop.getRegionIterArg(i), read[i]));
    within[i] = warp.exp2(total[i]);
    pending[i] = read[i];
    behind[i] = warp.exp2(pending[i]);
  }
  ReserveOp::create(builder, loc, vectorRing, chunk);
  warp.guarded(warp.equal(place.group, warp.c(0)), [&] {
    auto at = [&](int64_t which) {
      return element(address(vectorRing, chunk, warp.c(which)), place.column);
    };
    storeFour(before, at(kBefore), warp.f32());
    storeFour(within, at(kWithin), warp.f32());
    storeFour(behind, at(kBehind), warp.f32());
    Four flags;
    flags.fill(warp.select(isSteep, warp.f(1), warp.f(0)));
    storeFour(flags, at(kKeyNumbers), warp.f32());
  });
  PublishOp::create(builder, loc, vectorRing, chunk);

  AwaitOp::create(builder, loc, keyRing, chunk);
  ReserveOp::create(builder, loc, maskedRing, chunk);
  auto choice = scf::IfOp::create(builder, loc, isSteep,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    Four running = start;
    for (int64_t token = 0; token < place.count; ++token) {
      Four decay = decayOf(place, chunk, token);
      for (int64_t i = 0; i < 4; ++i) {
        running[i] = warp.fadd(running[i], decay[i]);
      }
      Value row = address(decayRing, chunk, warp.add(place.firstToken, token));
      storeFour(running, element(row, place.column), warp.f32());
    }
    shareAssist();
    // Of the tokens of the warp's block alone.
    Four inBlock;
    inBlock.fill(warp.f(0));
    Value keys = warp.rem(warp.mul(laneOf(warp), 4), kernel.stateColumns);
    int64_t groupsOfBlock = kBlock / place.count;
    for (int64_t i = 0; i < groupsOfBlock; ++i) {
      Value group = warp.add(warp.mul(warpOf(warp), groupsOfBlock), i);
      for (auto [sum, part] : llvm::zip_equal(
               inBlock, loadFour(sumsAt(group, 1, keys), warp.f32()))) {
        sum = warp.fadd(sum, part);
      }
    }
    eachBlock(chunk, exceeds(inBlock));
    shareAssist();
    scaleKeys(place, chunk, nullptr, read, write);
    shareAssist();
    builder.setInsertionPointToStart(choice.elseBlock());
    scaleKeys(place, chunk, &start, read, write);
    shareAssist();
    WriteOp::create(builder, loc, masked(chunk), maskedRing, chunk, warp.c(0),
                    /*transposed=*/false);
  }
  PublishOp::create(builder, loc, maskedRing, chunk);
  ReleaseOp::create(builder, loc, keyRing, chunk);
  scf::YieldOp::create(builder, loc,
                       SmallVector<Value>(pending.begin(), pending.end()));
  builder.setInsertionPointAfter(loop);
}

} // namespace attn
