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

// Each tile of rows that reads a key turns it, which is arithmetic; a pass
// turns it once, and moves its bytes. Measured, a pass costs less from some
// eight tiles of 256 rows on with f32, and half as many with 16 bits.
static bool fewRowsOfKey(AttentionOp attention) {
  auto sizeOf = [](Value tensor, int64_t d) {
    return cast<ShapedType>(tensor.getType()).getDimSize(d);
  };
  int64_t queries = sizeOf(attention.getQ(), attention.getSeqDim()),
          heads = sizeOf(attention.getQ(), attention.getHeadDim()),
          keyHeads = sizeOf(attention.getK(), attention.getKeyHeadDim());
  constexpr int64_t kRowsOfByte = 512;
  return queries >= 0 && heads >= 0 && keyHeads > 0 &&
         queries * heads / keyHeads <=
             kRowsOfByte * attention.getElementType().getIntOrFloatBitWidth() /
                 8;
}

StringRef whyRopeStays(AttentionOp attention, RopeOp rope, bool onGPU) {
  if (onGPU) {
    return "kernels of GPUs copy q and k as they lie in memory";
  }
  if (!rope.hasTensorSemantics() || !rope.getResult(0).hasOneUse()) {
    return "what turned is used elsewhere, too";
  }
  if (rope.getLayout() != attention.getLayout() || attention.isPaged()) {
    return "it has another layout than attention";
  }
  if (rope.getRotarySize() < 0) {
    return "the number of rotary elements is not static";
  }
  if (rope.getResult(0) == attention.getK() && !fewRowsOfKey(attention)) {
    return "many rows, or an unknown number of them, read a key, which turns "
           "once this way";
  }
  return "";
}

static std::string whatTurns(AttentionOp attention, OpOperand &use) {
  return use.get() == attention.getQ() ? "of q" : "of k";
}

std::string ropeInFront(AttentionOp attention, OpOperand &use, StringRef why) {
  return whatTurns(attention, use) +
         ", stays in front of attn.attention as a pass over memory: " +
         why.str();
}

std::string ropeInTiles(AttentionOp attention, OpOperand &use) {
  return whatTurns(attention, use) +
         ", folded into the loads of attn.attention: a tile turns what it "
         "reads, by a table of cos and sin that all heads share";
}

std::string fateOfRope(RopeOp rope, bool onGPU) {
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
        StringRef why = whyRopeStays(attention, rope, onGPU);
        add(why.empty() ? ropeInTiles(attention, use)
                        : ropeInFront(attention, use, why));
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
    StringRef why = whyRopeStays(append, rope);
    auto opts = remark::RemarkOpts::name("rope").category(getArgument());
    if (!why.empty()) {
      remark::missed(append.getLoc(), opts)
          << "rotary positions: not folded into attn.kv_append: " + why.str();
      return;
    }
    remark::passed(append.getLoc(), opts)
        << "rotary positions: folded into attn.kv_append: keys turn as they "
           "are written, and the cache holds them turned";
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
    getOperation()->walk([&](KVAppendOp append) {
      if (append.hasTensorSemantics()) {
        appends.push_back(append);
      }
    });
    for (KVAppendOp append : appends) {
      fold(append);
    }
  }
};

} // namespace
