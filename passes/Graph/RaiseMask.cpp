//===- RaiseMask.cpp - what is affine in mask regions, as attributes ------===//
// The region yields a conjunction. Each part of it that is a formula of
// comparisons of sums of the positions i and j becomes an attribute; the rest
// stays.
//===----------------------------------------------------------------------===//

#include "attn/Passes/RaiseMask.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_RAISEMASKPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// query * i + key * j + constant.
struct LinearForm {
  int64_t query = 0, key = 0, constant = 0;
};

class Raiser {
public:
  explicit Raiser(AttentionOp op) : op(op) {
    auto positions = op.getMaskRegion().front().getArguments().take_back(2);
    query = positions[0];
    key = positions[1];
  }

  /// Raises what it can; false if that is nothing.
  bool run() {
    Operation *yield = op.getMaskRegion().front().getTerminator();
    SmallVector<Attribute> raised;
    SmallVector<Value> kept;
    SmallVector<Value> work{yield->getOperand(0)};
    while (!work.empty()) {
      Value part = work.pop_back_val();
      if (auto both = part.getDefiningOp<arith::AndIOp>()) {
        work.append({both.getRhs(), both.getLhs()});
      } else if (Attribute attribute = raise(part)) {
        raised.push_back(attribute);
      } else {
        kept.push_back(part);
      }
    }
    remarkOn(raised, kept);
    if (raised.empty()) {
      return false;
    }
    if (op.getMaskAttr()) {
      raised.insert(raised.begin(), op.getMaskAttr());
    }
    MLIRContext *context = op.getContext();
    op.setMaskAttr(cast<MaskAttrInterface>(
        raised.size() == 1 ? raised.front()
                           : Attribute(AndAttr::get(context, raised))));
    if (kept.empty()) {
      op.getMaskRegion().getBlocks().clear();
      op.getMaskCapturedMutable().clear();
      op.setMaskMapsAttr(ArrayAttr::get(context, {}));
      op.setMaskAscending({});
      return true;
    }
    OpBuilder builder(yield);
    Value rest = kept.front();
    for (Value part : ArrayRef(kept).drop_front()) {
      rest = arith::AndIOp::create(builder, yield->getLoc(), rest, part);
    }
    yield->setOperand(0, rest);
    return true;
  }

private:
  AttentionOp op;
  Value query, key;
  std::string why; ///< of the last part that was not raised

  std::optional<LinearForm> linear(Value value) {
    if (value == query) {
      return LinearForm{1, 0, 0};
    }
    if (value == key) {
      return LinearForm{0, 1, 0};
    }
    if (!value.getType().isIndex()) {
      return std::nullopt;
    }
    if (std::optional<int64_t> constant = getConstantIntValue(value)) {
      return LinearForm{0, 0, *constant};
    }
    Operation *def = value.getDefiningOp();
    if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp>(def)) {
      return std::nullopt;
    }
    std::optional<LinearForm> x = linear(def->getOperand(0));
    std::optional<LinearForm> y = linear(def->getOperand(1));
    if (!x || !y) {
      return std::nullopt;
    }
    int64_t sign = isa<arith::SubIOp>(def) ? -1 : 1;
    return LinearForm{x->query + sign * y->query, x->key + sign * y->key,
                      x->constant + sign * y->constant};
  }

  // The pairs where `form` is not negative.
  Attribute positive(LinearForm form) {
    MLIRContext *context = op.getContext();
    int64_t c = form.constant;
    if (form.query == 1 && form.key == -1 && c >= 0) { // j <= i + c
      return c == 0 ? Attribute(CausalAttr::get(context))
                    : WindowAttr::get(context, -1, c);
    }
    if (form.query == -1 && form.key == 1 && c >= 0) { // j >= i - c
      return WindowAttr::get(context, c, -1);
    }
    if (form.query == 0 && form.key == -1 && c >= -1) { // j <= c
      return SinkAttr::get(context, c + 1);
    }
    return refuse("a comparison is of a form that no attribute has");
  }

  Attribute refuse(StringRef reason) {
    why = reason.str();
    return {};
  }

  Attribute raise(Value value) {
    using P = arith::CmpIPredicate;
    Operation *def = value.getDefiningOp();
    if (isa_and_nonnull<arith::AndIOp, arith::OrIOp>(def)) {
      Attribute x = raise(def->getOperand(0));
      Attribute y = x ? raise(def->getOperand(1)) : Attribute();
      if (!y) {
        return {};
      }
      return isa<arith::AndIOp>(def)
                 ? Attribute(AndAttr::get(op.getContext(), {x, y}))
                 : OrAttr::get(op.getContext(), {x, y});
    }
    auto cmp = dyn_cast_or_null<arith::CmpIOp>(def);
    if (!cmp) {
      return refuse("a condition is no comparison of positions");
    }
    std::optional<LinearForm> x = linear(cmp.getLhs());
    std::optional<LinearForm> y = linear(cmp.getRhs());
    if (!x || !y) {
      return refuse("a comparison is not of sums of positions");
    }
    LinearForm form{x->query - y->query, x->key - y->key,
                    x->constant - y->constant};
    auto negated = [](LinearForm f) {
      return LinearForm{-f.query, -f.key, -f.constant};
    };
    auto less = [](LinearForm f) {
      return LinearForm{f.query, f.key, f.constant - 1};
    };
    switch (cmp.getPredicate()) {
    case P::sge:
      return positive(form);
    case P::sgt:
      return positive(less(form));
    case P::sle:
      return positive(negated(form));
    case P::slt:
      return positive(less(negated(form)));
    default:
      return refuse("a comparison is no order of numbers with a sign");
    }
  }

  void remarkOn(ArrayRef<Attribute> raised, ArrayRef<Value> kept) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (!raised.empty()) {
      stream << "raised ";
      llvm::interleaveComma(raised, stream);
    }
    if (!kept.empty()) {
      stream << (raised.empty() ? "" : "; ") << "kept " << kept.size()
             << " in the region: " << why;
    }
    remark::RemarkOpts opts =
        remark::RemarkOpts::name("mask").category("attn-raise-mask");
    if (raised.empty()) {
      remark::missed(op.getLoc(), opts) << text;
    } else {
      remark::passed(op.getLoc(), opts) << text;
    }
  }
};

} // namespace

bool attn::raiseMask(AttentionOp op) {
  return !op.getMaskRegion().empty() && Raiser(op).run();
}

namespace {

struct RaiseMaskPass : public attn::impl::RaiseMaskPassBase<RaiseMaskPass> {
  void runOnOperation() override {
    getOperation()->walk([&](AttentionOp op) {
      if (raiseMask(op)) {
        ++numRaised;
      }
    });
  }
};

} // namespace
