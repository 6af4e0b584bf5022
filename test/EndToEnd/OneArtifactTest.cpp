//===- OneArtifactTest.cpp - one compiled module for all lengths ----------===//
// A module is compiled once, for dynamic lengths, and called at 1,000, 4,096
// and 65,536 tokens. Rows of each result are compared with the reference.
//===----------------------------------------------------------------------===//

#include "attn/Emit/Compiler.h"
#include "attn/Reference/Attention.h"
#include "attn/Reference/ErrorRule.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"

#include "gtest/gtest.h"

#include <cstdio>

using namespace attn;

namespace {

constexpr int64_t kSize = 16;

struct Pattern {
  const char *name;
  const char *mask;
  ref::MaskFn visible;
};

std::string moduleOf(const Pattern &pattern) {
  const std::string t = "tensor<1x1x?x" + std::to_string(kSize) + "xf32>";
  return "func.func @f(%q: " + t + ", %k: " + t + ", %v: " + t + ") -> " + t +
         " {\n  %c2 = arith.constant 2 : index\n  %s = tensor.dim %q, %c2 : " +
         t + "\n  %init = tensor.empty(%s) : " + t +
         "\n  %o = attn.attention ins(%q, %k, %v : " + t + ", " + t + ", " + t +
         ") outs(%init : " + t + ") mask(" + pattern.mask + ") -> " + t +
         "\n  return %o : " + t + "\n}\n";
}

/// Every `every`-th row of `out` against the reference.
void compareRows(const Pattern &pattern, const std::vector<double> &q,
                 const std::vector<double> &k, const std::vector<double> &v,
                 const std::vector<double> &out, int64_t length,
                 int64_t every) {
  std::vector<double> reference, plain, got;
  for (int64_t row = 0; row < length; row += every) {
    ref::AttentionProblem problem;
    problem.q = ref::View::contiguous(q.data() + row * kSize, {1, 1, 1, kSize});
    problem.k = ref::View::contiguous(k.data(), {1, 1, length, kSize});
    problem.v = ref::View::contiguous(v.data(), {1, 1, length, kSize});
    problem.offsets = {row};
    problem.mask = pattern.visible;
    problem.numThreads = 1;
    ref::AttentionResult exact = ref::attention(problem);
    ref::AttentionResult rounded =
        ref::plainAttention(problem, ref::Precision::kF32);
    ASSERT_TRUE(exact.ok()) << exact.error;
    reference.insert(reference.end(), exact.out.begin(), exact.out.end());
    plain.insert(plain.end(), rounded.out.begin(), rounded.out.end());
    auto first = out.begin() + row * kSize;
    got.insert(got.end(), first, first + kSize);
  }
  ref::ErrorReport report =
      ref::checkError(reference, plain, got, ref::Precision::kF32);
  EXPECT_TRUE(report.ok) << pattern.name << " at " << length << ": "
                         << report.text;
}

class OneArtifact : public testing::TestWithParam<Pattern> {};

TEST_P(OneArtifact, ServesAllLengths) {
  const Pattern &pattern = GetParam();
  auto compiled = compileText(moduleOf(pattern), pattern.name, {});
  ASSERT_TRUE(compiled) << compiled.status().message();
  std::printf("%s: compiled in %.2f s\n", pattern.name, compiled->seconds());
  // Far less on a machine that does nothing else, and unsanitized.
  EXPECT_LT(compiled->seconds(), 20);
  auto library = rt::Library::load(compiled->package);
  ASSERT_TRUE(library) << library.status().message();
  const rt::FunctionInfo *function =
      compiled->package.manifest.findFunction("f");
  for (auto [length, every] : std::vector<std::pair<int64_t, int64_t>>{
           {1000, 7}, {4096, 61}, {65536, 2621}}) {
    std::vector<rt::Tensor> tensors;
    rt::Arguments arguments;
    for (uint64_t n = 0; n < 3; ++n) {
      tensors.push_back(
          *rt::Tensor::create(rt::DType::kF32, {1, 1, length, kSize}));
      rt::fillRandom(tensors.back(), /*seed=*/11, n);
    }
    for (rt::Tensor &tensor : tensors) {
      arguments.push_back(&tensor);
    }
    auto results = rt::call(*library, *function, arguments);
    ASSERT_TRUE(results) << results.status().message();
    compareRows(pattern, tensors[0].toDoubles(), tensors[1].toDoubles(),
                tensors[2].toDoubles(), results->front().toDoubles(), length,
                every);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, OneArtifact,
    testing::Values(
        Pattern{"window", "#attn.window<1023, 0>", ref::window(1023, 0)},
        Pattern{"sinkAndWindow", "#attn.sink<4> or #attn.window<1023, 0>",
                ref::either(ref::prefix(4), ref::window(1023, 0))},
        Pattern{"longformer", "#attn.window<256, 256> or #attn.global<64>",
                ref::either(ref::window(256, 256), ref::global(64))},
        Pattern{"chunk", "#attn.causal and #attn.chunk<384>",
                ref::both(ref::causal(), ref::chunk(384))},
        Pattern{"dilated", "#attn.dilated<4> and #attn.window<4095, 0>",
                ref::both(ref::dilated(4), ref::window(4095, 0))}),
    [](const testing::TestParamInfo<Pattern> &info) {
      return std::string(info.param.name);
    });

} // namespace
