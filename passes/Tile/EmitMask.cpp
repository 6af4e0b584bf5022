//===- EmitMask.cpp - masks as arithmetic ---------------------------------===//
// Bounds are compared with the difference q - k, which cannot overflow for
// positions of a sequence, whereas `q + right` could.
//===----------------------------------------------------------------------===//

#include "attn/Passes/EmitMask.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace {

struct Emitter {
  OpBuilder &builder;
  Location loc;
  Value q, k;
  Value difference; // q - k, made when first needed

  // `element`, or a splat of it in the shape of q and k.
  Value constant(TypedAttr element) {
    TypedAttr value = element;
    if (auto shaped = dyn_cast<VectorType>(q.getType())) {
      value = SplatElementsAttr::get(shaped.clone(element.getType()),
                                     Attribute(element));
    }
    return arith::ConstantOp::create(builder, loc, value);
  }

  Value compare(arith::CmpIPredicate predicate, Value lhs, int64_t rhs) {
    return arith::CmpIOp::create(builder, loc, predicate, lhs,
                                 constant(builder.getIndexAttr(rhs)));
  }

  Value band(const attn::MaskSet &mask) {
    if (mask.left < 0 && mask.right < 0) {
      return constant(builder.getBoolAttr(true));
    }
    if (!difference) {
      difference = arith::SubIOp::create(builder, loc, q, k);
    }
    Value left, right;
    if (mask.left >= 0) {
      left = compare(arith::CmpIPredicate::sle, difference, mask.left);
    }
    if (mask.right >= 0) {
      right = compare(arith::CmpIPredicate::sge, difference, -mask.right);
    }
    if (!left || !right) {
      return left ? left : right;
    }
    return arith::AndIOp::create(builder, loc, left, right);
  }

  Value emit(const attn::MaskSet &mask) {
    using Kind = attn::MaskSet::Kind;
    switch (mask.kind) {
    case Kind::Band:
      return band(mask);
    case Kind::Prefix:
      return compare(arith::CmpIPredicate::slt, k, mask.count);
    case Kind::And:
    case Kind::Or:
      break;
    }
    Value result;
    for (const attn::MaskSet &child : mask.children) {
      Value next = emit(child);
      if (!result) {
        result = next;
      } else if (mask.kind == Kind::And) {
        result = arith::AndIOp::create(builder, loc, result, next);
      } else {
        result = arith::OrIOp::create(builder, loc, result, next);
      }
    }
    // Nothing in a conjunction hides nothing, nothing in a union shows nothing.
    return result ? result
                  : constant(builder.getBoolAttr(mask.kind == Kind::And));
  }
};

} // namespace

Value attn::emitMask(OpBuilder &builder, Location loc, const MaskSet &mask,
                     Value q, Value k) {
  return Emitter{builder, loc, q, k, Value()}.emit(mask);
}
