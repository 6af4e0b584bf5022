//===- Polynomial.cpp - polynomials of dimensions, symbols and quotients --===//

#include "attn/Mask/Polynomial.h"

#include "attn/Mask/MaskSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attn {

using Fraction = Polynomial::Fraction;

// Dimensions, symbols, then quotients: an order that does not depend on
// addresses.
static int compare(AffineExpr a, AffineExpr b) {
  if (a == b) {
    return 0;
  }
  auto rank = [](AffineExpr expr) -> std::pair<int, unsigned> {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      return {0, dim.getPosition()};
    }
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
      return {1, symbol.getPosition()};
    }
    return {2, 0};
  };
  if (rank(a) != rank(b)) {
    return rank(a) < rank(b) ? -1 : 1;
  }
  auto text = [](AffineExpr expr) {
    std::string text;
    llvm::raw_string_ostream(text) << expr;
    return text;
  };
  return text(a) < text(b) ? -1 : 1;
}

bool Polynomial::MonomialLess::operator()(const Monomial &a,
                                          const Monomial &b) const {
  if (a.size() != b.size()) {
    return a.size() > b.size();
  }
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    if (int order = compare(x, y)) {
      return order < 0;
    }
  }
  return false;
}

Polynomial::Polynomial(int64_t constant) { addTerm({}, Fraction(constant, 1)); }

Polynomial::Polynomial(const LinearForm &form) : Polynomial(form.constant) {
  for (auto [term, factor] : form.terms) {
    addTerm({term}, Fraction(factor, 1));
  }
}

void Polynomial::addTerm(const Monomial &monomial, const Fraction &factor) {
  Fraction &sum = parts.try_emplace(monomial, Fraction(0, 1)).first->second;
  sum += factor;
  if (sum == Fraction(0, 1)) {
    parts.erase(monomial);
  }
}

Polynomial &Polynomial::add(const Polynomial &other, const Fraction &factor) {
  for (const auto &[monomial, coefficient] : other.parts) {
    addTerm(monomial, coefficient * factor);
  }
  return *this;
}

Polynomial Polynomial::operator+(const Polynomial &other) const {
  return Polynomial(*this).add(other, Fraction(1, 1));
}

Polynomial Polynomial::operator-(const Polynomial &other) const {
  return Polynomial(*this).add(other, Fraction(-1, 1));
}

Polynomial Polynomial::operator*(const Polynomial &other) const {
  Polynomial product;
  for (const auto &[a, x] : parts) {
    for (const auto &[b, y] : other.parts) {
      Monomial both = a;
      both.insert(both.end(), b.begin(), b.end());
      llvm::sort(both,
                 [](AffineExpr l, AffineExpr r) { return compare(l, r) < 0; });
      product.addTerm(both, x * y);
    }
  }
  return product;
}

bool Polynomial::operator==(const Polynomial &other) const {
  return (*this - other).isZero();
}

std::vector<Polynomial> Polynomial::powersOf(AffineExpr dim) const {
  std::vector<Polynomial> powers(1);
  for (const auto &[monomial, factor] : parts) {
    Monomial rest;
    llvm::copy_if(monomial, std::back_inserter(rest),
                  [&](AffineExpr expr) { return expr != dim; });
    size_t power = monomial.size() - rest.size();
    if (powers.size() <= power) {
      powers.resize(power + 1);
    }
    powers[power].addTerm(rest, factor);
  }
  return powers;
}

bool Polynomial::hasInQuotient(AffineExpr variable) const {
  for (const auto &[monomial, factor] : parts) {
    for (AffineExpr expr : monomial) {
      bool has = false;
      expr.walk([&](AffineExpr inner) { has |= inner == variable; });
      if (has && expr != variable) {
        return true;
      }
    }
  }
  return false;
}

Polynomial Polynomial::substitute(AffineExpr variable,
                                  const LinearForm &value) const {
  Polynomial result, power(1), by(value);
  for (const Polynomial &factor : powersOf(variable)) {
    result = result + factor * power;
    power = power * by;
  }
  return result;
}

// The sum of x^power over 0 <= x <= last, as a polynomial of `last` that holds
// for every integer as a difference of two of them.
static Polynomial powerSum(unsigned power, const LinearForm &last) {
  // Coefficients of last^(power + 1) ... last^1.
  static const std::vector<std::vector<Fraction>> table = {
      {{1, 1}},
      {{1, 2}, {1, 2}},
      {{1, 3}, {1, 2}, {1, 6}},
      {{1, 4}, {1, 2}, {1, 4}, {0, 1}},
      {{1, 5}, {1, 2}, {1, 3}, {0, 1}, {-1, 30}}};
  static_assert(Polynomial::kMostPower == 4, "the table has that many rows");
  Polynomial sum(power == 0 ? 1 : 0), n(last);
  for (size_t i = 0; i <= power; ++i) {
    Polynomial monomial(1);
    for (size_t j = 0; j < power + 1 - i; ++j) {
      monomial = monomial * n;
    }
    sum.add(monomial, table[power][i]);
  }
  return sum;
}

std::optional<Polynomial> Polynomial::sum(unsigned dim, const LinearForm &first,
                                          const LinearForm &last,
                                          MLIRContext *context) const {
  Polynomial result;
  LinearForm before = first - LinearForm(1);
  for (auto [power, factor] :
       llvm::enumerate(powersOf(getAffineDimExpr(dim, context)))) {
    if (power > kMostPower) {
      return std::nullopt;
    }
    result =
        result + factor * (powerSum(power, last) - powerSum(power, before));
  }
  return result;
}

std::optional<int64_t> Polynomial::evaluate(ArrayRef<int64_t> symbols) const {
  Fraction sum(0, 1);
  for (const auto &[monomial, factor] : parts) {
    Fraction product = factor;
    for (AffineExpr expr : monomial) {
      LinearForm form;
      form.terms.push_back({expr, 1});
      product = product * Fraction(attn::evaluate(form, {}, symbols), 1);
    }
    sum += product;
  }
  sum = reduce(sum);
  if (sum.den != 1 || sum.num > llvm::DynamicAPInt(INT64_MAX) ||
      sum.num < llvm::DynamicAPInt(INT64_MIN)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(sum.num);
}

} // namespace attn
