//===- Expr.h - integer expressions over named sizes ------------*- C++ -*-===//
// The formulas of a launch plan (grids, bytes, offsets). The text form is
//
//   sum  := term (('+' | '-') term)*          term := factor ('*' factor)*
//   factor := integer | name | '-' factor | '(' sum ')'
//           | ('floordiv' | 'ceildiv' | 'mod' | 'min' | 'max') '(' sum ',' sum
//           ')'
//
// e.g. `ceildiv(sq, 64) * b * hq`. Arithmetic is on int64 and checked.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_EXPR_H
#define ATTN_RUNTIME_EXPR_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

using SymbolValues = std::map<std::string, int64_t, std::less<>>;

class Expr {
public:
  enum class Op {
    kConst,
    kSymbol,
    kAdd,
    kSub,
    kMul,
    kFloorDiv,
    kCeilDiv,
    kMod,
    kMin,
    kMax
  };

  /// A constant; the default is 0.
  Expr(int64_t value = 0);
  static Expr symbol(std::string name);
  /// `op` of two expressions. Constants fold where that is no error.
  static Expr binary(Op op, const Expr &a, const Expr &b);

  friend Expr operator+(const Expr &a, const Expr &b) {
    return binary(Op::kAdd, a, b);
  }
  friend Expr operator-(const Expr &a, const Expr &b) {
    return binary(Op::kSub, a, b);
  }
  friend Expr operator*(const Expr &a, const Expr &b) {
    return binary(Op::kMul, a, b);
  }

  /// Errors: kBadInput, telling the position.
  static Result<Expr> parse(std::string_view text);
  /// parse(str()) gives an equal expression.
  std::string str() const;

  /// Whether it has no symbol; then `*constant` is its value, if not null.
  bool isConstant(int64_t *constant = nullptr) const;
  /// Names that it uses, each once, sorted.
  std::vector<std::string> symbols() const;

  /// Errors: kBadInput for a name without a value, a divisor that is not
  /// positive, or overflow; the text names the expression.
  Result<int64_t> evaluate(const SymbolValues &values) const;

  bool operator==(const Expr &other) const;
  bool operator!=(const Expr &other) const { return !(*this == other); }

private:
  struct Node {
    Op op = Op::kConst;
    int64_t value = 0;
    std::string name;
    bool operator==(const Node &other) const {
      return op == other.op && value == other.value && name == other.name;
    }
  };
  class Parser;

  /// Operands before operators. Never empty.
  std::vector<Node> postfix;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_EXPR_H
