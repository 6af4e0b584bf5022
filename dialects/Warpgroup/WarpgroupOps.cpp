//===- WarpgroupOps.cpp - verifiers of the warpgroup dialect --------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupOps.cpp.inc"

namespace attn::warpgroup {

LogicalResult MapOp::verify() {
  auto type = cast<MemRefType>(getBuffer().getType());
  ArrayRef<int64_t> order = getOrder(), box = getBox();
  int64_t rank = type.getRank();
  SmallVector<bool> seen(rank, false);
  bool permutation = rank >= 2 && rank <= 5 &&
                     static_cast<int64_t>(order.size()) == rank &&
                     box.size() == order.size() && order.front() == rank - 1;
  for (int64_t d : order) {
    permutation = permutation && d >= 0 && d < rank && !seen[d];
    if (permutation) {
      seen[d] = true;
    }
  }
  if (!permutation) {
    return emitOpError("expected 'order' to be a permutation of 2 to 5 "
                       "dimensions from the last on, and 'box' to be as long "
                       "[tensor_map_c1]");
  }
  if (box.front() * type.getElementTypeBitWidth() != kPanelBytes * 8 ||
      llvm::any_of(box, [](int64_t size) { return size < 1 || size > 256; })) {
    return emitOpError("expected a box of 128 bytes by 1 to 256 elements "
                       "[tensor_map_c2]");
  }
  return success();
}

LogicalResult RingOp::verify() {
  ArrayRef<int64_t> shape = getRing().getType().getShape();
  int64_t columns = panelColumns(getRing().getType().getElement());
  if (getConsumers() == 0 || shape[1] % 8 != 0 || shape[2] % columns != 0) {
    return emitOpError("expected rows of a multiple of 128 bytes, and a "
                       "multiple of 8 of them [ring_c1]");
  }
  return success();
}

static RingOp ringOf(Value ring) { return ring.getDefiningOp<RingOp>(); }

LogicalResult AcquireOp::verify() {
  RingOp ring = ringOf(getRing());
  if (ring && ring.getTags() != getTags().size()) {
    return emitOpError("expected ") << ring.getTags() << " tags, but got "
                                    << getTags().size() << " [acquire_c1]";
  }
  int64_t bytes = 0;
  for (Operation *op = getOperation()->getNextNode(); op;
       op = op->getNextNode()) {
    auto load = dyn_cast<LoadOp>(op);
    if (load && load.getRing() == getRing() &&
        load.getPosition() == getPosition()) {
      bytes += getRing().getType().getShape()[1] * kPanelBytes;
    }
  }
  int64_t expected = getEmpty() ? 0 : stageBytes(getRing().getType());
  if (bytes != expected) {
    return emitOpError("expected loads of ")
           << expected << " bytes, but got " << bytes << " [acquire_c2]";
  }
  return success();
}

LogicalResult LoadOp::verify() {
  int64_t count = panels(getRing().getType().getShape()[2],
                         getRing().getType().getElement());
  if (getCoordinates().size() < 2 || getCoordinates().size() > 5 ||
      static_cast<int64_t>(getPanel()) >= count) {
    return emitOpError("expected 2 to 5 coordinates and a panel below ")
           << count << " [load_c1]";
  }
  return success();
}

LogicalResult ClearHiddenOp::verify() {
  Block &body = getSeen().front();
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  auto isNumber = [](Type type) { return type.isInteger(32); };
  if (body.getNumArguments() != 2 ||
      !llvm::all_of(body.getArgumentTypes(), isNumber) || !yield ||
      yield->getNumOperands() != 1 ||
      !yield->getOperand(0).getType().isInteger(1)) {
    return emitOpError("expected a body from two i32 to i1 [clear_hidden_c1]");
  }
  return success();
}

LogicalResult TagOp::verify() {
  RingOp ring = ringOf(getRing());
  if (ring && getIndex() >= ring.getTags()) {
    return emitOpError("expected a ring with more than ")
           << getIndex() << " tags, but it has " << ring.getTags()
           << " [tag_c1]";
  }
  return success();
}

LogicalResult TileOp::verify() {
  RingType ring = getRing().getType();
  TileType tile = getTile().getType();
  if (tile.getElement() != ring.getElement() ||
      tile.getShape()[0] != ring.getShape()[1] ||
      tile.getShape()[1] > ring.getShape()[1] ||
      tile.getShape()[2] > ring.getShape()[2]) {
    return emitOpError("expected a tile of ")
           << ring << ", but got " << tile << " [tile_c1]";
  }
  return success();
}

template <typename Op>
static LogicalResult verifyProduct(Op op, ArrayRef<int64_t> result) {
  int64_t rows, depth;
  Type element;
  if (auto tile = dyn_cast<TileType>(op.getA().getType())) {
    rows = tile.getShape()[1];
    depth = tile.getShape()[2];
    element = tile.getElement();
  } else {
    auto operand = cast<OperandType>(op.getA().getType());
    rows = operand.getShape()[0];
    depth = operand.getShape()[1];
    element = operand.getElement();
  }
  TileType b = op.getB().getType();
  int64_t k = b.getShape()[1], n = b.getShape()[2];
  if (op.getTransposed()) {
    std::swap(k, n);
  }
  bool fits = rows == kRows && depth == k && depth % 16 == 0 &&
              result[1] == n && n % 8 == 0 && n <= 256;
  if (op.getAcc()) {
    fits = fits && op.getAcc().getType().getShape() == result;
  }
  if (!fits) {
    return op.emitOpError("expected 64 x k times k x n, but got ")
           << rows << " x " << depth << " times " << k << " x " << n
           << " into 64 x " << result[1] << " [mma_c1]";
  }
  if (element != b.getElement()) {
    return op.emitOpError("expected operands of one type, but got ")
           << element << " and " << b.getElement() << " [mma_c2]";
  }
  return success();
}

LogicalResult ProductsOp::verify() {
  return verifyProduct(*this, getResult().getType().getShape());
}

LogicalResult MmaAsyncOp::verify() {
  return verifyProduct(*this, getResult().getType().getShape());
}

LogicalResult WaitOp::verify() {
  if (getPending().size() != getResults().size()) {
    return emitOpError("expected a result for each operand [wait_c1]");
  }
  for (auto [pending, result] : llvm::zip_equal(getPending(), getResults())) {
    if (cast<PendingType>(pending.getType()).getShape() !=
        cast<FragmentType>(result.getType()).getShape()) {
      return emitOpError("expected results of the shapes of the operands "
                         "[wait_c1]");
    }
  }
  return success();
}

int64_t ElementsOp::getColumns() {
  for (ValueRange values :
       {ValueRange(getInputs()), ValueRange(getResults())}) {
    for (Type type : values.getTypes()) {
      if (auto fragment = dyn_cast<FragmentType>(type)) {
        return fragment.getShape()[1];
      }
    }
  }
  return 0;
}

Type elementType(Type type) {
  return TypeSwitch<Type, Type>(type)
      .Case<FragmentType, RowsType, PartialRowsType>(
          [](auto type) { return type.getElement(); })
      .Default(Type());
}

LogicalResult ElementsOp::verify() {
  int64_t columns = getColumns();
  for (ValueRange values :
       {ValueRange(getInputs()), ValueRange(getResults())}) {
    for (Type type : values.getTypes()) {
      auto fragment = dyn_cast<FragmentType>(type);
      if (fragment && fragment.getShape()[1] != columns) {
        return emitOpError("expected fragments of one shape [elements_c1]");
      }
    }
  }
  if (columns != 0 && llvm::any_of(getResultTypes(), [](Type type) {
        return !isa<FragmentType>(type);
      })) {
    return emitOpError("expected fragments as results of fragments "
                       "[elements_c1]");
  }
  Block &body = getBody().front();
  SmallVector<Type> expected;
  for (Type type : getInputs().getTypes()) {
    expected.push_back(elementType(type));
  }
  Type integer = IntegerType::get(getContext(), 32);
  expected.append({integer, integer});
  auto yielded = llvm::map_to_vector(getResultTypes(),
                                     [](Type t) { return elementType(t); });
  if (body.getArgumentTypes() != TypeRange(expected) ||
      body.getTerminator()->getOperandTypes() != TypeRange(yielded)) {
    return emitOpError("expected a body of elements, row and column that "
                       "yields an element of each result [elements_c2]");
  }
  return success();
}

void YieldOp::build(OpBuilder &, OperationState &) {}

LogicalResult StoreOp::verify() {
  if (getFragment().getType().getShape()[1] >
      getRing().getType().getShape()[2]) {
    return emitOpError("expected a ring with the columns of the fragment "
                       "[store_c1]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

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
      flying.push_back(product.getResult());
      return success();
    }
    if (auto wait = dyn_cast<WaitOp>(op)) {
      for (Value pending : wait.getPending()) {
        llvm::erase(flying, pending);
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

LogicalResult RolesOp::verifyRegions() {
  int64_t producer = getProducerRegisters(), consumer = getConsumerRegisters();
  auto good = [](int64_t count) {
    return count % 8 == 0 && count >= 24 && count <= 256;
  };
  if (!good(producer) || !good(consumer) ||
      128 * (producer + consumer * static_cast<int64_t>(getConsumers())) >
          65536) {
    return emitOpError("expected multiples of 8 registers from 24 to 256, and "
                       "no more than 65536 of all threads [roles_c1]");
  }
  if (getProducer().front().getNumArguments() != 0 ||
      getConsumer().front().getArgumentTypes() !=
          TypeRange(IntegerType::get(getContext(), 32))) {
    return emitOpError("expected no argument of the producer, and a number of "
                       "the consumer");
  }
  // What each side does with each ring.
  llvm::MapVector<Value, unsigned> filled, awaited, released;
  bool shared = false;
  getProducer().walk([&](AcquireOp op) { ++filled[op.getRing()]; });
  getConsumer().walk([&](Operation *op) {
    if (auto await = dyn_cast<AwaitOp>(op)) {
      ++awaited[await.getRing()];
    } else if (auto release = dyn_cast<ReleaseOp>(op)) {
      ++released[release.getRing()];
    }
  });
  for (Region *region : {&getProducer(), &getConsumer()}) {
    region->walk([&](Operation *op) {
      for (Value value : op->getOperands()) {
        bool outside =
            !getOperation()->isAncestor(value.getParentBlock()->getParentOp());
        shared |= outside && isa<FragmentType, OperandType, RowsType,
                                 PartialRowsType, PendingType>(value.getType());
      }
    });
  }
  if (shared) {
    return emitOpError("expected roles to share no registers [roles_c2]");
  }
  for (const auto *list : {&filled, &awaited, &released}) {
    for (auto [ring, count] : *list) {
      if (!filled.count(ring) || !awaited.count(ring) ||
          !released.count(ring)) {
        return emitOpError("expected each ring to be filled, awaited and "
                           "released [roles_c3]");
      }
    }
  }
  SmallVector<Value> flying;
  if (failed(OrderVerifier().run(getConsumer().front(), flying))) {
    return failure();
  }
  if (!flying.empty()) {
    return emitOpError("ends with a product in flight [wait_c2]");
  }
  return success();
}

} // namespace attn::warpgroup
