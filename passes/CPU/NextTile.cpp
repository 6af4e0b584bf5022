//===- NextTile.cpp - the keys behind those of a tile ---------------------===//

#include "NextTile.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace attn {

// Pages do not follow each other in memory, so what finds the page of a tile is
// computed again for the next one. Without such a look-up tiles are neighbours.
NextTile nextTile(LaneBuilder &lb, Operation *op, Value tile, int64_t ahead) {
  NextTile behind = {
      tile, lb.index.value(memref::getMixedSize(lb.b, lb.loc, tile, 0)),
      /*lookedUp=*/false};
  auto loop = op->getParentOfType<scf::ForOp>();
  if (!loop) {
    return behind;
  }
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.filter = [&](Operation *each) {
    return each->getBlock() == loop.getBody();
  };
  if (failed(getBackwardSlice(tile, &slice, options))) {
    return behind;
  }
  auto isLookUp = [](Operation *each) { return isa<memref::LoadOp>(each); };
  if (llvm::none_of(slice, isLookUp) ||
      !llvm::all_of(slice, [&](Operation *each) {
        return isLookUp(each) || isMemoryEffectFree(each);
      })) {
    return behind;
  }
  Value here = loop.getInductionVar();
  Value last = lb.index.sub(loop.getUpperBound(), loop.getStep());
  Value next = lb.index.add(here, lb.index.mul(loop.getStep(), ahead));
  IRMapping mapping;
  mapping.map(here, lb.index.min(next, last));
  for (Operation *each : slice) {
    lb.b.clone(*each, mapping);
  }
  return {mapping.lookup(tile), lb.index.constant(0), /*lookedUp=*/true};
}

} // namespace attn
