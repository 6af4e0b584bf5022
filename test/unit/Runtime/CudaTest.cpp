//===- CudaTest.cpp - the CUDA runtime over a fake driver -----------------===//

#include "TestPlan.h"
#include "attn/Runtime/CudaFunction.h"
#include "attn/Runtime/Tensor.h"
#include "fakes/FakeCuda.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace attn::rt;
using namespace attn::rt::cuda;
using namespace attn::rt::test;

namespace {

constexpr const char *kCode = "kernel scale 8 8 4 8 4 4 128\nkernel wide 8\n";

/// Each test has the fake to itself, and leaves nothing behind in it.
class CudaTest : public testing::Test {
protected:
  void SetUp() override {
    handle = ::dlopen(ATTN_FAKE_CUDA, RTLD_NOW);
    ASSERT_TRUE(handle) << ::dlerror();
    auto get = reinterpret_cast<fakecuda::State *(*)()>(
        ::dlsym(handle, "fakeCudaState"));
    ASSERT_TRUE(get);
    fake = get();
    *fake = fakecuda::State();
  }
  void TearDown() override {
    EXPECT_FALSE(fake->leaks());
    ::dlclose(handle);
  }

  GpuPtr open() {
    Result<GpuPtr> gpu = Gpu::open(0, ATTN_FAKE_CUDA);
    EXPECT_TRUE(gpu) << gpu.message();
    return gpu ? *gpu : nullptr;
  }

  void *handle = nullptr;
  fakecuda::State *fake = nullptr;
};

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

/// A call of TestPlan's function on r x c.
struct Call {
  Call(const GpuPtr &gpu, int64_t r, int64_t c, const char *code = kCode)
      : package(std::make_shared<Package>(makePlanPackage(code))), shape{r, c} {
    Result<CudaFunction> made =
        CudaFunction::create(gpu, package, package->manifest.functions[0]);
    EXPECT_TRUE(made) << made.message();
    function = std::make_unique<CudaFunction>(*std::move(made));
    x = *Memory::device(gpu, r * c * 8);
    y = *Memory::device(gpu, r * c * 4);
  }
  std::vector<Value> arguments() {
    return {{reinterpret_cast<void *>(x.address()), DType::kF32, 2,
             shape.data(), strides.empty() ? nullptr : strides.data()},
            {&alpha, DType::kF32},
            {&n, DType::kI64}};
  }
  std::vector<Value> results() {
    return {
        {reinterpret_cast<void *>(y.address()), DType::kF32, 2, shape.data()}};
  }
  Status run(Stream stream = nullptr) {
    return function->call(stream, arguments(), results());
  }

  std::shared_ptr<Package> package;
  std::unique_ptr<CudaFunction> function;
  std::vector<int64_t> shape, strides;
  Memory x, y;
  float alpha = 2.5f;
  int64_t n = 41;
};

template <typename T> T as(const std::string &bytes) {
  T value;
  EXPECT_EQ(bytes.size(), sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

TEST(CudaDriverTest, ErrorsOfLoading) {
  Result<std::shared_ptr<Driver>> none = Driver::load("/nowhere/libcuda.so");
  ASSERT_FALSE(none);
  EXPECT_EQ(exitCode(none.status().code()), 4);
  EXPECT_PRED2(contains, none.message(), "no CUDA driver: ");
  EXPECT_PRED2(contains, none.message(), "/nowhere/libcuda.so");

  Result<std::shared_ptr<Driver>> old = Driver::load(ATTN_FAKE_CUDA_OLD);
  ASSERT_FALSE(old);
  EXPECT_PRED2(contains, old.message(), "too old: it supports CUDA 11.4");

  Result<std::shared_ptr<Driver>> part =
      Driver::load(ATTN_FAKE_CUDA_INCOMPLETE);
  ASSERT_FALSE(part);
  EXPECT_PRED2(contains, part.message(), "no function 'cuLaunchKernelEx'");
}

TEST(CudaDriverTest, CodeForChips) {
  EXPECT_TRUE(runsOn("sm_80", true, 90));
  EXPECT_TRUE(runsOn("sm_80", false, 86));
  EXPECT_FALSE(runsOn("sm_80", false, 90));
  EXPECT_FALSE(runsOn("sm_90", true, 80));
  EXPECT_TRUE(runsOn("sm_90a", true, 90));
  EXPECT_FALSE(runsOn("sm_90a", true, 100));
  EXPECT_FALSE(runsOn("x86", true, 90));
}

TEST_F(CudaTest, ErrorsOfOpening) {
  fake->devices = 0;
  Result<GpuPtr> gpu = Gpu::open(0, ATTN_FAKE_CUDA);
  ASSERT_FALSE(gpu);
  EXPECT_PRED2(contains, gpu.message(), "there is no CUDA device 0");
  fake->devices = 1;
  fake->failIn = "cuInit";
  fake->failWith = 100;
  gpu = Gpu::open(0, ATTN_FAKE_CUDA);
  ASSERT_FALSE(gpu);
  EXPECT_PRED2(contains, gpu.message(),
               "cuInit: CUDA_ERROR_FAKE: a text of the driver");
  fake->failIn = "cuDevicePrimaryCtxRetain";
  EXPECT_FALSE(Gpu::open(0, ATTN_FAKE_CUDA));
}

TEST_F(CudaTest, LaunchesAsThePlanSays) {
  GpuPtr gpu = open();
  EXPECT_EQ(gpu->info().capability, 90);
  Call call(gpu, 10, 6);
  Status status = call.run();
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(fake->launches.size(), 2u);
  const fakecuda::Launch &scale = fake->launches[0];
  EXPECT_EQ(scale.kernel, "scale");
  EXPECT_EQ(scale.grid[0], 3u);
  EXPECT_EQ(scale.grid[1], 2u);
  EXPECT_EQ(scale.block[0], 128u);
  EXPECT_EQ(scale.cluster[0], 1u);
  EXPECT_FALSE(scale.overlaps);
  EXPECT_EQ(scale.sharedBytes, 100000u);
  EXPECT_EQ(fake->sharedOptIn["scale"], 100000);
  EXPECT_EQ(as<uint64_t>(scale.arguments[0]), call.x.address());
  EXPECT_EQ(as<int32_t>(scale.arguments[2]), 42);
  EXPECT_EQ(as<int64_t>(scale.arguments[3]), 6);
  EXPECT_EQ(as<float>(scale.arguments[4]), 0.5f);
  EXPECT_EQ(as<float>(scale.arguments[5]), 2.5f);
  EXPECT_EQ(scale.arguments[6], std::string(128, 0x5a));
  ASSERT_EQ(fake->maps.size(), 1u);
  EXPECT_EQ(fake->maps[0].dtype, 7);
  EXPECT_EQ(fake->maps[0].swizzle, 3);
  EXPECT_EQ(fake->maps[0].base, call.x.address());
  EXPECT_EQ(fake->maps[0].dims, (std::vector<uint64_t>{6, 10}));
  EXPECT_EQ(fake->maps[0].strides, (std::vector<uint64_t>{24}));
  EXPECT_EQ(fake->maps[0].box, (std::vector<unsigned>{32, 8}));
  const fakecuda::Launch &wide = fake->launches[1];
  EXPECT_EQ(wide.kernel, "wide");
  EXPECT_EQ(wide.cluster[0], 2u);
  EXPECT_TRUE(wide.overlaps);
  // Both temporaries live at once, in one workspace.
  EXPECT_EQ(fake->live["memory"], 3);
  uint64_t t = as<uint64_t>(scale.arguments[1]) - 6 * 4;
  uint64_t u = as<uint64_t>(wide.arguments[0]);
  EXPECT_TRUE(u >= t + 240 || t >= u + 3 * 256);
  EXPECT_EQ(u % 256, 0u);
  // The memset of t, and its copy to the result.
  float first = 1;
  std::memcpy(&first, reinterpret_cast<void *>(call.y.address()), 4);
  EXPECT_EQ(first, 0.0f);
}

TEST_F(CudaTest, VariantsStridesAndAddresses) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 6);
  call.strides = {12, 1};
  ASSERT_TRUE(call.run().ok());
  // `wide` runs from 8 rows on.
  ASSERT_EQ(fake->launches.size(), 1u);
  EXPECT_EQ(as<int64_t>(fake->launches[0].arguments[3]), 12);
  EXPECT_EQ(fake->maps[0].strides, (std::vector<uint64_t>{48}));
  // The same shapes: nothing is resolved or encoded again.
  ASSERT_TRUE(call.run().ok());
  EXPECT_EQ(fake->maps.size(), 1u);
  EXPECT_EQ(fake->calls["cuModuleLoadDataEx"], 1);
  // Another address: the map must follow.
  Memory other = *Memory::device(gpu, 4 * 12 * 4);
  std::swap(call.x, other);
  ASSERT_TRUE(call.run().ok());
  ASSERT_EQ(fake->maps.size(), 2u);
  EXPECT_EQ(fake->maps[1].base, call.x.address());
  EXPECT_EQ(as<uint64_t>(fake->launches[2].arguments[0]), call.x.address());
  // Another scalar is another resolution.
  call.n = 7;
  ASSERT_TRUE(call.run().ok());
  EXPECT_EQ(as<int32_t>(fake->launches[3].arguments[2]), 8);
  // The inner dimension has no symbol for its stride.
  call.strides = {12, 2};
  Status status = call.run();
  EXPECT_PRED2(contains, status.message(),
               "argument 0 ('x'): expected stride 1 of dimension 1, but got 2");
}

TEST_F(CudaTest, EmptyTensorsLaunchNothing) {
  GpuPtr gpu = open();
  Call call(gpu, 0, 6);
  ASSERT_TRUE(call.run().ok());
  EXPECT_TRUE(fake->launches.empty());
}

TEST_F(CudaTest, BadArguments) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 0);
  Status status = call.run();
  EXPECT_EQ(status.code(), Code::kBadInput);
  EXPECT_PRED2(contains, status.message(), "expected at least one column");
  Call good(gpu, 4, 6);
  std::vector<Value> arguments = good.arguments();
  arguments[0].dtype = DType::kBF16;
  status = good.function->call(nullptr, arguments, good.results());
  EXPECT_PRED2(contains, status.message(), "expected dtype f32, but got bf16");
  arguments = good.arguments();
  arguments[0].data = static_cast<char *>(arguments[0].data) + 4;
  status = good.function->call(nullptr, arguments, good.results());
  EXPECT_PRED2(contains, status.message(), "multiple of 16");
  std::vector<Value> results = good.results();
  const int64_t wrong[2] = {6, 4};
  results[0].shape = wrong;
  status = good.function->call(nullptr, good.arguments(), results);
  EXPECT_PRED2(contains, status.message(), "expected shape 4x6, but got 6x4");
  status = good.function->call(nullptr, {}, results);
  EXPECT_PRED2(contains, status.message(), "expected 3 arguments, but got 0");
  EXPECT_TRUE(fake->launches.empty());
}

TEST_F(CudaTest, ErrorsOfCode) {
  GpuPtr gpu = open();
  Status status = Call(gpu, 4, 6, "bad code").run();
  EXPECT_EQ(status.code(), Code::kRuntime);
  EXPECT_PRED2(contains, status.message(), "CUDA_ERROR_INVALID_PTX");
  EXPECT_PRED2(contains, status.message(),
               "ptxas error: line 1; unexpected 'bad'");
  status = Call(gpu, 4, 6, "kernel other 8\n").run();
  EXPECT_PRED2(contains, status.message(),
               "step 'scale': module 'code' has no kernel 'scale': "
               "CUDA_ERROR_NOT_FOUND");
  fake->capability = 75;
  GpuPtr old = open();
  status = Call(old, 4, 6).run();
  EXPECT_PRED2(contains, status.message(), "has no code for sm_75");
}

TEST_F(CudaTest, ErrorsOfLaunching) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 6);
  fake->failIn = "cuLaunchKernelEx";
  fake->failWith = 700;
  Status status = call.run();
  EXPECT_EQ(status.code(), Code::kRuntime);
  EXPECT_EQ(status.message(), "function 'f': step 'scale': launch: "
                              "CUDA_ERROR_FAKE: a text of the driver");
  Call fresh(gpu, 4, 6);
  fake->failIn = "cuTensorMapEncodeTiled";
  EXPECT_PRED2(contains, fresh.run().message(), "cuTensorMapEncodeTiled");
  // And works again.
  fake->failIn = "";
  EXPECT_TRUE(call.run().ok());
}

TEST_F(CudaTest, OutOfMemory) {
  GpuPtr gpu = open();
  Call call(gpu, 64, 64);
  fake->memoryLimit = 50000;
  Status status = call.run();
  EXPECT_EQ(status.code(), Code::kRuntime);
  EXPECT_PRED2(contains, status.message(), "workspace: cannot take");
  EXPECT_PRED2(contains, status.message(), "CUDA_ERROR_OUT_OF_MEMORY");
  fake->memoryLimit = size_t(1) << 30;
  EXPECT_TRUE(call.run().ok());
}

TEST_F(CudaTest, MachineCodeIsPreferred) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 6, "bad");
  ObjectInfo cubin = call.package->manifest.objects[0];
  cubin.kind = "cubin";
  for (auto [chip, code] :
       {std::pair("sm_80", "bad"), std::pair("sm_90", kCode)}) {
    cubin.chip = chip;
    cubin.name = std::string("code.") + chip + ".cubin";
    call.package->manifest.objects.push_back(cubin);
    call.package->objects.push_back(code);
  }
  Status status = call.run();
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(CudaTest, Graphs) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 6);
  Result<StreamOwner> stream = StreamOwner::create(gpu);
  ASSERT_TRUE(stream);
  ASSERT_TRUE(call.run(stream->get()).ok());
  Result<CapturedGraph> graph = CapturedGraph::capture(
      gpu, stream->get(), *call.function, call.arguments(), call.results());
  ASSERT_TRUE(graph) << graph.message();
  EXPECT_TRUE(graph->launch(stream->get()).ok());
  EXPECT_EQ(fake->calls["cuGraphLaunch"], 1);
  // A failing call ends the capture and leaves nothing.
  fake->failIn = "cuLaunchKernelEx";
  EXPECT_FALSE(CapturedGraph::capture(gpu, stream->get(), *call.function,
                                      call.arguments(), call.results()));
  EXPECT_EQ(fake->live["graph"], 0);
}

TEST_F(CudaTest, CopiesEventsAndPinnedMemory) {
  GpuPtr gpu = open();
  Result<StreamOwner> stream = StreamOwner::create(gpu);
  Result<EventOwner> start = EventOwner::create(gpu);
  Result<EventOwner> stop = EventOwner::create(gpu);
  ASSERT_TRUE(stream && start && stop);
  Result<Memory> pinned = Memory::pinned(gpu, 64);
  ASSERT_TRUE(pinned);
  EXPECT_EQ(fake->live["pinned"], 1);
  EXPECT_TRUE(start->record(stream->get()).ok());
  EXPECT_TRUE(stop->record(stream->get()).ok());
  Result<double> seconds = stop->secondsSince(*start);
  ASSERT_TRUE(seconds);
  EXPECT_NEAR(*seconds, 1.5e-3, 1e-9);
  fake->failIn = "cuStreamSynchronize";
  EXPECT_PRED2(contains, stream->synchronize().message(),
               "cuStreamSynchronize: CUDA_ERROR_FAKE");
}

TEST_F(CudaTest, ARepeatedLaunchIsCheap) {
  GpuPtr gpu = open();
  Call call(gpu, 4, 6);
  std::vector<Value> arguments = call.arguments(), results = call.results();
  ASSERT_TRUE(call.function->call(nullptr, arguments, results).ok());
  double best = 1;
  for (int round = 0; round < 20; ++round) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
      (void)call.function->call(nullptr, arguments, results);
    }
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / 100);
  }
  // Of all three steps, the fake's own bookkeeping included.
  EXPECT_LT(best, 10e-6);
  RecordProperty("launch_ns", static_cast<int>(best * 1e9));
}

} // namespace
