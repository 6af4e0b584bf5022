//===- LowerRows.cpp - rows to panels and back
//------------------------------===//
// attn.pack_rows and attn.finalize_state: both transpose blocks of lanes x
// lanes elements in registers; a head size that is no multiple of the lanes
// leaves a rest that goes element by element.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

/// A memref of rows, G x M x size in the order of a map, addressed by row.
class RowView {
public:
  RowView(LaneBuilder &lb, Value memref, AffineMap map)
      : lb(lb), memref(memref) {
    MLIRContext *context = memref.getContext();
    for (unsigned d = 0; d < 3; ++d) {
      position[d] = *map.getResultPosition(getAffineDimExpr(d, context));
    }
    auto type = cast<MemRefType>(memref.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    contiguous = position[2] == 2 &&
                 succeeded(type.getStridesAndOffset(strides, offset)) &&
                 strides[2] == 1;
    for (unsigned d = 0; d < 3; ++d) {
      sizes[d] = lb.index.value(
          memref::getMixedSize(lb.b, lb.loc, memref, position[d]));
    }
  }

  Value heads() { return sizes[0]; }
  Value queries() { return sizes[1]; }
  Value rowSize() { return sizes[2]; }
  /// Elements of a row lie side by side.
  bool isContiguous() const { return contiguous; }
  Value get() const { return memref; }

  SmallVector<Value> at(Value head, Value query, Value element) {
    SmallVector<Value> indices(3);
    indices[position[0]] = head;
    indices[position[1]] = query;
    indices[position[2]] = element;
    return indices;
  }

private:
  LaneBuilder &lb;
  Value memref;
  unsigned position[3];
  Value sizes[3];
  bool contiguous;
};

/// [0, size) as whole blocks of lanes, and what is left.
struct Blocks {
  Value whole, size;
  bool rest; // known to be needed, or not known

  Blocks(LaneBuilder &lb, Value size, bool vectors) : size(size) {
    whole = vectors ? lb.index.mul(lb.index.div(size, lb.lanes), lb.lanes)
                    : lb.index.constant(0);
    rest = getConstantIntValue(whole) != getConstantIntValue(size) ||
           !getConstantIntValue(size);
  }
};

} // namespace

LogicalResult lowerPackRows(PackRowsOp op, const TargetDescription &target) {
  OpBuilder builder(op);
  auto type = cast<FloatType>(
      cast<MemRefType>(op.getDest().getType()).getElementType());
  LaneBuilder lb(builder, op.getLoc(), target, type);
  RowView source(lb, op.getSource(), op.getSourceMap());
  Value dest = op.getDest();
  int64_t width = cast<MemRefType>(dest.getType()).getDimSize(2);
  if (ShapedType::isDynamic(width) || width % lb.lanes != 0) {
    return op.emitOpError("expected panels of a multiple of ") << lb.lanes;
  }
  Value zero = lb.index.constant(0);
  Value panels = lb.index.value(memref::getMixedSize(lb.b, lb.loc, dest, 0));
  Value last = lb.index.add(source.queries(), -1);
  // The row of a lane; past the end it is the last one.
  auto clampedRow = [&](Value p, Value lane) {
    auto [head, query] = lb.row(op.getRowMap(), p, lane);
    return std::make_pair(head, lb.index.min(query, last));
  };
  Blocks blocks(lb, source.rowSize(), source.isContiguous());
  lb.loop(zero, panels, 1, [&](Value p) {
    lb.loop(zero, lb.index.constant(width), lb.lanes, [&](Value lane) {
      SmallVector<std::pair<Value, Value>> rows;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        rows.push_back(clampedRow(p, lb.index.add(lane, l)));
      }
      lb.loop(zero, blocks.whole, lb.lanes, [&](Value d) {
        SmallVector<Value> block;
        for (auto [head, query] : rows) {
          block.push_back(lb.load(source.get(), source.at(head, query, d)));
        }
        block = lb.transpose(block);
        for (int64_t l = 0; l < lb.lanes; ++l) {
          lb.store(block[l], dest, {p, lb.index.add(d, l), lane});
        }
      });
    });
    if (blocks.rest) {
      lb.loop(blocks.whole, blocks.size, 1, [&](Value d) {
        lb.loop(zero, lb.index.constant(width), 1, [&](Value lane) {
          auto [head, query] = clampedRow(p, lane);
          Value x = lb.loadScalar(source.get(), source.at(head, query, d));
          memref::StoreOp::create(lb.b, lb.loc, x, dest,
                                  ValueRange{p, d, lane});
        });
      });
    }
  });
  op.erase();
  return success();
}

LogicalResult lowerFinalizeState(FinalizeStateOp op,
                                 const TargetDescription &target) {
  OpBuilder builder(op);
  auto stateType = cast<MemRefType>(op.getMax().getType());
  auto type = cast<FloatType>(stateType.getElementType());
  LaneBuilder lb(builder, op.getLoc(), target, type);
  AffineMap lanesMap = AffineMap::getMultiDimMapWithTargets(
      3, ArrayRef<unsigned>{0, 2, 1}, op.getContext());
  if (stateType.getRank() != 2 || op.getStateMap() != lanesMap ||
      stateType.isDynamicDim(1) || stateType.getDimSize(1) % lb.lanes != 0) {
    return op.emitOpError("expected queries as lanes in panels of a multiple "
                          "of ")
           << lb.lanes << " (attn-pack-lanes)";
  }
  int64_t width = stateType.getDimSize(1);
  RowView out(lb, op.getOut(), op.getOutMap());
  Value zero = lb.index.constant(0);
  Value panels =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getMax(), 0));
  Value inverse = scratch(lb, op, {width});
  Value lses = op.getLse() ? scratch(lb, op, {width}) : Value();
  double infinity = std::numeric_limits<double>::infinity();

  // The factor of each row and its lse, on vectors.
  auto totals = [&](Value p, Value lane) {
    Value sum = lb.load(op.getSum(), {p, lane});
    Value max = lb.load(op.getMax(), {p, lane});
    Value scale = lb.constant(1.0);
    if (op.getSink()) {
      // The sink is one more key with the value 0.
      Value size =
          lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getSink(), 0));
      auto load = [&](Value head) {
        Value at = lb.index.min(lb.index.add(op.getHead(), head),
                                lb.index.add(size, -1));
        return lb.loadScalar(op.getSink(), at);
      };
      Value sink;
      if (op.getRowMap().getResult(0).isSymbolicOrConstant()) {
        sink = lb.splat(load(lb.row(op.getRowMap(), p, lane).first));
      } else {
        sink = lb.constant(0.0);
        for (int64_t l = 0; l < lb.lanes; ++l) {
          Value head = lb.row(op.getRowMap(), p, lb.index.add(lane, l)).first;
          sink = vector::InsertOp::create(lb.b, lb.loc, load(head), sink, l);
        }
      }
      Value joint = lb.max(sink, max);
      Value safe = lb.finiteMax(joint), log2e = lb.constant(kLog2E);
      scale = lb.exp2(lb.mul(lb.sub(max, safe), log2e));
      Value extra = lb.exp2(lb.mul(lb.sub(sink, safe), log2e));
      sum = lb.fma(sum, scale, extra);
      max = joint;
    }
    Value factor = lb.selectZero(
        sum, lb.constant(0.0), arith::DivFOp::create(lb.b, lb.loc, scale, sum));
    lb.store(factor, inverse, lane);
    if (lses) {
      Value log = math::LogOp::create(lb.b, lb.loc, sum);
      lb.store(lb.selectZero(sum, lb.constant(-infinity), lb.add(max, log)),
               lses, lane);
    }
  };

  Value heads = out.heads(), queries = out.queries();
  Value count = lb.index.mul(heads, queries);
  Blocks blocks(lb, out.rowSize(), out.isContiguous());
  lb.loop(zero, panels, 1, [&](Value p) {
    Value first = lb.index.mul(p, width);
    // Lanes of this panel that hold a row.
    Value used =
        lb.index.min(lb.index.sub(count, first), lb.index.constant(width));
    lb.loop(zero, lb.index.constant(width), lb.lanes,
            [&](Value lane) { totals(p, lane); });
    lb.loop(zero, used, lb.lanes, [&](Value lane) {
      SmallVector<std::pair<Value, Value>> rows;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        rows.push_back(lb.row(op.getRowMap(), p, lb.index.add(lane, l)));
      }
      Value left = lb.index.sub(used, lane);
      Value factor = lb.load(inverse, lane);
      auto guarded = [&](int64_t l, function_ref<void()> body) {
        Value inside =
            arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sgt, left,
                                  lb.index.constant(l));
        auto guard = scf::IfOp::create(lb.b, lb.loc, inside);
        OpBuilder::InsertionGuard insertion(lb.b);
        lb.b.setInsertionPoint(guard.thenYield());
        body();
      };
      lb.loop(zero, blocks.whole, lb.lanes, [&](Value e) {
        SmallVector<Value> block;
        for (int64_t l = 0; l < lb.lanes; ++l) {
          block.push_back(lb.mul(
              lb.load(op.getAcc(), {p, lb.index.add(e, l), lane}), factor));
        }
        block = lb.transpose(block);
        for (int64_t l = 0; l < lb.lanes; ++l) {
          guarded(l, [&] {
            lb.store(block[l], out.get(),
                     out.at(rows[l].first, rows[l].second, e));
          });
        }
      });
    });
    auto eachRow = [&](function_ref<void(Value, Value, Value)> body) {
      lb.loop(zero, used, 1, [&](Value lane) {
        auto [head, query] = lb.row(op.getRowMap(), p, lane);
        body(lane, head, query);
      });
    };
    if (blocks.rest) {
      Type element = cast<MemRefType>(out.get().getType()).getElementType();
      eachRow([&](Value lane, Value head, Value query) {
        Value factor = lb.loadScalar(inverse, lane);
        lb.loop(blocks.whole, blocks.size, 1, [&](Value e) {
          Value x = lb.mul(lb.loadScalar(op.getAcc(), {p, e, lane}), factor);
          if (element.getIntOrFloatBitWidth() < type.getWidth()) {
            x = arith::TruncFOp::create(lb.b, lb.loc, element, x);
          } else if (element != type) {
            x = arith::ExtFOp::create(lb.b, lb.loc, element, x);
          }
          memref::StoreOp::create(lb.b, lb.loc, x, out.get(),
                                  out.at(head, query, e));
        });
      });
    }
    if (lses) {
      eachRow([&](Value lane, Value head, Value query) {
        memref::StoreOp::create(lb.b, lb.loc, lb.loadScalar(lses, lane),
                                op.getLse(), ValueRange{head, query});
      });
    }
  });
  op.erase();
  return success();
}

} // namespace attn
