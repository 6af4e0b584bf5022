//===- RopeTables.cpp - cos and sin of tokens, once for all heads ---------===//
// An scf.forall over blocks of tokens, around elementwise ops on the row of a
// token. Angles are f64.
//===----------------------------------------------------------------------===//

#include "RopeTables.h"
#include "../Trigonometry.h"
#include "attn/Passes/EmitFrequencies.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {

using Fold = OpFoldResult;

constexpr int64_t kTokensOfBlock = 32;

class TableBuilder {
public:
  TableBuilder(RewriterBase &rewriter, RopeOp rope)
      : b(rope.getLoc(), rewriter), index(b, rope.getLoc()), rope(rope),
        one(b.getIndexAttr(1)), zero(b.getIndexAttr(0)),
        half(b.getIndexAttr(rope.getRotarySize() / 2)) {}

  TurnedRows run() {
    Value tokens = index.value(
        tensor::getMixedSize(b, b.getLoc(), rope.getX(), rope.getSeqDim()));
    if (Value given = rope.getPositions()) {
      positions = tensor::CollapseShapeOp::create(
          b, given, ArrayRef<ReassociationIndices>{{0, 1}});
      tokens = index.value(tensor::getMixedSize(b, b.getLoc(), positions, 0));
    }
    if (!rope.getCos()) {
      frequencies = emitFrequencies(b, rope);
    }
    Value empty = tensor::EmptyOp::create(
        b, ArrayRef<Fold>{getAsOpFoldResult(tokens), half},
        rope.getAccumulatorType());
    Value other = tensor::EmptyOp::create(
        b, ArrayRef<Fold>{getAsOpFoldResult(tokens), half},
        rope.getAccumulatorType());
    auto forall =
        scf::ForallOp::create(b,
                              ArrayRef<Fold>{getAsOpFoldResult(
                                  index.ceilDiv(tokens, kTokensOfBlock))},
                              ValueRange{empty, other}, std::nullopt);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Value first = index.mul(forall.getInductionVar(0), kTokensOfBlock);
    Value count =
        index.min(index.constant(kTokensOfBlock), index.sub(tokens, first));
    SmallVector<Fold> offsets = {first, zero},
                      sizes = {getAsOpFoldResult(count), half},
                      strides = {one, one};
    SmallVector<Value> blocks;
    for (Value whole : forall.getRegionIterArgs()) {
      blocks.push_back(
          tensor::ExtractSliceOp::create(b, whole, offsets, sizes, strides));
    }
    auto loop = scf::ForOp::create(
        b, index.constant(0), count, index.constant(1), blocks,
        [&](OpBuilder &, Location, Value token, ValueRange tables) {
          Value position = positionOf(index.add(first, token));
          SmallVector<Value> next = {row(tables[0], token, position, true),
                                     row(tables[1], token, position, false)};
          scf::YieldOp::create(b, next);
        });
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    for (auto [made, whole] :
         llvm::zip_equal(loop.getResults(), forall.getRegionIterArgs())) {
      tensor::ParallelInsertSliceOp::create(b, made, whole, offsets, sizes,
                                            strides);
    }
    return {rope, forall.getResult(0), forall.getResult(1)};
  }

private:
  ImplicitLocOpBuilder b;
  IndexBuilder index;
  RopeOp rope;
  Fold one, zero, half;
  Value positions;
  Frequencies frequencies;

  Value positionOf(Value token) {
    if (positions) {
      return arith::IndexCastOp::create(
          b, b.getIndexType(), tensor::ExtractOp::create(b, positions, token));
    }
    return rope.getOffset() ? index.add(rope.getOffset(), token) : token;
  }

  // Row `number` of a table.
  Value rowOf(Value table, Value number) {
    auto type = cast<RankedTensorType>(table.getType());
    return tensor::ExtractSliceOp::create(
        b,
        RankedTensorType::get(type.getShape().drop_front(),
                              type.getElementType()),
        table, ArrayRef<Fold>{number, zero}, ArrayRef<Fold>{one, half},
        ArrayRef<Fold>{one, one});
  }

  // Row `token` of `table`: what `position` has.
  Value row(Value table, Value token, Value position, bool ofCos) {
    Value into = rowOf(table, token), from, turns;
    if (Value given = ofCos ? rope.getCos() : rope.getSin()) {
      Value last = index.add(
          index.value(tensor::getMixedSize(b, b.getLoc(), given, 0)), -1);
      from = rowOf(given, index.clamp(position, index.constant(0), last));
    } else {
      Value number = index.constant(0);
      if (frequencies.kept) {
        Value isKept =
            arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position,
                                  index.constant(*frequencies.kept));
        number = arith::SelectOp::create(b, isKept, number, index.constant(1));
      }
      from = rowOf(frequencies.values, number);
      turns = arith::SIToFPOp::create(
          b, b.getF64Type(),
          arith::IndexCastOp::create(b, b.getI64Type(), position));
    }
    SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(1));
    SmallVector<utils::IteratorType> iterators(1,
                                               utils::IteratorType::parallel);
    auto made = linalg::GenericOp::create(
        b, TypeRange{into.getType()}, from, into, maps, iterators,
        [&](OpBuilder &inner, Location loc, ValueRange args) {
          Value x = args[0];
          if (turns) {
            Trigonometry trig(inner, loc, x.getType());
            auto [cos, sin] = trig.cosSin(trig.mul(x, turns));
            x = ofCos ? cos : sin;
            if (frequencies.magnitude != 1) {
              x = trig.mul(x, trig.constant(frequencies.magnitude));
            }
          }
          Type to = args[1].getType();
          if (x.getType().getIntOrFloatBitWidth() >
              to.getIntOrFloatBitWidth()) {
            x = arith::TruncFOp::create(inner, loc, to, x);
          } else if (x.getType() != to) {
            x = arith::ExtFOp::create(inner, loc, to, x);
          }
          linalg::YieldOp::create(inner, loc, x);
        });
    return tensor::InsertSliceOp::create(
        b, made.getResult(0), table, ArrayRef<Fold>{token, zero},
        ArrayRef<Fold>{one, half}, ArrayRef<Fold>{one, one});
  }
};

// Whether tokens of both have the same angles, and `first` stands in front.
bool sameAngles(RopeOp first, RopeOp second) {
  auto count = [](RopeOp op) {
    return cast<ShapedType>(op.getX().getType()).getDimSize(op.getSeqDim());
  };
  bool sameTokens = first.getPositions()
                        ? first.getPositions() == second.getPositions()
                        : !second.getPositions() &&
                              count(first) == count(second) &&
                              !ShapedType::isDynamic(count(first));
  return sameTokens && first->getBlock() == second->getBlock() &&
         first->isBeforeInBlock(second) &&
         first.getAccumulatorType() == second.getAccumulatorType() &&
         first.getOffset() == second.getOffset() &&
         first.getLength() == second.getLength() &&
         first.getCos() == second.getCos() &&
         first.getSin() == second.getSin() &&
         first.getFrequencies() == second.getFrequencies() &&
         first.getRotarySize() == second.getRotarySize() &&
         first.getBase() == second.getBase() &&
         first.getScalingAttr() == second.getScalingAttr() &&
         first.getMagnitude() == second.getMagnitude() &&
         first.getKept() == second.getKept();
}

} // namespace

TurnedRows emitRopeTables(RewriterBase &rewriter, RopeOp rope,
                          ArrayRef<TurnedRows> known) {
  for (const TurnedRows &made : known) {
    if (sameAngles(made.rope, rope)) {
      return {rope, made.cos, made.sin};
    }
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(rope);
  return TableBuilder(rewriter, rope).run();
}

} // namespace attn
