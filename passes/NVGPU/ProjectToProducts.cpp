//===- ProjectToProducts.cpp - projections of sequences as products -------===//
// Sums over the tokens of a sequence with the weights of as many rows of a
// matrix: rows that it lacks are zeros, which a kernel puts behind a copy of
// what it has.
//===----------------------------------------------------------------------===//

#include "ProjectToProducts.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

// The first rows of `e`, as many as there are tokens, as `type`.
static Value rowsOf(RewriterBase &rewriter, Location loc, Value e, Value tokens,
                    Type type) {
  SmallVector<int64_t> shape(typeOf(e).getShape());
  int64_t rowDim = shape.size() - 2;
  IndexBuilder index(rewriter, loc);
  Value rows = index.value(tensor::getMixedSize(rewriter, loc, e, rowDim));
  shape[rowDim] = ShapedType::kDynamic;
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    if (d == rowDim) {
      sizes.push_back(tokens);
    } else if (ShapedType::isDynamic(shape[d])) {
      sizes.push_back(index.value(tensor::getMixedSize(rewriter, loc, e, d)));
    }
  }
  return tensor::GenerateOp::create(
      rewriter, loc, RankedTensorType::get(shape, type), sizes,
      [&](OpBuilder &b, Location loc, ValueRange at) {
        IndexBuilder inner(b, loc);
        Value has = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                          at[rowDim], rows);
        SmallVector<Value> place(at);
        place[rowDim] =
            arith::SelectOp::create(b, loc, has, at[rowDim], inner.constant(0));
        Value weight = tensor::ExtractOp::create(b, loc, e, place);
        if (weight.getType() != type) {
          weight = arith::ExtFOp::create(b, loc, type, weight);
        }
        Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
        tensor::YieldOp::create(
            b, loc, arith::SelectOp::create(b, loc, has, weight, zero));
      });
}

// `value` elementwise as `type`.
static Value convert(RewriterBase &rewriter, Location loc, Value value,
                     Type type) {
  if (typeOf(value).getElementType() == type) {
    return value;
  }
  Value out = tensor::EmptyOp::create(
      rewriter, loc, tensor::getMixedSizes(rewriter, loc, value), type);
  int64_t rank = typeOf(value).getRank();
  SmallVector<AffineMap> maps(2, rewriter.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             rewriter, loc, out.getType(), value, out, maps, loops,
             [&](OpBuilder &b, Location loc, ValueRange args) {
               bool wider = type.getIntOrFloatBitWidth() >
                            args[0].getType().getIntOrFloatBitWidth();
               Value made = wider
                                ? arith::ExtFOp::create(b, loc, type, args[0])
                                      .getResult()
                                : arith::TruncFOp::create(b, loc, type, args[0])
                                      .getResult();
               linalg::YieldOp::create(b, loc, made);
             })
      .getResult(0);
}

void projectToProducts(RewriterBase &rewriter, LinformerProjectOp op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  Value out = op.getOuts()[0], x = op.getX(), e = op.getE();
  Type outType = typeOf(out).getElementType();
  Type ofX = typeOf(x).getElementType(), ofE = typeOf(e).getElementType();
  // One type of both factors, and sums that are rounded once.
  Type factor = ofX == ofE                   ? ofX
                : ofX.isF64() || ofE.isF64() ? Type(rewriter.getF64Type())
                                             : Type(rewriter.getF32Type());
  Type sums = outType == factor ? outType
              : factor.isF64()  ? factor
                                : Type(rewriter.getF32Type());
  IndexBuilder index(rewriter, loc);
  Value tokens =
      index.value(tensor::getMixedSize(rewriter, loc, x, op.getSeqDim()));
  Value weights = rowsOf(rewriter, loc, e, tokens, factor);
  Value zero =
      arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(sums));
  Value empty = tensor::EmptyOp::create(
      rewriter, loc, tensor::getMixedSizes(rewriter, loc, out), sums);
  Value clear = linalg::FillOp::create(rewriter, loc, zero, empty).getResult(0);
  // (batch, head, row, element, token).
  MLIRContext *context = op.getContext();
  AffineExpr b, h, r, d, s;
  bindDims(context, b, h, r, d, s);
  auto ofTokens = [&](AffineExpr row) {
    SmallVector<AffineExpr> at = {b, h, row, d};
    at[op.getHeadDim()] = h, at[op.getSeqDim()] = row;
    return AffineMap::get(5, 0, at, context);
  };
  bool ofHeads = typeOf(e).getRank() == 3;
  SmallVector<AffineExpr> ofWeights = {s, r};
  if (ofHeads) {
    ofWeights.insert(ofWeights.begin(), h);
  }
  using utils::IteratorType;
  SmallVector<IteratorType> loops(4, IteratorType::parallel);
  loops.push_back(IteratorType::reduction);
  Value product =
      linalg::GenericOp::create(
          rewriter, loc, clear.getType(),
          ValueRange{weights, convert(rewriter, loc, x, factor)}, clear,
          ArrayRef{AffineMap::get(5, 0, ofWeights, context), ofTokens(s),
                   ofTokens(r)},
          loops,
          [&](OpBuilder &inner, Location loc, ValueRange args) {
            SmallVector<Value> factors(args.take_front(2));
            for (Value &value : factors) {
              if (value.getType() != sums) {
                value = arith::ExtFOp::create(inner, loc, sums, value);
              }
            }
            Value term =
                arith::MulFOp::create(inner, loc, factors[0], factors[1]);
            linalg::YieldOp::create(
                inner, loc,
                arith::AddFOp::create(inner, loc, args[2], term).getResult());
          })
          .getResult(0);
  rewriter.replaceOp(op, convert(rewriter, loc, product, outType));
}

} // namespace attn
