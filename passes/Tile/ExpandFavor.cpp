//===- ExpandFavor.cpp - random features of keys as tensors ---------------===//
// On GPUs, where other kernels stand around that of a recurrence: projections
// are a product, exponents and the largest of them points. The largest one of
// all keys so far is found in two steps, blocks of tokens first, so that no
// point looks at each token in front of it; where it grows the state decays:
//   m_t = max(m_{t-1}, largest exponent of k_t)   decay_t = m_{t-1} - m_t
//===----------------------------------------------------------------------===//

#include "ExpandFavor.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>

using namespace mlir;

namespace attn {

namespace {

constexpr int64_t kBlock = 64; // tokens

class Favor {
public:
  Favor(RewriterBase &rewriter, LinearAttentionOp op)
      : b(op.getLoc(), rewriter), rewriter(rewriter), op(op),
        f32(b.getF32Type()) {
    auto w = cast<RankedTensorType>(op.getFavor().getType());
    features = w.getDimSize(0);
    double size = w.getDimSize(1);
    scale = std::pow(size, -0.25), half = 0.5 / std::sqrt(size);
    tokenDim = op.getSeqDim(), headDim = op.getHeadDim();
    heads = cast<ShapedType>(op.getV().getType()).getDimSize(headDim);
    perGroup =
        heads / cast<ShapedType>(op.getQ().getType()).getDimSize(headDim);
  }

  LinearAttentionOp run() {
    b.setInsertionPoint(op);
    Value v = op.getV();
    batch = tensor::getMixedSize(b, b.getLoc(), v, 0);
    tokens = tensor::getMixedSize(b, b.getLoc(), v, tokenDim);
    Value q = queries(op.getQ());
    Value projected = project(op.getK());
    Value most = exponents(op.getK(), projected);
    Value soFar = running(most);
    Value k = keys(op.getK(), projected, soFar);
    SmallVector<Value> outs(op.getOuts());
    if (op.getMax()) {
      outs.pop_back();
    }
    auto made = LinearAttentionOp::create(
        b, ValueRange(outs).getTypes(), q, k, v, decays(soFar), Value(),
        Value(), Value(), op.getSeqIds(), outs, op.getLayout(), false,
        op.getScaleAttr(), op.getNormalized(), op.getEpsilon(),
        op.getFeatureEpsilon(), op.getExact(), op.getChunkAttr());
    SmallVector<Value> results(made.getResults());
    if (op.getMax()) {
      results.push_back(last(soFar));
    }
    rewriter.replaceOp(op, results);
    return made;
  }

private:
  ImplicitLocOpBuilder b;
  RewriterBase &rewriter;
  LinearAttentionOp op;
  FloatType f32;
  int64_t features, heads, perGroup;
  double scale, half;
  unsigned tokenDim, headDim;
  OpFoldResult batch, tokens;

  using Element = function_ref<Value(ImplicitLocOpBuilder &, ArrayRef<Value>)>;

  Value number(ImplicitLocOpBuilder &b, double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(f32, value));
  }
  Value constant(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  // The element of a tensor as f32.
  Value read(ImplicitLocOpBuilder &b, Value tensor, ArrayRef<Value> at) {
    Value value = tensor::ExtractOp::create(b, tensor, at);
    unsigned bits = value.getType().getIntOrFloatBitWidth();
    return bits < 32 ? arith::ExtFOp::create(b, f32, value).getResult() : value;
  }

  // A tensor of which `element` gives each element, rounded to `type`.
  Value generate(ArrayRef<OpFoldResult> sizes, FloatType type,
                 Element element) {
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(sizes, dynamic, shape);
    return tensor::GenerateOp::create(
        b, RankedTensorType::get(shape, type), dynamic,
        [&](OpBuilder &inner, Location loc, ValueRange at) {
          ImplicitLocOpBuilder ib(loc, inner);
          Value value = element(ib, SmallVector<Value>(at));
          if (type.getWidth() < 32) {
            value = arith::TruncFOp::create(ib, type, value);
          }
          tensor::YieldOp::create(ib, value);
        });
  }

  // The largest of `element` over [first, end) and `start`.
  Value largest(ImplicitLocOpBuilder &b, Value first, Value end, Value start,
                function_ref<Value(ImplicitLocOpBuilder &, Value)> element) {
    return scf::ForOp::create(
               b, first, end, constant(b, 1), start,
               [&](OpBuilder &inner, Location loc, Value n, ValueRange most) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value next =
                     arith::MaximumFOp::create(ib, most[0], element(ib, n));
                 scf::YieldOp::create(ib, next);
               })
        .getResult(0);
  }

  // Sizes in the order of the layout; of a number a token without `size`.
  SmallVector<OpFoldResult> sizesOf(int64_t heads, int64_t size = 0) {
    SmallVector<OpFoldResult> sizes(3, batch);
    sizes[tokenDim] = tokens, sizes[headDim] = b.getIndexAttr(heads);
    if (size) {
      sizes.push_back(b.getIndexAttr(size));
    }
    return sizes;
  }

  // `at` of a head, where its group is.
  SmallVector<Value> ofGroup(ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
    SmallVector<Value> place(at);
    IndexBuilder index(b, b.getLoc());
    place[headDim] = index.div(place[headDim], perGroup);
    return place;
  }

  // w x, of all tokens and groups.
  Value project(Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    Value w = op.getFavor();
    bool same =
        type.getElementType() == cast<ShapedType>(w.getType()).getElementType();
    auto asF32 = [&](Value value) {
      return same ? value
                  : generate(tensor::getMixedSizes(b, b.getLoc(), value), f32,
                             [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
                               return read(b, value, at);
                             });
    };
    x = asF32(x), w = asF32(w);
    Value empty =
        tensor::EmptyOp::create(b, sizesOf(heads / perGroup, features), f32);
    Value clear = linalg::FillOp::create(b, number(b, 0), empty).getResult(0);
    SmallVector<AffineExpr> loops(5);
    bindDimsList(b.getContext(), MutableArrayRef(loops));
    auto map = [&](ArrayRef<AffineExpr> at) {
      return AffineMap::get(5, 0, at, b.getContext());
    };
    SmallVector<utils::IteratorType> kinds(4, utils::IteratorType::parallel);
    kinds.push_back(utils::IteratorType::reduction);
    return linalg::GenericOp::create(
               b, clear.getType(), ValueRange{x, w}, clear,
               ArrayRef{map({loops[0], loops[1], loops[2], loops[4]}),
                        map({loops[3], loops[4]}),
                        map({loops[0], loops[1], loops[2], loops[3]})},
               kinds,
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value factors[] = {args[0], args[1]};
                 for (Value &value : factors) {
                   if (value.getType() != f32) {
                     value = arith::ExtFOp::create(ib, f32, value);
                   }
                 }
                 Value term = arith::MulFOp::create(ib, factors[0], factors[1]);
                 Value sum = arith::AddFOp::create(ib, args[2], term);
                 linalg::YieldOp::create(ib, sum);
               })
        .getResult(0);
  }

  // The largest projection of each token.
  Value largestOf(Value projected) {
    return generate(sizesOf(heads / perGroup), f32,
                    [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
                      SmallVector<Value> place(at);
                      place.push_back(Value());
                      return largest(b, constant(b, 0), constant(b, features),
                                     number(b, -INFINITY),
                                     [&](ImplicitLocOpBuilder &b, Value n) {
                                       place.back() = n;
                                       return read(b, projected, place);
                                     });
                    });
  }

  // M^(-1/2) (e^exponent + epsilon).
  Value feature(ImplicitLocOpBuilder &b, Value exponent) {
    Value power = math::ExpOp::create(b, exponent);
    Value sum = arith::AddFOp::create(
        b, power, number(b, op.getFeatureEpsilon().convertToDouble()));
    return arith::MulFOp::create(b, sum, number(b, std::pow(features, -0.5)));
  }

  FloatType typeOf(Value x) {
    return cast<FloatType>(cast<ShapedType>(x.getType()).getElementType());
  }

  Value queries(Value q) {
    Value projected = project(q);
    Value most = largestOf(projected);
    return generate(
        sizesOf(heads, features), typeOf(q),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
          SmallVector<Value> place = ofGroup(b, at);
          Value below =
              arith::SubFOp::create(b, read(b, projected, place),
                                    read(b, most, ArrayRef(place).drop_back()));
          return feature(b, arith::MulFOp::create(b, below, number(b, scale)));
        });
  }

  // Half of |x|^2, scaled, of a token of `x`.
  Value halfNorm(ImplicitLocOpBuilder &b, Value x, ArrayRef<Value> token) {
    SmallVector<Value> place(token);
    place.push_back(Value());
    int64_t size = cast<ShapedType>(x.getType()).getDimSize(3);
    Value sum =
        scf::ForOp::create(
            b, constant(b, 0), constant(b, size), constant(b, 1), number(b, 0),
            [&](OpBuilder &inner, Location loc, Value n, ValueRange sum) {
              ImplicitLocOpBuilder ib(loc, inner);
              place.back() = n;
              Value value = read(ib, x, place);
              Value square = arith::MulFOp::create(ib, value, value);
              Value next = arith::AddFOp::create(ib, sum[0], square);
              scf::YieldOp::create(ib, next);
            })
            .getResult(0);
    return arith::MulFOp::create(b, sum, number(b, half));
  }

  // The largest exponent of each key.
  Value exponents(Value k, Value projected) {
    Value most = largestOf(projected);
    norms = generate(sizesOf(heads / perGroup), f32,
                     [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
                       return halfNorm(b, k, at);
                     });
    return generate(
        sizesOf(heads / perGroup), f32,
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) -> Value {
          Value scaled =
              arith::MulFOp::create(b, read(b, most, at), number(b, scale));
          return arith::SubFOp::create(b, scaled, read(b, norms, at));
        });
  }

  Value norms; // of keys

  // What a head starts with.
  Value start(ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
    return op.getMax() ? read(b, op.getMax(), {at[0], at[headDim]})
                       : number(b, -INFINITY);
  }

  // The largest exponent of all keys up to each.
  Value running(Value most) {
    IndexBuilder index(b, b.getLoc());
    SmallVector<OpFoldResult> sizes = sizesOf(heads / perGroup);
    sizes[tokenDim] =
        getAsOpFoldResult(index.ceilDiv(index.value(tokens), kBlock));
    Value count = index.value(tokens);
    auto over = [&](ImplicitLocOpBuilder &b, Value of, ArrayRef<Value> at,
                    Value first, Value end, Value from) {
      SmallVector<Value> place(at);
      return largest(b, first, end, from,
                     [&](ImplicitLocOpBuilder &b, Value n) {
                       place[tokenDim] = n;
                       return read(b, of, place);
                     });
    };
    Value blocks =
        generate(sizes, f32, [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
          IndexBuilder index(b, b.getLoc());
          Value first = index.mul(at[tokenDim], kBlock);
          Value end = index.min(index.add(first, kBlock), count);
          return over(b, most, at, first, end, number(b, -INFINITY));
        });
    return generate(
        sizesOf(heads), f32, [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
          IndexBuilder index(b, b.getLoc());
          SmallVector<Value> place = ofGroup(b, at);
          Value block = index.div(at[tokenDim], kBlock);
          Value before =
              over(b, blocks, place, constant(b, 0), block, start(b, at));
          return over(b, most, place, index.mul(block, kBlock),
                      index.add(at[tokenDim], 1), before);
        });
  }

  Value keys(Value k, Value projected, Value soFar) {
    return generate(
        sizesOf(heads, features), typeOf(k),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) {
          SmallVector<Value> place = ofGroup(b, at);
          Value exponent = arith::MulFOp::create(b, read(b, projected, place),
                                                 number(b, scale));
          exponent = arith::SubFOp::create(
              b, exponent, read(b, norms, ArrayRef(place).drop_back()));
          exponent = arith::SubFOp::create(b, exponent,
                                           read(b, soFar, at.drop_back()));
          return feature(b, exponent);
        });
  }

  Value decays(Value soFar) {
    return generate(
        sizesOf(heads), f32,
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) -> Value {
          Value zero = constant(b, 0);
          IndexBuilder index(b, b.getLoc());
          SmallVector<Value> place(at);
          place[tokenDim] = index.max(index.add(at[tokenDim], -1), zero);
          Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                                at[tokenDim], zero);
          Value before = arith::SelectOp::create(b, isFirst, start(b, at),
                                                 read(b, soFar, place));
          return arith::SubFOp::create(b, before, read(b, soFar, at));
        });
  }

  // The maximum behind the last token.
  Value last(Value soFar) {
    SmallVector<OpFoldResult> sizes = {batch, b.getIndexAttr(heads)};
    IndexBuilder outer(b, b.getLoc());
    Value count = outer.value(tokens);
    return generate(
        sizes, typeOf(op.getMax()),
        [&](ImplicitLocOpBuilder &b, ArrayRef<Value> at) -> Value {
          IndexBuilder index(b, b.getLoc());
          Value zero = constant(b, 0);
          SmallVector<Value> place(3, at[0]);
          place[headDim] = at[1];
          place[tokenDim] = index.sub(count, constant(b, 1));
          Value none =
              arith::CmpIOp::create(b, arith::CmpIPredicate::eq, count, zero);
          // Nothing is read where there are no tokens.
          return scf::IfOp::create(
                     b, none,
                     [&](OpBuilder &inner, Location loc) {
                       ImplicitLocOpBuilder ib(loc, inner);
                       scf::YieldOp::create(ib, read(ib, op.getMax(), at));
                     },
                     [&](OpBuilder &inner, Location loc) {
                       ImplicitLocOpBuilder ib(loc, inner);
                       scf::YieldOp::create(ib, read(ib, soFar, place));
                     })
              .getResult(0);
        });
  }
};

} // namespace

bool canExpandFavor(LinearAttentionOp op) {
  auto isStatic = [](Value value, int64_t dim) {
    return !cast<ShapedType>(value.getType()).isDynamicDim(dim);
  };
  auto isWide = [](Value value) {
    return cast<ShapedType>(value.getType()).getElementType().isF64();
  };
  return op.getFavor() && !op.getCuSeqlens() && !op.getSeqIds() &&
         isa<TensorType>(op.getV().getType()) && isStatic(op.getFavor(), 0) &&
         isStatic(op.getFavor(), 1) && isStatic(op.getV(), op.getHeadDim()) &&
         isStatic(op.getQ(), op.getHeadDim()) &&
         llvm::none_of(op->getOperands(), isWide);
}

LinearAttentionOp expandFavor(RewriterBase &rewriter, LinearAttentionOp op) {
  return Favor(rewriter, op).run();
}

} // namespace attn
