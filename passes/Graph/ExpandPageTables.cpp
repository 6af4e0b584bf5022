//===- ExpandPageTables.cpp - lists of pages as block tables --------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDPAGETABLESPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct ExpandPageTablesPass
    : public attn::impl::ExpandPageTablesPassBase<ExpandPageTablesPass> {

  static void expand(PageTablesOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    IndexBuilder index(b, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    Value zero = index.constant(0), starts = op.getStarts();
    auto start = [&](OpBuilder &at, Location loc, Value sequence) -> Value {
      Value entry = tensor::ExtractOp::create(at, loc, starts, sequence);
      return arith::IndexCastOp::create(at, loc, at.getIndexType(), entry);
    };
    Value sequences = index.add(
        index.value(tensor::getMixedSize(b, op.getLoc(), starts, 0)), -1);
    SmallVector<Value> sizes;
    if (type.isDynamicDim(0)) {
      sizes.push_back(sequences);
    }
    if (type.isDynamicDim(1)) {
      Value columns = op.getColumns();
      if (!columns) { // the most pages of a sequence
        auto loop = scf::ForOp::create(
            b, zero, sequences, index.constant(1), ValueRange{zero},
            [&](OpBuilder &body, Location loc, Value n, ValueRange most) {
              IndexBuilder inner(body, loc);
              Value pages = inner.sub(start(body, loc, inner.add(n, 1)),
                                      start(body, loc, n));
              scf::YieldOp::create(body, loc, inner.max(most[0], pages));
            });
        columns = loop.getResult(0);
      }
      sizes.push_back(columns);
    }
    Value none = arith::ConstantOp::create(b, b.getI32IntegerAttr(-1));
    auto tables = tensor::GenerateOp::create(
        b, type, sizes, [&](OpBuilder &body, Location loc, ValueRange at) {
          IndexBuilder inner(body, loc);
          Value first = start(body, loc, at[0]);
          Value end = start(body, loc, inner.add(at[0], 1));
          Value entry = inner.add(first, at[1]);
          Value inside = arith::CmpIOp::create(
              body, loc, arith::CmpIPredicate::slt, entry, end);
          auto branch = scf::IfOp::create(body, loc, body.getI32Type(), inside,
                                          /*withElseRegion=*/true);
          {
            OpBuilder::InsertionGuard guard(body);
            body.setInsertionPointToStart(branch.thenBlock());
            Value page =
                tensor::ExtractOp::create(body, loc, op.getList(), entry);
            scf::YieldOp::create(body, loc, page);
            body.setInsertionPointToStart(branch.elseBlock());
            scf::YieldOp::create(body, loc, none);
          }
          tensor::YieldOp::create(body, loc, branch.getResult(0));
        });
    op.replaceAllUsesWith(tables.getResult());
    op.erase();
  }

  void runOnOperation() override {
    getOperation()->walk([&](PageTablesOp op) { expand(op); });
  }
};

} // namespace
