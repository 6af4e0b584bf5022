//===- LowerLinformer.cpp - projections along the sequence ----------------===//
// A task is one head: sums of all rows in scratch memory, to which blocks of
// tokens are added in register tiles.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "RegisterTile.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class LinformerLowering {
public:
  LinformerLowering(LinformerProjectOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, recurrenceType(op)) {
    auto out = cast<MemRefType>(op.getOut().getType());
    rows = out.getDimSize(op.getSeqDim());
    size = out.getDimSize(3);
    vectors = (size + lb.lanes - 1) / lb.lanes;
    ofHeads = cast<MemRefType>(op.getE().getType()).getRank() == 3;
    zero = lb.index.constant(0);
  }

  void run() {
    auto forall = scf::ForallOp::create(
        lb.b, lb.loc,
        ArrayRef<OpFoldResult>{
            getAsOpFoldResult(sizeOf(op.getX(), 0)),
            getAsOpFoldResult(sizeOf(op.getX(), op.getHeadDim()))},
        ValueRange(), std::nullopt);
    {
      OpBuilder::InsertionGuard guard(lb.b);
      lb.b.setInsertionPointToStart(forall.getBody());
      batch = forall.getInductionVar(0);
      head = forall.getInductionVar(1);
      task();
    }
    op.erase();
  }

private:
  LinformerProjectOp op;
  OpBuilder builder;
  LaneBuilder lb;
  int64_t rows, size, vectors; // R, D, vectors of D
  bool ofHeads;
  Value zero, batch, head, sums;

  Value sizeOf(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }
  // Row `n` of the head in the order of the layout.
  Values rowAt(Value n) {
    return op.getLayout() == Layout::BHSD ? Values{batch, head, n}
                                          : Values{batch, n, head};
  }
  Value weight(Value token, Value row) {
    Values at{token, row};
    if (ofHeads) {
      at.insert(at.begin(), head);
    }
    return lb.splat(lb.loadScalar(op.getE(), at));
  }

  void task() {
    constexpr int64_t kTokens = 256;
    sums = memref::AllocOp::create(
        lb.b, lb.loc, MemRefType::get({rows, vectors * lb.lanes}, lb.type),
        ValueRange(), lb.b.getI64IntegerAttr(64));
    eachVector([&](Value r, int64_t n) {
      lb.store(lb.constant(0.0), sums, {r, lb.index.constant(n * lb.lanes)});
    });
    Value tokens = lb.index.min(sizeOf(op.getX(), op.getSeqDim()),
                                sizeOf(op.getE(), ofHeads ? 1 : 0));
    lb.loop(zero, tokens, kTokens, [&](Value first) {
      Value count =
          lb.index.min(lb.index.constant(kTokens), lb.index.sub(tokens, first));
      block(first, count);
    });
    eachVector([&](Value r, int64_t n) {
      Value y = lb.load(sums, {r, lb.index.constant(n * lb.lanes)});
      storeRowVector(lb, y, op.getOut(), rowAt(r), n, size);
    });
    memref::DeallocOp::create(lb.b, lb.loc, sums);
  }

  void eachVector(function_ref<void(Value, int64_t)> body) {
    lb.loop(zero, lb.index.constant(rows), 1, [&](Value r) {
      for (int64_t n = 0; n < vectors; ++n) {
        body(r, n);
      }
    });
  }

  // Adds tokens [first, first + count) to the sums.
  void block(Value first, Value count) {
    constexpr int64_t kVectors = 4;
    for (int64_t start = 0; start < vectors; start += kVectors) {
      int64_t wide = std::min(kVectors, vectors - start);
      int64_t most = std::min(kTileAccumulators / wide, kTileRows);
      lb.tiles(lb.index.constant(rows), most, {},
               [&](int64_t number, Value row, ValueRange) {
                 auto at = [&](int64_t r, int64_t c) {
                   return Values{lb.index.add(row, r),
                                 lb.index.constant((start + c) * lb.lanes)};
                 };
                 Values tile;
                 for (int64_t r = 0; r < number; ++r) {
                   for (int64_t c = 0; c < wide; ++c) {
                     tile.push_back(lb.load(sums, at(r, c)));
                   }
                 }
                 tile = tileProducts(
                     lb, number, wide, count, tile,
                     [&](int64_t r, Value t) {
                       return weight(lb.index.add(first, t),
                                     lb.index.add(row, r));
                     },
                     [&](Value t, int64_t c) {
                       return loadRowVector(lb, op.getX(),
                                            rowAt(lb.index.add(first, t)),
                                            start + c, size);
                     });
                 for (int64_t r = 0; r < number; ++r) {
                   for (int64_t c = 0; c < wide; ++c) {
                     lb.store(tile[r * wide + c], sums, at(r, c));
                   }
                 }
                 return Values();
               });
    }
  }
};

} // namespace

LogicalResult lowerLinformerProject(LinformerProjectOp op,
                                    const TargetDescription &target) {
  auto out = cast<MemRefType>(op.getOut().getType());
  if (out.isDynamicDim(op.getSeqDim()) || out.isDynamicDim(3) ||
      !isUnitStride(op.getOut(), 3)) {
    return op.emitOpError("expected static numbers of rows and elements, and "
                          "elements that lie side by side");
  }
  LinformerLowering(op, target).run();
  return success();
}

} // namespace attn
