//===- ColumnForms.cpp - bodies of elements, written out for columns ------===//

#include "ColumnForms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace attn {

// A column is 8 n + 0 or 1 behind the first, and of these there are no more
// than a word has bits.
constexpr int64_t kWordColumns = 128;

ColumnForms::ColumnForms(WarpBuilder &warp, Block &body, Value first,
                         int64_t columns, ValueRange varyingArguments)
    : warp(warp), body(body), first(first), columns(columns),
      varyingArguments(varyingArguments) {
  varying.insert(varyingArguments.begin(), varyingArguments.end());
  for (Operation &op : body.without_terminator()) {
    SetVector<Value> used(op.operand_begin(), op.operand_end());
    getUsedValuesDefinedAbove(op.getRegions(), used);
    if (llvm::any_of(used, [&](Value v) { return varying.contains(v); })) {
      varying.insert(op.result_begin(), op.result_end());
    }
  }
}

void ColumnForms::startRow(ValueRange arguments) {
  forms.clear();
  for (auto [argument, value] :
       llvm::zip(body.getArguments().drop_back(), arguments)) {
    if (!varying.contains(argument)) {
      forms[argument].base = value;
    }
  }
  Form column;
  column.base = first;
  column.times = 1;
  forms[body.getArguments().back()] = column;
  for (Operation &op : body.without_terminator()) {
    if (op.getNumResults() != 1 || varying.contains(op.getResult(0))) {
      continue;
    }
    if (std::optional<Form> form = formOf(op)) {
      forms[op.getResult(0)] = *form;
    }
  }
  // What elements ask for: seven bits become predicates in one instruction, a
  // comparison is one each.
  for (Operation &op : body.without_terminator()) {
    auto form =
        op.getNumResults() == 1 ? forms.find(op.getResult(0)) : forms.end();
    if (form == forms.end() || form->second.bounds.empty() ||
        columns > kWordColumns) {
      continue;
    }
    if (llvm::any_of(op.getUsers(), [&](Operation *user) {
          return user->getNumResults() != 1 ||
                 !forms.contains(user->getResult(0));
        })) {
      form->second.word = wordOf(form->second);
    }
  }
}

// Whether `a` < `b` is what the predicate says, of integers, after swapping
// them or adding 1 to the right.
static bool isLess(arith::CmpIPredicate predicate, bool &swap, bool &orEqual) {
  using P = arith::CmpIPredicate;
  swap = predicate == P::sgt || predicate == P::sge;
  orEqual = predicate == P::sle || predicate == P::sge;
  return swap || orEqual || predicate == P::slt;
}

// a < b is (a.times - b.times) * offset < b.base - a.base.
std::optional<ColumnForms::Form>
ColumnForms::compare(Operation &op, const Form &a, const Form &b) {
  auto compare = cast<arith::CmpIOp>(op);
  bool swap, orEqual;
  if (!isLess(compare.getPredicate(), swap, orEqual)) {
    return std::nullopt;
  }
  const Form &left = swap ? b : a, &right = swap ? a : b;
  Value rest =
      warp.builder.createOrFold<arith::SubIOp>(warp.loc, right.base, left.base);
  if (orEqual) {
    Value one = arith::ConstantOp::create(
        warp.builder, warp.loc, warp.builder.getIntegerAttr(rest.getType(), 1));
    rest = warp.builder.createOrFold<arith::AddIOp>(warp.loc, rest, one);
  }
  // Offsets are small, so a bound may be cut to 32 bits by saturation.
  if (!rest.getType().isInteger(32)) {
    auto limit = [&](int64_t value) {
      return arith::ConstantOp::create(
          warp.builder, warp.loc,
          warp.builder.getIntegerAttr(rest.getType(), value));
    };
    rest = warp.min(warp.max(rest, limit(-(1 << 30))), limit(1 << 30));
    rest = rest.getType().isIndex()
               ? warp.toInt(rest)
               : Value(arith::TruncIOp::create(warp.builder, warp.loc,
                                               warp.i32(), rest));
  }
  Form form;
  form.bounds.push_back({left.times - right.times, rest});
  return form;
}

static int64_t bitOf(int64_t offset) { return offset / 4 + offset % 2; }

template <typename Op>
static Value bitwise(WarpBuilder &warp, Value a, Value b) {
  return warp.builder.createOrFold<Op>(warp.loc, a, b);
}

// The bits of the offsets below `bound`.
Value ColumnForms::wordBelow(Value bound) {
  Value b = warp.min(warp.max(bound, warp.c(0)), warp.c(kWordColumns));
  Value count = warp.add(warp.mul(warp.shr(b, 3), 2),
                         warp.min(warp.andi(b, 7), warp.c(2)));
  Value bit = arith::ShLIOp::create(warp.builder, warp.loc, warp.c(1),
                                    warp.andi(count, 31));
  return warp.select(warp.less(count, warp.c(32)), warp.sub(bit, warp.c(1)),
                     warp.c(-1));
}

// None where a column is not as far from the next as from its bound.
Value ColumnForms::wordOf(const Form &form) {
  if (form.word) {
    return form.word;
  }
  if (form.bounds.empty()) {
    return warp.select(form.base, warp.c(-1), warp.c(0));
  }
  Value word;
  for (auto [times, bound] : form.bounds) {
    Value part;
    if (times == 1) {
      part = wordBelow(bound);
    } else if (times == -1) {
      part = warp.xori(wordBelow(warp.sub(warp.c(1), bound)), warp.c(-1));
    } else {
      return {};
    }
    word = word ? bitwise<arith::AndIOp>(warp, word, part) : part;
  }
  return word;
}

// Conjunctions of bounds on one side are one bound, where a bit costs no less.
std::optional<ColumnForms::Form>
ColumnForms::logical(Operation &op, const Form &a, const Form &b) {
  Form form;
  if (isa<arith::AndIOp>(op) && a.bounds.size() == 1 && b.bounds.size() == 1 &&
      a.bounds[0].first == b.bounds[0].first) {
    form.bounds.push_back(
        {a.bounds[0].first, warp.min(a.bounds[0].second, b.bounds[0].second)});
    return form;
  }
  Value left = columns <= kWordColumns ? wordOf(a) : Value();
  Value right = left ? wordOf(b) : Value();
  if (!right) {
    return std::nullopt;
  }
  form.word = isa<arith::AndIOp>(op) ? bitwise<arith::AndIOp>(warp, left, right)
              : isa<arith::OrIOp>(op)
                  ? bitwise<arith::OrIOp>(warp, left, right)
                  : bitwise<arith::XOrIOp>(warp, left, right);
  return form;
}

// Sums and products of floats where one factor has no column in it.
std::optional<ColumnForms::Form>
ColumnForms::floats(Operation &op, ArrayRef<const Form *> in) {
  Form form;
  auto number = [&](const Form &of) {
    return of.step ? of.step : warp.f(static_cast<double>(of.times));
  };
  if (auto convert = dyn_cast<arith::SIToFPOp>(op)) {
    // Exact below 2^24, and to an ulp of the distance above.
    form.base = arith::SIToFPOp::create(warp.builder, warp.loc,
                                        convert.getType(), in[0]->base);
    form.times = in[0]->times;
    return form;
  }
  if (isa<arith::NegFOp>(op)) {
    form.base = arith::NegFOp::create(warp.builder, warp.loc, in[0]->base);
    form.times = -in[0]->times;
    form.step =
        in[0]->step
            ? Value(arith::NegFOp::create(warp.builder, warp.loc, in[0]->step))
            : Value();
    return form;
  }
  if (isa<arith::MulFOp>(op)) {
    const Form &line = in[0]->isUniform() ? *in[1] : *in[0];
    const Form &factor = in[0]->isUniform() ? *in[0] : *in[1];
    if (!factor.isUniform()) {
      return std::nullopt;
    }
    form.base = warp.fmul(line.base, factor.base);
    form.step = warp.fmul(number(line), factor.base);
    return form;
  }
  if (!isa<arith::AddFOp, arith::SubFOp>(op)) {
    return std::nullopt;
  }
  bool minus = isa<arith::SubFOp>(op);
  auto join = [&](Value a, Value b) {
    return minus ? warp.fsub(a, b) : warp.fadd(a, b);
  };
  form.base = join(in[0]->base, in[1]->base);
  if (in[0]->step || in[1]->step) {
    form.step = join(number(*in[0]), number(*in[1]));
  } else {
    form.times = in[0]->times + (minus ? -1 : 1) * in[1]->times;
  }
  return form;
}

// The form of a result, if it has one.
std::optional<ColumnForms::Form> ColumnForms::formOf(Operation &op) {
  SmallVector<const Form *> in;
  SetVector<Value> used(op.operand_begin(), op.operand_end());
  getUsedValuesDefinedAbove(op.getRegions(), used);
  bool uniform = true;
  IRMapping bases;
  for (Value value : used) {
    bool local = value.getParentBlock() == &body;
    auto found = forms.find(value);
    if (local && found == forms.end()) {
      return std::nullopt;
    }
    if (local) {
      uniform = uniform && found->second.isUniform();
      bases.map(value, found->second.base);
    } else {
      forms[value].base = value;
    }
  }
  if (uniform) {
    Form form;
    form.base = warp.builder.clone(op, bases)->getResult(0);
    return form;
  }
  for (Value operand : op.getOperands()) {
    in.push_back(&forms[operand]);
  }
  Form form;
  auto binary = [&](auto make, int64_t sign) {
    form.base = make(in[0]->base, in[1]->base);
    form.times = in[0]->times + sign * in[1]->times;
    return form;
  };
  auto make = [&](auto tag) {
    return [&](Value a, Value b) -> Value {
      return warp.builder.createOrFold<decltype(tag)>(warp.loc, a, b);
    };
  };
  IntegerAttr factor;
  if (isa<arith::AddIOp>(op)) {
    return binary(make(arith::AddIOp()), 1);
  }
  if (isa<arith::SubIOp>(op)) {
    return binary(make(arith::SubIOp()), -1);
  }
  if (isa<arith::MulIOp>(op) &&
      matchPattern(op.getOperand(1), m_Constant(&factor))) {
    form.base = make(arith::MulIOp())(in[0]->base, in[1]->base);
    form.times = in[0]->times * factor.getInt();
    return form;
  }
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op) &&
      !op.getResult(0).getType().isInteger(1)) {
    IRMapping base;
    base.map(op.getOperand(0), in[0]->base);
    form.base = warp.builder.clone(op, base)->getResult(0);
    form.times = in[0]->times;
    return form;
  }
  if (isa<arith::CmpIOp>(op)) {
    return compare(op, *in[0], *in[1]);
  }
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op) &&
      op.getResult(0).getType().isInteger(1)) {
    return logical(op, *in[0], *in[1]);
  }
  if (op.getResult(0).getType().isF32()) {
    return floats(op, in);
  }
  return std::nullopt;
}

Value ColumnForms::at(const Form &form, int64_t offset) {
  if (form.word) {
    // LLVM would shift the bit to the lowest, one more instruction.
    Value bit = warp.c(static_cast<int32_t>(1u << bitOf(offset)));
    return LLVM::InlineAsmOp::create(
               warp.builder, warp.loc, warp.builder.getI1Type(),
               ValueRange{form.word, bit},
               "{ .reg .b32 t; and.b32 t, $1, $2; setp.ne.b32 $0, t, 0; }",
               "=b,r,n", /*has_side_effects=*/false, /*is_align_stack=*/false,
               LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
        .getResult(0);
  }
  if (!form.bounds.empty()) {
    Value all;
    for (auto [times, bound] : form.bounds) {
      Value holds = warp.less(warp.c(times * offset), bound);
      all = all ? warp.both(all, holds) : holds;
    }
    return all;
  }
  if (form.step) {
    return warp.fma(form.step, warp.f(static_cast<double>(offset)), form.base);
  }
  if (form.times == 0 || offset == 0) {
    return form.base;
  }
  if (isa<FloatType>(form.base.getType())) {
    return warp.fadd(form.base,
                     warp.f(static_cast<double>(form.times * offset)));
  }
  Value more = arith::ConstantOp::create(
      warp.builder, warp.loc,
      warp.builder.getIntegerAttr(form.base.getType(), form.times * offset));
  return warp.add(form.base, more);
}

Value ColumnForms::valueAt(Value value, int64_t offset) {
  if (Value made = mapping.lookupOrNull(value)) {
    return made;
  }
  auto found = forms.find(value);
  if (found == forms.end()) {
    return value; // of outside
  }
  Value made = at(found->second, offset);
  mapping.map(value, made);
  return made;
}

SmallVector<Value> ColumnForms::emit(ValueRange elements, int64_t offset) {
  mapping = IRMapping();
  mapping.map(varyingArguments, elements);
  for (Operation &op : body.without_terminator()) {
    if (op.getNumResults() == 1 && forms.contains(op.getResult(0))) {
      continue;
    }
    SetVector<Value> used(op.operand_begin(), op.operand_end());
    getUsedValuesDefinedAbove(op.getRegions(), used);
    for (Value value : used) {
      valueAt(value, offset);
    }
    warp.builder.clone(op, mapping);
  }
  return llvm::map_to_vector(
      body.getTerminator()->getOperands(),
      [&](Value value) { return valueAt(value, offset); });
}

} // namespace attn
