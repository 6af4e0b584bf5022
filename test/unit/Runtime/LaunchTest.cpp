//===- LaunchTest.cpp - checks, calls, ownership --------------------------===//

#include "attn/Runtime/Launch.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

ValueInfo tensorInfo(const std::string &name, std::vector<int64_t> shape,
                     std::vector<std::string> dims = {},
                     DType type = DType::kF32) {
  return {name, ValueKind::kTensor, type, std::move(shape), std::move(dims),
          false};
}

ValueInfo scalarInfo(const std::string &name, DType type) {
  return {name, ValueKind::kScalar, type, {}, {}, false};
}

FunctionInfo functionInfo(const std::string &name,
                          std::vector<ValueInfo> arguments,
                          std::vector<ValueInfo> results) {
  return {name, "attn_call_" + name, std::move(arguments), std::move(results)};
}

class CheckArgumentsTest : public ::testing::Test {
protected:
  std::string check(const Shape &q, const Shape &k, DType type = DType::kF32) {
    Tensor a = *Tensor::create(DType::kF32, q), b = *Tensor::create(type, k);
    Status status = checkArguments(function, {&a, &b}, &sizes);
    EXPECT_TRUE(status.ok() || status.code() == Code::kBadInput);
    return status.message();
  }

  FunctionInfo function =
      functionInfo("attend",
                   {tensorInfo("q", {1, -1, -1, 128}, {"", "h", "sq", "d"}),
                    tensorInfo("k", {-1, -1, -1, -1}, {"", "h", "sk", "d"})},
                   {});
  std::map<std::string, int64_t> sizes;
};

TEST_F(CheckArgumentsTest, BindsNames) {
  EXPECT_EQ(check({1, 8, 5, 128}, {3, 8, 9, 128}), "");
  EXPECT_EQ(sizes, (std::map<std::string, int64_t>{
                       {"h", 8}, {"sq", 5}, {"sk", 9}, {"d", 128}}));
}

TEST_F(CheckArgumentsTest, Messages) {
  EXPECT_EQ(check({1, 8, 5, 64}, {1, 8, 9, 64}),
            "argument 0 ('q'): expected dimension 3 ('d') to be 128, but got "
            "64");
  EXPECT_EQ(check({2, 8, 5, 128}, {1, 8, 9, 128}),
            "argument 0 ('q'): expected dimension 0 to be 1, but got 2");
  EXPECT_EQ(check({1, 8, 5, 128}, {1, 8, 9, 64}),
            "argument 1 ('k'): expected dimension 3 ('d') to be 128 as in "
            "argument 0 ('q'), but got 64");
  EXPECT_EQ(check({1, 8, 5, 128}, {8, 9, 128}),
            "argument 1 ('k'): expected rank 4, but got 3 (8x9x128)");
  EXPECT_EQ(check({1, 8, 5, 128}, {1, 8, 9, 128}, DType::kBF16),
            "argument 1 ('k'): expected dtype f32, but got bf16");
  EXPECT_EQ(checkArguments(function, {}).message(),
            "function 'attend': expected 2 arguments, but got 0");
  EXPECT_EQ(checkArguments(function, {nullptr, nullptr}).message(),
            "argument 0 ('q'): no value given");
  function.arguments[0].name = "";
  EXPECT_EQ(check({2, 8, 5, 128}, {1, 8, 9, 128}),
            "argument 0: expected dimension 0 to be 1, but got 2");
}

class LaunchTest : public ::testing::Test {
protected:
  void SetUp() override {
    Result<Library> loaded = Library::load(slurp(ATTN_TEST_KERNELS), "k.so");
    ASSERT_TRUE(loaded) << loaded.message();
    library.emplace(std::move(*loaded));
  }

  std::optional<Library> library;
  Tensor a = *Tensor::fromValues(DType::kF32, {2, 3}, {1, 2, 3, 4, 5, 6});
};

TEST_F(LaunchTest, FreshResult) {
  FunctionInfo function = functionInfo(
      "scale",
      {tensorInfo("a", {-1, -1}, {"m", "n"}), scalarInfo("s", DType::kF32)},
      {tensorInfo("o", {-1, -1}, {"m", "n"})});
  Tensor s = *Tensor::scalar(DType::kF32, 2);
  Result<std::vector<Tensor>> results = call(*library, function, {&a, &s});
  ASSERT_TRUE(results) << results.message();
  EXPECT_EQ((*results)[0].shape(), (Shape{2, 3}));
  EXPECT_EQ((*results)[0].toDoubles(),
            (std::vector<double>{2, 4, 6, 8, 10, 12}));

  Tensor empty = *Tensor::create(DType::kF32, {0, 3});
  results = call(*library, function, {&empty, &s});
  ASSERT_TRUE(results) << results.message();
  EXPECT_EQ((*results)[0].shape(), (Shape{0, 3}));
}

TEST_F(LaunchTest, StridedResultIsCompacted) {
  FunctionInfo function = functionInfo("transpose", {tensorInfo("a", {-1, -1})},
                                       {tensorInfo("o", {-1, -1})});
  Result<std::vector<Tensor>> results = call(*library, function, {&a});
  ASSERT_TRUE(results) << results.message();
  EXPECT_EQ((*results)[0].shape(), (Shape{3, 2}));
  EXPECT_EQ((*results)[0].toDoubles(), (std::vector<double>{1, 4, 2, 5, 3, 6}));
}

TEST_F(LaunchTest, ResultInADonatedArgument) {
  FunctionInfo function = functionInfo(
      "update", {tensorInfo("a", {-1, -1}, {"m", "n"})},
      {tensorInfo("o", {-1, -1}, {"m", "n"}), tensorInfo("row", {-1}, {"n"}),
       scalarInfo("rows", DType::kI64)});
  function.arguments[0].donated = true;
  Result<std::vector<Tensor>> results = call(*library, function, {&a});
  ASSERT_TRUE(results) << results.message();
  ASSERT_EQ(results->size(), 3u);
  EXPECT_EQ((*results)[0].data(), a.data());
  EXPECT_EQ((*results)[0].get(0), 2);
  EXPECT_EQ((*results)[1].toDoubles(), (std::vector<double>{5, 6, 7}));
  EXPECT_EQ((*results)[1].data(), a.dataAs<float>() + 3);
  EXPECT_EQ(*(*results)[2].dataAs<int64_t>(), 2);
  // The results keep the storage of the argument alive.
  a = Tensor();
  EXPECT_EQ((*results)[0].get(5), 7);
}

TEST_F(LaunchTest, ResultsThatShareABufferAreFreedOnce) {
  FunctionInfo function = functionInfo(
      "twins", {}, {tensorInfo("a", {2, 3}), tensorInfo("b", {3})});
  Result<std::vector<Tensor>> results = call(*library, function, {});
  ASSERT_TRUE(results) << results.message();
  (*results)[0] = Tensor();
  EXPECT_EQ((*results)[1].toDoubles(), (std::vector<double>{3, 4, 5}));
}

TEST_F(LaunchTest, ConstantsAreCopied) {
  FunctionInfo function =
      functionInfo("constant", {}, {tensorInfo("c", {2, 2})});
  Result<std::vector<Tensor>> first = call(*library, function, {});
  ASSERT_TRUE(first) << first.message();
  (*first)[0].set(0, 100);
  Result<std::vector<Tensor>> second = call(*library, function, {});
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)[0].toDoubles(), (std::vector<double>{1, 2, 3, 4}));
}

TEST_F(LaunchTest, ScalarsKeepTheirType) {
  FunctionInfo function = functionInfo(
      "scalars",
      {scalarInfo("flag", DType::kI1), scalarInfo("x", DType::kBF16)},
      {scalarInfo("sum", DType::kF64)});
  Tensor flag = *Tensor::scalar(DType::kI1, 1);
  Tensor x = *Tensor::scalar(DType::kBF16, 2.5);
  Result<std::vector<Tensor>> results = call(*library, function, {&flag, &x});
  ASSERT_TRUE(results) << results.message();
  EXPECT_EQ((*results)[0].dtype(), DType::kF64);
  EXPECT_EQ((*results)[0].get(0), 3.5);
}

TEST_F(LaunchTest, ResultsAreCheckedAgainstTheManifest) {
  FunctionInfo function = functionInfo("liar", {}, {tensorInfo("o", {5, 6})});
  Result<std::vector<Tensor>> results = call(*library, function, {});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.status().code(), Code::kRuntime);
  EXPECT_EQ(results.message(), "function 'liar': result 0 ('o'): expected "
                               "dimension 1 to be 6, but got 7");
}

TEST_F(LaunchTest, RepeatedRuns) {
  FunctionInfo function = functionInfo(
      "scale", {tensorInfo("a", {-1, -1}), scalarInfo("s", DType::kF32)},
      {tensorInfo("o", {-1, -1})});
  Tensor s = *Tensor::scalar(DType::kF32, 3);
  Result<Invocation> created = Invocation::create(*library, function, {&a, &s});
  ASSERT_TRUE(created) << created.message();
  Invocation invocation = std::move(*created);
  for (int i = 0; i < 3; ++i) {
    invocation.run();
  }
  Invocation moved = std::move(invocation);
  Result<std::vector<Tensor>> results = moved.takeResults();
  ASSERT_TRUE(results) << results.message();
  EXPECT_EQ((*results)[0].get(5), 18);
  results = moved.takeResults();
  ASSERT_FALSE(results);
  EXPECT_EQ(results.message(), "function 'scale' has no results to take");
  // Data of an argument is read at each run.
  a.set(5, 1);
  moved.run();
  EXPECT_EQ((*moved.takeResults())[0].get(5), 3);
  moved.run();
}

TEST_F(LaunchTest, MissingSymbol) {
  Result<std::vector<Tensor>> results =
      call(*library, functionInfo("nothing", {}, {}), {});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.message(), "'k.so' has no symbol 'attn_call_nothing'");
}

} // namespace
