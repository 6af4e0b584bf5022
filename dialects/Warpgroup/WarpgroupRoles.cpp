//===- WarpgroupRoles.cpp - what must not happen between roles ------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attn::warpgroup {

namespace {
/// Follows the products in flight and the turns through the regions of a role.
class OrderVerifier {
public:
  /// `flying`: products that nothing has waited for, oldest first; before the
  /// block and, on success, behind it.
  LogicalResult run(Block &block, SmallVector<Value> &flying) {
    bool taken = false;
    for (Operation &op : block) {
      if (failed(step(op, flying)) || failed(turn(op, taken))) {
        return failure();
      }
    }
    if (taken) {
      return block.getParentOp()->emitOpError(
          "has a block that ends without passing its turn [pass_turn_c1]");
    }
    return success();
  }

private:
  llvm::DenseSet<Value> followed; // products that one in flight adds to

  static LogicalResult turn(Operation &op, bool &taken) {
    if (auto take = dyn_cast<TakeTurnOp>(op)) {
      if (taken) {
        return take.emitOpError("takes a second turn [pass_turn_c1]");
      }
      taken = true;
    }
    auto pass = dyn_cast<PassTurnOp>(op);
    if (pass && !pass.getFirst()) {
      if (!taken) {
        return pass.emitOpError("passes a turn that it has not taken "
                                "[pass_turn_c1]");
      }
      taken = false;
    }
    return success();
  }

  LogicalResult step(Operation &op, SmallVector<Value> &flying) {
    if (auto product = dyn_cast<MmaAsyncOp>(op)) {
      // One behind another on the same registers.
      if (Value acc = product.getAcc(); acc &&
                                        isa<PendingType>(acc.getType()) &&
                                        !followed.insert(acc).second) {
        return product.emitOpError("adds to registers that another product "
                                   "adds to [wait_c2]");
      }
      flying.push_back(product.getResult());
      return success();
    }
    if (auto wait = dyn_cast<WaitOp>(op)) {
      for (Value pending : wait.getPending()) {
        while (pending) {
          llvm::erase(flying, pending);
          auto product = pending.getDefiningOp<MmaAsyncOp>();
          pending = product && product.getAcc() &&
                            isa<PendingType>(product.getAcc().getType())
                        ? product.getAcc()
                        : Value();
        }
      }
      if (flying.size() != wait.getGroups()) {
        return wait.emitOpError("leaves up to ")
               << wait.getGroups() << " products in flight, but "
               << flying.size() << " are not waited for [wait_c2]";
      }
      return success();
    }
    if (!flying.empty() &&
        llvm::any_of(op.getResultTypes(),
                     [](Type type) { return isa<OperandType>(type); }) &&
        op.getNumRegions() == 0) {
      return op.emitOpError("makes an A operand while a product is in flight, "
                            "which would have to wait [roles_c4]");
    }
    if (op.getNumRegions() == 0 || isa<ElementsOp>(op)) {
      return success();
    }
    if (!isa<RegionBranchOpInterface>(op) || !flying.empty()) {
      return branches(op, flying);
    }
    for (Region &region : op.getRegions()) {
      for (Block &block : region) {
        if (failed(run(block, flying))) {
          return failure();
        }
        if (!flying.empty()) {
          return op.emitOpError("has a region that ends with a product in "
                                "flight [wait_c2]");
        }
      }
    }
    return success();
  }

  // Regions of which one runs: each starts with what flies, and they agree on
  // what does behind them.
  LogicalResult branches(Operation &op, SmallVector<Value> &flying) {
    std::optional<SmallVector<Value>> after;
    for (Region &region : op.getRegions()) {
      SmallVector<Value> here = flying;
      for (Block &block : region) {
        if (failed(run(block, here))) {
          return failure();
        }
      }
      if (after && *after != here) {
        return op.emitOpError("has regions that wait for different products "
                              "[wait_c2]");
      }
      after = here;
    }
    flying = *after;
    return success();
  }
};
} // namespace

namespace {
/// A release must not overtake the reads of its stage.
class ReleaseVerifier {
public:
  explicit ReleaseVerifier(ReleaseOp release) : release(release) {}

  LogicalResult run() {
    for (Operation *user : release.getRing().getUsers()) {
      auto tile = dyn_cast<TileOp>(user);
      if (!tile || tile.getPosition() != release.getPosition()) {
        continue;
      }
      for (Operation *reader : tile->getUsers()) {
        if (isBefore(reader) && !isConsumed(reader)) {
          return release.emitOpError(
              "of a stage stands in front of what consumes the data that was "
              "read of it [roles_c5]");
        }
      }
    }
    return success();
  }

private:
  ReleaseOp release;

  bool isBefore(Operation *op) {
    Operation *here = release->getBlock()->findAncestorOpInBlock(*op);
    return here && here->isBeforeInBlock(release);
  }

  // Whether data that `reader` makes has reached a finished product or memory.
  bool isConsumed(Operation *reader) {
    if (isa<ProductsOp>(reader)) {
      return true;
    }
    return llvm::any_of(reader->getUsers(), [&](Operation *user) {
      if (!isBefore(user)) {
        return false;
      }
      bool consumes = isa<WaitOp, ProductsOp, WriteOp, StoreOp>(user);
      return consumes || (user->getNumResults() > 0 && isConsumed(user));
    });
  }
};
} // namespace

void RolesOp::build(OpBuilder &builder, OperationState &state,
                    int64_t consumers, int64_t producer, int64_t consumer,
                    int64_t assist) {
  auto number = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
  state.addAttribute(getConsumersAttrName(state.name), number(consumers));
  state.addAttribute(getProducerRegistersAttrName(state.name),
                     number(producer));
  state.addAttribute(getConsumerRegistersAttrName(state.name),
                     number(consumer));
  if (assist > 0) {
    state.addAttribute(getAssistRegistersAttrName(state.name), number(assist));
  }
  for (unsigned i = 0; i < 4; ++i) {
    state.addRegion();
  }
}

// Registers of all threads, the producer's and the assistants' warpgroup
// included.
static bool fitRegisters(RolesOp op) {
  auto good = [](int64_t count) {
    return count % 8 == 0 && count >= 24 && count <= 256;
  };
  int64_t producer = op.getProducerRegisters(),
          consumer = op.getConsumerRegisters(),
          assist = op.getAssistRegisters(),
          consumers = static_cast<int64_t>(op.getConsumers());
  // A block starts with as many for each thread, in units of 8, and warpgroups
  // that ask for more than is left of them wait forever.
  int64_t warpgroups = 1 + (assist > 0) + consumers;
  int64_t atStart = 65536 / (128 * warpgroups) / 8 * 8;
  return good(producer) && good(consumer) &&
         op.getAssist().empty() == (assist == 0) &&
         (assist == 0 || good(assist)) &&
         producer + assist + consumer * consumers <= atStart * warpgroups;
}

// What the sides do with each ring.
static LogicalResult verifyRings(RolesOp roles) {
  llvm::MapVector<Value, unsigned> filled, awaited, released;
  roles->walk([&](Operation *op) {
    TypeSwitch<Operation *>(op)
        .Case<AcquireOp, PublishOp>([&](auto op) { ++filled[op.getRing()]; })
        .Case<AwaitOp>([&](auto op) { ++awaited[op.getRing()]; })
        .Case<ReleaseOp>([&](auto op) { ++released[op.getRing()]; });
  });
  for (const auto *list : {&filled, &awaited, &released}) {
    for (auto [ring, count] : *list) {
      if (!filled.count(ring) || !awaited.count(ring) ||
          !released.count(ring)) {
        return roles.emitOpError("expected each ring to be filled, awaited and "
                                 "released [roles_c3]");
      }
    }
  }
  return success();
}

LogicalResult RolesOp::verifyRegions() {
  if (!fitRegisters(*this)) {
    return emitOpError("expected multiples of 8 registers from 24 to 256, and "
                       "no more than a block starts with [roles_c1]");
  }
  if (getProducer().front().getNumArguments() != 0 ||
      getConsumer().front().getArgumentTypes() !=
          TypeRange(IntegerType::get(getContext(), 32))) {
    return emitOpError("expected no argument of the producer, and a number of "
                       "the consumer");
  }
  auto isRegisters = [](Type type) {
    return isa<FragmentType, OperandType, RowsType, ColumnsType,
               PartialRowsType, PendingType>(type);
  };
  for (Region *region : getRegions()) {
    auto shares = region->walk([&](Operation *op) {
      for (Value value : op->getOperands()) {
        bool outside =
            !getOperation()->isAncestor(value.getParentBlock()->getParentOp());
        if (outside && isRegisters(value.getType())) {
          return WalkResult::interrupt();
        }
      }
      return WalkResult::advance();
    });
    if (shares.wasInterrupted()) {
      return emitOpError("expected roles to share no registers [roles_c2]");
    }
  }
  if (failed(verifyRings(*this))) {
    return failure();
  }
  for (Region *region : {&getAssist(), &getConsumer()}) {
    if (region->empty()) {
      continue;
    }
    SmallVector<Value> flying;
    if (failed(OrderVerifier().run(region->front(), flying))) {
      return failure();
    }
    if (!flying.empty()) {
      return emitOpError("ends with a product in flight [wait_c2]");
    }
  }
  auto early = walk([&](ReleaseOp release) {
    return failed(ReleaseVerifier(release).run()) ? WalkResult::interrupt()
                                                  : WalkResult::advance();
  });
  return failure(early.wasInterrupted());
}

} // namespace attn::warpgroup
