//===- ScoreFragments.cpp - score regions and masks on registers ----------===//
// Masks are emitted once, on index, and cloned in 32 bits for each score: a
// sequence has less than 2^31 positions. Bounds that need more stay in 64.
//===----------------------------------------------------------------------===//

#include "ScoreFragments.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/InlineScore.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace attn {

ScoreFragments::ScoreFragments(WarpBuilder &warp, TileProgram &program,
                               const TileRows &rows, TensorViews &views,
                               FloatType type)
    : warp(warp), program(program), rows(rows), views(views), type(type) {}

LogicalResult ScoreFragments::prepare() {
  IRMapping none;
  auto find = [&](ValueRange tensors, SmallVector<TensorView> &list) {
    for (Value tensor : tensors) {
      FailureOr<TensorView> view = views.get(tensor, none);
      if (failed(view)) {
        return false;
      }
      list.push_back(*view);
    }
    return true;
  };
  if (!find(program.online.getCaptured(), capturedViews) ||
      !find(program.online.getMaskCaptured(), maskViews)) {
    return failure();
  }
  // The formula rounds scores to the type of q: 8 bits, where the instruction
  // has 11 and its replacement would be what the kernel does most.
  auto q = cast<ShapedType>(program.online.getQ().getType());
  if (q.getElementType().isBF16()) {
    program.online.getScore().walk([](math::TanhOp op) {
      op.setFastmath(op.getFastmath() | arith::FastMathFlags::afn);
    });
  }
  MaskAttrInterface attribute = program.online.getMaskAttr();
  if (!attribute) {
    return success();
  }
  OpBuilder &builder = warp.builder;
  OpBuilder::InsertionGuard guard(builder);
  mask = std::make_unique<Block>();
  Type index = builder.getIndexType();
  SmallVector<Value> point;
  for (int d = 0; d < 4; ++d) {
    point.push_back(mask->addArgument(index, warp.loc));
  }
  builder.setInsertionPointToStart(mask.get());
  maskResult = emitMask(builder, warp.loc, attribute.getMaskSet(),
                        {point[0], point[1], point[2], point[3],
                         program.online.getMaskSymbols()});
  for (Operation &op : *mask) {
    if (!isa_and_nonnull<arith::ArithDialect>(op.getDialect())) {
      narrow = false;
    }
    auto constant = dyn_cast<arith::ConstantOp>(op);
    auto value =
        constant ? dyn_cast<IntegerAttr>(constant.getValue()) : nullptr;
    narrow = narrow && (!value || value.getValue().isSignedIntN(31));
  }
  return success();
}

ScoreFragments::Row ScoreFragments::row(Value first, int64_t offset) {
  Row row;
  IndexBuilder index(warp.builder, warp.loc);
  auto [g, m] = rows.split(warp, warp.add(first, offset));
  row.query = index.add(program.online.getQuery(), warp.toIndex(m));
  row.head = index.add(program.online.getHead(), warp.toIndex(g));
  // Rows of one head are queries: their positions share a register.
  Value start = warp.toInt(program.online.getQuery());
  row.position = program.heads == 1 ? warp.add(warp.add(start, first), offset)
                                    : warp.add(start, m);
  return row;
}

namespace {
/// An index of a captured tensor in 32 bits, as positions have.
class IndexExpansion {
public:
  IndexExpansion(WarpBuilder &warp, ArrayRef<Value> dims)
      : warp(warp), dims(dims) {}

  Value of(AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      return dims[dim.getPosition()];
    }
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      return warp.c(constant.getValue());
    }
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Value left = of(binary.getLHS()), right = of(binary.getRHS());
    bool counts = isCount(binary.getLHS());
    switch (expr.getKind()) {
    case AffineExprKind::Add:
      return warp.add(left, right);
    case AffineExprKind::Mul:
      return make<arith::MulIOp>(left, right);
    case AffineExprKind::FloorDiv:
      return counts ? make<arith::DivUIOp>(left, right)
                    : make<arith::FloorDivSIOp>(left, right);
    case AffineExprKind::CeilDiv:
      return make<arith::CeilDivSIOp>(left, right);
    default: // mod, whose result is no less than 0
      if (counts) {
        return make<arith::RemUIOp>(left, right);
      }
      return warp.sub(left, make<arith::MulIOp>(
                                make<arith::FloorDivSIOp>(left, right), right));
    }
  }

  // Whether it is 0 or more; queries in front of the first key are not.
  static bool isCount(AffineExpr expr) {
    bool result = true;
    expr.walk([&](AffineExpr part) {
      if (auto dim = dyn_cast<AffineDimExpr>(part)) {
        result = result && dim.getPosition() != 2;
      } else if (auto constant = dyn_cast<AffineConstantExpr>(part)) {
        result = result && constant.getValue() >= 0;
      }
    });
    return result;
  }

private:
  WarpBuilder &warp;
  ArrayRef<Value> dims;

  template <typename Op> Value make(Value a, Value b) {
    return warp.builder.createOrFold<Op>(warp.loc, a, b);
  }
};

} // namespace

// Reads a captured element; scores of hidden pairs are computed too, so indices
// are kept inside of the tensor.
Value ScoreFragments::captured(const TensorView &view, Attribute attribute,
                               const Row &row, Value position) {
  IndexBuilder index(warp.builder, warp.loc);
  AffineMap map = cast<AffineMapAttr>(attribute).getValue();
  Value dims[] = {warp.toInt(program.online.getBatch()), warp.toInt(row.head),
                  program.heads == 1 ? row.position : warp.toInt(row.query),
                  position};
  IndexExpansion expansion(warp, dims);
  SmallVector<Value> at;
  for (auto [d, result] : llvm::enumerate(map.getResults())) {
    Value here = expansion.of(result);
    if (!IndexExpansion::isCount(result)) {
      here = warp.max(here, warp.c(0));
    }
    Value last = warp.toInt(index.add(view.dims[d].size, -1));
    at.push_back(warp.toIndex(warp.min(here, last)));
  }
  Value element = warp.load(
      view.element,
      warp.globalAddress(view.pointer, view.at(warp.builder, warp.loc, at),
                         view.element),
      0, /*invariant=*/true);
  if (auto from = dyn_cast<FloatType>(view.element)) {
    return warp.convert(element, type);
  }
  return element;
}

SmallVector<Value> ScoreFragments::point(const Row &row, Value position) {
  return {program.online.getBatch(), row.head, row.query,
          warp.toIndex(position)};
}

Value ScoreFragments::score(Value x, const Row &row, Value position) {
  double scale = program.online.getScaleValue();
  if (program.scaled() && scale != 1.0) {
    x = warp.fmul(x, warp.f(scale, type));
  }
  if (program.online.getScore().empty()) {
    return x;
  }
  SmallVector<Value> at = point(row, position);
  SmallVector<Value> arguments = {x};
  for (auto [view, map] :
       llvm::zip_equal(capturedViews, program.online.getCapturedMaps())) {
    arguments.push_back(captured(view, map, row, position));
  }
  arguments.append(at);
  return inlineScore(warp.builder, warp.loc, program.online.getScore(),
                     arguments, type);
}

// Whether the pair is in the set of the mask attribute.
Value ScoreFragments::inSet(const Row &row, Value position) {
  IRMapping mapping;
  auto wide = [&](Value value) { return narrow ? value : warp.toIndex(value); };
  mapping.map(mask->getArgument(0), program.online.getBatch());
  mapping.map(mask->getArgument(1), row.head);
  mapping.map(mask->getArgument(2), wide(row.position));
  mapping.map(mask->getArgument(3), wide(position));
  for (Operation &op : *mask) {
    if (!narrow) {
      warp.builder.clone(op, mapping);
      continue;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<IntegerAttr>(constant.getValue());
      if (value && value.getType().isIndex()) {
        mapping.map(constant.getResult(), warp.c(value.getInt()));
        continue;
      }
    }
    OperationState state(op.getLoc(), op.getName());
    for (Value operand : op.getOperands()) {
      Value here = mapping.lookupOrDefault(operand);
      if (here.getType().isIndex()) {
        here = warp.toInt(here);
      }
      state.addOperands(here);
    }
    for (Type result : op.getResultTypes()) {
      state.addTypes(result.isIndex() ? warp.i32() : result);
    }
    state.propertiesAttr = op.getPropertiesAsAttribute();
    mapping.map(op.getResults(), warp.builder.create(state)->getResults());
  }
  return mapping.lookupOrDefault(maskResult);
}

Value ScoreFragments::visible(const Row &row, Value position, Value column,
                              Value size) {
  Value seen = warp.less(column, size);
  if (mask) {
    seen = warp.both(seen, inSet(row, position));
  }
  if (Region &region = program.online.getMaskRegion(); !region.empty()) {
    SmallVector<Value> at = point(row, position), arguments;
    for (auto [view, map] :
         llvm::zip_equal(maskViews, program.online.getMaskMaps())) {
      arguments.push_back(captured(view, map, row, position));
    }
    arguments.append(at);
    seen = warp.both(
        seen, inlineScore(warp.builder, warp.loc, region, arguments, type));
  }
  return seen;
}

} // namespace attn
