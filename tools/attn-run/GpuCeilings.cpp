//===- GpuCeilings.cpp - what a GPU can do at most ------------------------===//

#include "GpuCeilings.h"

#include <algorithm>

using namespace attn;
using namespace attn::run;
using namespace attn::rt::cuda;
using attn::rt::Result;
using attn::rt::Status;

namespace {

constexpr int kRepeats = 7;
constexpr int64_t kCopyBytes = int64_t(1) << 30;
constexpr int kRounds = 4096; ///< of the loop in the kernel
constexpr int kChains = 8;    ///< independent products in a round
constexpr int kWarps = 8;     ///< of a block
constexpr int kBlocksEach = 4;
constexpr double kFlopsEach = 2.0 * 16 * 8 * 16;

/// The fastest of some repeats of `run`, in seconds.
template <typename Run>
Result<double> fastest(const GpuPtr &gpu, Stream stream, Run run) {
  Result<EventOwner> begin = EventOwner::create(gpu);
  Result<EventOwner> end = EventOwner::create(gpu);
  if (!begin || !end) {
    return begin ? end.status() : begin.status();
  }
  double best = 0;
  for (int i = 0; i < kRepeats; ++i) {
    Status status = begin->record(stream);
    if (status.ok()) {
      Gpu::Scope scope(*gpu);
      status = gpu->check(run(), "measuring the ceilings");
    }
    if (status.ok()) {
      status = end->record(stream);
    }
    if (status.ok()) {
      status = end->synchronize();
    }
    if (!status.ok()) {
      return status;
    }
    Result<double> seconds = end->secondsSince(*begin);
    if (!seconds) {
      return seconds.status();
    }
    best = i == 0 ? *seconds : std::min(best, *seconds);
  }
  return best;
}

} // namespace

// Eight accumulators a warp, on operands that are neither zero nor constant:
// the power that a product takes depends on them.
const char *attn::run::mmaRatePTX() {
  return R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry attn_mma_rate(.param .u64 out, .param .u32 rounds) {
  .reg .pred %p;
  .reg .b32 %r<6>;
  .reg .b64 %rd<3>;
  .reg .f32 %f<32>;
  .reg .b32 %a<4>;
  .reg .b32 %b<2>;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.x;
  mad.lo.u32 %r2, %r1, 40503, %r0;
  mul.lo.u32 %r2, %r2, 747796405;
  and.b32 %a0, %r2, 0x3fff3fff;
  xor.b32 %a1, %a0, 0x00550033;
  xor.b32 %a2, %a0, 0x80118022;
  xor.b32 %a3, %a0, 0x00770066;
  xor.b32 %b0, %a0, 0x80550011;
  xor.b32 %b1, %a0, 0x00338077;
  mov.f32 %f0, 0f00000000;
  mov.f32 %f1, 0f00000000;
  mov.f32 %f2, 0f00000000;
  mov.f32 %f3, 0f00000000;
  mov.f32 %f4, 0f00000000;
  mov.f32 %f5, 0f00000000;
  mov.f32 %f6, 0f00000000;
  mov.f32 %f7, 0f00000000;
  mov.f32 %f8, 0f00000000;
  mov.f32 %f9, 0f00000000;
  mov.f32 %f10, 0f00000000;
  mov.f32 %f11, 0f00000000;
  mov.f32 %f12, 0f00000000;
  mov.f32 %f13, 0f00000000;
  mov.f32 %f14, 0f00000000;
  mov.f32 %f15, 0f00000000;
  mov.f32 %f16, 0f00000000;
  mov.f32 %f17, 0f00000000;
  mov.f32 %f18, 0f00000000;
  mov.f32 %f19, 0f00000000;
  mov.f32 %f20, 0f00000000;
  mov.f32 %f21, 0f00000000;
  mov.f32 %f22, 0f00000000;
  mov.f32 %f23, 0f00000000;
  mov.f32 %f24, 0f00000000;
  mov.f32 %f25, 0f00000000;
  mov.f32 %f26, 0f00000000;
  mov.f32 %f27, 0f00000000;
  mov.f32 %f28, 0f00000000;
  mov.f32 %f29, 0f00000000;
  mov.f32 %f30, 0f00000000;
  mov.f32 %f31, 0f00000000;
  ld.param.u32 %r3, [rounds];
LOOP:
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f0,%f1,%f2,%f3}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f0,%f1,%f2,%f3};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f4,%f5,%f6,%f7}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f4,%f5,%f6,%f7};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f8,%f9,%f10,%f11}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f8,%f9,%f10,%f11};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f12,%f13,%f14,%f15}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f12,%f13,%f14,%f15};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f16,%f17,%f18,%f19}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f16,%f17,%f18,%f19};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f20,%f21,%f22,%f23}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f20,%f21,%f22,%f23};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f24,%f25,%f26,%f27}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f24,%f25,%f26,%f27};
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
    {%f28,%f29,%f30,%f31}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {%f28,%f29,%f30,%f31};
  sub.u32 %r3, %r3, 1;
  setp.ne.u32 %p, %r3, 0;
  @%p bra LOOP;
  add.f32 %f0, %f0, %f1;
  add.f32 %f0, %f0, %f2;
  add.f32 %f0, %f0, %f3;
  add.f32 %f0, %f0, %f4;
  add.f32 %f0, %f0, %f5;
  add.f32 %f0, %f0, %f6;
  add.f32 %f0, %f0, %f7;
  add.f32 %f0, %f0, %f8;
  add.f32 %f0, %f0, %f9;
  add.f32 %f0, %f0, %f10;
  add.f32 %f0, %f0, %f11;
  add.f32 %f0, %f0, %f12;
  add.f32 %f0, %f0, %f13;
  add.f32 %f0, %f0, %f14;
  add.f32 %f0, %f0, %f15;
  add.f32 %f0, %f0, %f16;
  add.f32 %f0, %f0, %f17;
  add.f32 %f0, %f0, %f18;
  add.f32 %f0, %f0, %f19;
  add.f32 %f0, %f0, %f20;
  add.f32 %f0, %f0, %f21;
  add.f32 %f0, %f0, %f22;
  add.f32 %f0, %f0, %f23;
  add.f32 %f0, %f0, %f24;
  add.f32 %f0, %f0, %f25;
  add.f32 %f0, %f0, %f26;
  add.f32 %f0, %f0, %f27;
  add.f32 %f0, %f0, %f28;
  add.f32 %f0, %f0, %f29;
  add.f32 %f0, %f0, %f30;
  add.f32 %f0, %f0, %f31;
  ld.param.u64 %rd0, [out];
  mov.u32 %r4, %ntid.x;
  mad.lo.u32 %r5, %r1, %r4, %r0;
  mul.wide.u32 %rd1, %r5, 4;
  add.s64 %rd2, %rd0, %rd1;
  st.global.f32 [%rd2], %f0;
  ret;
}
)";
}

Result<GpuCeilings> attn::run::measureGpuCeilings(const GpuPtr &gpu) {
  Result<StreamOwner> stream = StreamOwner::create(gpu);
  Result<Memory> from = Memory::device(gpu, kCopyBytes);
  Result<Memory> to = Memory::device(gpu, kCopyBytes);
  for (const Status &status : {stream.status(), from.status(), to.status()}) {
    if (!status.ok()) {
      return status;
    }
  }
  const Driver &driver = gpu->driver();
  GpuCeilings ceilings;
  Result<double> copy = fastest(gpu, stream->get(), [&] {
    return driver.memcpyDtoDAsync(to->address(), from->address(), kCopyBytes,
                                  stream->get());
  });
  if (!copy) {
    return copy.status();
  }
  ceilings.copyGBs = 2 * kCopyBytes / *copy * 1e-9;

  rt::Package package;
  rt::ObjectInfo object;
  object.name = "mma.ptx";
  object.kind = "ptx";
  object.module = "mma";
  object.chip = "sm_80";
  package.manifest.objects = {object};
  package.objects = {mmaRatePTX()};
  CodeCache code(gpu);
  Result<Function> kernel = code.find(package, "mma", "attn_mma_rate", 0);
  if (!kernel) {
    return kernel.status();
  }
  LaunchConfig config = {};
  int blocks = gpu->info().multiprocessors * kBlocksEach;
  config.grid[0] = static_cast<unsigned>(blocks);
  config.block[0] = kWarps * 32;
  config.grid[1] = config.grid[2] = config.block[1] = config.block[2] = 1;
  config.stream = stream->get();
  DevicePtr out = to->address();
  unsigned rounds = kRounds;
  void *parameters[2] = {&out, &rounds};
  Result<double> mma = fastest(gpu, stream->get(), [&] {
    return driver.launchKernelEx(&config, *kernel, parameters, nullptr);
  });
  if (!mma) {
    return mma.status();
  }
  ceilings.mmaTflops =
      kFlopsEach * kChains * kRounds * kWarps * blocks / *mma * 1e-12;
  return ceilings;
}
