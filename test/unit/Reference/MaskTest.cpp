//===- MaskTest.cpp - mask sugar against the table of the design ----------===//

#include "attn/Reference/Mask.h"

#include <gtest/gtest.h>

#include <string>

using namespace attn::ref;

namespace {

/// Rows q = -1..4, keys k = 0..5.
std::string draw(const MaskFn &mask) {
  std::string text;
  for (int64_t q = -1; q <= 4; ++q) {
    for (int64_t k = 0; k <= 5; ++k) {
      text += mask({0, 0, q, k, q}) ? 'x' : '.';
    }
    text += '/';
  }
  return text;
}

TEST(MaskTest, Sugar) {
  EXPECT_EQ(draw(causal()), "....../x...../xx..../xxx.../xxxx../xxxxx./");
  EXPECT_EQ(draw(window(1, 0)), "....../x...../xx..../.xx.../..xx../...xx./");
  EXPECT_EQ(draw(window(0, 1)), "x...../xx..../.xx.../..xx../...xx./....xx/");
  EXPECT_EQ(draw(window(-1, 0)), draw(causal()));
  EXPECT_EQ(draw(window(-1, -1)), "xxxxxx/xxxxxx/xxxxxx/xxxxxx/xxxxxx/xxxxxx/");
  EXPECT_EQ(draw(window(2, -1)), "xxxxxx/xxxxxx/xxxxxx/xxxxxx/.xxxxx/..xxxx/");
  EXPECT_EQ(draw(prefix(2)), "xx..../xx..../xx..../xx..../xx..../xx..../");
  EXPECT_EQ(draw(global(1)), "xxxxxx/xxxxxx/x...../x...../x...../x...../");
  EXPECT_EQ(draw(chunk(2)), "....../xx..../xx..../..xx../..xx../....xx/");
  EXPECT_EQ(draw(dilated(3)), "..x..x/x..x../.x..x./..x..x/x..x../.x..x./");
}

TEST(MaskTest, Algebra) {
  EXPECT_EQ(draw(both(causal(), window(1, -1))), draw(window(1, 0)));
  EXPECT_EQ(draw(either(causal(), negate(causal()))), draw(window(-1, -1)));
  EXPECT_EQ(draw(negate(prefix(2))),
            "..xxxx/..xxxx/..xxxx/..xxxx/..xxxx/..xxxx/");
}

} // namespace
