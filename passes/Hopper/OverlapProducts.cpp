//===- OverlapProducts.cpp - products in flight beside each other ---------===//
// In a block with the values of one step (A in registers) and then the scores
// of the next (A in shared memory), the scores start first; each warpgroup
// takes its turn to start both, so that one computes probabilities while the
// other has the tensor cores.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_OVERLAPPRODUCTSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

Value ringOf(Value tile) {
  auto made = tile.getDefiningOp<TileOp>();
  return made ? Value(made.getRing()) : Value();
}

MmaAsyncOp startOf(OpBuilder &builder, ProductsOp product) {
  auto shape = product.getResult().getType().getShape();
  return MmaAsyncOp::create(
      builder, product.getLoc(),
      PendingType::get(builder.getContext(), shape, builder.getF32Type()),
      product.getA(), product.getB(), product.getAcc(),
      product.getTransposed());
}

WaitOp waitFor(OpBuilder &builder, int64_t groups, MmaAsyncOp start,
               ProductsOp product) {
  return WaitOp::create(builder, product.getLoc(),
                        TypeRange{product.getResult().getType()}, groups,
                        ValueRange{start.getResult()});
}

class Overlap {
public:
  Overlap(ProductsOp values, ProductsOp scores)
      : values(values), scores(scores), block(values->getBlock()) {}

  // Whether the scores can start before the values of the step in front: with
  // one stage, the next Q must not wait for what that step gives back at its
  // end.
  bool applies() {
    Value ring = ringOf(scores.getA());
    queryRelease = ring ? releaseOf(ring, scores) : nullptr;
    bool spare = ring && (cast<RingType>(ring.getType()).getShape()[0] > 1 ||
                          queryRelease);
    return spare && awaitOf(scores) && awaitOf(values) &&
           hoist(awaitOf(values));
  }

  void run(Value warpgroup) {
    // All waits for tiles are in front of the turn.
    OpBuilder builder(values);
    TakeTurnOp::create(builder, scores.getLoc(), warpgroup);
    MmaAsyncOp first = startOf(builder, scores);
    MmaAsyncOp second = startOf(builder, values);
    PassTurnOp::create(builder, values.getLoc(), warpgroup, /*first=*/false);
    WaitOp firstWait = waitFor(builder, 1, first, scores);
    WaitOp secondWait = waitFor(builder, 0, second, values);
    // K is free before the values are there.
    for (auto release :
         llvm::make_early_inc_range(block->getOps<ReleaseOp>())) {
      if (release.getRing() == ringOf(scores.getB())) {
        release->moveAfter(firstWait);
      }
    }
    // And so is Q, where this was the last use of it.
    if (queryRelease) {
      queryRelease->moveAfter(firstWait);
    }
    // Q of a tile is given back when its results have left shared memory, which
    // takes a while: last.
    for (auto choice : llvm::make_early_inc_range(block->getOps<scf::IfOp>())) {
      if (!choice.thenBlock()->getOps<DrainOp>().empty()) {
        choice->moveBefore(block->getTerminator());
      }
    }
    scores.getResult().replaceAllUsesWith(firstWait.getResult(0));
    values.getResult().replaceAllUsesWith(secondWait.getResult(0));
    scores.erase();
    values.erase();
  }

private:
  ProductsOp values, scores;
  Block *block;
  Operation *queryRelease = nullptr; // once its scores are there

  // The op of the block behind `after` that gives a tile of `ring` back.
  Operation *releaseOf(Value ring, Operation *after) {
    for (Operation *user : ring.getUsers()) {
      Operation *here = block->findAncestorOpInBlock(*user);
      if (isa<ReleaseOp>(user) && here && after->isBeforeInBlock(here)) {
        return here;
      }
    }
    return nullptr;
  }

  Operation *awaitOf(ProductsOp product) {
    for (auto await : block->getOps<AwaitOp>()) {
      if (await.getRing() == ringOf(product.getB())) {
        return await;
      }
    }
    return nullptr;
  }

  // Moves what leads to the scores, from the wait for their K on, in front of
  // `at`; nothing where that needs the values.
  bool hoist(Operation *at) {
    SetVector<Operation *> moved;
    bool inRange = true;
    for (Operation *op = scores; op != at; op = op->getPrevNode()) {
      bool needed = llvm::any_of(op->getUsers(), [&](Operation *user) {
        return moved.contains(block->findAncestorOpInBlock(*user));
      });
      if (!inRange && !needed) {
        continue;
      }
      if (op == values) {
        return false;
      }
      moved.insert(op);
      inRange = inRange && op != awaitOf(scores);
    }
    for (Operation *op : llvm::reverse(moved)) {
      op->moveBefore(at);
    }
    return true;
  }
};

struct OverlapProductsPass
    : public attn::impl::OverlapProductsPassBase<OverlapProductsPass> {
  void runOnOperation() override {
    getOperation()->walk([&](RolesOp roles) { overlap(roles); });
  }

  void overlap(RolesOp roles) {
    Value warpgroup = roles.getConsumer().getArgument(0);
    bool turns = false;
    roles.getConsumer().walk([&](Block *block) {
      ProductsOp values, scores;
      for (auto product : block->getOps<ProductsOp>()) {
        bool inRegisters = isa<OperandType>(product.getA().getType());
        (inRegisters ? values : scores) = product;
      }
      if (!values || !scores || !values->isBeforeInBlock(scores)) {
        return;
      }
      Overlap overlap(values, scores);
      if (overlap.applies()) {
        overlap.run(warpgroup);
        turns = true;
      }
    });
    if (turns) {
      OpBuilder builder = OpBuilder::atBlockBegin(&roles.getConsumer().front());
      PassTurnOp::create(builder, roles.getLoc(), warpgroup, /*first=*/true);
    }
    // Others one after the other.
    roles.walk([&](ProductsOp product) {
      OpBuilder builder(product);
      WaitOp wait = waitFor(builder, 0, startOf(builder, product), product);
      product.getResult().replaceAllUsesWith(wait.getResult(0));
      product.erase();
    });
  }
};

} // namespace
