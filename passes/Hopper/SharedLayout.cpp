//===- SharedLayout.cpp - where the rings of a kernel lie -----------------===//

#include "SharedLayout.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

SharedLayout::SharedLayout(Operation *kernel) {
  kernel->walk([&](warpgroup::RingOp op) {
    Ring ring;
    ring.stages = op.getRing().getType().getShape()[0];
    ring.stageBytes =
        llvm::alignTo(warpgroup::stageBytes(op.getRing().getType()), 1024);
    ring.tagBytes = llvm::alignTo(op.getTags() * 4, 16);
    ring.consumers = op.getConsumers();
    ring.tiles = end;
    end += ring.stages * ring.stageBytes;
    rings[op.getRing()] = ring;
  });
  for (auto &[value, ring] : rings) {
    ring.full = end;
    ring.empty = end + 8 * ring.stages;
    end += 16 * ring.stages;
  }
  end = llvm::alignTo(end, 16);
  for (auto &[value, ring] : rings) {
    ring.tags = end;
    end += ring.tagBytes * ring.stages;
  }
}

} // namespace attn
