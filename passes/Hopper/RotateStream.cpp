//===- RotateStream.cpp - start a step of a loop in the one before --------===//
// while (B(x); c) { A(x); cut; C(x) }   becomes
// B; A; do { C(x); B(x'); A(x') } while (c)
// so that C of a step stands beside A of the next, also across tiles. A of the
// step at which the loop ends runs, and nobody uses what it computes.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_ROTATESTREAMPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

class Rotation {
public:
  Rotation(scf::WhileOp loop, CutOp cut)
      : loop(loop), cut(cut), builder(loop), loc(loop.getLoc()) {}

  LogicalResult run() {
    if (!loop->use_empty()) {
      return loop.emitOpError("with results that are used cannot be rotated");
    }
    collectLive();
    IRMapping mapping;
    front(mapping, loop.getInits());
    SmallVector<Value> inits = lookup(live.getArrayRef(), mapping);
    SmallVector<Type> types =
        llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
    SmallVector<Location> locs(types.size(), loc);
    auto rotated = scf::WhileOp::create(builder, loc, types, inits);
    Block *before = builder.createBlock(&rotated.getBefore(), {}, types, locs);
    IRMapping inner;
    inner.map(live.getArrayRef(), before->getArguments());
    cloneRange(std::next(cut->getIterator()), inner);
    SmallVector<Value> next = lookup(loop.getYieldOp().getOperands(), inner);
    Value condition = front(inner, next);
    scf::ConditionOp::create(builder, loc, condition,
                             lookup(live.getArrayRef(), inner));
    Block *after = builder.createBlock(&rotated.getAfter(), {}, types, locs);
    scf::YieldOp::create(builder, loc, after->getArguments());
    loop.erase();
    return success();
  }

private:
  scf::WhileOp loop;
  CutOp cut;
  OpBuilder builder;
  Location loc;
  SetVector<Value> live; // made in front of the cut, used behind it

  void collectLive() {
    auto use = [&](Value value) {
      Region *region = value.getParentRegion();
      if (region != &loop.getAfter()) {
        return;
      }
      Operation *made = value.getDefiningOp();
      if (!made || made->isBeforeInBlock(cut)) {
        live.insert(value);
      }
    };
    for (Operation *op = cut->getNextNode(); op; op = op->getNextNode()) {
      op->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands()) {
          use(operand);
        }
      });
    }
  }

  static SmallVector<Value> lookup(ValueRange values,
                                   const IRMapping &mapping) {
    return llvm::map_to_vector(
        values, [&](Value value) { return mapping.lookupOrDefault(value); });
  }

  void cloneRange(Block::iterator from, IRMapping &mapping) {
    for (Operation &op : llvm::make_early_inc_range(
             llvm::make_range(from, cut->getBlock()->end()))) {
      if (!op.hasTrait<OpTrait::IsTerminator>()) {
        builder.clone(op, mapping);
      }
    }
  }

  // What stands in front of the cut, for a step that starts with `state`.
  Value front(IRMapping &mapping, ValueRange state) {
    mapping.map(loop.getBeforeArguments(), state);
    for (Operation &op : loop.getBefore().front().without_terminator()) {
      builder.clone(op, mapping);
    }
    scf::ConditionOp condition = loop.getConditionOp();
    mapping.map(loop.getAfterArguments(), lookup(condition.getArgs(), mapping));
    for (Operation &op :
         llvm::make_range(cut->getBlock()->begin(), cut->getIterator())) {
      builder.clone(op, mapping);
    }
    return mapping.lookupOrDefault(condition.getCondition());
  }
};

struct RotateStreamPass
    : public attn::impl::RotateStreamPassBase<RotateStreamPass> {
  void runOnOperation() override {
    SmallVector<CutOp> cuts;
    getOperation()->walk([&](CutOp cut) { cuts.push_back(cut); });
    for (CutOp cut : cuts) {
      auto loop = dyn_cast<scf::WhileOp>(cut->getParentOp());
      if (!loop || cut->getParentRegion() != &loop.getAfter()) {
        cut.emitOpError("is not in the body of an scf.while");
        return signalPassFailure();
      }
      if (failed(Rotation(loop, cut).run())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
