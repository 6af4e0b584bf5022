//===- DecomposeReference.cpp - attention from its definition -------------===//
// Rewrites attention and merges to plain scf, tensor and arith, in a chosen
// precision, row by row: a row of scores is all that is ever held. This is the
// oracle that compiled kernels are compared with, so it stays independent of
// them: every pair asks the mask itself, and no tile is ever looked at. It is
// still fast enough for real sizes: dot products are loops that LLVM
// vectorises, and hidden pairs cost only their predicate.
//===----------------------------------------------------------------------===//

#include "ReferenceCache.h"
#include "ReferenceEvict.h"
#include "ReferenceForm.h"
#include "ReferencePositions.h"
#include "ReferenceQuant.h"
#include "ReferenceRecurrence.h"
#include "ReferenceRows.h"
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
using namespace attn::reference;

namespace {

using Values = SmallVector<Value>;

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
               KVQuantizeOp, KVDequantizeOp, KVScoreOp, KVEvictOp>(op)) {
        return WalkResult::advance();
      }
      auto attention = dyn_cast<AttentionOp>(op);
      if (attention && attention.isPaged() && !rowStreamed) {
        op->emitOpError("on pages has no materialised form; use row-streamed");
        return WalkResult::interrupt();
      }
      if (isa<ScanChunkOp, FavorFeaturesOp, PairProductsOp>(op)) {
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
    if (auto evict = dyn_cast<KVEvictOp>(op)) {
      for (auto [old, created] : llvm::zip_equal(
               op->getResults(), buildReferenceEvict(b, evict, source))) {
        wide[old] = created;
      }
      ++numDecomposed;
      return;
    }
    if (auto score = dyn_cast<KVScoreOp>(op)) {
      auto out = cast<ShapedType>(score.getOut().getType());
      FloatType wideType = elementType == "f64" || out.getElementType().isF64()
                               ? FloatType(Float64Type::get(context))
                               : FloatType(Float32Type::get(context));
      wide[op->getResult(0)] = buildReferenceScore(b, score, wideType, source);
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
        results = buildStreamedAttention(b, form, destinations);
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
