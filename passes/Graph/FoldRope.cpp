//===- FoldRope.cpp - rotary positions into writes of the cache -----------===//

#include "attn/Passes/FoldRope.h"
#include "attn/Passes/EmitFrequencies.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_FOLDROPEPASS
#include "attn/Passes/Passes.h.inc"

StringRef whyRopeStays(KVAppendOp append, RopeOp rope) {
  if (append.getPositions()) {
    return "the cache turns its keys already";
  }
  if (!rope.hasTensorSemantics() || !rope.getResult(0).hasOneUse()) {
    return "the turned keys are used elsewhere, too";
  }
  if (rope.getLayout() != Layout::THD || !rope.getPositions()) {
    return "keys are not given as tokens with positions (layout thd)";
  }
  if (rope.getRotarySize() < 0) {
    return "the number of rotary elements is not static";
  }
  return "";
}

// Attention reads a key once for each tile of rows, so that turning it there
// would be done again and again; a query is read once, and turning it apart
// costs one more pass over q.
std::string fateOfRope(RopeOp rope) {
  std::string text;
  auto add = [&](const std::string &part) {
    text += (text.empty() ? "" : "; ") + part;
  };
  for (Value result : rope->getResults()) {
    for (OpOperand &use : result.getUses()) {
      if (auto append = dyn_cast<KVAppendOp>(use.getOwner())) {
        StringRef why = whyRopeStays(append, rope);
        add(why.empty()
                ? "folded into attn.kv_append: keys turn as they are written, "
                  "and the cache holds them turned"
                : "not folded into attn.kv_append: " + why.str());
      } else if (auto attention = dyn_cast<AttentionOp>(use.getOwner())) {
        add(use.get() == attention.getQ()
                ? "of q, stays in front of attn.attention: each query turns "
                  "once, in one more pass over q"
                : "of k, stays in front of attn.attention: keys are read once "
                  "for each tile of rows, and turn once");
      }
    }
  }
  return text.empty() ? "a pass of its own: its result goes to no attention "
                        "and no cache"
                      : text;
}
} // namespace attn

using namespace attn;

namespace {

struct FoldRopePass : public attn::impl::FoldRopePassBase<FoldRopePass> {
  void fold(KVAppendOp append) {
    auto rope = append.getK().getDefiningOp<RopeOp>();
    if (!rope) {
      return;
    }
    if (!whyRopeStays(append, rope).empty()) {
      return;
    }
    ImplicitLocOpBuilder b(append.getLoc(), append);
    if (rope.getCos()) {
      append.getCosMutable().assign(rope.getCos());
      append.getSinMutable().assign(rope.getSin());
    } else {
      Frequencies frequencies = emitFrequencies(b, rope);
      append.getFrequenciesMutable().assign(frequencies.values);
      append.setMagnitudeAttr(b.getF64FloatAttr(frequencies.magnitude));
      if (frequencies.kept) {
        append.setKeptAttr(b.getI64IntegerAttr(*frequencies.kept));
      }
    }
    append.setRotaryAttr(b.getI64IntegerAttr(rope.getRotarySize()));
    append.setPairs(rope.getPairs());
    append.getPositionsMutable().assign(rope.getPositions());
    append.getKMutable().set(rope.getX());
    rope.erase();
    ++numFolded;
  }

  void runOnOperation() override {
    SmallVector<KVAppendOp> appends;
    getOperation()->walk([&](Operation *op) {
      if (auto rope = dyn_cast<RopeOp>(op)) {
        std::string fate = fateOfRope(rope);
        auto opts = remark::RemarkOpts::name("rope").category("attn-fold-rope");
        if (StringRef(fate).starts_with("folded")) {
          remark::passed(op->getLoc(), opts) << "rotary positions: " + fate;
        } else {
          remark::missed(op->getLoc(), opts) << "rotary positions: " + fate;
        }
      } else if (auto append = dyn_cast<KVAppendOp>(op)) {
        if (append.hasTensorSemantics()) {
          appends.push_back(append);
        }
      }
    });
    for (KVAppendOp append : appends) {
      fold(append);
    }
  }
};

} // namespace
