//===- RecurrenceVectors.cpp - decays and weights of the tokens of a chunk ===//
// One warp, two tokens a lane. Steps come by asynchronous copies of each lane
// to itself, some chunks ahead: a load into a register that a loop carries
// would be waited for where the register moves.
//===----------------------------------------------------------------------===//

#include "../NVGPU/TimeStep.h"
#include "Lowering.h"
#include "RecurrenceTile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

// A token that decays by more clears the state; sums of a chunk stay finite.
constexpr double kMostBits = 1024;
// Another sequence: less than f32 has, so that sums of a chunk stay precise.
constexpr double kClearedBits = 256;

static void writePair(WarpBuilder &warp, Value row, Value first, Value second) {
  Value at =
      LLVM::GEPOp::create(warp.builder, warp.loc, warp.shared(), warp.f32(),
                          row, ValueRange{warp.mul(laneOf(warp), 2)});
  Value pair = LLVM::UndefOp::create(warp.builder, warp.loc,
                                     VectorType::get(2, warp.f32()));
  Value values[] = {first, second};
  for (auto [i, value] : llvm::enumerate(values)) {
    pair = LLVM::InsertElementOp::create(warp.builder, warp.loc, pair, value,
                                         warp.c(i));
  }
  warp.store(pair, at, 8);
}

// The two tokens of a lane: their numbers in the sequence.
static Value tokenOf(WarpBuilder &warp, Value chunk, int64_t which) {
  return warp.add(warp.add(warp.mul(chunk, RecurrenceKernel::kChunk),
                           warp.mul(laneOf(warp), 2)),
                  which);
}

static Value numberAddress(WarpBuilder &warp, const TensorView &from,
                           const RecurrenceProgram &program, Value token,
                           int64_t head) {
  SmallVector<Value> at(3, warp.toIndex(warp.c(0)));
  at[program.tokenDim] = warp.toIndex(token);
  at[program.headDim] = warp.toIndex(warp.c(head));
  return warp.globalAddress(from.pointer, from.at(warp.builder, warp.loc, at),
                            from.element);
}

// Starts copies of the numbers of a chunk, of 32 bits, to a row of the lanes;
// what is beyond the end is 0.
void RecurrenceTile::copyNumbers(Value chunk, const TensorView &from,
                                 int64_t head, int64_t row) {
  for (int64_t which = 0; which < 2; ++which) {
    Value token = tokenOf(warp, chunk, which);
    Value inside = warp.less(token, tokens);
    Value to = element(address(stepRing, chunk, warp.c(row)),
                       warp.add(warp.mul(laneOf(warp), 2), which));
    warp.copyAsync(to,
                   numberAddress(warp, from, program,
                                 warp.select(inside, token, warp.c(0)), head),
                   4, warp.select(inside, warp.c(4), warp.c(0)));
  }
}

// The ids of the lane's tokens, and of the one in front of them.
void RecurrenceTile::copyIds(Value chunk) {
  Value token = tokenOf(warp, chunk, 0);
  Value at = ids.at(warp.builder, warp.loc,
                    {warp.toIndex(warp.c(0)), warp.toIndex(token)});
  Value from = warp.globalAddress(ids.pointer, at, ids.element);
  for (int32_t which = -1; which < 2; ++which) {
    Value other = warp.add(token, which);
    Value inside = warp.less(other, tokens);
    if (which < 0) {
      inside = warp.both(inside, warp.less(warp.c(0), token));
    }
    Value row =
        address(stepRing, chunk,
                warp.c(program.heads + isDelta() + (which < 0 ? 1 : 0)));
    Value source =
        LLVM::GEPOp::create(warp.builder, warp.loc, warp.global(), warp.i32(),
                            from, ArrayRef<LLVM::GEPArg>{which});
    // What is not inside is not read.
    warp.copyAsync(element(row, warp.add(warp.mul(laneOf(warp), 2),
                                         std::max<int32_t>(which, 0))),
                   source, 4, warp.select(inside, warp.c(4), warp.c(0)));
  }
}

// Whether a token of the lane has another id than the one in front.
Value RecurrenceTile::isCleared(Value chunk, int64_t which) {
  auto id = [&](int64_t row, int64_t place) {
    Value start =
        address(stepRing, chunk, warp.c(program.heads + isDelta() + row));
    return warp.load(
        warp.i32(), element(start, warp.add(warp.mul(laneOf(warp), 2), place)));
  };
  Value before = which ? id(0, 0) : id(1, 0);
  Value differs = arith::CmpIOp::create(
      warp.builder, warp.loc, arith::CmpIPredicate::ne, id(0, which), before);
  Value token = tokenOf(warp, chunk, which);
  return warp.both(differs, warp.less(warp.c(0), token));
}

// The number of a token of the lane, from its row if it came ahead.
Value RecurrenceTile::numberOf(Value chunk, const TensorView &from,
                               int64_t head, int64_t row, int64_t which) {
  if (from.element.isF32()) {
    return warp.load(warp.f32(),
                     element(address(stepRing, chunk, warp.c(row)),
                             warp.add(warp.mul(laneOf(warp), 2), which)));
  }
  Value token = tokenOf(warp, chunk, which);
  token = warp.min(token, warp.sub(tokens, warp.c(1)));
  return warp.convert(
      warp.load(from.element, numberAddress(warp, from, program, token, head)),
      warp.f32());
}

static Value loadParameter(WarpBuilder &warp, const TensorView &view,
                           int64_t head) {
  Value at = view.at(warp.builder, warp.loc, {warp.toIndex(warp.c(head))});
  return warp.convert(
      warp.load(view.element,
                warp.globalAddress(view.pointer, at, view.element), 0,
                /*invariant=*/true),
      warp.f32());
}

void RecurrenceTile::prepareVectors() {
  OpBuilder &builder = warp.builder;
  bool stepsAhead = program.steps && steps.element.isF32();
  bool betaAhead = program.beta && beta.element.isF32();
  bool ahead = stepsAhead || betaAhead || program.ids;
  SmallVector<Value> rate(program.heads), shift(program.heads);
  for (int64_t head = 0; head < program.heads; ++head) {
    rate[head] = program.rates ? warp.fmul(loadParameter(warp, rates, head),
                                           warp.f(kLog2e))
                               : warp.f(program.steps ? kLog2e : 0);
    if (program.bias) {
      shift[head] = loadParameter(warp, bias, head);
    }
  }
  int64_t distance = kernel.vectorStages - 1;
  auto copy = [&](Value chunk) {
    for (int64_t head = 0; stepsAhead && head < program.heads; ++head) {
      copyNumbers(chunk, steps, head, head);
    }
    if (betaAhead) {
      copyNumbers(chunk, beta, 0, program.heads);
    }
    if (program.ids) {
      copyIds(chunk);
    }
    warp.commitCopies();
  };
  if (ahead) {
    for (int64_t i = 0; i < distance; ++i) {
      copy(warp.c(i));
    }
  }
  Value chunk = forChunks({}).getInductionVar();
  if (ahead) {
    copy(warp.add(chunk, distance));
    warp.waitCopies(distance);
  }
  Value cleared[2];
  for (int64_t which = 0; program.ids && which < 2; ++which) {
    cleared[which] = isCleared(chunk, which);
  }
  Value none = warp.f(0);
  struct Head {
    Value sum[2], weight[2], total;
  };
  SmallVector<Head> heads(program.heads);
  for (int64_t head = 0; head < program.heads; ++head) {
    Head &here = heads[head];
    Value bits[2];
    for (int64_t which = 0; which < 2; ++which) {
      Value inside = warp.less(tokenOf(warp, chunk, which), tokens);
      Value decay = rate[head];
      if (program.steps) {
        Value value =
            emitTimeStep(warp, numberOf(chunk, steps, head, head, which),
                         shift[head], program.softplus, program.limit);
        decay = warp.fmul(value, rate[head]);
        here.weight[which] = warp.select(inside, value, none);
      }
      if (program.beta) {
        here.weight[which] = warp.select(
            inside, numberOf(chunk, beta, head, program.heads, which), none);
      }
      decay = warp.fmax(decay, warp.f(-kMostBits));
      if (program.ids) {
        decay = warp.select(cleared[which], warp.f(-kClearedBits), decay);
      }
      bits[which] = warp.select(inside, decay, none);
    }
    auto scan = ChunkScanOp::create(builder, warp.loc, bits[0], bits[1]);
    here.sum[0] = scan.getFirstSum();
    here.sum[1] = scan.getSecondSum();
    here.total = scan.getTotal();
  }
  ReserveOp::create(builder, warp.loc, vectorRing, chunk);
  for (auto [head, here] : llvm::enumerate(heads)) {
    auto row = [&, head = head](int64_t which) {
      return address(vectorRing, chunk, warp.c(head * kVectors + which));
    };
    Value reference = warp.fmul(here.total, warp.f(0.5));
    Value in[2], out[2], unweighted[2], last[2];
    for (int64_t i = 0; i < 2; ++i) {
      in[i] = warp.exp2(warp.fsub(reference, here.sum[i]));
      out[i] = warp.exp2(warp.fsub(here.sum[i], reference));
      unweighted[i] = here.sum[i];
      if (program.weighs) {
        in[i] = warp.fmul(in[i], here.weight[i]);
        unweighted[i] = warp.fsub(here.sum[i], warp.log2(here.weight[i]));
      }
      if (program.beta) {
        in[i] = here.weight[i];
        out[i] = warp.exp2(here.sum[i]);
      }
      out[i] = warp.fmul(out[i], warp.f(program.beta ? 1 : program.scale));
      last[i] = warp.exp2(warp.fsub(here.total, unweighted[i]));
    }
    writePair(warp, row(kOut), out[0], out[1]);
    writePair(warp, row(kIn), in[0], in[1]);
    writePair(warp, row(kSum), here.sum[0], here.sum[1]);
    writePair(warp, row(kUnweighted), unweighted[0], unweighted[1]);
    writePair(warp, row(kLast), last[0], last[1]);
    // Every lane has them; the first ones are read.
    writePair(warp, row(kNumbers), warp.exp2(reference), here.total);
  }
  PublishOp::create(builder, warp.loc, vectorRing, chunk);
}

} // namespace attn
