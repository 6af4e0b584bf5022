//===- PageRows.cpp - rows of keys that lie on pages ----------------------===//

#include "PageRows.h"
#include "attn/Target/GPUCostModel.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn {

LogicalResult PageRows::prepare(const IRMapping &mapping) {
  FailureOr<TensorView> view = views.get(program.loop.getList(), mapping);
  if (failed(view)) {
    return failure();
  }
  table = *view;
  return success();
}

Value PageRows::read(Value key, Value inside) {
  auto choice = scf::IfOp::create(warp.builder, warp.loc, warp.i32(), inside,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPointToStart(choice.thenBlock());
  auto slots = static_cast<int64_t>(*program.loop.getPageSize());
  Value at =
      table.at(warp.builder, warp.loc, warp.toIndex(warp.div(key, slots)));
  Value number =
      warp.load(warp.i32(), warp.globalAddress(table.pointer, at, warp.i32()),
                0, /*invariant=*/true);
  scf::YieldOp::create(warp.builder, warp.loc, number);
  warp.builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(warp.builder, warp.loc, warp.c(0));
  return choice.getResult(0);
}

// The argument of the body that is the number of the page.
static Value pageOf(KeyLoopOp loop) { return loop.getBody().getArgument(2); }

IRMapping PageRows::at(Value key, Value page) {
  IRMapping mapping;
  mapping.map(pageOf(program.loop), warp.toIndex(page));
  cloneBodyScalars(warp.builder, program.loop, warp.toIndex(key),
                   warp.toIndex(warp.c(1)), mapping);
  return mapping;
}

FailureOr<TensorView> PageRows::row(Value tensor, Value key, Value page) {
  return views.get(tensor, at(key, page));
}

FailureOr<PageRows::Offsets> PageRows::fetch(const KeyCursor::Tile &tile,
                                             const Place &place) {
  Offsets offsets;
  for (int64_t i = 0; i * place.threads < place.keys; ++i) {
    Value number = warp.add(place.thread, i * place.threads);
    Value key = warp.add(tile.key, number);
    Value page = read(key, warp.less(number, tile.size));
    FailureOr<TensorView> k = row(program.keys(), key, page);
    FailureOr<TensorView> v = row(program.values(), key, page);
    if (failed(k) || failed(v)) {
      return failure();
    }
    offsets.push_back({k->offset, v->offset});
  }
  return offsets;
}

static Value address(WarpBuilder &warp, Value row, int64_t which, Value stage,
                     const PageRows::Place &place) {
  return warp.sharedAddress(
      warp.add(stage, warp.mul(row, MMAKernel::kPageRowBytes)),
      place.start + 8 * which);
}

void PageRows::keep(const Offsets &offsets, Value stage, const Place &place) {
  for (auto [i, pair] : llvm::enumerate(offsets)) {
    Value row = warp.add(place.thread, static_cast<int64_t>(i) * place.threads);
    auto store = [&, pair = pair] {
      for (auto [which, offset] : llvm::enumerate(pair)) {
        Value wide = arith::IndexCastOp::create(
            warp.builder, warp.loc, warp.builder.getI64Type(), offset);
        warp.store(wide, address(warp, row, static_cast<int64_t>(which), stage,
                                 place));
      }
    };
    if (place.keys % place.threads == 0) {
      store();
    } else {
      warp.guarded(warp.less(row, warp.c(place.keys)), store);
    }
  }
}

Value PageRows::kept(Value row, bool ofValues, Value stage,
                     const Place &place) {
  Value wide = warp.load(warp.builder.getI64Type(),
                         address(warp, row, ofValues, stage, place));
  return arith::IndexCastOp::create(warp.builder, warp.loc,
                                    warp.builder.getIndexType(), wide);
}

} // namespace attn
