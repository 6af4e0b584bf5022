//===- PlanTest.cpp - launch plans and their JSON -------------------------===//

#include "TestPlan.h"
#include "TestUtil.h"
#include "attn/Runtime/KernelCache.h"

#include <gtest/gtest.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

std::vector<PlanArgument> argumentsOf(const FunctionInfo &function) {
  std::vector<PlanArgument> arguments;
  for (const ValueInfo &value : function.arguments) {
    arguments.push_back({value.kind == ValueKind::kTensor, value.dtype,
                         static_cast<int64_t>(value.shape.size()),
                         value.donated});
  }
  return arguments;
}

TEST(Plan, PrintsWhatParsesToTheSame) {
  FunctionInfo function = makePlanFunction();
  GemmStep gemm;
  gemm.a.address = gemm.b.address = at(BufferRef::Kind::kArgument, 0);
  gemm.d.address = at(BufferRef::Kind::kResult, 0);
  gemm.m = sym("r");
  gemm.alpha = 0.1;
  gemm.a.transposed = gemm.tf32 = true;
  function.plan->steps.push_back({"product", {}, gemm});
  function.plan->constants.push_back({"table.bin"});
  Result<std::string> text = printPlan(*function.plan);
  ASSERT_TRUE(text);
  Result<Plan> again = parsePlan(*text);
  ASSERT_TRUE(again) << again.message();
  EXPECT_EQ(*printPlan(*again), *text);
  EXPECT_EQ(checkPlan(*again, argumentsOf(function)), "");
}

TEST(Plan, TravelsInAPackage) {
  Result<std::string> bytes = packPackage(makePlanPackage());
  ASSERT_TRUE(bytes) << bytes.message();
  Result<Package> again = unpackPackage(*bytes, "x");
  ASSERT_TRUE(again) << again.message();
  const FunctionInfo *function = again->manifest.findFunction("f");
  ASSERT_TRUE(function && function->plan);
  EXPECT_EQ(*printPlan(*function->plan), *printPlan(*makePlanFunction().plan));
  EXPECT_EQ(again->manifest.objects[0].module, "code");
}

TEST(Plan, ChecksReferences) {
  auto wrong = [](auto change) {
    FunctionInfo function = makePlanFunction();
    change(*function.plan);
    return checkPlan(*function.plan, argumentsOf(function));
  };
  auto has = [](const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[1].dim = 2; }),
               "argument 0 has no dimension 2");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[1].name = "r"; }),
               "defined twice");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[1].name = "a b"; }),
               "not a name");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[3].argument = 1; }),
               "no integer scalar");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[4].property = "colour"; }),
               "unknown property 'colour'");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.symbols[0].name = "other"; }),
               "'r' is not defined");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.temporaries.pop_back(); }),
               "there is no buffer temporary:1");
  EXPECT_PRED2(has, wrong([](Plan &p) { p.results[0].argument = 0; }),
               "not donated");
  EXPECT_PRED2(has, wrong([](Plan &p) {
                 auto &kernel = std::get<KernelStep>(p.steps[1].action);
                 std::get<TensorMapArg>(kernel.args[6]).map.box.pop_back();
               }),
               "tensor map");
  EXPECT_PRED2(has, wrong([](Plan &p) {
                 auto &kernel = std::get<KernelStep>(p.steps[1].action);
                 std::get<TensorMapArg>(kernel.args[6]).map.steps = {1, 9};
               }),
               "steps of 1 to 8");
}

TEST(Plan, ManifestChecksModulesAndTargets) {
  Package package = makePlanPackage();
  package.manifest.objects[0].module = "other";
  Result<std::string> bytes = packPackage(package);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.message().find("module 'code'"), std::string::npos);
  package = makePlanPackage();
  package.manifest.functions[0].plan.reset();
  bytes = packPackage(package);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.message().find("needs a plan"), std::string::npos);
}

TEST(Plan, CacheHoldsPackagesOfGPUs) {
  TempDir dir;
  KernelCache cache(dir.path());
  Package package = makePlanPackage();
  const std::string key = package.manifest.contentHash;
  ASSERT_TRUE(cache.store(key, package));
  std::optional<Package> found = cache.lookup(key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->objects, package.objects);
  EXPECT_TRUE(found->manifest.functions[0].plan);
}

TEST(Plan, ParserSurvivesNoise) {
  std::string text = *printPlan(*makePlanFunction().plan);
  std::mt19937 random(5);
  FunctionInfo function = makePlanFunction();
  for (int i = 0; i < 2000; ++i) {
    if (Result<Plan> plan = parsePlan(mutate(text, random))) {
      (void)checkPlan(*plan, argumentsOf(function));
    }
  }
}

} // namespace
