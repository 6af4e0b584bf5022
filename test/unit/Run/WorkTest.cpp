//===- WorkTest.cpp - counts of the report against brute force ------------===//

#include "Work.h"

#include "gtest/gtest.h"

#include <functional>

using namespace attn;
using namespace attn::run;

namespace {

namespace json = llvm::json;

struct MaskCase {
  const char *text; // of the report
  std::function<bool(int64_t q, int64_t k)> contains;
};

std::vector<MaskCase> maskCases() {
  auto causal = [](int64_t q, int64_t k) { return k <= q; };
  auto window = [](int64_t q, int64_t k) { return q - 5 <= k && k <= q + 2; };
  auto sink = [](int64_t, int64_t k) { return k < 3; };
  auto chunk = [](int64_t q, int64_t k) {
    return k / 4 == (q + 400) / 4 - 100;
  };
#define CAUSAL R"({"kind":"set","of":[["add","q",["mul","k",-1]]]})"
#define WINDOW                                                                 \
  R"({"kind":"set","of":[["add",["add","q",["mul","k",-1]],2],
                         ["add",["add","k",["mul","q",-1]],5]]})"
#define SINK R"({"kind":"set","of":[["add",["mul","k",-1],2]]})"
#define CHUNK                                                                  \
  R"({"kind":"set","of":[
      ["add",["floordiv","q",4],["mul",["floordiv","k",4],-1]],
      ["add",["floordiv","k",4],["mul",["floordiv","q",4],-1]]]})"
  return {{CAUSAL, causal},
          {WINDOW, window},
          {SINK, sink},
          {CHUNK, chunk},
          {R"({"kind":"not","of":[)" WINDOW "]}",
           [=](int64_t q, int64_t k) { return !window(q, k); }},
          {R"({"kind":"or","of":[)" SINK "," WINDOW "]}",
           [=](int64_t q, int64_t k) { return sink(q, k) || window(q, k); }},
          {R"({"kind":"and","of":[)" CAUSAL R"(,{"kind":"or","of":[)" WINDOW
           "," SINK "]}]}",
           [=](int64_t q, int64_t k) {
             return causal(q, k) && (window(q, k) || sink(q, k));
           }}};
}

std::string reportOf(const std::string &mask, const std::string &lens) {
  return R"({"ops":[{"function":"f","op":"attn.attention","layout":"bhsd",
    "element":"f32","batch":{"arg":0,"dim":0},"queryHeads":{"arg":0,"dim":1},
    "keyHeads":{"arg":1,"dim":1},"queries":{"arg":0,"dim":2},
    "keys":{"arg":1,"dim":2},"headSize":8,"valueSize":4,"lse":false,
    "score":false,"offset":null,"mask":)" +
         mask + R"(,"kvLens":)" + lens +
         R"(,"prefill":{"rows":4,"keys":16},"decode":{"rows":1,"keys":16},
    "decodeRows":0}]})";
}

} // namespace

TEST(Work, CountsVisiblePairsAndTilesOfKeys) {
  rt::FunctionInfo function;
  function.name = "f";
  for (const MaskCase &mask : maskCases()) {
    for (int64_t queries : {0, 1, 5, 12}) {
      for (int64_t keys : {0, 1, 7, 12, 20}) {
        auto q = rt::Tensor::zeros(rt::DType::kF32, {2, 6, queries, 8});
        auto k = rt::Tensor::zeros(rt::DType::kF32, {2, 3, keys, 8});
        auto report = json::parse(reportOf(mask.text, "null"));
        ASSERT_TRUE(static_cast<bool>(report));
        std::vector<Work> work = measureWork(*report, function, {&*q, &*k});
        ASSERT_EQ(work.size(), 1u);
        ASSERT_TRUE(work[0].known);
        int64_t pairs = 0, steps = 0, seen = 0;
        for (int64_t first = 0; first < queries; first += 4) {
          for (int64_t j = 0; j < keys; ++j) {
            bool any = false;
            for (int64_t i = first; i < std::min(first + 4, queries); ++i) {
              bool visible = mask.contains(i + keys - queries, j);
              pairs += visible;
              any |= visible;
            }
            steps += any;
          }
        }
        for (int64_t j = 0; j < keys; ++j) {
          bool any = false;
          for (int64_t i = 0; i < queries; ++i) {
            any |= mask.contains(i + keys - queries, j);
          }
          seen += any;
        }
        EXPECT_EQ(work[0].pairs, 2 * 6 * pairs) << mask.text;
        double rowBytes = 2.0 * 6 * queries * 12 * 4;
        EXPECT_EQ(work[0].floorBytes, rowBytes + 2.0 * 3 * seen * 12 * 4);
        EXPECT_EQ(work[0].scheduleBytes, rowBytes + 2.0 * 6 * steps * 12 * 4);
        EXPECT_EQ(work[0].flops, 2.0 * 2 * 6 * pairs * 12);
      }
    }
  }
}

TEST(Work, TakesLengthsFromArguments) {
  rt::FunctionInfo function;
  function.name = "f";
  auto q = rt::Tensor::zeros(rt::DType::kF32, {2, 1, 3, 8});
  auto k = rt::Tensor::zeros(rt::DType::kF32, {2, 1, 10, 8});
  auto lens = rt::Tensor::fromValues(rt::DType::kI32, {2}, {10, 4});
  auto report = json::parse(reportOf("null", R"({"arg":2})"));
  ASSERT_TRUE(static_cast<bool>(report));
  std::vector<Work> work = measureWork(*report, function, {&*q, &*k, &*lens});
  ASSERT_EQ(work.size(), 1u);
  EXPECT_EQ(work[0].pairs, 3 * 10 + 3 * 4);
  EXPECT_TRUE(work[0].exact);
  EXPECT_EQ(roleOf(*report, function, 2).role, Role::kKvLens);
  EXPECT_EQ(roleOf(*report, function, 1).role, Role::kOther);
}

TEST(Work, SaysWhatItDoesNotKnow) {
  rt::FunctionInfo function;
  function.name = "f";
  auto report = json::parse(R"({"ops":[{"function":"f","layout":"bhsd",
    "element":"f32","batch":1,"queryHeads":null}]})");
  ASSERT_TRUE(static_cast<bool>(report));
  std::vector<Work> work = measureWork(*report, function, {});
  ASSERT_EQ(work.size(), 1u);
  EXPECT_FALSE(work[0].known);
  EXPECT_EQ(work[0].unknown, "queryHeads");
}
