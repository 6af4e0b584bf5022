//===- StreamSteps.cpp - the loop of a role over the steps of a stream ----===//

#include "StreamTile.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

Type StreamTile::fragmentOf(int64_t columns) {
  return FragmentType::get(warp.builder.getContext(), {kRows, columns},
                           warp.f32());
}

Value StreamTile::tileOf(Value ring, int64_t tileRows, int64_t columns,
                         Value position, Value row, Value panel) {
  auto type = cast<RingType>(ring.getType());
  int64_t shape[] = {type.getShape()[1], tileRows, columns};
  return TileOp::create(warp.builder, warp.loc,
                        TileType::get(warp.builder.getContext(), shape, element,
                                      type.getPanelBytes()),
                        ring, position, row, panel);
}

// Carries the position of K and V, that of Q, and `inits`; ends with a step
// that has no keys.
StreamTile::Steps StreamTile::beginSteps(ValueRange more) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  SmallVector<Value> inits = {warp.c(0), warp.c(-1)};
  llvm::append_range(inits, more);
  SmallVector<Type> types =
      llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
  SmallVector<Location> locs(types.size(), loc);
  SmallVector<Type> results = types;
  results.push_back(warp.i32());
  SmallVector<Location> resultLocs(results.size(), loc);
  Steps steps;
  steps.loop = scf::WhileOp::create(builder, loc, results, inits);
  Block *before = builder.createBlock(&steps.loop.getBefore(), {}, types, locs);
  Value position = before->getArgument(0);
  AwaitOp::create(builder, loc, keyRing, position);
  Value flags =
      TagOp::create(builder, loc, warp.i32(), kFlags, keyRing, position);
  SmallVector<Value> passed(before->getArguments());
  passed.push_back(flags);
  scf::ConditionOp::create(
      builder, loc, warp.equal(warp.andi(flags, kEnd), warp.c(0)), passed);

  Block *body =
      builder.createBlock(&steps.loop.getAfter(), {}, results, resultLocs);
  steps.position = body->getArgument(0);
  steps.flags = body->getArguments().back();
  steps.carried = body->getArguments().drop_front(2).drop_back();
  steps.first = isSet(steps.flags, kFirst);
  steps.queryAt = warp.add(body->getArgument(1),
                           warp.select(steps.first, warp.c(1), warp.c(0)));
  return steps;
}

Value StreamTile::choose(Value condition, Type type,
                         llvm::function_ref<Value()> then,
                         llvm::function_ref<Value()> otherwise) {
  OpBuilder &builder = warp.builder;
  auto choice = scf::IfOp::create(builder, warp.loc, type, condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(builder, warp.loc, then());
  builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(builder, warp.loc, otherwise());
  return choice.getResult(0);
}

// What it uses of a tile comes as tags; goes on behind the loop.
void StreamTile::endSteps(Steps &steps, ValueRange next) {
  SmallVector<Value> yielded = {warp.add(steps.position, 1), steps.queryAt};
  llvm::append_range(yielded, next);
  scf::YieldOp::create(warp.builder, warp.loc, yielded);
  values.bind(steps.loop.getAfter(), tileRing,
              [&](Operation *) { return steps.queryAt; });
  warp.builder.setInsertionPointAfter(steps.loop);
}

} // namespace attn
