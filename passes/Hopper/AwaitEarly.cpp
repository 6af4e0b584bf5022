//===- AwaitEarly.cpp - wait for the next step's tiles in this one --------===//
// do { P(x); R } while (c)   becomes   P(x); do { R; if (c) P(x') } while (c)
// where P are the waits for tiles of rings, and the tags that are read of them:
// latencies that would stand in front of the products of the next step.
//
// Where `if (c) P(x')` stands decides whether a block can hang. At the end it
// is as safe as the loop before. Further to the front it may wait for a tile
// that the producer fills only after something that this step still has to
// release: attn-warpgroup-split-rare moves it only in steps that release
// nothing but K and V of the step.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_AWAITEARLYPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

// A loop that does all its work in front of its condition.
bool isDoWhile(scf::WhileOp loop) {
  Block &after = loop.getAfter().front();
  return after.getOperations().size() == 1 &&
         loop.getYieldOp().getOperands() == loop.getAfterArguments();
}

class Rotation {
public:
  explicit Rotation(scf::WhileOp loop)
      : loop(loop), body(&loop.getBefore().front()), builder(loop) {}

  void run() {
    collect();
    if (early.empty()) {
      return;
    }
    Location loc = loop.getLoc();
    IRMapping outside;
    outside.map(body->getArguments(), loop.getInits());
    SmallVector<Value> inits(loop.getInits());
    llvm::append_range(inits, cloneEarly(outside));
    SmallVector<Type> types =
        llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
    SmallVector<Location> locs(types.size(), loc);
    auto rotated = scf::WhileOp::create(builder, loc, types, inits);
    Block *before = builder.createBlock(&rotated.getBefore(), {}, types, locs);
    IRMapping mapping;
    size_t count = body->getNumArguments();
    mapping.map(body->getArguments(), before->getArguments().take_front(count));
    ValueRange tagsHere = before->getArguments().drop_front(count);
    for (auto [tag, argument] : llvm::zip_equal(tags, tagsHere)) {
      mapping.map(tag.getResult(), argument);
    }
    for (Operation &op : body->without_terminator()) {
      if (!isa<AwaitOp, TagOp>(op) || !early.contains(&op)) {
        builder.clone(op, mapping);
      }
    }
    scf::ConditionOp end = loop.getConditionOp();
    Value condition = mapping.lookupOrDefault(end.getCondition());
    SmallVector<Value> next = llvm::map_to_vector(
        end.getArgs(), [&](Value v) { return mapping.lookupOrDefault(v); });
    auto choice = scf::IfOp::create(builder, loc, tagsHere.getTypes(),
                                    condition, /*withElseRegion=*/true);
    builder.setInsertionPointToStart(choice.thenBlock());
    IRMapping following;
    following.map(body->getArguments(), next);
    scf::YieldOp::create(builder, loc, cloneEarly(following));
    builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(builder, loc, tagsHere);
    builder.setInsertionPointToEnd(before);
    llvm::append_range(next, choice.getResults());
    scf::ConditionOp::create(builder, loc, condition, next);
    Block *after = builder.createBlock(&rotated.getAfter(), {}, types, locs);
    scf::YieldOp::create(builder, loc, after->getArguments());
    loop.erase();
  }

private:
  scf::WhileOp loop;
  Block *body;
  OpBuilder builder;
  SetVector<Operation *> early; // in the order of the body
  SmallVector<TagOp> tags;      // of them

  // Waits and tags of the body itself, with the arithmetic of their positions.
  void collect() {
    SetVector<Operation *> needed;
    llvm::SmallPtrSet<Value, 4> awaited;
    for (Operation &op : *body) {
      auto await = dyn_cast<AwaitOp>(op);
      auto tag = dyn_cast<TagOp>(op);
      if (await) {
        awaited.insert(await.getRing());
      }
      if (await || (tag && awaited.contains(tag.getRing()))) {
        need(&op, needed);
      }
    }
    for (Operation &op : *body) {
      if (needed.contains(&op)) {
        early.insert(&op);
        if (auto tag = dyn_cast<TagOp>(op)) {
          tags.push_back(tag);
        }
      }
    }
  }

  void need(Operation *op, SetVector<Operation *> &needed) {
    needed.insert(op);
    for (Value operand : op->getOperands()) {
      Operation *made = operand.getDefiningOp();
      if (made && made->getBlock() == body) {
        need(made, needed);
      }
    }
  }

  SmallVector<Value> cloneEarly(IRMapping &mapping) {
    for (Operation *op : early) {
      builder.clone(*op, mapping);
    }
    return llvm::map_to_vector(
        tags, [&](TagOp tag) { return mapping.lookup(tag.getResult()); });
  }
};

struct AwaitEarlyPass : public attn::impl::AwaitEarlyPassBase<AwaitEarlyPass> {
  void runOnOperation() override {
    SmallVector<scf::WhileOp> loops;
    getOperation()->walk([&](RolesOp roles) {
      roles.getConsumer().walk([&](scf::WhileOp loop) {
        if (isDoWhile(loop) && loop->use_empty()) {
          loops.push_back(loop);
        }
      });
    });
    for (scf::WhileOp loop : loops) {
      Rotation(loop).run();
    }
  }
};

} // namespace
