//===- DecomposeOnline.cpp - tile ops as linalg ---------------------------===//
// Each tile op becomes a few linalg.generic ops of its own dimensions, for
// compilers and targets that have no lowering of the ops themselves.
//
// Exponentials are exp2 of a multiple of log2(e) that comes strictly after the
// score region, which works in natural units. They see y - max with the maximum
// of a row of nothing but hidden pairs taken as 0, so that such rows give
// factors of 0, never the NaN of -inf - -inf.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <limits>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_DECOMPOSEONLINEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

using Builder = ImplicitLocOpBuilder;
using Body = function_ref<Value(Builder &, ValueRange)>;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value number(Builder &b, Type type, double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

Value lowest(Builder &b, Type type) {
  return number(b, type, -std::numeric_limits<double>::infinity());
}

Value equals(Builder &b, Value lhs, Value rhs) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lhs, rhs);
}

Value convert(Builder &b, Value value, Type to) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  if (from < to.getIntOrFloatBitWidth()) {
    return arith::ExtFOp::create(b, to, value);
  }
  if (from > to.getIntOrFloatBitWidth()) {
    return arith::TruncFOp::create(b, to, value);
  }
  return value;
}

/// e^(y - max), 0 where y is -inf; max is y or more.
Value expDifference(Builder &b, Value y, Value max) {
  Type type = y.getType();
  Value none = equals(b, max, lowest(b, type));
  Value safe = arith::SelectOp::create(b, none, number(b, type, 0.0), max);
  Value difference = arith::SubFOp::create(b, y, safe);
  constexpr double kLog2E = 1.44269504088896340735992468100189214;
  return math::Exp2Op::create(
      b, arith::MulFOp::create(b, difference, number(b, type, kLog2E)));
}

/// `value`, or `none` where `total` is 0.
Value unlessEmpty(Builder &b, Value total, Value none, Value value) {
  return arith::SelectOp::create(
      b, equals(b, total, number(b, total.getType(), 0.0)), none, value);
}

Value logSum(Builder &b, Value max, Value total) {
  Value lse = arith::AddFOp::create(b, max, math::LogOp::create(b, total));
  return unlessEmpty(b, total, lowest(b, max.getType()), lse);
}

/// `weight * value`, 0 where the weight is 0, whatever the value.
Value weigh(Builder &b, Value weight, Value value) {
  return unlessEmpty(b, weight, number(b, weight.getType(), 0.0),
                     arith::MulFOp::create(b, weight, value));
}

Value size(Builder &b, Value tensor, int64_t dim) {
  return getValueOrCreateConstantIndexOp(
      b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), tensor, dim));
}

/// `tensor[map(point)]` with each index kept inside, so that it can be read
/// where the mask hides the pair, or the row is the padding of a panel.
Value readInside(Builder &b, Value tensor, AffineMap map, ValueRange point) {
  auto indices = *affine::expandAffineMap(b, b.getLoc(), map, point);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  for (auto [dim, index] : llvm::enumerate(indices)) {
    Value last = arith::SubIOp::create(b, size(b, tensor, dim), one);
    index =
        arith::MaxSIOp::create(b, arith::MinSIOp::create(b, index, last), zero);
  }
  return tensor::ExtractOp::create(b, tensor, indices);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value makeGeneric(Builder &b, ValueRange inputs, Value init,
                  ArrayRef<AffineMap> maps, ArrayRef<unsigned> reductions,
                  Body body) {
  SmallVector<utils::IteratorType> iterators(maps[0].getNumDims(),
                                             utils::IteratorType::parallel);
  for (unsigned dim : reductions) {
    iterators[dim] = utils::IteratorType::reduction;
  }
  return linalg::GenericOp::create(
             b, TypeRange{init.getType()}, inputs, init, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               Builder ib(loc, inner);
               linalg::YieldOp::create(ib, body(ib, args));
             })
      .getResult(0);
}

Value filled(Builder &b, ArrayRef<OpFoldResult> sizes, Value value) {
  Value empty = tensor::EmptyOp::create(b, sizes, value.getType());
  return linalg::FillOp::create(b, value, empty).getResult(0);
}

//===----------------------------------------------------------------------===//
// online_attention
//===----------------------------------------------------------------------===//

class OnlineDecomposer {
public:
  OnlineDecomposer(Builder &b, OnlineAttentionOp op)
      : b(b), op(op), dims(op.getDims()), type(op.getAccumulatorType()) {
    rows = dims.rows.size();
  }

  SmallVector<Value> run() {
    // Spaces: (rows, n, x) where x is d or e.
    unsigned n = rows;
    AffineMap scoreMap = leading(rows + 2, rows + 1);
    SmallVector<OpFoldResult> sizes;
    for (unsigned row : dims.rows) {
      sizes.push_back(sizeOf(row));
    }
    sizes.push_back(sizeOf(dims.keys[0]));
    Value products = makeGeneric(
        b, {op.getQ(), op.getK()}, filled(b, sizes, number(b, type, 0.0)),
        {inSpace(0, dims.contraction[0]), inSpace(1, dims.contraction[0]),
         scoreMap},
        {rows + 1}, [&](Builder &b, ValueRange args) -> Value {
          Value product = arith::MulFOp::create(b, convert(b, args[0], type),
                                                convert(b, args[1], type));
          return arith::AddFOp::create(b, args[2], product);
        });
    AffineMap pairs = leading(rows + 1, rows + 1);
    AffineMap row = leading(rows + 1, rows);
    Value scores = makeGeneric(
        b, products, tensor::EmptyOp::create(b, sizes, type), {pairs, pairs},
        {}, [&](Builder &b, ValueRange args) { return score(b, args[0]); });
    AffineMap all = leading(rows, rows);
    ArrayRef<OpFoldResult> rowSizes = ArrayRef(sizes).drop_back();
    auto larger = [&](Builder &b, ValueRange args) -> Value {
      return arith::MaximumFOp::create(b, args[0], args[1]);
    };
    // The old maximum is needed for the factor, so the new one comes apart and
    // is only copied to its place in the end.
    Value tileMax = makeGeneric(b, scores, filled(b, rowSizes, lowest(b, type)),
                                {pairs, row}, {n}, larger);
    Value max = makeGeneric(b, {op.getMax(), tileMax},
                            tensor::EmptyOp::create(b, rowSizes, type),
                            {all, all, all}, {}, larger);
    Value weights =
        makeGeneric(b, {scores, max}, tensor::EmptyOp::create(b, sizes, type),
                    {pairs, row, pairs}, {}, [&](Builder &b, ValueRange args) {
                      return expDifference(b, args[0], args[1]);
                    });
    Value factor = makeGeneric(
        b, {op.getMax(), max}, tensor::EmptyOp::create(b, rowSizes, type),
        {all, all, all}, {}, [&](Builder &b, ValueRange args) {
          return expDifference(b, args[0], args[1]);
        });
    auto multiply = [&](Builder &b, ValueRange args) -> Value {
      return arith::MulFOp::create(b, args[0], args[1]);
    };
    Value scaledSum =
        makeGeneric(b, factor, op.getSum(), {all, all}, {}, multiply);
    Value sum = makeGeneric(b, weights, scaledSum, {pairs, row}, {n},
                            [&](Builder &b, ValueRange args) -> Value {
                              return arith::AddFOp::create(b, args[0], args[1]);
                            });
    // Dimensions of acc in the space (rows, e).
    AffineMap accMap = inSpace(3, dims.value[0], /*withKeys=*/false);
    Value scaledAcc =
        makeGeneric(b, factor, op.getAcc(), {leading(rows + 1, rows), accMap},
                    {}, multiply);
    bool hides = op.isMasked();
    Value acc = makeGeneric(
        b, {weights, op.getV()}, scaledAcc,
        {scoreMap, inSpace(2, dims.value[0]), inSpace(3, dims.value[0])}, {n},
        [&](Builder &b, ValueRange args) -> Value {
          Value value = convert(b, args[1], type);
          // A key that every row of the tile is hidden from may hold anything.
          Value part = hides ? weigh(b, args[0], value)
                             : arith::MulFOp::create(b, args[0], value);
          return arith::AddFOp::create(b, args[2], part);
        });
    Value kept = linalg::CopyOp::create(b, max, op.getMax()).getResult(0);
    return {acc, kept, sum};
  }

private:
  Builder &b;
  OnlineAttentionOp op;
  OnlineAttentionOp::Dims dims;
  FloatType type;
  unsigned rows;

  AffineMap leading(unsigned space, unsigned results) {
    return AffineMap::getMultiDimIdentityMap(space, b.getContext())
        .getMajorSubMap(results);
  }

  // Indexing map number `operand` in the space (rows, n, last), or without n.
  AffineMap inSpace(unsigned operand, unsigned last, bool withKeys = true) {
    AffineMap map = op.getMap(operand);
    SmallVector<AffineExpr> exprs(map.getNumDims(), b.getAffineConstantExpr(0));
    unsigned count = 0;
    for (unsigned row : dims.rows) {
      exprs[row] = b.getAffineDimExpr(count++);
    }
    if (withKeys) {
      exprs[dims.keys[0]] = b.getAffineDimExpr(count++);
    }
    exprs[last] = b.getAffineDimExpr(count++);
    return map.replaceDimsAndSymbols(exprs, {}, count, 0);
  }

  OpFoldResult sizeOf(unsigned loop) {
    // Rows are in the statistics: a packed q has not their number.
    std::pair<unsigned, Value> operands[] = {
        {1, op.getK()}, {2, op.getV()}, {4, op.getMax()}};
    for (auto [n, operand] : operands) {
      if (auto dim = op.getMap(n).getResultPosition(b.getAffineDimExpr(loop))) {
        return tensor::getMixedSize(b, b.getLoc(), operand, *dim);
      }
    }
    return b.getIndexAttr(0);
  }

  // The score of the pair at the current point of (rows, n).
  Value score(Builder &b, Value product) {
    Value x =
        arith::MulFOp::create(b, product, number(b, type, op.getScaleValue()));
    if (op.getFactor()) {
      x = arith::MulFOp::create(b, x, op.getFactor());
    }
    if (!op.isMasked() && op.getScore().empty()) {
      return x;
    }
    SmallVector<Value> row;
    for (unsigned d = 0; d < rows; ++d) {
      row.push_back(linalg::IndexOp::create(b, d));
    }
    auto offsets = *affine::expandAffineMap(b, b.getLoc(), op.getRowMap(), row);
    auto add = [&](Value base, Value offset) -> Value {
      return arith::AddIOp::create(b, base, offset);
    };
    Value key = linalg::IndexOp::create(b, rows);
    Value point[] = {op.getBatch(), add(op.getHead(), offsets[0]),
                     add(op.getQuery(), offsets[1]), add(op.getKey(), key)};
    Value y = x;
    if (!op.getScore().empty()) {
      y = cloneRegion(b, op.getScore(), x, op.getCaptured(),
                      op.getCapturedMaps(), point);
    }
    Value visible;
    if (op.getMask()) {
      visible = emitMask(
          b, b.getLoc(), op.getMask()->getMaskSet(),
          {point[0], point[1], point[2], point[3], op.getMaskSymbols()});
    }
    if (!op.getMaskRegion().empty()) {
      Value shown = cloneRegion(b, op.getMaskRegion(), {}, op.getMaskCaptured(),
                                op.getMaskMaps(), point);
      visible = visible ? arith::AndIOp::create(b, visible, shown).getResult()
                        : shown;
    }
    return visible ? arith::SelectOp::create(b, visible, y, lowest(b, type))
                         .getResult()
                   : y;
  }

  Value cloneRegion(Builder &b, Region &region, ValueRange leading,
                    ValueRange captured, ArrayAttr maps, ValueRange point) {
    SmallVector<Value> arguments(leading);
    for (auto [tensor, map] : llvm::zip_equal(captured, maps)) {
      arguments.push_back(
          readInside(b, tensor, cast<AffineMapAttr>(map).getValue(), point));
    }
    llvm::append_range(arguments, point);
    Block &block = region.front();
    IRMapping mapping;
    mapping.map(block.getArguments(), arguments);
    for (Operation &inner : block.without_terminator()) {
      b.clone(inner, mapping);
    }
    return mapping.lookupOrDefault(
        cast<YieldOp>(block.getTerminator()).getValues()[0]);
  }
};

//===----------------------------------------------------------------------===//
// The other tile ops
//===----------------------------------------------------------------------===//

// What `dest_map` sends to an element: its (p, w, d).
AffineMap elementOfPanel(PackRowsOp op) {
  AffineMap dest = op.getDestMap();
  if (!unpairResults(dest)) {
    return inversePermutation(dest);
  }
  AffineExpr p, half, lane;
  bindDims(op.getContext(), p, half, lane);
  return AffineMap::get(3, 0, {p, lane.floorDiv(2), half * 2 + lane % 2},
                        op.getContext());
}

Value decomposePackRows(Builder &b, PackRowsOp op) {
  Type type = cast<ShapedType>(op.getDest().getType()).getElementType();
  return makeGeneric(
      b, {}, op.getDest(), AffineMap::getMultiDimIdentityMap(3, b.getContext()),
      {}, [&](Builder &b, ValueRange) -> Value {
        SmallVector<Value> at;
        for (unsigned d = 0; d < 3; ++d) {
          at.push_back(linalg::IndexOp::create(b, d));
        }
        auto element =
            *affine::expandAffineMap(b, b.getLoc(), elementOfPanel(op), at);
        auto row = *affine::expandAffineMap(b, b.getLoc(), op.getRowMap(),
                                            {element[0], element[1]});
        row.push_back(element[2]);
        // Rows past the end repeat the last one.
        return convert(b, readInside(b, op.getSource(), op.getSourceMap(), row),
                       type);
      });
}

// The state of any rows is scattered to where `row_map` sends them.
SmallVector<Value> decomposeFinalizeState(Builder &b, FinalizeStateOp op) {
  auto elementOf = [](Value tensor) {
    return cast<ShapedType>(tensor.getType()).getElementType();
  };
  FloatType type = cast<FloatType>(elementOf(op.getMax()));
  unsigned rows = cast<ShapedType>(op.getMax().getType()).getRank();
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  AffineMap outMap = op.getOutMap();
  auto outDim = [&](unsigned d) {
    return *outMap.getResultPosition(b.getAffineDimExpr(d));
  };
  Value bounds[] = {size(b, op.getOut(), outDim(0)),
                    size(b, op.getOut(), outDim(1))};
  Value elements = size(b, op.getOut(), outDim(2));

  OpBuilder::InsertionGuard guard(b);
  SmallVector<scf::ForOp> loops;
  SmallVector<Value> row, carried(op.getOuts());
  for (unsigned d = 0; d < rows; ++d) {
    auto loop =
        scf::ForOp::create(b, zero, size(b, op.getMax(), d), one, carried);
    loops.push_back(loop);
    row.push_back(loop.getInductionVar());
    carried.assign(loop.getRegionIterArgs().begin(),
                   loop.getRegionIterArgs().end());
    b.setInsertionPointToStart(loop.getBody());
  }
  auto target = *affine::expandAffineMap(b, b.getLoc(), op.getRowMap(), row);
  Value inside;
  for (unsigned d = 0; d < 2; ++d) {
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, target[d],
                                        bounds[d]);
    inside =
        inside ? arith::AndIOp::create(b, inside, below).getResult() : below;
  }
  auto branch = scf::IfOp::create(b, ValueRange(carried).getTypes(), inside,
                                  /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, carried);
  b.setInsertionPointToStart(branch.thenBlock());

  Value max = tensor::ExtractOp::create(b, op.getMax(), row);
  Value total = tensor::ExtractOp::create(b, op.getSum(), row);
  Value top = max;
  Value rescale;
  if (op.getSink()) {
    Value head = arith::AddIOp::create(b, op.getHead(), target[0]);
    Value sink =
        convert(b, tensor::ExtractOp::create(b, op.getSink(), head), type);
    top = arith::MaximumFOp::create(b, max, sink);
    rescale = expDifference(b, max, top);
    total = arith::AddFOp::create(b, arith::MulFOp::create(b, total, rescale),
                                  expDifference(b, sink, top));
  }
  auto elementLoop =
      scf::ForOp::create(b, zero, elements, one, ValueRange{carried[0]});
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(elementLoop.getBody());
    Value e = elementLoop.getInductionVar();
    SmallVector<Value> point(row);
    point.push_back(e);
    auto from =
        *affine::expandAffineMap(b, b.getLoc(), op.getStateMap(), point);
    Value element = tensor::ExtractOp::create(b, op.getAcc(), from);
    if (rescale) {
      element = arith::MulFOp::create(b, element, rescale);
    }
    if (op.getFactor()) {
      element = arith::MulFOp::create(b, element, op.getFactor());
    }
    Value quotient = unlessEmpty(b, total, number(b, type, 0.0),
                                 arith::DivFOp::create(b, element, total));
    SmallVector<Value> to{target[0], target[1], e};
    auto at = *affine::expandAffineMap(b, b.getLoc(), outMap, to);
    Value inserted = tensor::InsertOp::create(
        b, convert(b, quotient, elementOf(op.getOut())),
        elementLoop.getRegionIterArgs()[0], at);
    scf::YieldOp::create(b, inserted);
  }
  SmallVector<Value> results{elementLoop.getResult(0)};
  if (op.getLse()) {
    Value lse = convert(b, logSum(b, top, total), elementOf(op.getLse()));
    results.push_back(tensor::InsertOp::create(
        b, lse, carried[1], ValueRange{target[0], target[1]}));
  }
  scf::YieldOp::create(b, results);
  Operation *last = branch;
  for (scf::ForOp loop : llvm::reverse(loops)) {
    b.setInsertionPointAfter(last);
    scf::YieldOp::create(b, last->getResults());
    last = loop;
  }
  return llvm::to_vector_of<Value>(last->getResults());
}

SmallVector<Value> decomposeMergeStates(Builder &b, MergeStatesOp op) {
  auto shape = [](Value tensor) { return cast<ShapedType>(tensor.getType()); };
  FloatType type = cast<FloatType>(shape(op.getPartLse()).getElementType());
  unsigned rows = shape(op.getPartLse()).getRank() - 1;
  MLIRContext *context = b.getContext();
  AffineMap parts = AffineMap::getMultiDimIdentityMap(rows + 1, context);
  AffineMap ofParts = parts.dropResult(0);
  AffineMap row = AffineMap::getMultiDimIdentityMap(rows, context);
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getPartLse());
  ArrayRef<OpFoldResult> rowSizes = ArrayRef(sizes).drop_front();

  Value start = lowest(b, type), sink;
  if (op.getSink()) {
    sink = convert(b, tensor::ExtractOp::create(b, op.getSink(), op.getHead()),
                   type);
    start = sink;
  }
  Value max = makeGeneric(
      b, op.getPartLse(), filled(b, rowSizes, start), {parts, ofParts}, {0},
      [&](Builder &b, ValueRange args) -> Value {
        return arith::MaximumFOp::create(b, args[0], args[1]);
      });
  Value weights = makeGeneric(
      b, {op.getPartLse(), max}, tensor::EmptyOp::create(b, sizes, type),
      {parts, ofParts, parts}, {}, [&](Builder &b, ValueRange args) {
        return expDifference(b, args[0], args[1]);
      });
  Value first = filled(b, rowSizes, number(b, type, 0.0));
  if (sink) {
    first = makeGeneric(b, max, first, {row, row}, {},
                        [&](Builder &b, ValueRange args) {
                          return expDifference(b, sink, args[0]);
                        });
  }
  Value total = makeGeneric(b, weights, first, {parts, ofParts}, {0},
                            [&](Builder &b, ValueRange args) -> Value {
                              return arith::AddFOp::create(b, args[0], args[1]);
                            });
  // Space: (part, rows, e).
  AffineMap all = AffineMap::getMultiDimIdentityMap(rows + 2, context);
  SmallVector<OpFoldResult> outSizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getOut());
  Value acc = makeGeneric(
      b, {weights, op.getParts()}, filled(b, outSizes, number(b, type, 0.0)),
      {all.getMajorSubMap(rows + 1), all, all.dropResult(0)}, {0},
      [&](Builder &b, ValueRange args) -> Value {
        Value part = weigh(b, args[0], convert(b, args[1], type));
        return arith::AddFOp::create(b, args[2], part);
      });
  AffineMap out = AffineMap::getMultiDimIdentityMap(rows + 1, context);
  Type outType = shape(op.getOut()).getElementType();
  SmallVector<Value> results{makeGeneric(
      b, {acc, total}, op.getOut(), {out, out.getMajorSubMap(rows), out}, {},
      [&](Builder &b, ValueRange args) {
        Value quotient = arith::DivFOp::create(b, args[0], args[1]);
        return convert(b,
                       unlessEmpty(b, args[1], number(b, type, 0.0), quotient),
                       outType);
      })};
  if (op.getLse()) {
    Type lseType = shape(op.getLse()).getElementType();
    results.push_back(
        makeGeneric(b, {max, total}, op.getLse(), {row, row, row}, {},
                    [&](Builder &b, ValueRange args) {
                      return convert(b, logSum(b, args[0], args[1]), lseType);
                    }));
  }
  return results;
}

struct DecomposeOnlinePass
    : public attn::impl::DecomposeOnlinePassBase<DecomposeOnlinePass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    WalkResult walk = getOperation().walk([&](Operation *op) {
      if (!isa<OnlineAttentionOp, PackRowsOp, FinalizeStateOp, MergeStatesOp>(
              op)) {
        return WalkResult::advance();
      }
      if (op->getNumResults() == 0) {
        op->emitOpError("expected tensor operands to decompose");
        return WalkResult::interrupt();
      }
      ops.push_back(op);
      return WalkResult::advance();
    });
    if (walk.wasInterrupted()) {
      return signalPassFailure();
    }
    for (Operation *op : ops) {
      Builder b(op->getLoc(), op);
      SmallVector<Value> results;
      if (auto online = dyn_cast<OnlineAttentionOp>(op)) {
        results = OnlineDecomposer(b, online).run();
      } else if (auto pack = dyn_cast<PackRowsOp>(op)) {
        results = {decomposePackRows(b, pack)};
      } else if (auto finalize = dyn_cast<FinalizeStateOp>(op)) {
        results = decomposeFinalizeState(b, finalize);
      } else {
        results = decomposeMergeStates(b, cast<MergeStatesOp>(op));
      }
      op->replaceAllUsesWith(results);
      op->erase();
      ++numDecomposed;
    }
  }
};

} // namespace
