//===- ObjectCodeTest.cpp - objects, links and conversions
//------------------===//

#include "attn/Emit/ObjectCode.h"
#include "attn/Emit/SharedObject.h"
#include "attn/Runtime/DType.h"
#include "attn/Runtime/Library.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace attn;

namespace {

// On a CPU without instructions for them, so that the routines are called.
constexpr char kBaseCpu[] = "x86-64";

constexpr char kConversions[] = R"(
define void @f64_bf16(ptr %x, ptr %y) {
  %a = load double, ptr %x
  %b = fptrunc double %a to bfloat
  store bfloat %b, ptr %y
  ret void
}
define void @f32_bf16(ptr %x, ptr %y) {
  %a = load float, ptr %x
  %b = fptrunc float %a to bfloat
  store bfloat %b, ptr %y
  ret void
}
define void @f64_f16(ptr %x, ptr %y) {
  %a = load double, ptr %x
  %b = fptrunc double %a to half
  store half %b, ptr %y
  ret void
}
define void @f32_f16(ptr %x, ptr %y) {
  %a = load float, ptr %x
  %b = fptrunc float %a to half
  store half %b, ptr %y
  ret void
}
define void @f16_f32(ptr %x, ptr %y) {
  %a = load half, ptr %x
  %b = fpext half %a to float
  store float %b, ptr %y
  ret void
}
)";

rt::Result<rt::Library> build(const char *ir, const char *cpu) {
  llvm::Expected<TargetDescription> target = TargetDescription::get(cpu);
  if (!target) {
    return rt::Status::usage(llvm::toString(target.takeError()));
  }
  rt::Result<LLVMModule> module = LLVMModule::parse(ir, *target);
  if (!module) {
    return module.status();
  }
  module->optimize(Loops::kVector);
  rt::Result<std::string> object = module->toObject();
  if (!object) {
    return object.status();
  }
  rt::Result<std::string> shared = linkSharedObject(*object, *target);
  if (!shared) {
    return shared.status();
  }
  return rt::Library::load(*shared, "test");
}

template <typename From, typename To>
To convert(const rt::Library &library, const char *name, From value) {
  rt::Result<void *> symbol = library.symbol(name);
  EXPECT_TRUE(symbol.ok()) << symbol.message();
  To result{};
  reinterpret_cast<void (*)(From *, To *)>(*symbol)(&value, &result);
  return result;
}

/// Values on, between and beside the values of the small formats.
std::vector<double> interestingValues() {
  std::vector<double> values = {0.0, -0.0, INFINITY, -INFINITY, 1e300, 1e-300};
  for (uint32_t bits = 0; bits < 0x10000; bits += 7) {
    for (double value : {double(rt::fromBF16(uint16_t(bits))),
                         double(rt::fromF16(uint16_t(bits)))}) {
      if (std::isnan(value)) {
        continue;
      }
      double next = value * (1 + 1.0 / 256), half = value * (1 + 1.0 / 2048);
      for (double v :
           {value, next, half, std::nextafter(half, INFINITY),
            std::nextafter(half, -INFINITY), std::nextafter(next, 0.0)}) {
        values.push_back(v);
      }
    }
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isnan(value)) {
      values.push_back(value);
    }
    values.push_back(
        std::ldexp(double(bits >> 11) * 0x1p-53, int(random() % 50) - 30));
  }
  return values;
}

} // namespace

TEST(SoftFloat, RoundsOnceToNearestEven) {
  rt::Result<rt::Library> library = build(kConversions, kBaseCpu);
  ASSERT_TRUE(library.ok()) << library.message();
  for (double x : interestingValues()) {
    float f = static_cast<float>(x);
    ASSERT_EQ((convert<double, uint16_t>(*library, "f64_bf16", x)),
              rt::toBF16(x))
        << x;
    ASSERT_EQ((convert<double, uint16_t>(*library, "f64_f16", x)), rt::toF16(x))
        << x;
    ASSERT_EQ((convert<float, uint16_t>(*library, "f32_bf16", f)),
              rt::toBF16(f))
        << f;
    ASSERT_EQ((convert<float, uint16_t>(*library, "f32_f16", f)), rt::toF16(f))
        << f;
  }
}

TEST(SoftFloat, WidensEveryHalf) {
  rt::Result<rt::Library> library = build(kConversions, kBaseCpu);
  ASSERT_TRUE(library.ok()) << library.message();
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float expected = rt::fromF16(uint16_t(bits));
    float got = convert<uint16_t, float>(*library, "f16_f32", uint16_t(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
    } else {
      ASSERT_EQ(std::memcmp(&got, &expected, sizeof(got)), 0) << bits;
    }
  }
}

TEST(SoftFloat, NaNStaysNaN) {
  rt::Result<rt::Library> library = build(kConversions, kBaseCpu);
  ASSERT_TRUE(library.ok()) << library.message();
  // A NaN whose payload lies in bits that are dropped must not become infinity.
  uint64_t bits = 0x7ff0000000000001;
  double nan;
  std::memcpy(&nan, &bits, sizeof(nan));
  EXPECT_TRUE(std::isnan(
      rt::fromBF16(convert<double, uint16_t>(*library, "f64_bf16", nan))));
  EXPECT_TRUE(std::isnan(
      rt::fromF16(convert<double, uint16_t>(*library, "f64_f16", nan))));
}

TEST(SharedObject, LinksFromSeveralThreads) {
  constexpr char code[] = "define void @f(ptr %x, ptr %y) {\n"
                          "  %a = load i32, ptr %x\n"
                          "  %b = add i32 %a, 1\n"
                          "  store i32 %b, ptr %y\n"
                          "  ret void\n"
                          "}\n";
  std::vector<int> results(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        rt::Result<rt::Library> library = build(code, "host");
        if (library) {
          results[t] += convert<int32_t, int32_t>(*library, "f", 41) == 42;
        }
      }
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  EXPECT_EQ(results, (std::vector<int>{5, 5, 5, 5}));
}

TEST(SharedObject, RefusesWhatIsNoObject) {
  TargetDescription target = TargetDescription::host();
  for (const char *bytes : {"", "nonsense", "\177ELF\2\1\1"}) {
    rt::Result<std::string> shared = linkSharedObject(bytes, target);
    ASSERT_FALSE(shared.ok());
    EXPECT_EQ(shared.status().code(), rt::Code::kCompile);
  }
  // And works afterwards.
  EXPECT_TRUE(build("define void @f() {\n ret void\n}\n", "host").ok());
}

TEST(LLVMModule, TellsWhatDoesNotParse) {
  rt::Result<LLVMModule> module =
      LLVMModule::parse("define nonsense", TargetDescription::host());
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.status().code(), rt::Code::kCompile);
}
