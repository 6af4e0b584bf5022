//===- MaskText.cpp - forms and polynomials as one reads them -------------===//

#include "attn/Mask/MaskText.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attn {

static std::string textOf(AffineExpr expr, const MaskNames &names) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return names.dims[dim.getPosition()];
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    return names.symbols[symbol.getPosition()];
  }
  auto quotient = cast<AffineBinaryOpExpr>(expr);
  int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
  LinearForm above = LinearForm::of(quotient.getLHS());
  std::string text = toText(above, names);
  bool isSum = above.terms.size() > 1 || above.constant != 0;
  return "floor(" + (isSum ? "(" + text + ")" : text) + " / " +
         std::to_string(by) + ")";
}

// Appends `factor * what`, `what` empty for a number.
static void append(std::string &sum, const std::string &factor, bool negative,
                   const std::string &what) {
  sum += sum.empty() ? (negative ? "-" : "") : negative ? " - " : " + ";
  if (what.empty()) {
    sum += factor;
  } else {
    sum += factor == "1" ? what : factor + "*" + what;
  }
}

std::string toText(const LinearForm &form, const MaskNames &names) {
  std::string sum;
  auto number = [](int64_t value) {
    return std::to_string(value < 0 ? -value : value);
  };
  // What is added first, so that a sum starts with no minus.
  for (bool negative : {false, true}) {
    for (auto [term, factor] : form.terms) {
      if ((factor < 0) == negative) {
        append(sum, number(factor), negative, textOf(term, names));
      }
    }
  }
  if (form.constant != 0 || sum.empty()) {
    append(sum, number(form.constant), form.constant < 0, "");
  }
  return sum;
}

std::string toText(const Polynomial &polynomial, const MaskNames &names) {
  using llvm::DynamicAPInt;
  DynamicAPInt common(1);
  for (const auto &[monomial, factor] : polynomial.terms()) {
    common = lcm(common, factor.den);
  }
  auto number = [](const DynamicAPInt &value) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << value;
    return text;
  };
  std::string sum;
  for (const auto &[monomial, factor] : polynomial.terms()) {
    std::string product;
    for (size_t i = 0; i < monomial.size();) {
      size_t power = 1;
      while (i + power < monomial.size() &&
             monomial[i + power] == monomial[i]) {
        ++power;
      }
      product += (product.empty() ? "" : "*") + textOf(monomial[i], names);
      product += power == 1 ? "" : "^" + std::to_string(power);
      i += power;
    }
    DynamicAPInt whole = factor.num * (common / factor.den);
    append(sum, number(abs(whole)), whole < 0, product);
  }
  if (sum.empty()) {
    return "0";
  }
  if (common == 1) {
    return sum;
  }
  return (polynomial.terms().size() == 1 ? sum : "(" + sum + ")") + " / " +
         number(common);
}

// `form` >= 0, with what is added on the one side.
static std::string conditionOf(const LinearForm &form, const MaskNames &names) {
  LinearForm left, right;
  for (auto [term, factor] : form.terms) {
    (factor > 0 ? left : right)
        .terms.push_back({term, factor < 0 ? -factor : factor});
  }
  if (left.terms.empty()) {
    left.constant = form.constant;
    return toText(right, names) + " <= " + toText(left, names);
  }
  (form.constant > 0 && !right.terms.empty() ? left : right).constant =
      form.constant > 0 && !right.terms.empty() ? form.constant
                                                : -form.constant;
  return toText(left, names) + " >= " + toText(right, names);
}

std::string toText(const MaskTerm &term, const MaskNames &names) {
  std::string text;
  std::vector<bool> done(term.size(), false);
  for (size_t i = 0; i < term.size(); ++i) {
    if (done[i]) {
      continue;
    }
    std::string next = conditionOf(term[i], names);
    // Two bounds of one form in one.
    for (size_t j = i + 1; j < term.size(); ++j) {
      LinearForm sum = term[i] + term[j];
      if (done[j] || !sum.isConstant()) {
        continue;
      }
      done[j] = true;
      // first <= x <= last
      bool isLower = term[i].terms.front().second > 0;
      LinearForm x = isLower ? term[i] : term[j];
      int64_t first = -x.constant, last = first + sum.constant;
      x.constant = 0;
      next = first == last ? toText(x, names) + " = " + std::to_string(first)
                           : std::to_string(first) + " <= " + toText(x, names) +
                                 " <= " + std::to_string(last);
      break;
    }
    text += (text.empty() ? "" : " and ") + next;
  }
  return text;
}

} // namespace attn
