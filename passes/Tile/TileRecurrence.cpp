//===- TileRecurrence.cpp - recurrences into chunks of tokens -------------===//

#include "RecurrenceTiler.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILERECURRENCEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileRecurrencePass
    : public attn::impl::TileRecurrencePassBase<TileRecurrencePass> {
  using TileRecurrencePassBase::TileRecurrencePassBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isRecurrence(op) && !op->getParentOfType<scf::ForallOp>()) {
        ops.push_back(op);
      }
    });
    for (Operation *op : ops) {
      LogicalResult tiled =
          TypeSwitch<Operation *, LogicalResult>(op)
              .Case([](SSDOp ssd) { return tileSSD(ssd); })
              .Case([](LinearAttentionOp linear) {
                return tileLinearAttention(linear);
              })
              .Case([](SSMScanOp scan) { return tileChannelScan(scan); })
              .Case([](SSMStepOp step) {
                return step.hasHeads() ? tileHeadStep(step)
                                       : tileChannelStep(step);
              })
              .Default([](Operation *) { return success(); });
      if (failed(tiled)) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
