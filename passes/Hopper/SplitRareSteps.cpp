//===- SplitRareSteps.cpp - one branch for all that is rare in a step -----===//
// Most steps of a stream are full, and neither the first nor the last of a
// tile. Behind the start of its products, a step is written twice: once with
// all its conditions, and once, for when none holds, without them, so that
// nothing divides the straight line of exponentials that ptxas schedules. The
// rare step reads what its branches need at its start (ReadEarly).
//===----------------------------------------------------------------------===//

#include "ReadEarly.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SPLITRARESTEPSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

class Split {
public:
  explicit Split(PassTurnOp start) : start(start), builder(start) {}

  void run() {
    Block *block = start->getBlock();
    Operation *end = block->getTerminator();
    SmallVector<Operation *> tail;
    for (Operation *op = start->getNextNode(); op != end;
         op = op->getNextNode()) {
      tail.push_back(op);
    }
    // What the step does only sometimes, and when. Waits for the next step are
    // what it does but in the last one.
    SetVector<Value> conditions, usual;
    for (Operation *op : tail) {
      if (auto choice = dyn_cast<scf::IfOp>(op)) {
        (isAwait(choice) ? usual : conditions).insert(choice.getCondition());
      } else if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
        conditions.insert(softmax.getFirst());
      }
    }
    if (conditions.empty()) {
      return;
    }
    for (const SetVector<Value> &list : {conditions, usual}) {
      for (Value condition : list) {
        hoist(condition.getDefiningOp(), tail);
      }
    }
    builder.setInsertionPoint(end);
    SetVector<Value> results;
    for (Operation *op : tail) {
      for (Value result : op->getResults()) {
        if (llvm::is_contained(end->getOperands(), result)) {
          results.insert(result);
        }
      }
    }
    Location loc = start.getLoc();
    Value rare;
    for (Value condition : conditions) {
      rare = rare ? arith::OrIOp::create(builder, loc, rare, condition)
                  : condition;
    }
    Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
    for (Value condition : usual) {
      rare = arith::OrIOp::create(
          builder, loc, rare,
          arith::XOrIOp::create(builder, loc, condition, yes));
    }
    auto choice = scf::IfOp::create(
        builder, loc,
        llvm::map_to_vector(results, [](Value v) { return v.getType(); }), rare,
        /*withElseRegion=*/true);
    auto arm = [&](Block *into, bool common) {
      builder.setInsertionPointToStart(into);
      IRMapping mapping;
      if (common) {
        Value no = arith::ConstantIntOp::create(builder, loc, 0, 1);
        for (Value condition : conditions) {
          mapping.map(condition, no);
        }
        for (Value condition : usual) {
          mapping.map(condition, yes);
        }
        // This step releases nothing that what they wait for could depend on.
        llvm::stable_sort(tail, [](Operation *a, Operation *b) {
          return isAwait(a) && !isAwait(b);
        });
      }
      for (Operation *op : tail) {
        builder.clone(*op, mapping);
      }
      auto yielded = llvm::map_to_vector(
          results, [&](Value v) { return mapping.lookupOrDefault(v); });
      scf::YieldOp::create(builder, loc, yielded);
    };
    arm(choice.thenBlock(), /*common=*/false);
    readEarly(*choice.thenBlock());
    SmallVector<Operation *> ordered = tail;
    arm(choice.elseBlock(), /*common=*/true);
    tail = ordered;
    for (auto [result, made] : llvm::zip_equal(results, choice.getResults())) {
      end->replaceUsesOfWith(result, made);
    }
    for (Operation *op : llvm::reverse(tail)) {
      op->erase();
    }
  }

private:
  PassTurnOp start;
  OpBuilder builder;

  static bool isAwait(Operation *op) {
    auto choice = dyn_cast<scf::IfOp>(op);
    return choice && !choice.thenBlock()->getOps<AwaitOp>().empty();
  }

  // In front of the tail, with what it needs of it.
  void hoist(Operation *op, SmallVector<Operation *> &tail) {
    if (!op || !llvm::is_contained(tail, op)) {
      return;
    }
    for (Value operand : op->getOperands()) {
      hoist(operand.getDefiningOp(), tail);
    }
    llvm::erase(tail, op);
    op->moveBefore(start);
  }
};

struct SplitRareStepsPass
    : public attn::impl::SplitRareStepsPassBase<SplitRareStepsPass> {
  void runOnOperation() override {
    SmallVector<PassTurnOp> turns;
    getOperation()->walk([&](PassTurnOp turn) {
      if (!turn.getFirst()) {
        turns.push_back(turn);
      }
    });
    for (PassTurnOp turn : turns) {
      Split(turn).run();
    }
  }
};

} // namespace
