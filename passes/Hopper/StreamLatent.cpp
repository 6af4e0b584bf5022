//===- StreamLatent.cpp - two warpgroups for one tile of rows -------------===//
// Where V is the first columns of K, accumulators of 64 rows are wider than the
// registers of a warpgroup, and a stage of K leaves no room for a second one of
// V. So the consumer computes scores and probabilities, and the first half of
// the columns; the assistant gets the probabilities through shared memory, with
// what they are relative to, and has the other half.
//===----------------------------------------------------------------------===//

#include "StreamTile.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

void StreamTile::shareState(SoftmaxOp softmax, Value position, Value isLast) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Value isFirst = warp.equal(warp.andi(warp.thread(), 3), warp.c(0));
  auto share = [&](Value vector, StateVector which) {
    Value start = AddressOp::create(builder, loc, warp.shared(), stateRing,
                                    position, warp.c(which));
    elements(vector, {}, [&](ValueRange in) {
      when(isFirst, [&] {
        Value at = LLVM::GEPOp::create(builder, loc, start.getType(),
                                       warp.f32(), start, in[1]);
        warp.store(in[0], at);
      });
    });
  };
  ReserveOp::create(builder, loc, stateRing, position);
  share(softmax.getNewReference(), kReference);
  when(isLast, [&] {
    share(inverseOf(softmax.getNewReference(), softmax.getNewSum()), kInverse);
  });
  PublishOp::create(builder, loc, stateRing, position);
  ReserveOp::create(builder, loc, probabilityRing, position);
  WriteOp::create(builder, loc, softmax.getP(), probabilityRing, position,
                  warp.c(0), /*transposed=*/false);
  PublishOp::create(builder, loc, probabilityRing, position);
}

// Accumulators relative to `now` instead of `old`; none in a first step.
Value StreamTile::followReference(Value acc, Value old, Value now,
                                  Value first) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  Type flags = RowsType::get(builder.getContext(), builder.getI1Type());
  auto differ = [&](Value a, Value b) -> Value {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, a, b);
  };
  Value moved = elements({old, now}, flags, [&](ValueRange in) {
    warpgroup::YieldOp::create(builder, loc, differ(in[0], in[1]));
  });
  Value any = AnyOp::create(builder, loc, builder.getI1Type(), moved);
  auto scaled = [&] {
    Value factor = elements({old, now}, now.getType(), [&](ValueRange in) {
      // Rows that have seen no key stay at +inf.
      Value moves = differ(in[0], in[1]);
      Value by = warp.exp2(warp.fsub(in[1], in[0]));
      warpgroup::YieldOp::create(builder, loc,
                                 warp.select(moves, by, warp.f(1)));
    });
    return elements({acc, factor}, acc.getType(), [&](ValueRange in) {
      Value product = warp.fmul(in[0], in[1]);
      warpgroup::YieldOp::create(builder, loc,
                                 warp.select(first, warp.f(0), product));
    });
  };
  return choose(warp.either(first, any), acc.getType(), scaled,
                [&] { return acc; });
}

void StreamTile::assist(Block &block) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  builder.setInsertionPointToStart(&block);
  rowBase = warp.c(0);
  Type rowsType = RowsType::get(builder.getContext(), warp.f32());
  Type accType = fragmentOf(accColumns);
  Value none = warp.f(std::numeric_limits<double>::infinity());
  Value inits[] = {SplatOp::create(builder, loc, rowsType, none),
                   SplatOp::create(builder, loc, accType, warp.f(0))};
  Steps steps = beginSteps(inits);
  Value position = steps.position;
  when(steps.first,
       [&] { AwaitOp::create(builder, loc, tileRing, steps.queryAt); });
  auto vector = [&](StateVector which) -> Value {
    return VectorOp::create(builder, loc, rowsType, stateRing, position,
                            warp.c(which));
  };
  AwaitOp::create(builder, loc, stateRing, position);
  Value reference = vector(kReference);
  Value acc = followReference(steps.carried[1], steps.carried[0], reference,
                              steps.first);
  AwaitOp::create(builder, loc, probabilityRing, position);
  int64_t width = panelColumns(element);
  acc = ProductsOp::create(
      builder, loc, accType,
      tileOf(probabilityRing, kRows, kernel.keys, position, Value()),
      tileOf(keyRing, kernel.keys, accColumns, position, Value(),
             warp.c(accColumns / width)),
      acc, /*transposed=*/false);
  ReleaseOp::create(builder, loc, keyRing, position);
  ReleaseOp::create(builder, loc, probabilityRing, position);
  // In place, since the next step starts anew: there are no registers for both.
  acc = choose(
      isSet(steps.flags, kLast), accType,
      [&] {
        Value result = timesRows(acc, vector(kInverse));
        storeRows(result, accColumns);
        ReleaseOp::create(builder, loc, tileRing, steps.queryAt);
        return result;
      },
      [&] { return acc; });
  ReleaseOp::create(builder, loc, stateRing, position);
  endSteps(steps, {reference, acc});
}

} // namespace attn
