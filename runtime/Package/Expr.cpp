//===- Expr.cpp - integer expressions over named sizes --------------------===//

#include "attn/Runtime/Expr.h"

#include <algorithm>
#include <cctype>
#include <set>

using namespace attn::rt;

namespace {

/// Bounds what a hostile manifest can make us recurse or store.
constexpr int kMaxDepth = 200;
constexpr size_t kMaxNodes = 10000;

struct NamedOp {
  const char *name;
  Expr::Op op;
};
constexpr NamedOp kCalls[] = {{"floordiv", Expr::Op::kFloorDiv},
                              {"ceildiv", Expr::Op::kCeilDiv},
                              {"mod", Expr::Op::kMod},
                              {"min", Expr::Op::kMin},
                              {"max", Expr::Op::kMax}};

bool isNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool isNamePart(char c) {
  return isNameStart(c) || std::isdigit(static_cast<unsigned char>(c)) ||
         c == '.' || c == '$';
}

/// False for a divisor that is not positive, and on overflow.
bool apply(Expr::Op op, int64_t a, int64_t b, int64_t &result) {
  using Op = Expr::Op;
  switch (op) {
  case Op::kAdd:
    return !__builtin_add_overflow(a, b, &result);
  case Op::kSub:
    return !__builtin_sub_overflow(a, b, &result);
  case Op::kMul:
    return !__builtin_mul_overflow(a, b, &result);
  case Op::kFloorDiv:
  case Op::kCeilDiv:
  case Op::kMod: {
    if (b <= 0) {
      return false;
    }
    int64_t quotient = a / b, rest = a % b;
    if (op == Op::kMod) {
      result = rest < 0 ? rest + b : rest;
    } else if (op == Op::kFloorDiv) {
      result = quotient - (rest < 0 ? 1 : 0);
    } else {
      result = quotient + (rest > 0 ? 1 : 0);
    }
    return true;
  }
  case Op::kMin:
    result = std::min(a, b);
    return true;
  case Op::kMax:
    result = std::max(a, b);
    return true;
  case Op::kConst:
  case Op::kSymbol:
    break;
  }
  return false;
}

} // namespace

Expr::Expr(int64_t value) { postfix.push_back({Op::kConst, value, ""}); }

Expr Expr::symbol(std::string name) {
  Expr expr;
  expr.postfix[0] = {Op::kSymbol, 0, std::move(name)};
  return expr;
}

Expr Expr::binary(Op op, const Expr &a, const Expr &b) {
  int64_t x = 0, y = 0, folded = 0;
  if (a.isConstant(&x) && b.isConstant(&y) && apply(op, x, y, folded)) {
    return Expr(folded);
  }
  Expr expr = a;
  expr.postfix.insert(expr.postfix.end(), b.postfix.begin(), b.postfix.end());
  expr.postfix.push_back({op, 0, ""});
  return expr;
}

/// Recursive descent over the grammar in the header.
class Expr::Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  Result<Expr> run() {
    Expr expr = parseSum(0);
    skipSpace();
    if (wrong.empty() && at != text.size()) {
      fail("expected an operator");
    }
    if (!wrong.empty()) {
      return Status::badInput("expression '" + std::string(text) +
                              "': " + wrong);
    }
    return expr;
  }

private:
  void fail(const std::string &message) {
    if (wrong.empty()) {
      wrong = message + " at position " + std::to_string(at);
    }
  }
  void skipSpace() {
    while (at < text.size() && text[at] == ' ') {
      ++at;
    }
  }
  bool take(char c) {
    skipSpace();
    if (at >= text.size() || text[at] != c) {
      return false;
    }
    ++at;
    return true;
  }
  void expect(char c) {
    if (!take(c)) {
      fail(std::string("expected '") + c + "'");
    }
  }

  Expr join(Op op, const Expr &a, const Expr &b) {
    if (a.postfix.size() + b.postfix.size() > kMaxNodes) {
      fail("too long");
      return Expr();
    }
    return binary(op, a, b);
  }

  Expr parseSum(int depth) {
    Expr expr = parseTerm(depth);
    while (wrong.empty()) {
      if (take('+')) {
        expr = join(Op::kAdd, expr, parseTerm(depth));
      } else if (take('-')) {
        expr = join(Op::kSub, expr, parseTerm(depth));
      } else {
        break;
      }
    }
    return expr;
  }

  Expr parseTerm(int depth) {
    Expr expr = parseFactor(depth);
    while (wrong.empty() && take('*')) {
      expr = join(Op::kMul, expr, parseFactor(depth));
    }
    return expr;
  }

  Expr parseFactor(int depth) {
    skipSpace();
    if (depth > kMaxDepth) {
      fail("nested too deep");
      return Expr();
    }
    if (take('(')) {
      Expr expr = parseSum(depth + 1);
      expect(')');
      return expr;
    }
    if (take('-')) {
      return join(Op::kSub, Expr(), parseFactor(depth + 1));
    }
    if (at < text.size() &&
        std::isdigit(static_cast<unsigned char>(text[at]))) {
      return parseNumber();
    }
    if (at >= text.size() || !isNameStart(text[at])) {
      fail("expected a number, a name or '('");
      return Expr();
    }
    size_t start = at;
    while (at < text.size() && isNamePart(text[at])) {
      ++at;
    }
    std::string name(text.substr(start, at - start));
    for (const NamedOp &call : kCalls) {
      if (name == call.name) {
        expect('(');
        Expr a = parseSum(depth + 1);
        expect(',');
        Expr b = parseSum(depth + 1);
        expect(')');
        return join(call.op, a, b);
      }
    }
    return symbol(std::move(name));
  }

  Expr parseNumber() {
    int64_t value = 0;
    for (;
         at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]));
         ++at) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text[at] - '0', &value)) {
        fail("number too large");
        return Expr();
      }
    }
    return Expr(value);
  }

  std::string_view text;
  size_t at = 0;
  std::string wrong;
};

Result<Expr> Expr::parse(std::string_view text) { return Parser(text).run(); }

std::string Expr::str() const {
  // A text and how tightly it binds: 0 sum, 1 product, 2 atom.
  struct Part {
    std::string text;
    int level;
  };
  auto wrap = [](const Part &part, int level) {
    return part.level < level ? "(" + part.text + ")" : part.text;
  };
  std::vector<Part> stack;
  for (const Node &node : postfix) {
    if (node.op == Op::kConst) {
      stack.push_back({std::to_string(node.value), node.value < 0 ? 0 : 2});
      continue;
    }
    if (node.op == Op::kSymbol) {
      stack.push_back({node.name, 2});
      continue;
    }
    Part b = std::move(stack.back());
    stack.pop_back();
    Part a = std::move(stack.back());
    stack.pop_back();
    switch (node.op) {
    case Op::kAdd:
      // The right operand binds tighter: the parser is left-associative.
      stack.push_back({wrap(a, 0) + " + " + wrap(b, 1), 0});
      break;
    case Op::kSub:
      stack.push_back({wrap(a, 0) + " - " + wrap(b, 1), 0});
      break;
    case Op::kMul:
      stack.push_back({wrap(a, 1) + " * " + wrap(b, 2), 1});
      break;
    default:
      for (const NamedOp &call : kCalls) {
        if (call.op == node.op) {
          stack.push_back(
              {std::string(call.name) + "(" + a.text + ", " + b.text + ")", 2});
        }
      }
    }
  }
  return stack.back().text;
}

bool Expr::isConstant(int64_t *constant) const {
  if (postfix.size() != 1 || postfix[0].op != Op::kConst) {
    return false;
  }
  if (constant) {
    *constant = postfix[0].value;
  }
  return true;
}

std::vector<std::string> Expr::symbols() const {
  std::set<std::string> names;
  for (const Node &node : postfix) {
    if (node.op == Op::kSymbol) {
      names.insert(node.name);
    }
  }
  return {names.begin(), names.end()};
}

Result<int64_t> Expr::evaluate(const SymbolValues &values) const {
  std::vector<int64_t> stack;
  for (const Node &node : postfix) {
    if (node.op == Op::kConst) {
      stack.push_back(node.value);
      continue;
    }
    if (node.op == Op::kSymbol) {
      auto found = values.find(node.name);
      if (found == values.end()) {
        return Status::badInput("expression '" + str() + "': '" + node.name +
                                "' has no value");
      }
      stack.push_back(found->second);
      continue;
    }
    int64_t b = stack.back();
    stack.pop_back();
    int64_t a = stack.back(), result = 0;
    if (!apply(node.op, a, b, result)) {
      bool divides = node.op == Op::kFloorDiv || node.op == Op::kCeilDiv ||
                     node.op == Op::kMod;
      return Status::badInput("expression '" + str() + "': " +
                              (divides ? "division by " + std::to_string(b)
                                       : std::string("overflow")));
    }
    stack.back() = result;
  }
  return stack.back();
}

bool Expr::operator==(const Expr &other) const {
  return postfix == other.postfix;
}
