//===- SharedLayout.cpp - where the rings of a kernel lie -----------------===//

#include "SharedLayout.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

SharedLayout::SharedLayout(Operation *kernel) {
  kernel->walk([&](warpgroup::RingOp op) {
    Ring ring;
    ring.stages = op.getRing().getType().getShape()[0];
    // Tiles are swizzled by their address.
    int64_t alignment =
        op.getRing().getType().getElement().isF32() ? 128 : 1024;
    ring.stageBytes =
        llvm::alignTo(warpgroup::stageBytes(op.getRing().getType()), alignment);
    end = llvm::alignTo(end, alignment);
    ring.tagBytes = llvm::alignTo(op.getTags() * 4, 16);
    ring.consumers = op.getConsumers();
    ring.writers = op.getWriters().value_or(1);
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
