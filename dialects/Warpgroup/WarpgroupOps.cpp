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
  int64_t rowBits = box.front() * type.getElementTypeBitWidth();
  bool isPanel = rowBits == 1024 || rowBits == 512 || rowBits == 256;
  if (!isPanel ||
      llvm::any_of(box, [](int64_t size) { return size < 1 || size > 256; })) {
    return emitOpError("expected a box of 128, 64 or 32 bytes by 1 to 256 "
                       "elements [tensor_map_c2]");
  }
  std::optional<ArrayRef<int64_t>> steps = getSteps();
  bool fits = !steps || (steps->size() == box.size() && steps->front() == 1);
  for (size_t d = 0; steps && fits && d < box.size(); ++d) {
    int64_t step = (*steps)[d];
    fits = step >= 1 && step <= kMapSteps && box[d] * step <= kMapSpan;
  }
  if (!fits) {
    return emitOpError("expected steps of 1 to 8, that of the first dimension "
                       "1, and a box that spans no more than 256 elements "
                       "[tensor_map_c3]");
  }
  return success();
}

LogicalResult RingOp::verify() {
  ArrayRef<int64_t> shape = getRing().getType().getShape();
  Type element = getRing().getType().getElement();
  if (getConsumers() == 0 || (shape[1] % 8 != 0 && !element.isF32()) ||
      shape[2] % panelColumns(element, getRing().getType().getPanelBytes()) !=
          0) {
    return emitOpError("expected rows of whole panels, and a multiple of 8 of "
                       "them [ring_c1]");
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
      bytes += load.getRange().second * getRing().getType().getPanelBytes();
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
  int64_t count = panels(getRing().getType());
  if (getCoordinates().size() < 2 || getCoordinates().size() > 5 ||
      static_cast<int64_t>(getPanel()) >= count) {
    return emitOpError("expected 2 to 5 coordinates and a panel below ")
           << count << " [load_c1]";
  }
  int64_t all = getRing().getType().getShape()[1];
  bool fits = !getRows() || getRows()->size() == 2;
  if (fits) {
    auto [first, number] = getRange();
    fits = first % 8 == 0 && number % 8 == 0 && first >= 0 && number > 0 &&
           first + number <= all;
  }
  if (!fits) {
    return emitOpError("expected rows [first, count] below ")
           << all << ", multiples of 8 [load_c2]";
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
      tile.getPanelBytes() != ring.getPanelBytes() ||
      tile.getShape()[0] != ring.getShape()[1] ||
      tile.getShape()[1] > ring.getShape()[1] ||
      tile.getShape()[2] > ring.getShape()[2]) {
    return emitOpError("expected a tile of ")
           << ring << ", but got " << tile << " [tile_c1]";
  }
  return success();
}

static ArrayRef<int64_t> registersShape(Type type) {
  return TypeSwitch<Type, ArrayRef<int64_t>>(type)
      .Case<FragmentType, PendingType>(
          [](auto type) { return type.getShape(); })
      .Default(ArrayRef<int64_t>());
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
  bool fits = rows == kRows && depth == k &&
              depth % productDepth(b.getElement()) == 0 && result[1] == n &&
              n % 8 == 0 && n <= 256;
  if (op.getAcc()) {
    fits = fits && registersShape(op.getAcc().getType()) == result;
  }
  if (!fits) {
    return op.emitOpError("expected 64 x k times k x n, but got ")
           << rows << " x " << depth << " times " << k << " x " << n
           << " into 64 x " << result[1] << " [mma_c1]";
  }
  bool narrow = element.getIntOrFloatBitWidth() == 8;
  if (element != b.getElement() || (narrow && !op.getTransposed())) {
    return op.emitOpError("expected operands of one type, 'transposed' where "
                          "they have 8 bits, but got ")
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
      .Case<FragmentType, RowsType, ColumnsType, PartialRowsType>(
          [](auto type) { return type.getElement(); })
      .Default(Type());
}

LogicalResult ElementsOp::verify() {
  int64_t columns = getColumns();
  for (ValueRange values :
       {ValueRange(getInputs()), ValueRange(getResults())}) {
    for (Type type : values.getTypes()) {
      auto fragment = dyn_cast<FragmentType>(type);
      auto vector = dyn_cast<ColumnsType>(type);
      if ((fragment && fragment.getShape()[1] != columns) ||
          (vector && vector.getShape()[0] != columns)) {
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

LogicalResult WriteRowsOp::verify() {
  int64_t most = getFragment().getType().getShape()[1];
  int64_t columns = getColumns();
  bool wide = getElement().isF32();
  if (most % 16 != 0 || columns % (getInterleaved() ? 16 : 8) != 0 ||
      columns < 8 || columns > most || (wide && getInterleaved()) ||
      (!getElement().isF16() && !getElement().isBF16() && !wide)) {
    return emitOpError("expected a multiple of 8 of a multiple of 16 columns, "
                       "as f16, bf16 or f32, or of 16 of them if interleaved, "
                       "of 16 bits [write_rows_c1]");
  }
  return success();
}

} // namespace attn::warpgroup
