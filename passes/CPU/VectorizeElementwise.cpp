//===- VectorizeElementwise.cpp - elementwise linalg on vectors -----------===//
// What stands around tile ops (time steps, features, gates) runs on whole
// vectors of the last dimension, so that its exponentials become polynomials.
//===----------------------------------------------------------------------===//

#include "../PassTarget.h"
#include "LaneBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

#include <functional>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_VECTORIZEELEMENTWISEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

class Vectorizer {
public:
  Vectorizer(linalg::GenericOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, widest(op.getRegion())) {}

  static bool accepts(linalg::GenericOp op) {
    auto out = op.getNumDpsInits() == 1
                   ? dyn_cast<MemRefType>(op.getDpsInits()[0].getType())
                   : MemRefType();
    if (!out || op.getNumReductionLoops() != 0 || op.getNumLoops() == 0 ||
        !widest(op.getRegion())) {
      return false;
    }
    unsigned last = op.getNumLoops() - 1;
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto memref = dyn_cast<MemRefType>(operand.get().getType());
      bool moves = map.isFunctionOfDim(last);
      if (!memref || !map.isProjectedPermutation() ||
          !isa<FloatType>(memref.getElementType()) ||
          (op.isDpsInit(&operand) && !map.isIdentity()) ||
          (moves && (map.getResults().back() !=
                         getAffineDimExpr(last, op.getContext()) ||
                     !isUnitStride(operand.get(), memref.getRank() - 1)))) {
        return false;
      }
    }
    return llvm::all_of(op.getBody()->without_terminator(), [](Operation &in) {
      return in.hasTrait<OpTrait::ConstantLike>() ||
             OpTrait::hasElementwiseMappableTraits(&in);
    });
  }

  void run() {
    Value out = op.getDpsInits()[0];
    int64_t rank = op.getNumLoops();
    std::function<void()> nest = [&] {
      int64_t d = static_cast<int64_t>(point.size());
      Value size = lb.index.value(memref::getMixedSize(lb.b, lb.loc, out, d));
      if (d + 1 < rank) {
        lb.loop(lb.index.constant(0), size, 1, [&](Value iv) {
          point.push_back(iv);
          nest();
          point.pop_back();
        });
        return;
      }
      Value whole = lb.index.mul(lb.index.div(size, lb.lanes), lb.lanes);
      lb.loop(lb.index.constant(0), whole, lb.lanes,
              [&](Value iv) { emit(iv, Value()); });
      if (getConstantIntValue(size).value_or(1) % lb.lanes != 0) {
        Value rest = lb.index.sub(size, whole);
        // Nothing is left of most rows, so nothing is computed for them.
        Value any =
            arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sgt, rest,
                                  lb.index.constant(0));
        auto branch = scf::IfOp::create(lb.b, lb.loc, any, false);
        OpBuilder::InsertionGuard guard(lb.b);
        lb.b.setInsertionPointToStart(branch.thenBlock());
        emit(whole, rest);
      }
    };
    nest();
    op.erase();
  }

private:
  linalg::GenericOp op;
  OpBuilder builder;
  LaneBuilder lb;
  SmallVector<Value> point;

  static FloatType widest(Region &region) {
    FloatType type;
    auto see = [&](Type other) {
      auto real = dyn_cast<FloatType>(other);
      if (real && (!type || real.getWidth() > type.getWidth())) {
        type = real;
      }
    };
    llvm::for_each(region.getArgumentTypes(), see);
    region.walk(
        [&](Operation *in) { llvm::for_each(in->getResultTypes(), see); });
    return type && type.getWidth() < 32
               ? FloatType(Float32Type::get(region.getContext()))
               : type;
  }

  VectorType vectorOf(Type element) { return lb.vector.clone(element); }

  // The elements from `column` on, all of a vector or `count` of them.
  Value read(OpOperand &operand, Value column, Value count) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    SmallVector<Value> at;
    for (AffineExpr expr : map.getResults()) {
      unsigned d = cast<AffineDimExpr>(expr).getPosition();
      at.push_back(d < point.size() ? point[d] : column);
    }
    Type element = cast<MemRefType>(operand.get().getType()).getElementType();
    if (!map.isFunctionOfDim(point.size())) {
      return memref::LoadOp::create(lb.b, lb.loc, operand.get(), at);
    }
    VectorType type = vectorOf(element);
    if (!count) {
      return vector::LoadOp::create(lb.b, lb.loc, type, operand.get(), at);
    }
    Value none =
        arith::ConstantOp::create(lb.b, lb.loc, lb.b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(lb.b, lb.loc, type, operand.get(), at,
                                        mask(count), none);
  }

  Value mask(Value count) {
    return vector::CreateMaskOp::create(lb.b, lb.loc,
                                        vectorOf(lb.b.getI1Type()), count);
  }

  void emit(Value column, Value count) {
    IRMapping mapping;
    Block *body = op.getBody();
    for (OpOperand &operand : op->getOpOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(&operand);
      if (!argument.use_empty()) {
        mapping.map(argument, read(operand, column, count));
      }
    }
    auto isVector = [](Value value) {
      return isa<VectorType>(value.getType());
    };
    auto widened = [&](Value value) {
      return isVector(value) ? value : lb.splat(value);
    };
    for (Operation &in : body->without_terminator()) {
      bool scalar = llvm::none_of(in.getOperands(), [&](Value operand) {
        return isVector(mapping.lookupOrDefault(operand));
      });
      if (scalar) {
        lb.b.clone(in, mapping);
        continue;
      }
      OperationState state(in.getLoc(), in.getName());
      for (Value operand : in.getOperands()) {
        state.addOperands(widened(mapping.lookupOrDefault(operand)));
      }
      for (Type type : in.getResultTypes()) {
        state.addTypes(vectorOf(type));
      }
      state.addAttributes(in.getAttrs());
      mapping.map(in.getResults(), lb.b.create(state)->getResults());
    }
    Value result = widened(mapping.lookupOrDefault(
        cast<linalg::YieldOp>(body->getTerminator()).getOperand(0)));
    SmallVector<Value> at(point);
    at.push_back(column);
    Value out = op.getDpsInits()[0];
    if (count) {
      vector::MaskedStoreOp::create(lb.b, lb.loc, out, at, mask(count), result);
    } else {
      vector::StoreOp::create(lb.b, lb.loc, result, out, at);
    }
  }
};

struct VectorizeElementwisePass
    : public attn::impl::VectorizeElementwisePassBase<
          VectorizeElementwisePass> {
  using VectorizeElementwisePassBase::VectorizeElementwisePassBase;

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (Vectorizer::accepts(op)) {
        ops.push_back(op);
      }
    });
    for (linalg::GenericOp op : ops) {
      Vectorizer(op, *description).run();
      ++numVectorized;
    }
  }
};

} // namespace
