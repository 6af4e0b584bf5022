//===- InlineScore.cpp - score regions as scalar code ---------------------===//

#include "attn/Passes/InlineScore.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace {

class Inliner {
public:
  Inliner(OpBuilder &builder, FloatType type) : builder(builder), type(type) {}

  IRMapping mapping;

  void clone(Operation &op) {
    if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
        isa<FloatType>(op.getResult(0).getType())) {
      mapping.map(op.getResult(0), mapping.lookupOrDefault(op.getOperand(0)));
      return;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (auto value = dyn_cast<FloatAttr>(constant.getValue())) {
        bool exact;
        APFloat wide = value.getValue();
        wide.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &exact);
        mapping.map(constant.getResult(),
                    arith::ConstantOp::create(builder, op.getLoc(),
                                              FloatAttr::get(type, wide)));
        return;
      }
    }
    if (widens(op)) {
      cloneWide(op);
    } else {
      cloneNarrow(op);
    }
  }

private:
  OpBuilder &builder;
  FloatType type;

  Type widened(Type from) { return isa<FloatType>(from) ? Type(type) : from; }

  // Ops that mean the same in a wider type. Others (bit casts, vectors, ops of
  // other dialects) see the types they were written for.
  bool widens(Operation &op) {
    if (isa<arith::BitcastOp>(op)) {
      return false;
    }
    Dialect *dialect = op.getDialect();
    bool known =
        isa_and_nonnull<arith::ArithDialect, math::MathDialect>(dialect) ||
        isa<scf::IfOp, scf::ForOp, scf::WhileOp, scf::YieldOp,
            scf::ConditionOp>(op);
    return known && llvm::none_of(op.getResultTypes(), [](Type result) {
             return isa<ShapedType>(result);
           });
  }

  void cloneWide(Operation &op) {
    OperationState state(op.getLoc(), op.getName());
    for (Value operand : op.getOperands()) {
      state.addOperands(mapping.lookupOrDefault(operand));
    }
    for (Type result : op.getResultTypes()) {
      state.addTypes(widened(result));
    }
    state.addAttributes(op.getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op.getPropertiesAsAttribute();
    for (Region &region : op.getRegions()) {
      cloneRegion(region, *state.addRegion());
    }
    mapping.map(op.getResults(), builder.create(state)->getResults());
  }

  void cloneRegion(Region &from, Region &to) {
    OpBuilder::InsertionGuard guard(builder);
    for (Block &block : from) {
      Block *created = new Block();
      to.push_back(created);
      for (BlockArgument argument : block.getArguments()) {
        mapping.map(argument, created->addArgument(widened(argument.getType()),
                                                   argument.getLoc()));
      }
      builder.setInsertionPointToEnd(created);
      for (Operation &op : block) {
        clone(op);
      }
    }
  }

  void cloneNarrow(Operation &op) {
    IRMapping local(mapping);
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Value wide = mapping.lookupOrNull(operand);
        if (!wide || wide.getType() == operand.getType()) {
          continue;
        }
        Value narrow = arith::TruncFOp::create(builder, op.getLoc(),
                                               operand.getType(), wide);
        local.map(operand, narrow);
      }
    });
    Operation *copy = builder.clone(op, local);
    for (auto [old, created] :
         llvm::zip_equal(op.getResults(), copy->getResults())) {
      Value value = created;
      if (widened(old.getType()) != old.getType()) {
        value = arith::ExtFOp::create(builder, op.getLoc(), type, created);
      }
      mapping.map(old, value);
    }
  }
};

} // namespace

Value attn::inlineScore(OpBuilder &builder, Location loc, Region &score,
                        ValueRange arguments, FloatType type) {
  Inliner inliner(builder, type);
  Block &block = score.front();
  inliner.mapping.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator()) {
    inliner.clone(op);
  }
  return inliner.mapping.lookupOrDefault(
      cast<YieldOp>(block.getTerminator()).getValues()[0]);
}
