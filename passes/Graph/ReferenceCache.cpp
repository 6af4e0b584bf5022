//===- ReferenceCache.cpp - writes and reads of a cache by definition -----===//

#include "ReferenceCache.h"
#include "ReferenceForm.h"
#include "ReferencePositions.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class ReferenceCache {
public:
  ReferenceCache(ImplicitLocOpBuilder &b, function_ref<Value(Value)> source)
      : b(b), index(b, b.getLoc()), source(source) {}

  Values append(KVAppendOp op) {
    Value k = source(op.getK()), v = source(op.getV());
    if (op.getPositions()) {
      k = turnedKeys(op, k);
    }
    Value zero = index.constant(0);
    Value slotsOfPage = size(op.getKPages(), op.getSlotDim());
    Value slots = index.mul(size(op.getKPages(), 0), slotsOfPage);
    return referenceLoop(
        b, zero, size(k, 0), {source(op.getKPages()), source(op.getVPages())},
        [&](Value token, ValueRange pools) {
          Value slot = readIndex(op.getSlots(), token);
          Value inside =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ult, slot, slots);
          auto branch = scf::IfOp::create(b, pools.getTypes(), inside,
                                          /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.elseBlock());
          scf::YieldOp::create(b, pools);
          b.setInsertionPointToStart(branch.thenBlock());
          Value page = index.div(slot, slotsOfPage);
          Value within = arith::RemUIOp::create(b, slot, slotsOfPage);
          Values next;
          for (auto [from, pool] : llvm::zip_equal(Values{k, v}, pools)) {
            next.push_back(copyToken(op, from, token, pool, page, within));
          }
          scf::YieldOp::create(b, next);
          return Values(branch.getResults());
        });
  }

  Value gather(KVGatherOp op) {
    Value pages = source(op.getPages()), zero = index.constant(0);
    auto type = cast<RankedTensorType>(op.getOut().getType());
    Value none =
        arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
    Value empty = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), op.getOut()),
        type.getElementType());
    Value out = linalg::FillOp::create(b, none, empty).getResult(0);
    Value slotsOfPage = size(pages, op.getSlotDim());
    Value held = index.mul(size(op.getBlockTables(), 1), slotsOfPage);
    Value keys = index.min(size(out, op.getOutSeqDim()), held);
    return referenceLoop(
        b, zero, size(out, 0), out, [&](Value batch, ValueRange outs) {
          Value length =
              index.clamp(readIndex(op.getKvLens(), batch), zero, keys);
          return referenceLoop(
              b, zero, length, outs, [&](Value key, ValueRange outs) {
                Value number = index.div(key, slotsOfPage);
                Value page = readIndex(op.getBlockTables(), {batch, number});
                Value slot = arith::RemUIOp::create(b, key, slotsOfPage);
                return eachElement(
                    size(out, op.getOutHeadDim()), size(out, 3), outs[0],
                    [&](Value head, Value d, Value into) -> Value {
                      Values from{page, head, slot, d};
                      if (op.getSlotDim() == 1) {
                        std::swap(from[1], from[2]);
                      }
                      Values to{batch, head, key, d};
                      if (op.getOutSeqDim() == 1) {
                        std::swap(to[1], to[2]);
                      }
                      Value x = tensor::ExtractOp::create(b, pages, from);
                      return tensor::InsertOp::create(b, x, into, to);
                    });
              });
        })[0];
  }

private:
  Value size(Value tensor, int64_t dim) {
    return index.value(tensor::getMixedSize(b, b.getLoc(), tensor, dim));
  }
  Value readIndex(Value tensor, ValueRange at) {
    Value entry = tensor::ExtractOp::create(b, tensor, at);
    return arith::IndexCastOp::create(b, b.getIndexType(), entry);
  }

  Values eachElement(Value heads, Value elements, Value into,
                     function_ref<Value(Value, Value, Value)> write) {
    Value zero = index.constant(0);
    return referenceLoop(
        b, zero, heads, into, [&](Value head, ValueRange outer) {
          return referenceLoop(b, zero, elements, outer,
                               [&](Value d, ValueRange inner) {
                                 return Values{write(head, d, inner[0])};
                               });
        });
  }

  Value copyToken(KVAppendOp op, Value from, Value token, Value pool,
                  Value page, Value slot) {
    Type type = cast<ShapedType>(pool.getType()).getElementType();
    return eachElement(size(from, 1), size(from, 2), pool,
                       [&](Value head, Value d, Value into) -> Value {
                         Values at{page, head, slot, d};
                         if (op.getSlotDim() == 1) {
                           std::swap(at[1], at[2]);
                         }
                         Value x = tensor::ExtractOp::create(
                             b, from, Values{token, head, d});
                         x = ReferenceForm::convert(b, x, type);
                         return tensor::InsertOp::create(b, x, into, at);
                       })[0];
  }

  // The keys as `attn.rope` turns them, not rounded.
  Value turnedKeys(KVAppendOp op, Value k) {
    Value empty = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), k), b.getF64Type());
    auto rope = RopeOp::create(
        b, TypeRange{empty.getType()}, k, op.getPositions(), Value(), Value(),
        op.getCos(), op.getSin(), op.getFrequencies(), empty,
        LayoutAttr::get(b.getContext(), Layout::THD), op.getPairsAttr(),
        b.getI64IntegerAttr(op.getRotarySize()), b.getF64FloatAttr(10000.0),
        RopeScalingInterface(), op.getMagnitudeAttr(), op.getKeptAttr());
    Value turned = buildReferenceRope(
        b, rope, b.getF64Type(), [](Value value) { return value; }, empty);
    rope.erase();
    return turned;
  }

  ImplicitLocOpBuilder &b;
  IndexBuilder index;
  function_ref<Value(Value)> source;
};

} // namespace

SmallVector<Value> buildReferenceCache(ImplicitLocOpBuilder &b, Operation *op,
                                       function_ref<Value(Value)> source) {
  ReferenceCache cache(b, source);
  if (auto append = dyn_cast<KVAppendOp>(op)) {
    return cache.append(append);
  }
  return {cache.gather(cast<KVGatherOp>(op))};
}

} // namespace attn
