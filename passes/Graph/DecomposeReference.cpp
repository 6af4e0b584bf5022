//===- DecomposeReference.cpp - attention from its definition -------------===//
// Rewrites attention and merges to plain scf, tensor and arith, in a chosen
// precision, row by row: a row of scores is all that is ever held. This is the
// oracle that compiled kernels are compared with, so it stays independent of
// them: every pair asks the mask itself, and no tile is ever looked at. It is
// still fast enough for real sizes: dot products are loops that LLVM
// vectorises, and hidden pairs cost only their predicate.
//===----------------------------------------------------------------------===//

#include "ReferenceCache.h"
#include "ReferenceForm.h"
#include "ReferencePositions.h"
#include "ReferenceQuant.h"
#include "ReferenceRecurrence.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_DECOMPOSEREFERENCEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

using Values = SmallVector<Value>;

Value zeroIndex(ImplicitLocOpBuilder &b) {
  return arith::ConstantIndexOp::create(b, 0);
}

// lhs * rhs + addend in an order that LLVM may choose.
Value multiplyAdd(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Value addend) {
  auto flags = arith::FastMathFlagsAttr::get(
      b.getContext(),
      arith::FastMathFlags::reassoc | arith::FastMathFlags::contract);
  Value product = arith::MulFOp::create(b, lhs, rhs, flags);
  return arith::AddFOp::create(b, addend, product, flags);
}

Value empty(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> sizes, Type type) {
  return tensor::EmptyOp::create(b, sizes, type);
}

// A tensor filled with zeros of `elements` elements.
Value zeros(ImplicitLocOpBuilder &b, OpFoldResult elements, Type type) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return linalg::FillOp::create(b, zero, ValueRange{empty(b, elements, type)})
      .getResult(0);
}

// The slice of `destination` at `offsets` with `sizes`, its unit dimensions
// dropped, as what a row writes to.
struct RowSlice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Value tensor;

  RowSlice(ImplicitLocOpBuilder &b, Value destination,
           ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
           std::optional<unsigned> kept)
      : offsets(offsets), sizes(sizes),
        strides(offsets.size(), b.getIndexAttr(1)) {
    SmallVector<int64_t> shape;
    if (kept) {
      auto [size, dynamic] = decomposeMixedValues({sizes[*kept]});
      shape = size;
    }
    auto type = RankedTensorType::get(
        shape, cast<ShapedType>(destination.getType()).getElementType());
    tensor = tensor::ExtractSliceOp::create(b, type, destination, offsets,
                                            sizes, strides);
  }

  void insert(ImplicitLocOpBuilder &b, Value result, Value destination) {
    tensor::ParallelInsertSliceOp::create(b, result, destination, offsets,
                                          sizes, strides);
  }
};

// An scf.forall over `sizes` that writes a slice a point of each destination.
Values
forall(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> sizes,
       ValueRange destinations,
       function_ref<void(ValueRange ivs, ValueRange destinations,
                         SmallVectorImpl<RowSlice> &slices, Values &results)>
           body) {
  SmallVector<OpFoldResult> bounds(sizes);
  if (bounds.empty()) {
    bounds.push_back(b.getIndexAttr(1));
  }
  auto loop = scf::ForallOp::create(b, bounds, destinations, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<RowSlice> slices;
  Values results;
  body(ValueRange(loop.getInductionVars()).take_front(sizes.size()),
       loop.getRegionIterArgs(), slices, results);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [slice, result, destination] :
       llvm::zip_equal(slices, results, loop.getRegionIterArgs())) {
    slice.insert(b, result, destination);
  }
  return llvm::to_vector_of<Value>(loop.getResults());
}

// Writes `acc[e] * factor` for each element, or 0 where the row has no weight.
Value writeRow(ImplicitLocOpBuilder &b, Value acc, Value factor, Value none,
               Value destination) {
  Value size = tensor::DimOp::create(b, destination, zeroIndex(b));
  Type to = cast<ShapedType>(destination.getType()).getElementType();
  return referenceLoop(
      b, zeroIndex(b), size, destination, [&](Value e, ValueRange carried) {
        Value element = tensor::ExtractOp::create(b, acc, e);
        Value zero =
            arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
        Value scaled = arith::SelectOp::create(
            b, none, zero, arith::MulFOp::create(b, element, factor));
        return Values{tensor::InsertOp::create(
            b, ReferenceForm::convert(b, scaled, to), carried[0], e)};
      })[0];
}

// total -> whether it is 0, 1/total and max + ln total (-inf where it is 0).
struct Normaliser {
  Value none, factor, lse;

  Normaliser(ImplicitLocOpBuilder &b, Value total, Value max) {
    Type type = total.getType();
    Value zero = arith::ConstantOp::create(b, b.getFloatAttr(type, 0.0));
    Value one = arith::ConstantOp::create(b, b.getFloatAttr(type, 1.0));
    Value infinity = arith::ConstantOp::create(
        b, b.getFloatAttr(type, -std::numeric_limits<double>::infinity()));
    none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, zero);
    factor = arith::DivFOp::create(b, one, total);
    lse = arith::SelectOp::create(
        b, none, infinity,
        arith::AddFOp::create(b, max, math::LogOp::create(b, total)));
  }
};

//===----------------------------------------------------------------------===//
// Attention, row by row
//===----------------------------------------------------------------------===//

class StreamedAttention {
public:
  StreamedAttention(ImplicitLocOpBuilder &b, const ReferenceForm &form)
      : b(b), form(form), op(form.op) {}

  Values build(ValueRange destinations) {
    return forall(
        b, form.rowSizes(b), destinations,
        [&](ValueRange ivs, ValueRange dest, SmallVectorImpl<RowSlice> &slices,
            Values &results) { buildRow(ivs, dest, slices, results); });
  }

private:
  ImplicitLocOpBuilder &b;
  const ReferenceForm &form;
  AttentionOp op;

  void buildRow(ValueRange ivs, ValueRange destinations,
                SmallVectorImpl<RowSlice> &slices, Values &results) {
    ReferenceRow row = form.row(b, ivs);
    Value sink;
    if (form.sink) {
      sink = form.read(b, form.sink, row.head);
    }
    auto [scores, max] = scoreRow(row, sink ? sink : form.infinity(b));
    Value total = sink ? form.weight(b, sink, max) : form.constant(b, 0.0);
    auto [acc, sum] = sumRow(row, scores, max, total);
    Normaliser normal(b, sum, max);

    OpFoldResult one = b.getIndexAttr(1);
    OpFoldResult head(row.head), token(row.token);
    OpFoldResult batch =
        form.isRagged() ? OpFoldResult() : OpFoldResult(row.batch);
    OpFoldResult elements =
        tensor::getMixedSize(b, b.getLoc(), form.v, op.getKeySizeDim());
    slices.emplace_back(b, destinations[0],
                        form.at(batch, head, token, b.getIndexAttr(0)),
                        form.at(one, one, one, elements), op.getSizeDim());
    results.push_back(
        writeRow(b, acc, normal.factor, normal.none, slices[0].tensor));
    if (destinations.size() > 1) {
      SmallVector<OpFoldResult> ones(ivs.size(), one);
      slices.emplace_back(b, destinations[1], getAsOpFoldResult(ivs), ones,
                          std::nullopt);
      Value lse = ReferenceForm::convert(
          b, normal.lse,
          cast<ShapedType>(destinations[1].getType()).getElementType());
      results.push_back(
          tensor::InsertOp::create(b, lse, slices[1].tensor, ValueRange()));
    }
  }

  // The scores of a row, -inf where hidden, and their maximum.
  std::pair<Value, Value> scoreRow(const ReferenceRow &row, Value start) {
    Value zero = zeroIndex(b);
    OpFoldResult mixed =
        tensor::getMixedSize(b, b.getLoc(), form.q, op.getSizeDim());
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed);
    // The query is converted once a row rather than once a pair.
    Value query = referenceLoop(
        b, zero, size, empty(b, mixed, form.type),
        [&](Value d, ValueRange carried) {
          Value element =
              form.read(b, form.q, form.at(row.batch, row.head, row.token, d));
          return Values{tensor::InsertOp::create(b, element, carried[0], d)};
        })[0];
    auto pair = [&](Value j) {
      Values key = form.keyRow(b, row, j);
      Value product =
          referenceLoop(b, zero, size, form.constant(b, 0.0),
                        [&](Value d, ValueRange carried) {
                          Value lhs = tensor::ExtractOp::create(b, query, d);
                          Values at(key);
                          at.push_back(d);
                          Value rhs = form.read(b, form.k, at);
                          return Values{multiplyAdd(b, lhs, rhs, carried[0])};
                        })[0];
      return form.score(b, row, j, product);
    };
    Value scores = empty(b, OpFoldResult(row.keys), form.type);
    Values result = referenceLoop(
        b, zero, row.keys, {scores, start}, [&](Value j, ValueRange carried) {
          Value y;
          if (Value visible = form.visible(b, row, j)) {
            auto branch = scf::IfOp::create(b, TypeRange(Type(form.type)),
                                            visible, /*withElseRegion=*/true);
            OpBuilder::InsertionGuard guard(b);
            b.setInsertionPointToStart(branch.thenBlock());
            scf::YieldOp::create(b, pair(j));
            b.setInsertionPointToStart(branch.elseBlock());
            scf::YieldOp::create(b, form.infinity(b));
            y = branch.getResult(0);
          } else {
            y = pair(j);
          }
          return Values{tensor::InsertOp::create(b, y, carried[0], j),
                        arith::MaximumFOp::create(b, carried[1], y)};
        });
    return {result[0], result[1]};
  }

  // The weighted values of a row and the sum of the weights.
  std::pair<Value, Value> sumRow(const ReferenceRow &row, Value scores,
                                 Value max, Value total) {
    Value zero = zeroIndex(b);
    OpFoldResult mixed =
        tensor::getMixedSize(b, b.getLoc(), form.v, op.getKeySizeDim());
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed);
    Values result = referenceLoop(
        b, zero, row.keys, {zeros(b, mixed, form.type), total},
        [&](Value j, ValueRange carried) {
          Value y = tensor::ExtractOp::create(b, scores, j);
          // What a hidden key holds must not matter, so it is not read.
          auto branch =
              scf::IfOp::create(b, carried.getTypes(), form.isInfinity(b, y),
                                /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, carried);
          b.setInsertionPointToStart(branch.elseBlock());
          Value weight = form.weight(b, y, max);
          Values key = form.keyRow(b, row, j);
          Value acc = referenceLoop(
              b, zero, size, carried[0], [&](Value e, ValueRange inner) {
                Values at(key);
                at.push_back(e);
                Value value = form.read(b, form.v, at);
                Value old = tensor::ExtractOp::create(b, inner[0], e);
                return Values{tensor::InsertOp::create(
                    b, multiplyAdd(b, weight, value, old), inner[0], e)};
              })[0];
          Value sum = arith::AddFOp::create(b, carried[1], weight);
          scf::YieldOp::create(b, ValueRange{acc, sum});
          return llvm::to_vector_of<Value>(branch.getResults());
        });
    return {result[0], result[1]};
  }
};

//===----------------------------------------------------------------------===//
// Merges
//===----------------------------------------------------------------------===//

Values buildMerge(ImplicitLocOpBuilder &b, MergeStatesOp op, FloatType type,
                  function_ref<Value(Value)> source, ValueRange destinations) {
  Value parts = source(op.getParts()), partLse = source(op.getPartLse());
  Value zero = zeroIndex(b);
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  };
  auto read = [&](Value tensor, Value first, ValueRange rest) {
    Values indices{first};
    llvm::append_range(indices, rest);
    return ReferenceForm::convert(
        b, tensor::ExtractOp::create(b, tensor, indices), type);
  };
  double infinite = -std::numeric_limits<double>::infinity();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), parts);
  Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), sizes.front());
  OpFoldResult elements = sizes.back();
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), elements);
  auto rows = ArrayRef<OpFoldResult>(sizes).drop_front().drop_back();

  auto body = [&](ValueRange ivs, ValueRange dest,
                  SmallVectorImpl<RowSlice> &slices, Values &results) {
    auto hidden = [&](Value lse) -> Value {
      return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lse,
                                   constant(infinite));
    };
    auto weigh = [&](Value lse, Value max) -> Value {
      Value e = math::ExpOp::create(b, arith::SubFOp::create(b, lse, max));
      return arith::SelectOp::create(b, hidden(lse), constant(0.0), e);
    };
    Value sink;
    if (op.getSink()) {
      sink = read(source(op.getSink()), op.getHead(), {});
    }
    Value max = referenceLoop(b, zero, count, sink ? sink : constant(infinite),
                              [&](Value s, ValueRange carried) {
                                return Values{arith::MaximumFOp::create(
                                    b, carried[0], read(partLse, s, ivs))};
                              })[0];
    Value start = sink ? weigh(sink, max) : constant(0.0);
    Values sums = referenceLoop(
        b, zero, count, {zeros(b, elements, type), start},
        [&](Value s, ValueRange carried) {
          Value lse = read(partLse, s, ivs);
          auto branch = scf::IfOp::create(b, carried.getTypes(), hidden(lse),
                                          /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, carried);
          b.setInsertionPointToStart(branch.elseBlock());
          Value weight = weigh(lse, max);
          Value acc = referenceLoop(
              b, zero, size, carried[0], [&](Value e, ValueRange inner) {
                Values at(ivs);
                at.push_back(e);
                Value old = tensor::ExtractOp::create(b, inner[0], e);
                return Values{tensor::InsertOp::create(
                    b, multiplyAdd(b, weight, read(parts, s, at), old),
                    inner[0], e)};
              })[0];
          Value sum = arith::AddFOp::create(b, carried[1], weight);
          scf::YieldOp::create(b, ValueRange{acc, sum});
          return llvm::to_vector_of<Value>(branch.getResults());
        });
    Normaliser normal(b, sums[1], max);
    OpFoldResult one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets = getAsOpFoldResult(ivs);
    SmallVector<OpFoldResult> ones(ivs.size(), one);
    if (dest.size() > 1) {
      slices.emplace_back(b, dest[1], offsets, ones, std::nullopt);
    }
    offsets.push_back(b.getIndexAttr(0));
    ones.push_back(elements);
    slices.insert(slices.begin(),
                  RowSlice(b, dest[0], offsets, ones, ivs.size()));
    results.push_back(
        writeRow(b, sums[0], normal.factor, normal.none, slices[0].tensor));
    if (dest.size() > 1) {
      Value lse = ReferenceForm::convert(
          b, normal.lse, cast<ShapedType>(dest[1].getType()).getElementType());
      results.push_back(
          tensor::InsertOp::create(b, lse, slices[1].tensor, ValueRange()));
    }
  };
  return forall(b, rows, destinations, body);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

// `wide` elementwise in the element type of `type`.
Value convertTensor(ImplicitLocOpBuilder &b, Value wide,
                    RankedTensorType type) {
  if (wide.getType() == type) {
    return wide;
  }
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), wide);
  Value init = empty(b, sizes, type.getElementType());
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  Value narrow =
      linalg::GenericOp::create(
          b, TypeRange{init.getType()}, wide, init, maps, iterators,
          [&](OpBuilder &inner, Location loc, ValueRange args) {
            ImplicitLocOpBuilder ib(loc, inner);
            linalg::YieldOp::create(
                ib, ReferenceForm::convert(ib, args[0], type.getElementType()));
          })
          .getResult(0);
  if (narrow.getType() != type) {
    narrow = tensor::CastOp::create(b, type, narrow);
  }
  return narrow;
}

// Each element of the table looks at its block.
Value buildBlockSummary(ImplicitLocOpBuilder &b, BlockSummaryOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  bool isFloat = isa<FloatType>(type.getElementType());
  ReifiedRankedShapedTypeDims shapes;
  (void)op.reifyResultShapes(b, shapes);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    if (type.isDynamicDim(d)) {
      sizes.push_back(
          getValueOrCreateConstantIndexOp(b, b.getLoc(), shapes.front()[d]));
    }
  }
  Value length = getValueOrCreateConstantIndexOp(
      b, b.getLoc(),
      tensor::getMixedSize(b, b.getLoc(), op.getX(), op.getDim()));
  auto generate = tensor::GenerateOp::create(
      b, type, sizes, [&](OpBuilder &inner, Location loc, ValueRange at) {
        ImplicitLocOpBuilder ib(loc, inner);
        auto number = [&](int64_t value) -> Value {
          return arith::ConstantIndexOp::create(ib, value);
        };
        Value block = number(op.getBlock());
        Value first = arith::MulIOp::create(ib, at[op.getDim()], block);
        Value end = arith::MinSIOp::create(
            ib, arith::AddIOp::create(ib, first, block), length);
        Value isLeast = arith::CmpIOp::create(ib, arith::CmpIPredicate::eq,
                                              at.back(), number(0));
        SmallVector<Value> point(at.drop_back());
        auto read = [&](ImplicitLocOpBuilder &rb, Value n) -> Value {
          point[op.getDim()] = n;
          return tensor::ExtractOp::create(rb, op.getX(), point);
        };
        auto loop = scf::ForOp::create(
            ib, first, end, number(1), ValueRange{read(ib, first)},
            [&](OpBuilder &body, Location, Value n, ValueRange carried) {
              ImplicitLocOpBuilder lb(loc, body);
              Value next = read(lb, n), old = carried[0];
              Value least =
                  isFloat ? arith::MinimumFOp::create(lb, old, next).getResult()
                          : arith::MinSIOp::create(lb, old, next).getResult();
              Value largest =
                  isFloat ? arith::MaximumFOp::create(lb, old, next).getResult()
                          : arith::MaxSIOp::create(lb, old, next).getResult();
              scf::YieldOp::create(lb, ValueRange{arith::SelectOp::create(
                                           lb, isLeast, least, largest)});
            });
        tensor::YieldOp::create(ib, loop.getResult(0));
      });
  return generate;
}

struct DecomposeReferencePass
    : public attn::impl::DecomposeReferencePassBase<DecomposeReferencePass> {
  using DecomposeReferencePassBase::DecomposeReferencePassBase;

  void runOnOperation() override {
    if (elementType != "f64" && elementType != "f32") {
      emitError(getOperation().getLoc())
          << "expected element-type f64 or f32, but got '" << elementType
          << "'";
      return signalPassFailure();
    }
    SmallVector<BlockSummaryOp> summaries;
    getOperation().walk([&](BlockSummaryOp op) { summaries.push_back(op); });
    for (BlockSummaryOp op : summaries) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      op.replaceAllUsesWith(buildBlockSummary(b, op));
      op.erase();
    }
    SmallVector<Operation *> ops;
    WalkResult walk = getOperation().walk([&](Operation *op) {
      if (!isRecurrence(op) &&
          !isa<AttentionOp, MergeStatesOp, RopeOp, KVAppendOp, KVGatherOp,
               KVQuantizeOp, KVDequantizeOp>(op)) {
        return WalkResult::advance();
      }
      auto attention = dyn_cast<AttentionOp>(op);
      if (attention && attention.isPaged() && !rowStreamed) {
        op->emitOpError("on pages has no materialised form; use row-streamed");
        return WalkResult::interrupt();
      }
      auto linear = dyn_cast<LinearAttentionOp>(op);
      if (isa<ScanChunkOp>(op) || (linear && linear.getFavor())) {
        op->emitOpError("has no reference form");
        return WalkResult::interrupt();
      }
      if (op->getNumResults() == 0) {
        op->emitOpError("expected tensor operands; run attn-wrap-memrefs "
                        "before attn-decompose-reference");
        return WalkResult::interrupt();
      }
      ops.push_back(op);
      return WalkResult::advance();
    });
    if (walk.wasInterrupted()) {
      return signalPassFailure();
    }
    for (Operation *op : ops) {
      decompose(op);
    }
    widenReturns();
    for (Operation *op : llvm::reverse(ops)) {
      replaceRemaining(op);
    }
  }

private:
  /// The results in the precision of the arithmetic, by the original ones.
  llvm::DenseMap<Value, Value> wide;

  bool widens() const {
    return widenResults == "auto" ? elementType == "f64"
                                  : widenResults == "true";
  }

  void decompose(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    MLIRContext *context = op->getContext();
    FloatType type = Float64Type::get(context);
    auto dps = cast<DestinationStyleOpInterface>(op);
    auto attention = dyn_cast<AttentionOp>(op);
    auto source = [&](Value operand) {
      Value found = wide.lookup(operand);
      return found ? found : operand;
    };
    if (isa<KVAppendOp, KVGatherOp>(op)) {
      for (auto [old, created] : llvm::zip_equal(
               op->getResults(), buildReferenceCache(b, op, source))) {
        wide[old] = created;
      }
      ++numDecomposed;
      return;
    }
    if (auto quantize = dyn_cast<KVQuantizeOp>(op)) {
      for (auto [old, created] : llvm::zip_equal(
               op->getResults(), buildReferenceQuantize(b, quantize, source))) {
        wide[old] = created;
      }
      ++numDecomposed;
      return;
    }
    if (auto dequantize = dyn_cast<KVDequantizeOp>(op)) {
      auto out = cast<ShapedType>(dequantize.getOut().getType());
      FloatType wideType = elementType == "f64" || out.getElementType().isF64()
                               ? FloatType(Float64Type::get(context))
                               : FloatType(Float32Type::get(context));
      wide[op->getResult(0)] =
          buildReferenceDequantize(b, dequantize, wideType, source);
      ++numDecomposed;
      return;
    }
    auto merge = dyn_cast<MergeStatesOp>(op);
    auto rope = dyn_cast<RopeOp>(op);
    // Never below the accumulation type of the op itself.
    Type accumulator =
        attention ? attention.getAccumulatorType()
        : rope    ? rope.getAccumulatorType()
        : isRecurrence(op)
            ? recurrenceType(op)
            : cast<ShapedType>(merge.getPartLse().getType()).getElementType();
    if (elementType != "f64" && !accumulator.isF64()) {
      type = Float32Type::get(context);
    }
    Values results;
    if (attention && !rowStreamed) {
      ReferenceForm form(attention, type, source);
      form.prepare(b);
      results = buildMaterialisedAttention(b, form);
    } else {
      Values destinations;
      for (Value init : dps.getDpsInits()) {
        destinations.push_back(
            empty(b, tensor::getMixedSizes(b, b.getLoc(), init), type));
      }
      if (attention) {
        ReferenceForm form(attention, type, source);
        form.prepare(b);
        results = StreamedAttention(b, form).build(destinations);
      } else if (isRecurrence(op)) {
        results =
            buildReferenceRecurrence(b, op, type, source, destinations.front());
      } else if (rope) {
        results = {
            buildReferenceRope(b, rope, type, source, destinations.front())};
      } else {
        results = buildMerge(b, merge, type, source, destinations);
      }
    }
    for (auto [old, created] : llvm::zip_equal(op->getResults(), results)) {
      wide[old] = created;
    }
    ++numDecomposed;
  }

  // Functions that return a result return the wide one, and so change type.
  void widenReturns() {
    if (!widens()) {
      return;
    }
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal() ||
          !SymbolTable::symbolKnownUseEmpty(function, module)) {
        continue;
      }
      SmallVector<func::ReturnOp> returns;
      function.walk([&](func::ReturnOp op) { returns.push_back(op); });
      SmallVector<Type> types(function.getResultTypes());
      for (unsigned n = 0; n < types.size(); ++n) {
        std::optional<Type> common;
        bool agree = llvm::all_of(returns, [&](func::ReturnOp op) {
          Value value = wide.lookup(op.getOperand(n));
          bool same = value && (!common || *common == value.getType());
          common = value ? value.getType() : Type();
          return same;
        });
        if (!agree || returns.empty()) {
          continue;
        }
        for (func::ReturnOp op : returns) {
          op.setOperand(n, wide.lookup(op.getOperand(n)));
        }
        types[n] = *common;
      }
      function.setFunctionType(
          FunctionType::get(&getContext(), function.getArgumentTypes(), types));
    }
  }

  void replaceRemaining(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    for (OpResult result : op->getResults()) {
      if (!result.use_empty()) {
        result.replaceAllUsesWith(convertTensor(
            b, wide.lookup(result), cast<RankedTensorType>(result.getType())));
      }
    }
    op->erase();
  }
};

} // namespace
