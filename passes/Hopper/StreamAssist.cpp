//===- StreamAssist.cpp - the warpgroup that transposes V -----------------===//
// Products of 8 bits take V with its keys side by side. One warpgroup turns
// each tile as it comes, once for all consumers, and clears what lies behind
// the last key, which may hold anything.
//===----------------------------------------------------------------------===//

#include "StreamTile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

void StreamTile::transposeValues(Block &block) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  builder.setInsertionPointToStart(&block);
  Type number = warp.i32();
  auto loop = scf::WhileOp::create(builder, loc, TypeRange{number, number},
                                   ValueRange{warp.c(0)});
  Block *before = builder.createBlock(&loop.getBefore(), {}, number, loc);
  Value position = before->getArgument(0);
  AwaitOp::create(builder, loc, loadedRing, position);
  Value size = TagOp::create(builder, loc, number, 0, loadedRing, position);
  scf::ConditionOp::create(builder, loc, warp.less(warp.c(-1), size),
                           ValueRange{position, size});
  Block *body =
      builder.createBlock(&loop.getAfter(), {}, {number, number}, {loc, loc});
  position = body->getArgument(0);
  size = body->getArgument(1);
  when(warp.less(size, warp.c(kernel.keys)), [&] {
    ClearRowsOp::create(builder, loc, loadedRing, position, size,
                        warp.c(kernel.assistNumber()));
  });
  ReserveOp::create(builder, loc, valueRing, position);
  TransposeOp::create(builder, loc, loadedRing, position, valueRing, position);
  PublishOp::create(builder, loc, valueRing, position);
  ReleaseOp::create(builder, loc, loadedRing, position);
  scf::YieldOp::create(builder, loc, ValueRange{warp.add(position, 1)});
}

} // namespace attn
