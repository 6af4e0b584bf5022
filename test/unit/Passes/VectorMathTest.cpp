//===- VectorMathTest.cpp - polynomials of attn-expand-vector-math --------===//
// Each function is compiled over vectors for several targets, and compared with
// libm in a wider type: relative errors where results are normal numbers, and
// exact values at the ends.
//===----------------------------------------------------------------------===//

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Launch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace attn;

namespace {

// The widest vector of f32 on any target.
constexpr int64_t kWidth = 16;

using Reference = long double (*)(long double);

struct Function {
  std::string name; // of the op in the math dialect
  Reference reference;
  double errorF32, errorF64; // what CPUPasses.td promises
  // Where results are normal numbers, and a part of it to look at closely.
  double low, high, closeLow, closeHigh;
};

std::vector<Function> functions(bool single) {
  double top = single ? 127.99999 : 1023.9999999;
  double bottom = single ? -126 : -1022;
  double ln2 = std::log(2.0);
  double huge = single ? 3e38 : 1e308;
  double tiny = single ? 1e-45 : 5e-324;
  return {
      {"exp2", [](long double x) { return exp2l(x); }, 2.5e-7, 2.5e-16, bottom,
       top, -1, 1},
      {"exp", [](long double x) { return expl(x); }, 2.5e-7, 2.5e-16,
       bottom * ln2, top * ln2, -1, 1},
      {"log", [](long double x) { return logl(x); }, 2.5e-7, 5e-16, tiny, huge,
       0.25, 4},
      {"tanh", [](long double x) { return tanhl(x); }, 7e-7, 2.5e-15, -huge,
       huge, -1, 1},
  };
}

bool canRun(const std::string &target) {
#if defined(__x86_64__)
  return target == "host" || target == "x86-64" ||
         (target == "x86-64-v3" && __builtin_cpu_supports("avx2") &&
          __builtin_cpu_supports("fma"));
#else
  return target == "host";
#endif
}

template <typename T> const char *typeName() {
  return sizeof(T) == 4 ? "f32" : "f64";
}

/// math.`name` of the elements of `x`, whose number is a multiple of kWidth.
template <typename T>
std::vector<T> evaluate(const std::string &name, const std::string &target,
                        const std::vector<T> &x) {
  int64_t width = kWidth * 4 / static_cast<int64_t>(sizeof(T));
  std::string vector =
      "vector<" + std::to_string(width) + "x" + typeName<T>() + ">";
  std::string memref = std::string("memref<?x") + typeName<T>() + ">";
  std::string text = "func.func @f(%in: " + memref + ", %out: " + memref +
                     ") {\n"
                     "  %c0 = arith.constant 0 : index\n"
                     "  %step = arith.constant " +
                     std::to_string(width) +
                     " : index\n"
                     "  %size = memref.dim %in, %c0 : " +
                     memref +
                     "\n"
                     "  scf.for %i = %c0 to %size step %step {\n"
                     "    %x = vector.load %in[%i] : " +
                     memref + ", " + vector + "\n    %y = math." + name +
                     " %x : " + vector +
                     "\n    vector.store %y, %out[%i] : " + memref + ", " +
                     vector + "\n  }\n  return\n}\n";
  CompileOptions options;
  options.target = target;
  rt::Result<CompileResult> compiled = compileText(text, "f.mlir", options);
  if (!compiled) {
    ADD_FAILURE() << compiled.message();
    return {};
  }
  rt::Result<rt::Library> library = rt::Library::load(compiled->package);
  if (!library) {
    ADD_FAILURE() << library.message();
    return {};
  }
  rt::DType type = sizeof(T) == 4 ? rt::DType::kF32 : rt::DType::kF64;
  auto size = static_cast<int64_t>(x.size());
  rt::Tensor in = *rt::Tensor::create(type, {size});
  rt::Tensor out = *rt::Tensor::create(type, {size});
  std::copy(x.begin(), x.end(), in.dataAs<T>());
  rt::Result<std::vector<rt::Tensor>> results = rt::call(
      *library, compiled->package.manifest.functions.front(), {&in, &out});
  if (!results) {
    ADD_FAILURE() << results.message();
    return {};
  }
  return std::vector<T>(out.dataAs<T>(), out.dataAs<T>() + size);
}

/// Values between `low` and `high`: evenly, and by their exponents.
template <typename T> std::vector<T> samples(double low, double high) {
  std::mt19937_64 engine(7);
  std::vector<T> x;
  constexpr int64_t kCount = 1 << 17;
  std::uniform_real_distribution<double> even(0, 1);
  double top = std::log2(std::max(std::abs(low), std::abs(high)));
  double tiny = std::numeric_limits<T>::denorm_min();
  double bottom = std::max(std::log2(tiny), low > 0 ? std::log2(low) : -2000.0);
  while (static_cast<int64_t>(x.size()) < kCount) {
    x.push_back(static_cast<T>(low * (1 - even(engine)) + high * even(engine)));
    double wide = std::exp2(bottom + (top - bottom) * even(engine));
    x.push_back(static_cast<T>(low < 0 && engine() % 2 ? -wide : wide));
  }
  for (T &value : x) {
    value =
        std::min(std::max(value, static_cast<T>(low)), static_cast<T>(high));
  }
  return x;
}

template <typename T> void checkErrors(const std::string &target) {
  constexpr bool kSingle = sizeof(T) == 4;
  for (const Function &f : functions(kSingle)) {
    SCOPED_TRACE(f.name + " on " + typeName<T>() + " for " + target);
    std::vector<T> x = samples<T>(f.low, f.high);
    std::vector<T> close = samples<T>(f.closeLow, f.closeHigh);
    x.insert(x.end(), close.begin(), close.end());
    std::vector<T> y = evaluate(f.name, target, x);
    ASSERT_EQ(y.size(), x.size());
    double worst = 0;
    T at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      long double exact = f.reference(x[i]);
      if (std::abs(exact) < std::numeric_limits<T>::min()) {
        // 0, or a number below the normal ones that is as good as exact.
        ASSERT_LE(std::abs(y[i]), std::numeric_limits<T>::min()) << x[i];
        continue;
      }
      double error = static_cast<double>(std::abs((y[i] - exact) / exact));
      if (!(error <= worst)) { // NaN is the worst
        worst = error;
        at = x[i];
      }
    }
    EXPECT_LE(worst, kSingle ? f.errorF32 : f.errorF64) << "at " << at;
    testing::Test::RecordProperty(
        f.name + "_" + typeName<T>() + "_" + target,
        std::to_string(worst * (kSingle ? 1e9 : 1e17)) +
            (kSingle ? "e-9" : "e-17"));
  }
}

/// Pairs of an argument and what the function must give.
template <typename T>
void checkValues(const std::string &name, const std::string &target,
                 const std::vector<std::pair<T, T>> &values) {
  SCOPED_TRACE("math." + name + " on " + typeName<T>() + " for " + target);
  std::vector<T> x;
  for (auto [argument, result] : values) {
    x.push_back(argument);
  }
  x.resize((x.size() + kWidth - 1) / kWidth * kWidth, T(1));
  std::vector<T> y = evaluate(name, target, x);
  ASSERT_EQ(y.size(), x.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i].second)) {
      EXPECT_TRUE(std::isnan(y[i])) << x[i] << " gives " << y[i];
    } else {
      EXPECT_EQ(y[i], values[i].second) << x[i];
    }
  }
}

template <typename T> void checkEnds(const std::string &target) {
  constexpr bool kSingle = sizeof(T) == 4;
  using Limits = std::numeric_limits<T>;
  T inf = Limits::infinity(), nan = Limits::quiet_NaN();
  T huge = Limits::max(), tiny = Limits::denorm_min(), small = Limits::min();
  T over = kSingle ? 128 : 1024, under = kSingle ? -126 : -1022;
  T belowUnder = std::nextafter(under, -inf);

  std::vector<std::pair<T, T>> powers = {
      {-inf, 0},      {inf, inf},    {nan, nan},  {0, 1},      {T(-0.), 1},
      {tiny, 1},      {huge, inf},   {-huge, 0},  {over, inf}, {belowUnder, 0},
      {under, small}, {T(1e9), inf}, {T(-1e9), 0}};
  // Whole powers of two are exact.
  for (int e = static_cast<int>(under); e < static_cast<int>(over); ++e) {
    powers.push_back({T(e), std::ldexp(T(1), e)});
  }
  checkValues<T>("exp2", target, powers);
  checkValues<T>("exp", target,
                 {{-inf, 0},
                  {inf, inf},
                  {nan, nan},
                  {0, 1},
                  {T(-0.), 1},
                  {tiny, 1},
                  {huge, inf},
                  {-huge, 0},
                  {T(1e4), inf},
                  {T(-1e4), 0},
                  // ln of the numbers above and below the normal ones.
                  {std::nextafter(T(over * std::log(2.0L)), inf), inf},
                  {std::nextafter(T(under * std::log(2.0L)), -inf), 0}});
  checkValues<T>("log", target,
                 {{-inf, nan},
                  {inf, inf},
                  {nan, nan},
                  {0, -inf},
                  {T(-0.), -inf},
                  {1, 0},
                  {-1, nan},
                  {-tiny, nan}});
  checkValues<T>("tanh", target,
                 {{-inf, -1},
                  {inf, 1},
                  {nan, nan},
                  {0, 0},
                  {T(-0.), T(-0.)},
                  {tiny, tiny},
                  {-small, -small},
                  {huge, 1},
                  {-huge, -1},
                  {40, 1},
                  {-40, -1}});
}

class VectorMathTest : public testing::TestWithParam<const char *> {
  void SetUp() override {
    if (!canRun(GetParam())) {
      GTEST_SKIP() << "this machine does not run code for " << GetParam();
    }
  }
};

TEST_P(VectorMathTest, ErrorsF32) { checkErrors<float>(GetParam()); }
TEST_P(VectorMathTest, ErrorsF64) { checkErrors<double>(GetParam()); }
TEST_P(VectorMathTest, EndsF32) { checkEnds<float>(GetParam()); }
TEST_P(VectorMathTest, EndsF64) { checkEnds<double>(GetParam()); }

std::string nameOf(const testing::TestParamInfo<const char *> &info) {
  std::string name;
  for (char c : std::string(info.param)) {
    name += c == '-' ? '_' : c;
  }
  return name;
}

// With AVX-512 as far as this machine has it; with vectors of 256 bits; and
// without FMA instructions.
INSTANTIATE_TEST_SUITE_P(Targets, VectorMathTest,
                         testing::Values("host", "x86-64-v3", "x86-64"),
                         nameOf);

} // namespace
