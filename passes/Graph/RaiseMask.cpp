//===- RaiseMask.cpp - what is affine in mask regions, as attributes ------===//
// The region yields a conjunction. Each part of it that is a formula of affine
// comparisons of b, h, i, j and numbers from outside becomes an attribute; the
// rest stays.
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

/// A mask, with the values of its symbols.
struct Raised {
  Attribute mask; // null: not affine
  SmallVector<Value> symbols;
};

class Raiser {
public:
  explicit Raiser(AttentionOp op)
      : op(op), context(op.getContext()),
        positions(op.getMaskRegion().front().getArguments().take_back(4)) {}

  /// Raises what it can; false if that is nothing.
  bool run();

private:
  AttentionOp op;
  MLIRContext *context;
  Block::BlockArgListType positions; ///< b, h, i, j
  std::string why;                   ///< of the last part that was not raised

  Raised refuse(StringRef reason) {
    why = reason.str();
    return {};
  }
  AffineExpr dim(unsigned n) { return getAffineDimExpr(n, context); }

  AffineExpr affine(Value value, SmallVector<Value> &symbols);
  AffineExpr quotient(Operation *def, SmallVector<Value> &symbols);
  AffineExpr remainderFromZero(Value value, Value other,
                               SmallVector<Value> &symbols);
  Raised compare(arith::CmpIOp cmp);
  Raised raise(Value value);
  Raised join(bool isOr, Raised x, Raised y);
  Raised negate(Raised x);
  Attribute setOf(ArrayRef<AffineExpr> constraints, unsigned numSymbols);
  Attribute nameOf(AffineExpr constraint);
  Attribute nameOfZero(AffineExpr expr);
  void remarkOn(ArrayRef<Attribute> raised, ArrayRef<Value> kept);
};

} // namespace

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

// Keys, heads and sequences are numbered from 0; queries need not be.
static bool isNeverNegative(AffineExpr expr) {
  LinearForm form = LinearForm::of(expr);
  return form.constant >= 0 && llvm::all_of(form.terms, [](const auto &term) {
           auto dim = dyn_cast<AffineDimExpr>(term.first);
           return dim && dim.getPosition() != QueryDim && term.second >= 0;
         });
}

// Null where it is none.
AffineExpr Raiser::quotient(Operation *def, SmallVector<Value> &symbols) {
  std::optional<int64_t> by = getConstantIntValue(def->getOperand(1));
  AffineExpr above =
      by && *by > 0 ? affine(def->getOperand(0), symbols) : AffineExpr();
  if (!above) {
    return {};
  }
  if (isa<arith::FloorDivSIOp>(def)) {
    return above.floorDiv(*by);
  }
  if (isa<arith::CeilDivSIOp>(def)) {
    return above.ceilDiv(*by);
  }
  // The others round to 0, or take a negative number for a large one.
  if (!isNeverNegative(above)) {
    return {};
  }
  return isa<arith::DivSIOp, arith::DivUIOp>(def) ? above.floorDiv(*by)
                                                  : above % *by;
}

// An affine expression of (b, h, i, j) and of numbers from outside, which are
// added to `symbols`; null for others.
AffineExpr Raiser::affine(Value value, SmallVector<Value> &symbols) {
  if (!value.getType().isIndex()) {
    return {};
  }
  for (auto [n, position] : llvm::enumerate(positions)) {
    if (value == position) {
      return dim(n);
    }
  }
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    return getAffineConstantExpr(*constant, context);
  }
  if (!op.getMaskRegion().isAncestor(value.getParentRegion())) {
    auto *at = llvm::find(symbols, value);
    unsigned n = at - symbols.begin();
    if (at == symbols.end()) {
      symbols.push_back(value);
    }
    return getAffineSymbolExpr(n, context);
  }
  Operation *def = value.getDefiningOp();
  if (isa_and_nonnull<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivSIOp,
                      arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(def)) {
    return quotient(def, symbols);
  }
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(def)) {
    return {};
  }
  AffineExpr x = affine(def->getOperand(0), symbols);
  AffineExpr y = x ? affine(def->getOperand(1), symbols) : AffineExpr();
  if (!y) {
    return {};
  }
  if (isa<arith::MulIOp>(def)) {
    return x.isSymbolicOrConstant() || y.isSymbolicOrConstant() ? x * y
                                                                : AffineExpr();
  }
  return isa<arith::AddIOp>(def) ? x + y : x - y;
}

// `x remsi c`, compared with 0: whatever the sign, that is x mod c.
AffineExpr Raiser::remainderFromZero(Value value, Value other,
                                     SmallVector<Value> &symbols) {
  auto remainder = value.getDefiningOp<arith::RemSIOp>();
  if (!remainder || getConstantIntValue(other) != 0) {
    return {};
  }
  std::optional<int64_t> by = getConstantIntValue(remainder.getRhs());
  AffineExpr x =
      by && *by > 0 ? affine(remainder.getLhs(), symbols) : AffineExpr();
  return x ? x % *by : AffineExpr();
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

// The attribute of `constraint >= 0` by its name, or null.
Attribute Raiser::nameOf(AffineExpr constraint) {
  LinearForm form = LinearForm::of(constraint);
  int64_t c = form.constant;
  LinearForm moved = form;
  moved.constant = 0;
  auto is = [&](AffineExpr expr) {
    LinearForm rest = moved - LinearForm::of(expr);
    return rest.isConstant() && rest.constant == 0;
  };
  if (is(dim(QueryDim) - dim(KeyDim)) && c >= 0) { // j <= i + c
    return c == 0 ? Attribute(CausalAttr::get(context))
                  : WindowAttr::get(context, -1, c);
  }
  if (is(dim(KeyDim) - dim(QueryDim)) && c >= 0) { // j >= i - c
    return WindowAttr::get(context, c, -1);
  }
  if (is(-dim(KeyDim)) && c >= -1) { // j <= c
    return SinkAttr::get(context, c + 1);
  }
  return {};
}

// The same of `expr = 0`.
Attribute Raiser::nameOfZero(AffineExpr expr) {
  LinearForm form = LinearForm::of(expr);
  auto isZeroOf = [&](const MaskSet &set) {
    LinearForm difference = form - set.constraints.front();
    LinearForm sum = form + set.constraints.front();
    return (difference.isConstant() && difference.constant == 0) ||
           (sum.isConstant() && sum.constant == 0);
  };
  for (auto [term, factor] : form.terms) {
    auto divided = dyn_cast<AffineBinaryOpExpr>(term);
    if (!divided) {
      continue;
    }
    int64_t by = cast<AffineConstantExpr>(divided.getRHS()).getValue();
    if (isZeroOf(MaskSet::dilated(context, by))) {
      return DilatedAttr::get(context, by);
    }
    if (isZeroOf(MaskSet::chunk(context, by))) {
      return ChunkAttr::get(context, by);
    }
  }
  return {};
}

Attribute Raiser::setOf(ArrayRef<AffineExpr> constraints, unsigned numSymbols) {
  SmallVector<AffineExpr> sums =
      llvm::map_to_vector(constraints, [&](AffineExpr expr) {
        return LinearForm::of(expr).expr(context);
      });
  return SetAttr::get(context, AffineMap::get(4, numSymbols, sums, context));
}

Raised Raiser::join(bool isOr, Raised x, Raised y) {
  if (!x.mask || !y.mask) {
    return {};
  }
  x.mask = isOr ? Attribute(OrAttr::get(context, {x.mask, y.mask}))
                : AndAttr::get(context, {x.mask, y.mask});
  llvm::append_range(x.symbols, y.symbols);
  return x;
}

Raised Raiser::negate(Raised x) {
  if (x.mask) {
    x.mask = NotAttr::get(context, x.mask);
  }
  return x;
}

Raised Raiser::compare(arith::CmpIOp cmp) {
  using P = arith::CmpIPredicate;
  P predicate = cmp.getPredicate();
  bool isEquality = predicate == P::eq || predicate == P::ne;
  Raised result;
  AffineExpr x;
  if (isEquality) {
    x = remainderFromZero(cmp.getLhs(), cmp.getRhs(), result.symbols);
  }
  if (!x) {
    result.symbols.clear();
    AffineExpr left = affine(cmp.getLhs(), result.symbols);
    AffineExpr right =
        left ? affine(cmp.getRhs(), result.symbols) : AffineExpr();
    if (!right) {
      return refuse("a comparison is not of sums of positions");
    }
    x = left - right;
  }
  if (!x.isPureAffine()) {
    return refuse("a position is multiplied with a number that is not known");
  }
  unsigned count = result.symbols.size();
  auto atLeast = [&](AffineExpr constraint) {
    Attribute name = count == 0 ? nameOf(constraint) : Attribute();
    return name ? name : setOf(constraint, count);
  };
  switch (predicate) {
  case P::sge:
    result.mask = atLeast(x);
    return result;
  case P::sgt:
    result.mask = atLeast(x - 1);
    return result;
  case P::sle:
    result.mask = atLeast(-x);
    return result;
  case P::slt:
    result.mask = atLeast(-x - 1);
    return result;
  case P::eq:
  case P::ne: {
    Attribute name = count == 0 ? nameOfZero(x) : Attribute();
    result.mask = name ? name : setOf({x, -x}, count);
    return predicate == P::eq ? result : negate(std::move(result));
  }
  default:
    return refuse("a comparison is no order of numbers with a sign");
  }
}

Raised Raiser::raise(Value value) {
  Operation *def = value.getDefiningOp();
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    return {setOf(getAffineConstantExpr(*constant != 0 ? 0 : -1, context), 0),
            {}};
  }
  if (isa_and_nonnull<arith::AndIOp, arith::OrIOp>(def)) {
    return join(isa<arith::OrIOp>(def), raise(def->getOperand(0)),
                raise(def->getOperand(1)));
  }
  if (auto either = dyn_cast_or_null<arith::XOrIOp>(def)) {
    Raised x = raise(either.getLhs()), y = raise(either.getRhs());
    if (getConstantIntValue(either.getRhs()).value_or(0) != 0) {
      return negate(std::move(x));
    }
    return join(/*isOr=*/true, join(false, x, negate(y)),
                join(false, negate(x), y));
  }
  if (auto select = dyn_cast_or_null<arith::SelectOp>(def)) {
    Raised condition = raise(select.getCondition());
    return join(/*isOr=*/true,
                join(false, condition, raise(select.getTrueValue())),
                join(false, negate(condition), raise(select.getFalseValue())));
  }
  if (auto cmp = dyn_cast_or_null<arith::CmpIOp>(def)) {
    return compare(cmp);
  }
  return refuse("a condition is no comparison of positions");
}

//===----------------------------------------------------------------------===//
// The region
//===----------------------------------------------------------------------===//

bool Raiser::run() {
  Operation *yield = op.getMaskRegion().front().getTerminator();
  SmallVector<Attribute> raised;
  SmallVector<Value> symbols;
  SmallVector<Value> kept;
  SmallVector<Value> work{yield->getOperand(0)};
  while (!work.empty()) {
    Value part = work.pop_back_val();
    if (auto both = part.getDefiningOp<arith::AndIOp>()) {
      work.append({both.getRhs(), both.getLhs()});
      continue;
    }
    Raised found = raise(part);
    if (found.mask) {
      // Of a mask of too many terms the tiles of a region are known better.
      MaskSet set = cast<MaskAttrInterface>(found.mask).getMaskSet();
      if (!set.terms() || !set.terms(/*negated=*/true)) {
        found = refuse("a condition takes too many conjunctions");
      }
    }
    if (found.mask) {
      raised.push_back(found.mask);
      llvm::append_range(symbols, found.symbols);
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
  op.setMaskAttr(cast<MaskAttrInterface>(
      raised.size() == 1 ? raised.front()
                         : Attribute(AndAttr::get(context, raised))));
  op.getMaskSymbolsMutable().append(symbols);
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

void Raiser::remarkOn(ArrayRef<Attribute> raised, ArrayRef<Value> kept) {
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

namespace {} // namespace

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
