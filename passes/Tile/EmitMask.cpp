//===- EmitMask.cpp - masks as arithmetic ---------------------------------===//
// A form a - b + c >= 0 is compared as a - b >= -c. What depends on scalars
// alone is computed on scalars.
//===----------------------------------------------------------------------===//

#include "attn/Passes/EmitMask.h"
#include "attn/Mask/TileAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;

namespace {

struct Emitter {
  OpBuilder &builder;
  Location loc;
  ArrayRef<Value> dims;
  ValueRange symbols;

  static VectorType shapeOf(Value value) {
    return dyn_cast<VectorType>(value.getType());
  }

  Value constant(TypedAttr element) {
    return arith::ConstantOp::create(builder, loc, element);
  }
  Value number(int64_t value) { return constant(builder.getIndexAttr(value)); }

  // Both as vectors where one is.
  void unify(Value &a, Value &b) {
    auto match = [&](Value &value, VectorType shape) {
      if (shape && !shapeOf(value)) {
        value = vector::BroadcastOp::create(
            builder, loc, shape.clone(value.getType()), value);
      }
    };
    VectorType left = shapeOf(a), right = shapeOf(b);
    match(a, right);
    match(b, left);
  }

  template <typename OpT> Value binary(Value a, Value b) {
    unify(a, b);
    return builder.createOrFold<OpT>(loc, a, b);
  }

  Value term(AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      return dims[dim.getPosition()];
    }
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
      return symbols[symbol.getPosition()];
    }
    auto quotient = cast<AffineBinaryOpExpr>(expr);
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    Value above = form(LinearForm::of(quotient.getLHS()));
    return binary<arith::FloorDivSIOp>(above, number(by));
  }

  // Without the constant; null for nothing.
  Value sum(const LinearForm &form) {
    Value positive, negative;
    for (auto [expr, factor] : form.terms) {
      Value &part = factor > 0 ? positive : negative;
      Value value = term(expr);
      if (std::abs(factor) != 1) {
        value = binary<arith::MulIOp>(value, number(std::abs(factor)));
      }
      part = part ? binary<arith::AddIOp>(part, value) : value;
    }
    if (!negative) {
      return positive;
    }
    return binary<arith::SubIOp>(positive ? positive : number(0), negative);
  }

  Value form(const LinearForm &form) {
    Value value = sum(form);
    if (!value || form.constant == 0) {
      return value ? value : number(form.constant);
    }
    return binary<arith::AddIOp>(value, number(form.constant));
  }

  Value truth(bool value) { return constant(builder.getBoolAttr(value)); }

  Value holds(const LinearForm &form) {
    Value value = sum(form);
    if (!value) {
      return truth(form.constant >= 0);
    }
    Value limit = number(-form.constant);
    unify(value, limit);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, value,
                                 limit);
  }

  Value emit(const MaskSet &mask) {
    using Kind = MaskSet::Kind;
    bool isOr = mask.kind == Kind::Or;
    Value result;
    auto join = [&](Value next) {
      result = !result ? next
               : isOr  ? binary<arith::OrIOp>(result, next)
                       : binary<arith::AndIOp>(result, next);
    };
    for (const LinearForm &form : mask.constraints) {
      join(holds(form));
    }
    for (const MaskSet &child : mask.children) {
      join(emit(child));
    }
    if (mask.kind == Kind::Not) {
      return binary<arith::XOrIOp>(result, truth(true));
    }
    // Nothing in a conjunction hides nothing, nothing in a union shows nothing.
    return result ? result : truth(!isOr);
  }
};

} // namespace

Value attn::emitForm(OpBuilder &builder, Location loc, const LinearForm &form,
                     ArrayRef<Value> dims, ValueRange symbols) {
  return Emitter{builder, loc, dims, symbols}.form(form);
}

Value attn::emitMask(OpBuilder &builder, Location loc, const MaskSet &mask,
                     const MaskValues &point) {
  Value dims[] = {point.b, point.h, point.q, point.k};
  return Emitter{builder, loc, dims, point.symbols}.emit(mask);
}

bool attn::mayHoldHiddenKeys(OnlineAttentionOp op, bool oneHead) {
  if (!op.getMaskRegion().empty()) {
    return true;
  }
  return op.getMaskAttr() &&
         !analyzeTile(op.getMaskAttr().getMaskSet(), TileWalk::Keys, oneHead)
              .exact;
}
