//===- LowerFavor.cpp - positive random features on vectors ---------------===//
// Exponents as products of matrices, in place of the features; then what they
// are relative to, token by token, and the exponentials.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "RegisterTile.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class FavorLowering {
public:
  FavorLowering(FavorFeaturesOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, recurrenceType(op)) {
    auto w = cast<MemRefType>(op.getW().getType());
    size = w.getDimSize(0);
    features = w.getDimSize(1);
    vectors = (features + lb.lanes - 1) / lb.lanes;
    zero = lb.index.constant(0);
    count = lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getX(), 0));
  }

  void run() {
    tokens = static_cast<int64_t>(op.getMaxTokens());
    products();
    // Two loops: exponentials need not wait for sums over lanes.
    Value from = scratch(lb, op, {tokens});
    lb.loop(zero, count, 1, [&](Value t) {
      auto [most, half] = largest(t);
      store(reference(t, most, half), from, t);
    });
    lb.loop(zero, count, 1, [&](Value t) {
      exponentials(t, lb.splat(lb.loadScalar(from, t)));
    });
    op.erase();
  }

private:
  FavorFeaturesOp op;
  OpBuilder builder;
  LaneBuilder lb;
  int64_t size, features, vectors; // D, M, vectors of M
  int64_t tokens;                  // the most
  Value zero, count;

  // D^(-1/4) w x.
  void products() {
    constexpr int64_t kVectors = 4;
    Value scale = lb.constant(1 / std::sqrt(std::sqrt(double(size))));
    for (int64_t first = 0; first < vectors; first += kVectors) {
      int64_t wide = std::min(kVectors, vectors - first);
      lb.tiles(
          count, tileRows(tokens, wide), {},
          [&](int64_t rows, Value row, ValueRange) {
            auto token = [&](int64_t r) { return lb.index.add(row, r); };
            Values sums = tileProducts(
                lb, rows, wide, lb.index.constant(size),
                Values(rows * wide, lb.constant(0.0)),
                [&](int64_t r, Value d) {
                  return lb.splat(lb.loadScalar(op.getX(), {token(r), d}));
                },
                [&](Value d, int64_t c) {
                  return loadRowVector(lb, op.getW(), {d}, first + c, features);
                });
            for (int64_t r = 0; r < rows; ++r) {
              for (int64_t c = 0; c < wide; ++c) {
                storeRowVector(lb, lb.mul(sums[r * wide + c], scale),
                               op.getOut(), {token(r)}, first + c, features);
              }
            }
            return Values();
          });
    }
  }

  Value reduce(Value x, vector::CombiningKind kind) {
    return vector::ReductionOp::create(lb.b, lb.loc, kind, x,
                                       arith::FastMathFlags::reassoc);
  }
  Value number(double value) {
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     lb.b.getFloatAttr(lb.type, value));
  }
  void store(Value value, Value memref, Value at) {
    memref::StoreOp::create(lb.b, lb.loc, value, memref, at);
  }

  // Lanes of vector `n` behind the last feature become -inf.
  Value hideRest(Value x, int64_t n) {
    int64_t left = features - n * lb.lanes;
    if (left >= lb.lanes) {
      return x;
    }
    SmallVector<bool> bits;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      bits.push_back(l < left);
    }
    Value isOne = arith::ConstantOp::create(
        lb.b, lb.loc,
        DenseElementsAttr::get(lb.vector.clone(lb.b.getI1Type()), bits));
    Value none = lb.constant(-std::numeric_limits<double>::infinity());
    return arith::SelectOp::create(lb.b, lb.loc, isOne, x, none);
  }

  // The largest product of token t, and |x'|^2 / 2.
  std::pair<Value, Value> largest(Value t) {
    Value most = lb.constant(-std::numeric_limits<double>::infinity());
    for (int64_t n = 0; n < vectors; ++n) {
      Value e = loadRowVector(lb, op.getOut(), {t}, n, features);
      most = lb.max(hideRest(e, n), most);
    }
    Value squares = lb.constant(0.0);
    for (int64_t n = 0; n * lb.lanes < size; ++n) {
      Value x = loadRowVector(lb, op.getX(), {t}, n, size);
      squares = lb.fma(x, x, squares);
    }
    Value half = arith::MulFOp::create(
        lb.b, lb.loc, reduce(squares, vector::CombiningKind::ADD),
        number(0.5 / std::sqrt(double(size))));
    return {reduce(most, vector::CombiningKind::MAXNUMF), half};
  }

  // What exponents of token t are relative to, less |x'|^2 / 2.
  Value reference(Value t, Value most, Value half) {
    if (op.getOuts().size() == 1) {
      return most;
    }
    Value decays = op.getOuts()[1], max = op.getOuts()[2];
    Value before = lb.loadScalar(max, zero), decay = lb.loadScalar(decays, t);
    // m_{t-1} + decay, the largest exponent of before that still counts.
    Value own = arith::SubFOp::create(lb.b, lb.loc, most, half);
    Value now = lb.max(arith::AddFOp::create(lb.b, lb.loc, before, decay), own);
    Value fall = arith::SubFOp::create(lb.b, lb.loc, before, now);
    store(arith::AddFOp::create(lb.b, lb.loc, decay, fall), decays, t);
    store(now, max, zero);
    return arith::AddFOp::create(lb.b, lb.loc, now, half);
  }

  void exponentials(Value t, Value from) {
    double factor = 1 / std::sqrt(double(features));
    Value scale = lb.constant(factor);
    Value least = lb.constant(factor * op.getEpsilon().convertToDouble());
    for (int64_t n = 0; n < vectors; ++n) {
      Value e = loadRowVector(lb, op.getOut(), {t}, n, features);
      Value f = math::ExpOp::create(lb.b, lb.loc, lb.sub(e, from));
      storeRowVector(lb, lb.fma(f, scale, least), op.getOut(), {t}, n,
                     features);
    }
  }
};

} // namespace

LogicalResult lowerFavorFeatures(FavorFeaturesOp op,
                                 const TargetDescription &target) {
  auto w = cast<MemRefType>(op.getW().getType());
  FloatType type = recurrenceType(op);
  bool isWide = llvm::all_of(op.getOuts(), [&](Value out) {
    return cast<MemRefType>(out.getType()).getElementType() == type;
  });
  if (!w.hasStaticShape() || !isWide || !isUnitStride(op.getOut(), 1)) {
    return op.emitOpError("expected static sizes of 'w', and results of the "
                          "type of the arithmetic whose elements lie side by "
                          "side");
  }
  FavorLowering(op, target).run();
  return success();
}

} // namespace attn
