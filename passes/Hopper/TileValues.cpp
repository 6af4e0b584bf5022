//===- TileValues.cpp - scalars of a kernel that differ from tile to tile -===//

#include "TileValues.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace attn {

bool TileValues::varies(Value value) {
  if (value == number) {
    return true;
  }
  Operation *made = value.getDefiningOp();
  if (!made || made->getBlock() != number.getParentBlock()) {
    return false;
  }
  if (auto found = known.find(value); found != known.end()) {
    return found->second;
  }
  bool result = llvm::any_of(made->getOperands(),
                             [&](Value operand) { return varies(operand); });
  SetVector<Value> above;
  getUsedValuesDefinedAbove(made->getRegions(), above);
  for (Value operand : above) {
    result = result || varies(operand);
  }
  known[value] = result;
  return result;
}

Value TileValues::here(Value value, IRMapping &mapping) {
  if (Value found = mapping.lookupOrNull(value)) {
    return found;
  }
  if (!varies(value)) {
    return value;
  }
  Operation *made = value.getDefiningOp();
  SetVector<Value> used(made->operand_begin(), made->operand_end());
  getUsedValuesDefinedAbove(made->getRegions(), used);
  for (Value operand : used) {
    here(operand, mapping);
  }
  // One thread computes them in front of each tile: quotients of 64 bits, which
  // are hundreds of instructions, would keep the consumers waiting. Numbers of
  // tiles and positions have 32 bits.
  if (isa<arith::DivUIOp, arith::RemUIOp>(made) && value.getType().isIndex()) {
    Value a = warp.toInt(mapping.lookupOrDefault(made->getOperand(0)));
    Value b = warp.toInt(mapping.lookupOrDefault(made->getOperand(1)));
    mapping.map(value,
                warp.toIndex(isa<arith::DivUIOp>(made) ? warp.div(a, b)
                                                       : warp.rem(a, b)));
  } else {
    warp.builder.clone(*made, mapping);
  }
  return mapping.lookup(value);
}

void TileValues::bring(Block &block, IRMapping &mapping) {
  block.walk([&](Operation *op) {
    for (Value operand : op->getOperands()) {
      if (!isa<ShapedType>(operand.getType()) && varies(operand)) {
        here(operand, mapping);
      }
    }
  });
}

void TileValues::bringView(Value tensor, IRMapping &mapping) {
  while (Operation *made = tensor.getDefiningOp()) {
    for (Value operand : made->getOperands().drop_front()) {
      mapping.map(operand, here(operand, mapping));
    }
    tensor = made->getOperand(0);
  }
}

void TileValues::bind(Region &region, Value ring,
                      llvm::function_ref<Value(Operation *)> position) {
  OpBuilder &builder = warp.builder;
  // One read of each value and block, in front of its first use.
  DenseMap<std::pair<Block *, Value>, Value> reads;
  auto read = [&](Value value, Operation *user) {
    // Bodies of elements are written out many times.
    for (Operation *op = user; op != region.getParentOp();
         op = op->getParentOp()) {
      if (isa<warpgroup::ElementsOp, warpgroup::ClearHiddenOp>(op)) {
        user = op;
      }
    }
    Value &made = reads[{user->getBlock(), value}];
    if (made) {
      return made;
    }
    auto [entry, fresh] = bound.try_emplace(value, tags);
    bool isFloat = value.getType().isF32();
    bool wide = !isFloat && !value.getType().isInteger(32);
    tags += fresh ? (wide ? 2 : 1) : 0;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(user);
    Value at = position(user);
    made = warpgroup::TagOp::create(builder, warp.loc, warp.i32(),
                                    entry->second, ring, at);
    if (isFloat) {
      made = arith::BitcastOp::create(builder, warp.loc, warp.f32(), made);
    }
    if (wide) {
      Value high = warpgroup::TagOp::create(builder, warp.loc, warp.i32(),
                                            entry->second + 1, ring, at);
      Type word = builder.getI64Type();
      Value low = arith::ExtUIOp::create(builder, warp.loc, word, made);
      high = arith::ExtUIOp::create(builder, warp.loc, word, high);
      high = arith::ShLIOp::create(
          builder, warp.loc, high,
          arith::ConstantIntOp::create(builder, warp.loc, 32, 64));
      made = arith::IndexCastOp::create(
          builder, warp.loc, value.getType(),
          arith::OrIOp::create(builder, warp.loc, low, high));
    }
    return made;
  };
  region.walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (varies(operand.get())) {
        operand.set(read(operand.get(), op));
      }
    }
  });
}

SmallVector<Value> TileValues::tagValues(IRMapping &mapping) {
  OpBuilder &builder = warp.builder;
  SmallVector<Value> values;
  for (auto [value, tag] : bound) {
    Value made = here(value, mapping);
    if (made.getType().isF32()) {
      made = arith::BitcastOp::create(builder, warp.loc, warp.i32(), made);
    }
    if (made.getType().isInteger(32)) {
      values.push_back(made);
      continue;
    }
    Type word = builder.getI64Type();
    made = arith::IndexCastOp::create(builder, warp.loc, word, made);
    values.push_back(
        arith::TruncIOp::create(builder, warp.loc, warp.i32(), made));
    Value high = arith::ShRUIOp::create(
        builder, warp.loc, made,
        arith::ConstantIntOp::create(builder, warp.loc, 32, 64));
    values.push_back(
        arith::TruncIOp::create(builder, warp.loc, warp.i32(), high));
  }
  return values;
}

} // namespace attn
