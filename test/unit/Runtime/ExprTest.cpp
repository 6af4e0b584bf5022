//===- ExprTest.cpp - integer expressions over named sizes ----------------===//

#include "attn/Runtime/Expr.h"

#include <gtest/gtest.h>

using namespace attn::rt;

namespace {

const SymbolValues kValues = {
    {"s", 100}, {"b", 3}, {"n", -7}, {"zero", 0}, {"huge", INT64_MAX}};

int64_t valueOf(const char *text) {
  Result<Expr> expr = Expr::parse(text);
  EXPECT_TRUE(expr) << expr.message();
  Result<int64_t> value = expr->evaluate(kValues);
  EXPECT_TRUE(value) << value.message();
  return *value;
}

TEST(Expr, EvaluatesOperators) {
  EXPECT_EQ(valueOf("s + b * 2"), 106);
  EXPECT_EQ(valueOf("(s + b) * 2"), 206);
  EXPECT_EQ(valueOf("s - b - 1"), 96);
  EXPECT_EQ(valueOf("s - (b - 1)"), 98);
  EXPECT_EQ(valueOf("ceildiv(s, 64) * b"), 6);
  EXPECT_EQ(valueOf("floordiv(s, 64)"), 1);
  EXPECT_EQ(valueOf("floordiv(n, 2)"), -4);
  EXPECT_EQ(valueOf("ceildiv(n, 2)"), -3);
  EXPECT_EQ(valueOf("mod(n, 4)"), 1);
  EXPECT_EQ(valueOf("min(s, max(b, 5))"), 5);
  EXPECT_EQ(valueOf("-s + -3"), -103);
}

TEST(Expr, PrintsWhatParsesToTheSame) {
  for (const char *text :
       {"7", "-7", "s", "s + b * 2", "(s + b) * 2", "s - (b - n)",
        "s * (b * n)", "ceildiv(s + 1, 64) * b - min(s, -3)", "s - -3"}) {
    Result<Expr> expr = Expr::parse(text);
    ASSERT_TRUE(expr) << text;
    Result<Expr> again = Expr::parse(expr->str());
    ASSERT_TRUE(again) << expr->str();
    EXPECT_EQ(*again, *expr) << text << " printed as " << expr->str();
  }
}

TEST(Expr, FoldsConstants) {
  int64_t value = 0;
  EXPECT_TRUE((Expr(3) * Expr(4) + Expr(1)).isConstant(&value));
  EXPECT_EQ(value, 13);
  EXPECT_EQ(
      (Expr::symbol("s") + Expr::symbol("b") * Expr::symbol("s")).symbols(),
      (std::vector<std::string>{"b", "s"}));
}

TEST(Expr, RejectsWhatIsNoExpression) {
  for (const char *text :
       {"", "s +", "(s", "s)", "s s", "3s", "min(s)", "min s, 3",
        "99999999999999999999", "s / 2", "ceildiv(s 2)"}) {
    EXPECT_FALSE(Expr::parse(text)) << text;
  }
  EXPECT_FALSE(Expr::parse(std::string(5000, '(')));
  EXPECT_FALSE(Expr::parse(std::string(5000, '-') + "s"));
}

TEST(Expr, ErrorsNameTheExpression) {
  for (auto [text, part] :
       {std::pair("floordiv(s, zero)", "division by 0"),
        std::pair("mod(s, n)", "division by -7"),
        std::pair("huge * s", "overflow"), std::pair("huge + 1", "overflow"),
        std::pair("s + missing", "'missing' has no value")}) {
    Result<Expr> expr = Expr::parse(text);
    ASSERT_TRUE(expr);
    Result<int64_t> value = expr->evaluate(kValues);
    ASSERT_FALSE(value) << text;
    EXPECT_NE(value.message().find(part), std::string::npos) << value.message();
    EXPECT_NE(value.message().find(text), std::string::npos) << value.message();
  }
}

} // namespace
