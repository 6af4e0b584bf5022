//===- Report.cpp - what a compiled module will do ------------------------===//

#include "attn/Emit/Report.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/FoldRope.h"
#include "attn/Passes/ScanSchedule.h"
#include "attn/Target/CostModel.h"
#include "attn/Target/GPUCostModel.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

namespace json = llvm::json;

namespace {

/// The argument of a function that `value` is, or -1.
int64_t argumentOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp())) {
    return -1;
  }
  return argument.getArgNumber();
}

/// Looks through ops that change the type only.
Value skipCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::CastOp, memref::CastOp, bufferization::ToTensorOp,
             bufferization::ToBufferOp>(op)) {
      break;
    }
    value = op->getOperand(0);
  }
  return value;
}

json::Value describeSize(Value value, int64_t dim);

json::Value describeSize(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size)) {
    return *constant;
  }
  Value value = cast<Value>(size);
  if (int64_t argument = argumentOf(value); argument >= 0) {
    return json::Object{{"arg", argument}};
  }
  Value source;
  Value index;
  if (auto op = value.getDefiningOp<tensor::DimOp>()) {
    source = op.getSource();
    index = op.getIndex();
  } else if (auto op = value.getDefiningOp<memref::DimOp>()) {
    source = op.getSource();
    index = op.getIndex();
  }
  std::optional<int64_t> dim =
      index ? getConstantIntValue(index) : std::nullopt;
  if (!dim) {
    return nullptr;
  }
  return describeSize(source, *dim);
}

/// Where a size of a tensor or memref comes from.
json::Value describeSize(Value value, int64_t dim) {
  auto type = dyn_cast<ShapedType>(value.getType());
  if (!type || !type.hasRank() || dim < 0 || dim >= type.getRank()) {
    return nullptr;
  }
  if (!type.isDynamicDim(dim)) {
    return type.getDimSize(dim);
  }
  value = skipCasts(value);
  if (int64_t argument = argumentOf(value); argument >= 0) {
    return json::Object{{"arg", argument}, {"dim", dim}};
  }
  if (auto op = value.getDefiningOp<tensor::EmptyOp>()) {
    return describeSize(op.getMixedSizes()[dim]);
  }
  if (auto op = value.getDefiningOp<tensor::ExtractSliceOp>()) {
    llvm::SmallBitVector dropped = op.getDroppedDims();
    int64_t seen = -1;
    for (auto [index, size] : llvm::enumerate(op.getMixedSizes())) {
      if (!dropped.test(index) && ++seen == dim) {
        return describeSize(size);
      }
    }
    return nullptr;
  }
  if (auto op = value.getDefiningOp<DestinationStyleOpInterface>()) {
    return describeSize(op.getTiedOpOperand(cast<OpResult>(value))->get(), dim);
  }
  return nullptr;
}

/// The first of two equal sizes whose origin is known.
json::Value eitherSize(Value a, int64_t dimA, Value b, int64_t dimB) {
  json::Value size = describeSize(a, dimA);
  return size.getAsNull() ? describeSize(b, dimB) : size;
}

/// A size times a constant.
json::Value timesConstant(json::Value size, int64_t factor) {
  if (std::optional<int64_t> number = size.getAsInteger()) {
    return *number * factor;
  }
  if (json::Object *object = size.getAsObject()) {
    (*object)["times"] = factor;
  }
  return size;
}

/// An optional operand.
json::Value describeValue(Value value) {
  if (!value) {
    return nullptr;
  }
  value = skipCasts(value);
  if (int64_t argument = argumentOf(value); argument >= 0) {
    return json::Object{{"arg", argument}};
  }
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    return json::Object{{"constant", *constant}};
  }
  return true;
}

json::Value describeExpr(AffineExpr expr) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    return number.getValue();
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    const char *names[] = {"b", "h", "q", "k"};
    return names[dim.getPosition()];
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    return json::Object{{"symbol", symbol.getPosition()}};
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  const char *op = expr.getKind() == AffineExprKind::Add   ? "add"
                   : expr.getKind() == AffineExprKind::Mul ? "mul"
                                                           : "floordiv";
  return json::Array{op, describeExpr(binary.getLHS()),
                     describeExpr(binary.getRHS())};
}

// Constraints are sums, products by constants and quotients.
json::Value describeMask(const MaskSet &set) {
  const char *kinds[] = {"set", "and", "or", "not"};
  json::Array parts;
  for (const LinearForm &form : set.constraints) {
    parts.push_back(describeExpr(form.expr(set.context)));
  }
  for (const MaskSet &child : set.children) {
    parts.push_back(describeMask(child));
  }
  return json::Object{{"kind", kinds[static_cast<int>(set.kind)]},
                      {"of", std::move(parts)}};
}

json::Object describeTiles(const TileChoice &tiles) {
  return json::Object{{"rows", tiles.rows},   {"keys", tiles.keys},
                      {"lanes", tiles.lanes}, {"vectors", tiles.vectors},
                      {"split", tiles.split}, {"blocks", tiles.blocks},
                      {"dots", tiles.dots},   {"warpgroups", tiles.warpgroups},
                      {"why", tiles.reason}};
}

/// Bytes of a row of `size` elements of k or v, with its share of the scales
/// where they are codes; null if the size is not static.
json::Value bytesOfRow(Value rows, int64_t seqDim) {
  auto type = cast<ShapedType>(rows.getType());
  int64_t size = type.getShape().back();
  if (ShapedType::isDynamic(size)) {
    return nullptr;
  }
  auto codes = rows.getDefiningOp<KVDequantizeOp>();
  if (!codes) {
    return static_cast<int64_t>(size * type.getElementTypeBitWidth() / 8);
  }
  double bytes = static_cast<double>(getPackedSize(codes.getPacking(), size));
  if (!codes.getMap()) {
    return bytes;
  }
  // A scale that all keys share costs nothing a key.
  unsigned d = type.getRank() - 1;
  double scales = 0;
  bool hasKey = false;
  for (AffineExpr result : codes.getMap()->getResults()) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(result);
    AffineExpr point = binary ? binary.getLHS() : result;
    auto by = binary ? dyn_cast<AffineConstantExpr>(binary.getRHS())
                     : AffineConstantExpr();
    double group = by ? static_cast<double>(by.getValue()) : 1;
    scales = scales == 0 ? 1 : scales;
    if (point.isFunctionOfDim(d)) {
      scales *= size / group;
    } else if (point.isFunctionOfDim(static_cast<unsigned>(seqDim))) {
      scales /= group;
      hasKey = true;
    }
  }
  auto scaleType = cast<ShapedType>(codes.getScale().getType());
  double each = scaleType.getElementTypeBitWidth() / 8.0;
  return bytes + (hasKey ? scales * each * (codes.getZero() ? 2 : 1) : 0);
}

std::string locationOf(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto file = op->getLoc()->findInstanceOf<FileLineColLoc>()) {
    stream << file.getFilename().getValue() << ':' << file.getLine() << ':'
           << file.getColumn();
  }
  return text;
}

json::Object describeAttention(AttentionOp op, const TargetDescription &target,
                               const CompileOptions &options) {
  AttentionShape shape = AttentionShape::of(op);
  Value q = op.getQ(), k = op.getK(), v = op.getV(), out = op.getOut();
  bool ragged = op.getLayout() == Layout::THD;
  int64_t head = op.getHeadDim(), seq = op.getSeqDim(), size = op.getSizeDim();
  json::Object result;
  if (auto function = op->getParentOfType<func::FuncOp>()) {
    result["function"] = function.getName();
  }
  result["op"] = op->getName().getStringRef();
  result["location"] = locationOf(op);
  std::string element;
  llvm::raw_string_ostream(element) << op.getElementType();
  result["element"] = std::move(element);
  result["tf32"] = op.getTf32();
  result["layout"] = stringifyLayout(op.getLayout());
  result["batch"] = ragged
                        ? json::Value(nullptr)
                        : eitherSize(q, op.getBatchDim(),
                                     op.isPaged() ? op.getBlockTables() : k, 0);
  result["queryHeads"] = eitherSize(q, head, out, head);
  int64_t keyHead = op.getKeyHeadDim(), keySeq = op.getKeySeqDim();
  result["keyHeads"] = eitherSize(k, keyHead, v, keyHead);
  result["queries"] = eitherSize(q, seq, out, seq);
  result["keys"] = eitherSize(k, keySeq, v, keySeq);
  if (op.isPaged()) {
    int64_t slots = cast<ShapedType>(k.getType()).getDimSize(keySeq);
    result["pages"] = eitherSize(k, 0, v, 0);
    result["pageSize"] = slots;
    result["keys"] = timesConstant(describeSize(op.getBlockTables(), 1), slots);
    result["blockTables"] = describeValue(op.getBlockTables());
  }
  result["headSize"] = eitherSize(q, size, k, op.getKeySizeDim());
  result["valueSize"] = eitherSize(v, op.getKeySizeDim(), out, size);
  result["keyBytes"] = bytesOfRow(k, keySeq);
  result["valueBytes"] = shape.valuesInKeys ? 0 : bytesOfRow(v, keySeq);
  result["lse"] = static_cast<bool>(op.getLse());
  result["score"] = !op.getScore().empty();
  MaskAttrInterface mask = op.getMaskAttr();
  result["mask"] = mask ? describeMask(mask.getMaskSet()) : nullptr;
  result["maskRegion"] = !op.getMaskRegion().empty();
  json::Array symbols;
  for (Value symbol : op.getMaskSymbols()) {
    symbols.push_back(describeValue(symbol));
  }
  result["maskSymbols"] = std::move(symbols);
  result["offset"] = describeValue(op.getOffset());
  result["kvLens"] = describeValue(op.getKvLens());
  result["cuSeqlensQ"] = describeValue(op.getCuSeqlensQ());
  result["cuSeqlensK"] = describeValue(op.getCuSeqlensK());
  AttentionTiles tiles = target.gpu ? chooseGPUTiles(shape, *target.gpu)
                                    : chooseTiles(shape, target);
  tiles.useMask(op);
  tiles.useOptions(options.rows, options.keys, options.split);
  result["prefill"] = describeTiles(tiles.prefill);
  result["decode"] = describeTiles(tiles.decode);
  // One query of a large group takes parts of it.
  result["splitsGroups"] = target.gpu.has_value();
  result["decodeRows"] = target.gpu ? gpuDecodeRowLimit(shape, *target.gpu)
                                    : decodeRowLimit(shape, target);
  return result;
}

/// Batch and tokens of an op over sequences; a step has one token of each.
std::pair<json::Value, json::Value> describeSequences(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::pair<json::Value, json::Value>>(op)
      .Case<SSDOp, LinearAttentionOp>([](auto heads) {
        Value out = heads.getOut();
        bool ragged = heads.getLayout() == Layout::THD;
        return std::pair(ragged ? json::Value(1) : describeSize(out, 0),
                         describeSize(out, heads.getSeqDim()));
      })
      .Case<SSMScanOp, CausalConv1dOp>([](auto channels) {
        Value out = channels.getOut();
        bool ragged = channels.isRagged();
        return std::pair(ragged ? json::Value(1) : describeSize(out, 0),
                         describeSize(out, ragged ? 0 : 1));
      })
      .Default([](Operation *step) {
        Value out = cast<DestinationStyleOpInterface>(step).getDpsInits()[0];
        return std::pair(describeSize(out, 0), json::Value(1));
      });
}

json::Object describeRecurrence(Operation *op,
                                const TargetDescription &target) {
  ScanChoice choice =
      target.gpu ? chooseGPUScan(op, *target.gpu) : chooseScan(op);
  json::Object result{{"op", op->getName().getStringRef()},
                      {"location", locationOf(op)},
                      {"schedule", stringifyScanSchedule(choice.schedule)},
                      {"chunk", choice.chunk},
                      {"why", choice.why},
                      {"flopsPerToken", scanFlops(op, choice)}};
  if (auto function = op->getParentOfType<func::FuncOp>()) {
    result["function"] = function.getName();
  }
  auto dps = cast<DestinationStyleOpInterface>(op);
  std::string element;
  llvm::raw_string_ostream(element)
      << cast<ShapedType>(dps.getDpsInits()[0].getType()).getElementType();
  result["element"] = std::move(element);
  auto [batch, tokens] = describeSequences(op);
  result["batch"] = std::move(batch);
  result["queries"] = std::move(tokens);
  Value starts;
  llvm::TypeSwitch<Operation *>(op)
      .Case<SSDOp, LinearAttentionOp, SSMScanOp, CausalConv1dOp>(
          [&](auto ragged) { starts = ragged.getCuSeqlens(); });
  result["cuSeqlensQ"] = describeValue(starts);
  // Everything is read once, and results are written once, so state counts
  // twice: a list of (bytes of an element, sizes).
  json::Array traffic;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<ShapedType>(operand.get().getType());
    if (!type) {
      continue;
    }
    json::Array sizes{static_cast<int64_t>(
        llvm::divideCeil(type.getElementTypeBitWidth(), 8) *
        (isState(operand) ? 2 : 1))};
    for (int64_t d = 0; d < type.getRank(); ++d) {
      sizes.push_back(describeSize(operand.get(), d));
    }
    traffic.push_back(std::move(sizes));
  }
  result["traffic"] = std::move(traffic);
  return result;
}

} // namespace

json::Object attn::buildReport(ModuleOp module, const TargetDescription &target,
                               const CompileOptions &options) {
  json::Array ops;
  module.walk([&](AttentionOp op) {
    ops.push_back(describeAttention(op, target, options));
  });
  json::Array recurrences;
  module.walk([&](Operation *op) {
    if (isRecurrence(op) && !isa<ScanChunkOp, LinformerProjectOp>(op)) {
      recurrences.push_back(describeRecurrence(op, target));
    }
  });
  json::Array positions;
  module.walk([&](RopeOp op) {
    json::Object entry{{"location", locationOf(op)},
                       {"fate", fateOfRope(op, target.gpu.has_value())}};
    if (auto function = op->getParentOfType<func::FuncOp>()) {
      entry["function"] = function.getName();
    }
    positions.push_back(std::move(entry));
  });
  json::Object machine{{"cores", target.cores},
                       {"vectorBits", target.vectorBits},
                       {"gigahertz", target.gigahertz},
                       {"peakF32", target.peakGflops(32)},
                       {"peakF64", target.peakGflops(64)},
                       {"readGBs", target.readGBs}};
  if (target.gpu) {
    machine["gpu"] = target.gpu->chip;
  }
  return json::Object{{"machine", std::move(machine)},
                      {"ops", std::move(ops)},
                      {"recurrences", std::move(recurrences)},
                      {"positions", std::move(positions)}};
}
