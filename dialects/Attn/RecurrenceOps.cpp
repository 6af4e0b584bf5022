//===- RecurrenceOps.cpp - state spaces and linear attention --------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;

namespace {

constexpr int64_t kAny = ShapedType::kDynamic;

/// B, H and S of a problem in a layout; B of thd is that of `cu_seqlens`.
struct Sizes {
  Layout layout;
  int64_t batch, heads, tokens;

  /// (B, H, S) in the order of the layout, with other heads, and what follows.
  SmallVector<int64_t> rows(int64_t heads, ArrayRef<int64_t> rest = {}) const {
    SmallVector<int64_t> shape;
    switch (layout) {
    case Layout::BHSD:
      shape = {batch, heads, tokens};
      break;
    case Layout::BSHD:
      shape = {batch, tokens, heads};
      break;
    case Layout::THD:
      shape = {tokens, heads};
      break;
    }
    shape.append(rest.begin(), rest.end());
    return shape;
  }
};

int64_t seqDim(Layout layout) {
  return layout == Layout::BHSD ? 2 : layout == Layout::BSHD ? 1 : 0;
}

int64_t headDim(Layout layout) { return layout == Layout::BSHD ? 2 : 1; }

/// The sizes by an operand of rows, or none where its rank is another one.
FailureOr<Sizes> sizesOf(Value rows, Layout layout, Value cuSeqlens) {
  ShapedType type = shaped(rows);
  bool ragged = layout == Layout::THD;
  if (type.getRank() != (ragged ? 3 : 4)) {
    return failure();
  }
  int64_t batch = ragged ? kAny : type.getDimSize(0);
  if (ragged && cuSeqlens && !shaped(cuSeqlens).isDynamicDim(0)) {
    batch = shaped(cuSeqlens).getDimSize(0) - 1;
  }
  return Sizes{layout, batch, type.getDimSize(headDim(layout)),
               type.getDimSize(seqDim(layout))};
}

bool divides(int64_t groups, int64_t heads) {
  return ShapedType::isDynamic(groups) || ShapedType::isDynamic(heads) ||
         (groups > 0 ? heads % groups == 0 : heads == 0);
}

/// What ops over sequences say where `cu_seqlens` or `seq_ids` does not fit.
LogicalResult verifySequences(Operation *op, const Sizes &sizes,
                              Value cuSeqlens, Value seqIds, StringRef label) {
  bool ragged = sizes.layout == Layout::THD;
  if (ragged != static_cast<bool>(cuSeqlens)) {
    return op->emitOpError("expected 'cu_seqlens' for layout thd, and for no "
                           "other [")
           << label << "]";
  }
  if (seqIds && !hasShape(seqIds, {ragged ? 1 : sizes.batch, sizes.tokens})) {
    return op->emitOpError("expected 'seq_ids' with an entry a token, but got ")
           << seqIds.getType() << " [" << label << "]";
  }
  return success();
}

bool isLimit(std::optional<ArrayRef<double>> limit) {
  return !limit || (limit->size() == 2 && (*limit)[0] <= (*limit)[1]);
}

bool isSchedule(bool exact, std::optional<uint64_t> chunk) {
  return !chunk || (!exact && static_cast<int64_t>(*chunk) > 0);
}

} // namespace

bool attn::isRecurrence(Operation *op) {
  return isa<SSDOp, LinearAttentionOp, SSMScanOp, SSMStepOp, CausalConv1dOp,
             ScanChunkOp, LinformerProjectOp, FavorFeaturesOp, PairProductsOp,
             S4KernelOp, FFTConvOp>(op);
}

bool attn::isState(OpOperand &operand) {
  Operation *op = operand.getOwner();
  auto dps = dyn_cast<DestinationStyleOpInterface>(op);
  return isRecurrence(op) && dps.isDpsInit(&operand) &&
         &operand != dps.getDpsInitOperand(0);
}

FloatType attn::recurrenceType(Operation *op) {
  bool isDouble = llvm::any_of(op->getOperandTypes(), [](Type type) {
    auto shape = dyn_cast<ShapedType>(type);
    return shape && shape.getElementType().isF64();
  });
  MLIRContext *context = op->getContext();
  return isDouble ? FloatType(Float64Type::get(context))
                  : FloatType(Float32Type::get(context));
}

//===----------------------------------------------------------------------===//
// What the ops have in common
//===----------------------------------------------------------------------===//

#define ATTN_RECURRENCE(Op)                                                    \
  MutableOperandRange Op::getDpsInitsMutable() { return getOutsMutable(); }    \
  ATTN_DESTINATIONS(Op)
ATTN_RECURRENCE(SSDOp)
ATTN_RECURRENCE(LinearAttentionOp)
ATTN_RECURRENCE(SSMScanOp)
ATTN_RECURRENCE(SSMStepOp)
ATTN_RECURRENCE(CausalConv1dOp)
ATTN_RECURRENCE(ScanChunkOp)
ATTN_RECURRENCE(LinformerProjectOp)
ATTN_RECURRENCE(FavorFeaturesOp)
ATTN_RECURRENCE(PairProductsOp)
ATTN_RECURRENCE(S4KernelOp)
ATTN_RECURRENCE(FFTConvOp)
#undef ATTN_RECURRENCE

int64_t SSDOp::getSeqDim() { return seqDim(getLayout()); }
int64_t SSDOp::getHeadDim() { return headDim(getLayout()); }
int64_t LinearAttentionOp::getSeqDim() { return seqDim(getLayout()); }
int64_t LinearAttentionOp::getHeadDim() { return headDim(getLayout()); }
int64_t LinformerProjectOp::getSeqDim() { return seqDim(getLayout()); }
int64_t LinformerProjectOp::getHeadDim() { return headDim(getLayout()); }

//===----------------------------------------------------------------------===//
// SSDOp
//===----------------------------------------------------------------------===//

LogicalResult SSDOp::verify() {
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected 'out' and at most one state in 'outs', but "
                       "got ")
           << getOuts().size() << " operands [ssd_c4]";
  }
  if (failed(verifySemantics(*this, "ssd_c7"))) {
    return failure();
  }
  FailureOr<Sizes> sizes = sizesOf(getX(), getLayout(), getCuSeqlens());
  auto isLikeX = [&](Value value) {
    return !value || hasShape(value, shaped(getX()).getShape());
  };
  if (failed(sizes) || !isLikeX(getOut()) || !isLikeX(getZ())) {
    return emitOpError(
               "expected 'x', 'out' and 'gate' of one shape, of rank 4, "
               "or 3 for thd, but got ")
           << getX().getType() << " and " << getOut().getType() << " [ssd_c1]";
  }
  int64_t head = shaped(getX()).getShape().back();
  ShapedType b = shaped(getB());
  int64_t groups =
      b.getRank() > getHeadDim() ? b.getDimSize(getHeadDim()) : kAny;
  int64_t state = b.getShape().back();
  if (!hasShape(getDt(), sizes->rows(sizes->heads)) ||
      !hasShape(getB(), sizes->rows(groups, state)) ||
      !hasShape(getC(), sizes->rows(groups, state)) ||
      !divides(groups, sizes->heads)) {
    return emitOpError("expected 'dt' with a number a token and head, and 'b' "
                       "and 'c' with groups that divide the heads, but got ")
           << getDt().getType() << ", " << b << " and " << getC().getType()
           << " [ssd_c2]";
  }
  auto isOfHeads = [&](Value value) {
    return !value || hasShape(value, {sizes->heads});
  };
  if (!isOfHeads(getA()) || !isOfHeads(getDtBias()) ||
      !(isOfHeads(getD()) || hasShape(getD(), {sizes->heads, head}))) {
    return emitOpError(
        "expected 'a', 'dt_bias' and 'skip' with an entry a head "
        "[ssd_c3]");
  }
  if (getState() &&
      !hasShape(getState(), {sizes->batch, sizes->heads, head, state})) {
    return emitOpError("expected a state of B x H x P x N, but got ")
           << getState().getType() << " [ssd_c4]";
  }
  if (failed(verifySequences(*this, *sizes, getCuSeqlens(), getSeqIds(),
                             "ssd_c5"))) {
    return failure();
  }
  if (!isLimit(getDtLimit()) || !isSchedule(getExact(), getChunk())) {
    return emitOpError("expected a 'dt_limit' of two numbers in order, and a "
                       "positive 'chunk' without 'exact' [ssd_c6]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// LinearAttentionOp
//===----------------------------------------------------------------------===//

bool LinearAttentionOp::hasKeyDecay() {
  return getDecay() && shaped(getDecay()).getRank() == shaped(getQ()).getRank();
}

LogicalResult LinearAttentionOp::verify() {
  if (getOuts().empty()) {
    return emitOpError("expected 'out' in 'outs' [linear_attention_c4]");
  }
  if (failed(verifySemantics(*this, "linear_attention_c7"))) {
    return failure();
  }
  FailureOr<Sizes> sizes = sizesOf(getV(), getLayout(), getCuSeqlens());
  FailureOr<Sizes> keys = sizesOf(getQ(), getLayout(), getCuSeqlens());
  if (failed(sizes) || failed(keys) ||
      !hasShape(getK(), shaped(getQ()).getShape()) ||
      !hasShape(getOut(), shaped(getV()).getShape()) ||
      !compatible(sizes->batch, keys->batch) ||
      !compatible(sizes->tokens, keys->tokens) ||
      !divides(keys->heads, sizes->heads)) {
    return emitOpError("expected 'q' and 'k' of one shape, 'v' and 'out' of "
                       "another with the same sequences, of rank 4, or 3 for "
                       "thd, and heads of 'q' that divide those of 'v', but "
                       "got ")
           << getQ().getType() << ", " << getK().getType() << ", "
           << getV().getType() << " and " << getOut().getType()
           << " [linear_attention_c1]";
  }
  int64_t size = shaped(getQ()).getShape().back();
  int64_t value = shaped(getV()).getShape().back();
  SmallVector<int64_t> tokens = sizes->rows(sizes->heads);
  Value decay = getDecay();
  if ((decay && !hasShape(decay, {sizes->heads}) && !hasShape(decay, tokens) &&
       !hasShape(decay, sizes->rows(sizes->heads, size))) ||
      (getBeta() && !hasShape(getBeta(), tokens))) {
    return emitOpError(
        "expected a 'decay' of heads, of tokens and heads, or of "
        "tokens, heads and K, and a 'beta' of tokens and heads "
        "[linear_attention_c2]");
  }
  if (getFavor() && (!hasShape(getFavor(), {kAny, size}) || getElu1() ||
                     decay || getBeta())) {
    return emitOpError("expected 'favor' of M x D, without 'elu1', 'decay' and "
                       "'beta' [linear_attention_c3]");
  }
  int64_t rows = getFavor() ? shaped(getFavor()).getDimSize(0) : size;
  int64_t heads = sizes->heads, batch = sizes->batch;
  size_t expected = 2 + getNormalized() + (getFavor() ? 1 : 0);
  bool fits = getOuts().size() == 1 || getOuts().size() == expected;
  if (getOuts().size() == expected) {
    fits = hasShape(getState(), {batch, heads, rows, value}) &&
           (!getNorm() || hasShape(getNorm(), {batch, heads, rows})) &&
           (!getMax() || hasShape(getMax(), {batch, heads}));
  }
  if (!fits) {
    return emitOpError(
        "expected 'out' alone, or with a state of B x H x K x V, "
        "for 'normalized' a norm of B x H x K, and for 'favor' a "
        "maximum of B x H [linear_attention_c4]");
  }
  if (failed(verifySequences(*this, *sizes, getCuSeqlens(), getSeqIds(),
                             "linear_attention_c5"))) {
    return failure();
  }
  if ((getNormalized() && (getBeta() || getScale())) ||
      !isSchedule(getExact(), getChunk())) {
    return emitOpError(
        "expected 'normalized' without 'beta' and 'scale', and a "
        "positive 'chunk' without 'exact' "
        "[linear_attention_c6]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// SSMScanOp
//===----------------------------------------------------------------------===//

/// Whether `value` is absent or has `shape`, and behind it `rest`.
static bool isOf(Value value, SmallVector<int64_t> shape,
                 ArrayRef<int64_t> rest = {}) {
  shape.append(rest.begin(), rest.end());
  return !value || hasShape(value, shape);
}

LogicalResult SSMScanOp::verify() {
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected 'out' and at most one state in 'outs', but "
                       "got ")
           << getOuts().size() << " operands [ssm_scan_c4]";
  }
  if (failed(verifySemantics(*this, "ssm_scan_c7"))) {
    return failure();
  }
  ShapedType u = shaped(getU());
  ArrayRef<int64_t> rows = u.getShape();
  if (u.getRank() != (isRagged() ? 2 : 3) ||
      !isOf(getOut(), llvm::to_vector(rows)) ||
      !isOf(getZ(), llvm::to_vector(rows))) {
    return emitOpError(
               "expected 'u', 'out' and 'gate' of one shape, of rank 3, "
               "or 2 with 'cu_seqlens', but got ")
           << u << " and " << getOut().getType() << " [ssm_scan_c1]";
  }
  int64_t channels = rows.back();
  SmallVector<int64_t> tokens(rows.drop_back());
  SmallVector<int64_t> pair;
  if (getComplex()) {
    pair.push_back(2);
  }
  ShapedType a = shaped(getA());
  int64_t size = a.getRank() > 1 ? a.getDimSize(1) : kAny;
  auto isRow = [&](Value value) {
    ShapedType type = shaped(value);
    if (isOf(value, {channels, size}, pair)) {
      return true;
    }
    int64_t at = static_cast<int64_t>(tokens.size());
    int64_t groups = type.getRank() > at ? type.getDimSize(at) : kAny;
    SmallVector<int64_t> expected(tokens);
    expected.append({groups, size});
    return isOf(value, expected, pair) && divides(groups, channels);
  };
  if (!(isOf(getDelta(), {channels}) ||
        isOf(getDelta(), llvm::to_vector(rows))) ||
      !isOf(getA(), {channels, size}, pair) || !isRow(getB()) ||
      !isRow(getC()) || shaped(getB()).getRank() != shaped(getC()).getRank()) {
    return emitOpError(
               "expected 'delta' of tokens and channels or of channels, "
               "'a' of D x N, and 'b' and 'c' of D x N or of tokens, "
               "groups and N, with a last 2 for 'complex', but got ")
           << getDelta().getType() << ", " << a << ", " << getB().getType()
           << " and " << getC().getType() << " [ssm_scan_c2]";
  }
  if (!isOf(getDtBias(), {channels}) || !isOf(getSkip(), {channels})) {
    return emitOpError("expected 'dt_bias' and 'skip' with an entry a channel "
                       "[ssm_scan_c3]");
  }
  int64_t batch = isRagged() ? kAny : rows.front();
  if (!isOf(getState(), {batch, channels, size}, pair)) {
    return emitOpError("expected a state of B x D x N, but got ")
           << getState().getType() << " [ssm_scan_c4]";
  }
  if (!isOf(getSeqIds(), {isRagged() ? 1 : batch, tokens.back()})) {
    return emitOpError("expected 'seq_ids' with an entry a token, but got ")
           << getSeqIds().getType() << " [ssm_scan_c5]";
  }
  if (!isLimit(getDtLimit())) {
    return emitOpError("expected a 'dt_limit' of two numbers in order "
                       "[ssm_scan_c6]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// SSMStepOp
//===----------------------------------------------------------------------===//

LogicalResult SSMStepOp::verify() {
  if (failed(verifySemantics(*this, "ssm_step_c4"))) {
    return failure();
  }
  ShapedType x = shaped(getX());
  ArrayRef<int64_t> rows = x.getShape();
  bool ranks = x.getRank() == 2 || x.getRank() == 3;
  if (getOuts().size() != 2 || !ranks ||
      !isOf(getOut(), llvm::to_vector(rows)) ||
      !isOf(getZ(), llvm::to_vector(rows))) {
    return emitOpError("expected 'x', 'out' and 'gate' of one shape, of rank 2 "
                       "or 3, and a state behind 'out' [ssm_step_c1]");
  }
  int64_t batch = rows[0], channels = rows[1];
  ShapedType b = shaped(getB());
  int64_t groups = b.getRank() == 3 ? b.getDimSize(1) : kAny;
  int64_t size = b.getShape().back();
  SmallVector<int64_t> state(rows);
  state.front() = getSlots() ? kAny : batch;
  state.push_back(size);
  bool fits = isOf(getDt(), {batch, channels}) &&
              isOf(getA(), {channels},
                   hasHeads() ? ArrayRef<int64_t>() : ArrayRef(size)) &&
              isOf(getB(), {batch, groups, size}) &&
              isOf(getC(), {batch, groups, size}) &&
              divides(groups, channels) && isOf(getDtBias(), {channels}) &&
              (isOf(getSkip(), {channels}) ||
               (hasHeads() && isOf(getSkip(), {channels, rows.back()}))) &&
              isOf(getState(), state) && isOf(getSlots(), {batch});
  if (!fits) {
    return emitOpError(
        "expected operands of one Mamba-2 or Mamba-1 step, as in "
        "the table of the op [ssm_step_c2]");
  }
  if (!isLimit(getDtLimit())) {
    return emitOpError("expected a 'dt_limit' of two numbers in order "
                       "[ssm_step_c3]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// CausalConv1dOp
//===----------------------------------------------------------------------===//

LogicalResult CausalConv1dOp::verify() {
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected 'out' and at most one state in 'outs', but "
                       "got ")
           << getOuts().size() << " operands [causal_conv1d_c3]";
  }
  if (failed(verifySemantics(*this, "causal_conv1d_c5"))) {
    return failure();
  }
  ShapedType x = shaped(getX()), w = shaped(getW());
  ArrayRef<int64_t> rows = x.getShape();
  if (x.getRank() != (isRagged() ? 2 : 3) ||
      !isOf(getOut(), llvm::to_vector(rows))) {
    return emitOpError("expected 'x' and 'out' of one shape, of rank 3, or 2 "
                       "with 'cu_seqlens', but got ")
           << x << " and " << getOut().getType() << " [causal_conv1d_c1]";
  }
  int64_t width = w.getRank() == 2 ? w.getDimSize(1) : kAny;
  if (!isOf(getW(), {rows.back(), width}) || width < 2 || width > 8 ||
      !isOf(getBias(), {rows.back()})) {
    return emitOpError(
               "expected 'w' of D x W with a static W from 2 to 8, and a "
               "'bias' of D, but got ")
           << w << " [causal_conv1d_c2]";
  }
  int64_t batch = isRagged() ? kAny : rows.front();
  if (!isOf(getState(), {batch, width - 1, rows.back()})) {
    return emitOpError("expected a state of B x (W - 1) x D, but got ")
           << getState().getType() << " [causal_conv1d_c3]";
  }
  if (!isOf(getSeqIds(), {isRagged() ? 1 : batch, rows[rows.size() - 2]})) {
    return emitOpError("expected 'seq_ids' with an entry a token, but got ")
           << getSeqIds().getType() << " [causal_conv1d_c4]";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ScanChunkOp
//===----------------------------------------------------------------------===//

FloatType ScanChunkOp::getAccumulatorType() {
  return cast<FloatType>(shaped(getOuts().back()).getElementType());
}

LogicalResult ScanChunkOp::verify() {
  if (failed(verifySemantics(*this, "scan_chunk_c4"))) {
    return failure();
  }
  size_t outs = getOuts().size();
  ShapedType v = shaped(getV());
  if (outs < 2 || outs > 3 || v.getRank() != 2 ||
      shaped(getState()).getRank() != 2) {
    return emitOpError(
        "expected 'out', a state and at most a norm in 'outs', of "
        "matrices [scan_chunk_c1]");
  }
  int64_t tokens = v.getDimSize(0), values = v.getDimSize(1);
  SmallVector<int64_t> state(shaped(getState()).getShape());
  if (getTransposed()) {
    std::swap(state[0], state[1]);
  }
  int64_t keys = state[0];
  ArrayRef<int64_t> matrix = shaped(getState()).getShape();
  SmallVector<int64_t> row{tokens, keys};
  ArrayRef<int64_t> rows = getFixed() ? matrix : ArrayRef<int64_t>(row);
  bool fits = compatible(state[1], values) && hasShape(getQ(), rows) &&
              hasShape(getK(), rows) && isOf(getOut(), {tokens, values}) &&
              isOf(getNorm(), {keys}) && isOf(getWrite(), {tokens}) &&
              isOf(getBeta(), {tokens}) && isOf(getKeep(), {tokens}) &&
              isOf(getPairs(), {kAny, kAny}) &&
              isOf(getRates(), llvm::to_vector(matrix)) &&
              isOf(getFactors(), llvm::to_vector(matrix));
  if (getRates()) {
    fits &= getDecay() && isOf(getDecay(), {tokens, values});
  } else {
    fits &= isOf(getDecay(), {tokens}) || isOf(getDecay(), {tokens, keys});
  }
  if (!fits) {
    return emitOpError("expected operands of T tokens and a state of K x V, as "
                       "in the table of the op [scan_chunk_c1]");
  }
  bool scalar = !getDecay() || shaped(getDecay()).getRank() == 1;
  bool chunked = getSchedule() == ScanSchedule::Chunked;
  if ((chunked &&
       (!scalar || getBeta() || getRates() || getFactors() || getKeep() ||
        getTransposed() || !hasShape(getQ(), {tokens, keys}) ||
        !hasShape(getK(), {tokens, keys}))) ||
      (!chunked && getPairs())) {
    return emitOpError("expected at most one decay a token, no 'beta' and a "
                       "state of K x V for the chunked schedule, and 'pairs' "
                       "for no other [scan_chunk_c2]");
  }
  if (getWrite() && getBeta()) {
    return emitOpError("expected 'write' or 'beta', not both [scan_chunk_c3]");
  }
  bool ofStates = getRates() || getFactors();
  bool isOdd = !ShapedType::isDynamic(keys) && keys % 2 != 0;
  if ((getFactors() && getDecay()) ||
      ((getKeep() || getComplex()) && !ofStates) || (getZoh() && !getRates()) ||
      (getComplex() && (isOdd || getTransposed()))) {
    return emitOpError("expected 'factors' without 'decay', 'keep' and "
                       "'complex' with 'rates' or 'factors', 'zoh' with "
                       "'rates', and 'complex' with an even K that is not "
                       "transposed [scan_chunk_c5]");
  }
  return success();
}
