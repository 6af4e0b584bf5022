//===- LowerCopies.cpp - copies of strided buffers as loops ---------------===//
// MLIR lowers a copy between contiguous buffers to memcpy, and every other one
// to a call of `memrefCopy`, which is in a library that compiled code does not
// have. Such copies come from writes into a part of a tensor, such as a new key
// into a cache.
//===----------------------------------------------------------------------===//

#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LOWERCOPIESPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

namespace {

// What the conversion of memrefs to LLVM takes as contiguous.
bool isContiguous(MemRefType type) {
  return type.getLayout().isIdentity() ||
         (type.hasStaticShape() && type.getNumElements() > 0 &&
          memref::isStaticShapeAndContiguousRowMajor(type));
}

struct LowerCopiesPass
    : public attn::impl::LowerCopiesPassBase<LowerCopiesPass> {
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp op) {
      auto source = dyn_cast<MemRefType>(op.getSource().getType());
      auto target = dyn_cast<MemRefType>(op.getTarget().getType());
      if (source && target && !(isContiguous(source) && isContiguous(target))) {
        copies.push_back(op);
      }
    });
    for (memref::CopyOp op : copies) {
      OpBuilder builder(op);
      linalg::makeMemRefCopyOp(builder, op.getLoc(), op.getSource(),
                               op.getTarget());
      op.erase();
      ++numLowered;
    }
  }
};

} // namespace
