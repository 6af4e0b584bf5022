//===- LowerQuant.cpp - codes of few bits from and to elements ------------===//

#include "Codes.h"
#include "LowerTiles.h"
#include "NextTile.h"
#include "RowView.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <functional>
#include <limits>

using namespace mlir;

namespace attn {

namespace {

// How the scales of neighbouring elements of a row lie.
enum class Spread { Row, Vector, Side, Apart };

// Whether `expr` is the same for each `lanes` elements from a multiple of them
// on: `d` occurs in quotients by multiples of `lanes` alone.
bool isUniform(AffineExpr expr, unsigned d, int64_t lanes) {
  if (!expr.isFunctionOfDim(d)) {
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    return false;
  }
  if (expr.getKind() == AffineExprKind::FloorDiv) {
    auto by = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (by && by.getValue() % lanes == 0 &&
        binary.getLHS() == getAffineDimExpr(d, expr.getContext())) {
      return true;
    }
  }
  return isUniform(binary.getLHS(), d, lanes) &&
         isUniform(binary.getRHS(), d, lanes);
}

// The elements of a scale (or zero) that belong to those of a row.
class ScaleRow {
public:
  ScaleRow(LaneBuilder &lb, Value memref, AffineMap map, ValueRange symbols)
      : lb(lb), memref(memref), map(map), symbols(symbols) {
    unsigned d = map.getNumDims() - 1, last = map.getNumResults() - 1;
    auto type = cast<MemRefType>(memref.getType());
    auto all = [&](function_ref<bool(AffineExpr)> holds) {
      return llvm::all_of(map.getResults(), holds);
    };
    if (all([&](AffineExpr e) { return !e.isFunctionOfDim(d); })) {
      spread = Spread::Row;
    } else if (all([&](AffineExpr e) { return isUniform(e, d, lb.lanes); })) {
      spread = Spread::Vector;
    } else if (map.getResult(last) == getAffineDimExpr(d, map.getContext()) &&
               llvm::none_of(
                   map.getResults().drop_back(),
                   [&](AffineExpr e) { return e.isFunctionOfDim(d); }) &&
               isUnitStride(memref, type.getRank() - 1)) {
      spread = Spread::Side;
    } else {
      spread = Spread::Apart;
    }
  }

  Spread getSpread() const { return spread; }

  SmallVector<Value> at(const ElementRow &row, Value d) {
    SmallVector<Value> operands(row.leading);
    operands.push_back(d);
    operands.append(symbols.begin(), symbols.end());
    return *affine::expandAffineMap(lb.b, lb.loc, map, operands);
  }

  /// Before the elements of a row are asked for.
  void moveTo(const ElementRow &row) {
    if (spread == Spread::Row) {
      ofRow = lb.loadScalar(memref, at(row, lb.index.constant(0)));
    }
  }

  /// A vector of `count` of them from `d` on.
  Value load(const ElementRow &row, Value d, int64_t count) {
    auto type = VectorType::get({count}, lb.type);
    if (spread == Spread::Side && count == lb.lanes) {
      return lb.load(memref, at(row, d));
    }
    if (spread == Spread::Row || spread == Spread::Vector || count == 1) {
      Value x = ofRow ? ofRow : lb.loadScalar(memref, at(row, d));
      return vector::BroadcastOp::create(lb.b, lb.loc, type, x);
    }
    SmallVector<Value> elements;
    for (int64_t n = 0; n < count; ++n) {
      elements.push_back(lb.loadScalar(memref, at(row, lb.index.add(d, n))));
    }
    return vector::FromElementsOp::create(lb.b, lb.loc, type, elements);
  }

  /// Replaces each element by `combine` of it and those of `x`, which are at
  /// [d, d + count) of the row.
  void update(const ElementRow &row, Value d, Value x, int64_t count,
              vector::CombiningKind kind) {
    auto combine = [&](Value a, Value b) -> Value {
      return kind == vector::CombiningKind::MAXNUMF
                 ? arith::MaxNumFOp::create(lb.b, lb.loc, a, b).getResult()
                 : arith::MinNumFOp::create(lb.b, lb.loc, a, b);
    };
    auto merge = [&](Value with, ValueRange indices) {
      Value old = memref::LoadOp::create(lb.b, lb.loc, memref, indices);
      memref::StoreOp::create(lb.b, lb.loc, combine(old, with), memref,
                              indices);
    };
    if (spread == Spread::Side && count == lb.lanes) {
      SmallVector<Value> indices = at(row, d);
      lb.store(combine(lb.load(memref, indices), x), memref, indices);
    } else if (spread == Spread::Row || spread == Spread::Vector) {
      merge(vector::ReductionOp::create(lb.b, lb.loc, kind, x), at(row, d));
    } else {
      for (int64_t n = 0; n < count; ++n) {
        merge(lb.extract(x, n), at(row, lb.index.add(d, n)));
      }
    }
  }

  LaneBuilder &lb;
  Value memref;

private:
  AffineMap map;
  ValueRange symbols;
  Spread spread;
  Value ofRow;
};

Value sizeOf(LaneBuilder &lb, Value memref, int64_t dim) {
  return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, dim));
}

// A loop over all indices of the first `rank` dimensions of `memref`.
void eachIndex(LaneBuilder &lb, Value memref, int64_t rank,
               function_ref<void(SmallVector<Value>)> body) {
  SmallVector<Value> indices;
  std::function<void()> nest = [&] {
    auto d = static_cast<int64_t>(indices.size());
    if (d == rank) {
      body(indices);
      return;
    }
    lb.loop(lb.index.constant(0), sizeOf(lb, memref, d), 1, [&](Value iv) {
      indices.push_back(iv);
      nest();
      indices.pop_back();
    });
  };
  nest();
}

// The elements of a row, a vector of them at a time and then `few`.
void eachVector(LaneBuilder &lb, Value size, int64_t few,
                function_ref<void(Value, int64_t)> body) {
  VectorBlocks blocks(lb, size, /*vectors=*/true);
  constexpr int64_t kUnroll = 4;
  int64_t step = lb.lanes * kUnroll;
  Value unrolled = lb.index.mul(lb.index.div(blocks.whole, step), step);
  lb.loop(lb.index.constant(0), unrolled, step, [&](Value d) {
    for (int64_t u = 0; u < kUnroll; ++u) {
      body(lb.index.add(d, u * lb.lanes), lb.lanes);
    }
  });
  lb.loop(unrolled, blocks.whole, lb.lanes,
          [&](Value d) { body(d, lb.lanes); });
  if (blocks.rest) {
    lb.loop(blocks.whole, size, few, [&](Value d) { body(d, few); });
  }
}

int64_t rankOf(Value memref) {
  return cast<MemRefType>(memref.getType()).getRank();
}

Type elementOf(Value memref) {
  return cast<MemRefType>(memref.getType()).getElementType();
}

class Quantizer {
public:
  Quantizer(OpBuilder &builder, KVQuantizeOp op,
            const TargetDescription &target)
      : lb(builder, op.getLoc(), target, builder.getF32Type()), op(op),
        codes(lb, elementOf(op.getCodes()), op.getPacking(),
              !op.getZeroBuffer()),
        few(op.getPacking() == Packing::Int4 ? 2 : 1),
        scale(lb, op.getScaleBuffer(), op.getMap(), {}) {
    if (op.getZeroBuffer()) {
      zero.emplace(lb, op.getZeroBuffer(), op.getMap(), ValueRange());
    }
  }

  void run() {
    if (op.makesScales()) {
      measure();
    }
    eachRow([&](const ElementRow &row) {
      SmallVector<Value> leading(row.leading);
      ElementRow into(op.getCodes(), leading);
      scale.moveTo(row);
      if (zero) {
        zero->moveTo(row);
      }
      elements(row, [&](Value d, Value x, int64_t count) {
        if (zero) {
          x = lb.sub(x, zero->load(row, d, count));
        }
        x = arith::DivFOp::create(lb.b, lb.loc, x, scale.load(row, d, count));
        codes.store(x, into, d);
      });
    });
  }

private:
  void eachRow(function_ref<void(const ElementRow &)> body) {
    eachIndex(lb, op.getX(), rankOf(op.getX()) - 1,
              [&](SmallVector<Value> leading) {
                body(ElementRow(op.getX(), leading));
              });
  }

  void elements(const ElementRow &row,
                function_ref<void(Value, Value, int64_t)> body) {
    Value size = sizeOf(lb, op.getX(), rankOf(op.getX()) - 1);
    eachVector(lb, size, few, [&](Value d, int64_t count) {
      Value x;
      if (row.contiguous && count == lb.lanes) {
        x = lb.load(row.memref, row.at(d));
      } else {
        SmallVector<Value> each;
        for (int64_t n = 0; n < count; ++n) {
          each.push_back(lb.loadScalar(row.memref, row.at(lb.index.add(d, n))));
        }
        x = vector::FromElementsOp::create(
            lb.b, lb.loc, VectorType::get({count}, lb.type), each);
      }
      body(d, x, count);
    });
  }

  Value scalar(double value) {
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     lb.b.getFloatAttr(lb.type, value));
  }

  void fill(const ScaleRow &row, double value) {
    eachIndex(lb, row.memref, rankOf(row.memref), [&](SmallVector<Value> at) {
      memref::StoreOp::create(lb.b, lb.loc, scalar(value), row.memref, at);
    });
  }

  // The least and the largest elements, then the scales they give.
  void measure() {
    double infinity = std::numeric_limits<double>::infinity();
    fill(scale, zero ? -infinity : 0);
    if (zero) {
      fill(*zero, infinity);
    }
    eachRow([&](const ElementRow &row) {
      elements(row, [&](Value d, Value x, int64_t count) {
        if (zero) {
          zero->update(row, d, x, count, vector::CombiningKind::MINNUMF);
        } else {
          x = math::AbsFOp::create(lb.b, lb.loc, x);
        }
        scale.update(row, d, x, count, vector::CombiningKind::MAXNUMF);
      });
    });
    eachIndex(
        lb, scale.memref, rankOf(scale.memref), [&](SmallVector<Value> at) {
          Value most = memref::LoadOp::create(lb.b, lb.loc, scale.memref, at);
          if (zero) {
            most = arith::SubFOp::create(
                lb.b, lb.loc, most,
                memref::LoadOp::create(lb.b, lb.loc, zero->memref, at));
          }
          Value made = arith::DivFOp::create(lb.b, lb.loc, most,
                                             scalar(codes.largest()));
          made = arith::MaxNumFOp::create(lb.b, lb.loc, made, scalar(1e-6));
          memref::StoreOp::create(lb.b, lb.loc, made, scale.memref, at);
        });
  }

  LaneBuilder lb;
  KVQuantizeOp op;
  Codes codes;
  int64_t few;
  ScaleRow scale;
  std::optional<ScaleRow> zero;
};

} // namespace

LogicalResult lowerKVQuantize(KVQuantizeOp op,
                              const TargetDescription &target) {
  OpBuilder builder(op);
  Quantizer(builder, op, target).run();
  op.erase();
  return success();
}

// Row after row. The codes of the rows behind these are fetched ahead: with few
// bits an element they are what memory is read for.
LogicalResult lowerKVDequantize(KVDequantizeOp op,
                                const TargetDescription &target) {
  OpBuilder builder(op);
  Value out = op.getOut();
  FloatType type = elementOf(out).isF64() ? FloatType(builder.getF64Type())
                                          : FloatType(builder.getF32Type());
  LaneBuilder lb(builder, op.getLoc(), target, type);
  Codes codes(lb, elementOf(op.getCodes()), op.getPacking(), !op.getZero());
  std::optional<ScaleRow> scale, zero;
  if (op.getScale()) {
    scale.emplace(lb, op.getScale(), *op.getMap(), op.getMapSymbols());
  }
  if (op.getZero()) {
    zero.emplace(lb, op.getZero(), *op.getMap(), op.getMapSymbols());
  }
  int64_t rank = rankOf(out);
  Value size = sizeOf(lb, out, rank - 1);
  NextTile next = nextTile(lb, op, op.getCodes());
  eachIndex(lb, out, rank - 1, [&](SmallVector<Value> leading) {
    ElementRow from(op.getCodes(), leading), into(out, leading);
    if (rank == 2) {
      lb.prefetchRow(next.memref, lb.index.add(leading.front(), next.row),
                     /*locality=*/2);
    }
    for (std::optional<ScaleRow> *each : {&scale, &zero}) {
      if (*each) {
        (*each)->moveTo(from);
      }
    }
    eachVector(lb, size, 1, [&](Value d, int64_t count) {
      Value x = codes.load(from, d, count);
      Value by = scale ? scale->load(from, d, count)
                       : Value(vector::BroadcastOp::create(
                             lb.b, lb.loc, VectorType::get({count}, lb.type),
                             codes.innerScale(from, d)));
      x = zero ? lb.fma(x, by, zero->load(from, d, count)) : lb.mul(x, by);
      if (into.contiguous && count == lb.lanes) {
        lb.store(x, out, into.at(d));
        return;
      }
      for (int64_t n = 0; n < count; ++n) {
        memref::StoreOp::create(lb.b, lb.loc,
                                lb.convert(lb.extract(x, n), elementOf(out)),
                                out, into.at(lb.index.add(d, n)));
      }
    });
  });
  op.erase();
  return success();
}

} // namespace attn
