//===- RecurrenceSlices.cpp - a recurrence on parts of its operands -------===//

#include "RecurrenceSlices.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attn {

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

RecurrenceSlices::RecurrenceSlices(IRRewriter &rewriter, Operation *op)
    : rewriter(rewriter), index(rewriter, op->getLoc()), op(op),
      axes(op->getNumOperands()) {
  outs = cast<DestinationStyleOpInterface>(op).getDpsInits();
  llvm::TypeSwitch<Operation *>(op)
      .Case<SSDOp, LinearAttentionOp, SSMScanOp, SSMStepOp, CausalConv1dOp>(
          [&](auto recurrence) { find(recurrence); });
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (operand == ends) {
      axes[number].bounds = 0;
    }
  }
}

void RecurrenceSlices::place(OpOperand &operand, Axes at) {
  axes[operand.getOperandNumber()] = at;
}
void RecurrenceSlices::place(MutableOperandRange operands, Axes at) {
  for (OpOperand &operand : operands) {
    place(operand, at);
  }
}

// Sequences are in front of tokens, but for ragged ones.
void RecurrenceSlices::find(SSDOp op) {
  int sequence = op.getLayout() == Layout::THD ? -1 : 0;
  int head = op.getHeadDim();
  Axes ofValues = {sequence, head, static_cast<int>(op.getSizeDim())};
  Axes ofKeys = {sequence, -1, -1, head}, ofHead = {-1, 0};
  place(op.getXMutable(), ofValues);
  place(op.getZMutable(), ofValues);
  place(op.getDtMutable(), {sequence, head});
  place(op.getBMutable(), ofKeys);
  place(op.getCMutable(), ofKeys);
  place(op.getAMutable(), ofHead);
  place(op.getDtBiasMutable(), ofHead);
  bool isMatrix = op.getD() && shaped(op.getD()).getRank() == 2;
  place(op.getDMutable(), {-1, 0, isMatrix ? 1 : -1});
  place(op.getSeqIdsMutable(), {sequence});
  place(op.getOutsMutable(), {0, 1, 2}); // state
  place(op.getOutsMutable()[0], ofValues);
  values = op.getXMutable().getOperandNumber();
  keys = op.getBMutable().getOperandNumber();
  ends = op.getCuSeqlens();
}

void RecurrenceSlices::find(LinearAttentionOp op) {
  int sequence = op.getLayout() == Layout::THD ? -1 : 0;
  int head = op.getHeadDim();
  Axes ofValues = {sequence, head, static_cast<int>(op.getSizeDim())};
  Axes ofKeys = {sequence, -1, -1, head};
  place(op.getVMutable(), ofValues);
  place(op.getQMutable(), ofKeys);
  place(op.getKMutable(), ofKeys);
  bool ofTokens = op.getDecay() && shaped(op.getDecay()).getRank() > 1;
  place(op.getDecayMutable(), ofTokens ? Axes{sequence, head} : Axes{-1, 0});
  place(op.getBetaMutable(), {sequence, head});
  place(op.getSeqIdsMutable(), {sequence});
  place(op.getOutsMutable(), {0, 1}); // norm
  if (op.getState()) {
    place(op.getOutsMutable()[1], {0, 1, 3});
  }
  place(op.getOutsMutable()[0], ofValues);
  values = op.getVMutable().getOperandNumber();
  keys = op.getKMutable().getOperandNumber();
  ends = op.getCuSeqlens();
}

void RecurrenceSlices::find(SSMScanOp op) {
  int sequence = op.isRagged() ? -1 : 0, channel = op.isRagged() ? 1 : 2;
  Axes ofTokens = {sequence, channel}, ofChannels = {-1, 0};
  place(op.getUMutable(), ofTokens);
  place(op.getZMutable(), ofTokens);
  bool steps = shaped(op.getDelta()).getRank() > 1;
  place(op.getDeltaMutable(), steps ? ofTokens : ofChannels);
  bool fixed = shaped(op.getB()).getRank() == shaped(op.getA()).getRank();
  Axes ofKeys = fixed ? ofChannels : Axes{sequence, -1, -1, channel};
  place(op.getBMutable(), ofKeys);
  place(op.getCMutable(), ofKeys);
  place(op.getAMutable(), ofChannels);
  place(op.getDtBiasMutable(), ofChannels);
  place(op.getSkipMutable(), ofChannels);
  place(op.getSeqIdsMutable(), {sequence});
  place(op.getOutsMutable(), {0, 1}); // state
  place(op.getOutsMutable()[0], ofTokens);
  values = op.getUMutable().getOperandNumber();
  keys = op.getBMutable().getOperandNumber();
  ends = op.getCuSeqlens();
}

void RecurrenceSlices::find(SSMStepOp op) {
  Axes ofToken = {0, 1}, ofChannels = {-1, 0}, ofKeys = {0, -1, -1, 1};
  place(op.getXMutable(), ofToken);
  place(op.getDtMutable(), ofToken);
  place(op.getZMutable(), ofToken);
  place(op.getBMutable(), ofKeys);
  place(op.getCMutable(), ofKeys);
  place(op.getAMutable(), ofChannels);
  place(op.getDtBiasMutable(), ofChannels);
  place(op.getSkipMutable(), ofChannels);
  place(op.getSlotsMutable(), {0});
  // A slot, not the sequence, tells where the state is.
  place(op.getOutsMutable(), {op.getSlots() ? -1 : 0, 1});
  place(op.getOutsMutable()[0], ofToken);
  values = op.getXMutable().getOperandNumber();
  keys = op.getBMutable().getOperandNumber();
}

void RecurrenceSlices::find(CausalConv1dOp op) {
  ends = op.getCuSeqlens();
  int sequence = ends ? -1 : 0, channel = ends ? 1 : 2;
  Axes ofTokens = {sequence, channel}, ofChannels = {-1, 0};
  place(op.getXMutable(), ofTokens);
  place(op.getWMutable(), ofChannels);
  place(op.getBiasMutable(), ofChannels);
  place(op.getSeqIdsMutable(), {sequence});
  place(op.getOutsMutable(), {0, 2}); // state
  place(op.getOutsMutable()[0], ofTokens);
  values = op.getXMutable().getOperandNumber();
  keys = values;
}

int64_t RecurrenceSlices::sizeOf(unsigned operand, int dim) const {
  return dim < 0 ? 1 : shaped(op->getOperand(operand)).getDimSize(dim);
}
int64_t RecurrenceSlices::heads() const {
  return sizeOf(values, axes[values].head);
}
int64_t RecurrenceSlices::groups() const {
  return sizeOf(keys, axes[keys].group);
}
int64_t RecurrenceSlices::valueSize() const {
  return sizeOf(values, axes[values].row);
}

OpFoldResult RecurrenceSlices::sequences() {
  auto size = [&](Value value) {
    return tensor::getMixedSize(rewriter, op->getLoc(), value, 0);
  };
  return ends ? getAsOpFoldResult(index.add(index.value(size(ends)), -1))
              : size(op->getOperand(values));
}

LogicalResult RecurrenceSlices::verify() {
  if (!isa<TensorType>(outs[0].getType())) {
    return op->emitOpError("expected tensors: wrap memrefs first "
                           "(attn-wrap-memrefs)");
  }
  if (ShapedType::isDynamic(heads()) || ShapedType::isDynamic(groups()) ||
      ShapedType::isDynamic(valueSize())) {
    return op->emitOpError("expected static heads, channels and head sizes for "
                           "tiling");
  }
  return success();
}

RecurrenceSlices::Place RecurrenceSlices::placeOf(OpOperand &operand,
                                                  const Tile &tile) {
  Place place;
  place.sizes = sizes[operand.getOperandNumber()];
  place.offsets.assign(place.sizes.size(), rewriter.getIndexAttr(0));
  place.strides.assign(place.sizes.size(), rewriter.getIndexAttr(1));
  auto take = [&](int dim, Value offset, int64_t count) {
    if (dim >= 0) {
      place.offsets[dim] = getAsOpFoldResult(offset);
      place.sizes[dim] = rewriter.getIndexAttr(count);
    }
  };
  const Axes &at = axes[operand.getOperandNumber()];
  take(at.sequence, tile.sequence, 1);
  take(at.bounds, tile.sequence, 2);
  take(at.head, tile.head, tile.block.count);
  take(at.row, tile.row, tile.block.rows);
  if (at.group >= 0) {
    take(at.group, index.div(tile.head, heads() / groups()), 1);
  }
  return place;
}

Value RecurrenceSlices::sliceOf(Value from, const Place &place) {
  Location loc = op->getLoc();
  auto fill = from.getDefiningOp<linalg::FillOp>();
  if (!fill) {
    return tensor::ExtractSliceOp::create(rewriter, loc, from, place.offsets,
                                          place.sizes, place.strides);
  }
  // No buffer of zeros.
  Value empty = tensor::EmptyOp::create(rewriter, loc, place.sizes,
                                        shaped(from).getElementType());
  return linalg::FillOp::create(rewriter, loc, fill.getInputs(), empty)
      .getResult(0);
}

SmallVector<Value> RecurrenceSlices::forallOf(RecurrenceBlock block,
                                              StringRef mark) {
  OpBuilder::InsertionGuard guard(rewriter);
  Location loc = op->getLoc();
  // On the host: kernels have no sizes of tensors that nobody wrote.
  sizes.clear();
  for (Value operand : op->getOperands()) {
    sizes.push_back(tensor::getMixedSizes(rewriter, loc, operand));
  }
  block.rows = block.rows ? block.rows : valueSize();
  bool cutsHeads = block.rows != valueSize();
  SmallVector<OpFoldResult> grid = {
      sequences(), rewriter.getIndexAttr(heads() / block.count)};
  if (cutsHeads) {
    grid.push_back(rewriter.getIndexAttr(valueSize() / block.rows));
  }
  auto forall = scf::ForallOp::create(rewriter, loc, grid, outs, std::nullopt);
  rewriter.setInsertionPointToStart(forall.getBody());
  Tile tile;
  tile.block = block;
  tile.sequence = forall.getInductionVar(0);
  tile.head = index.mul(forall.getInductionVar(1), block.count);
  tile.row = cutsHeads ? index.mul(forall.getInductionVar(2), block.rows)
                       : index.constant(0);
  auto destination = cast<DestinationStyleOpInterface>(op);
  SmallVector<Value> parts;
  SmallVector<Place> written;
  for (OpOperand &operand : op->getOpOperands()) {
    Place place = placeOf(operand, tile);
    // What is written; state is read where it was.
    bool isOut = destination.isDpsInit(&operand) && written.empty();
    parts.push_back(sliceOf(
        isOut ? Value(forall.getRegionIterArgs()[0]) : operand.get(), place));
    if (destination.isDpsInit(&operand)) {
      written.push_back(place);
    }
  }
  Operation *tiled = rewriter.clone(*op);
  tiled->setOperands(parts);
  if (!mark.empty()) {
    tiled->setAttr(mark, rewriter.getUnitAttr());
  }
  auto inits = cast<DestinationStyleOpInterface>(tiled).getDpsInits();
  for (auto [result, init] : llvm::zip_equal(tiled->getResults(), inits)) {
    result.setType(init.getType());
  }
  rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
  for (auto [result, place, argument] : llvm::zip_equal(
           tiled->getResults(), written, forall.getRegionIterArgs())) {
    tensor::ParallelInsertSliceOp::create(rewriter, loc, result, argument,
                                          place.offsets, place.sizes,
                                          place.strides);
  }
  return llvm::to_vector_of<Value>(forall.getResults());
}

} // namespace attn
