//===- SmokePackages.cpp - packages of hand-written kernels ---------------===//
// usage: attn-smoke-packages DIRECTORY
//
// Writes packages that use each part of the runtime on a GPU, and nothing of
// the compiler: `add` (pointers, strides, scalars, a constant), `tma` (a tensor
// map), `gemm` (cuBLASLt), `copy` and `fake` (no kernel; for the fake driver).
//===----------------------------------------------------------------------===//

#include "attn/Runtime/Package.h"

#include <cstdio>
#include <filesystem>

using namespace attn::rt;

namespace {

using Source = PlanSymbol::Source;
using Kind = BufferRef::Kind;

Expr sym(const char *name) { return Expr::symbol(name); }
Address at(Kind kind, int64_t index) { return {{kind, index}, 0}; }
Expr ceilDiv(const Expr &a, int64_t b) {
  return Expr::binary(Expr::Op::kCeilDiv, a, b);
}

ValueInfo matrix(const char *name, const char *rows, const char *columns) {
  return {name,
          ValueKind::kTensor,
          DType::kF32,
          {kDynamic, kDynamic},
          {rows, columns}};
}

/// y = x + x + 1, one thread an element.
constexpr const char *kAdd = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry add(.param .u64 x, .param .u64 one, .param .u64 y,
                    .param .u64 n) {
  .reg .pred %p;
  .reg .b32 %r<4>;
  .reg .b64 %rd<9>;
  .reg .f32 %f<4>;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mad.lo.u32 %r3, %r0, %r1, %r2;
  cvt.u64.u32 %rd0, %r3;
  ld.param.u64 %rd1, [n];
  setp.ge.u64 %p, %rd0, %rd1;
  @%p ret;
  shl.b64 %rd2, %rd0, 2;
  ld.param.u64 %rd3, [x];
  ld.param.u64 %rd4, [one];
  ld.param.u64 %rd5, [y];
  add.u64 %rd6, %rd3, %rd2;
  add.u64 %rd7, %rd5, %rd2;
  ld.global.f32 %f0, [%rd6];
  ld.global.f32 %f1, [%rd4];
  add.f32 %f2, %f0, %f0;
  add.f32 %f3, %f2, %f1;
  st.global.f32 [%rd7], %f3;
  ret;
}
)";

/// y = x, in boxes of 4 rows and 32 columns that the copy engine loads.
constexpr const char *kTma = R"(.version 8.0
.target sm_90
.address_size 64
.visible .entry tma(.param .align 64 .b8 map[128], .param .u64 y,
                    .param .u32 rows, .param .u32 columns) {
  .reg .pred %p<4>;
  .reg .b32 %r<16>;
  .reg .b64 %rd<6>;
  .reg .f32 %f;
  .shared .align 128 .b8 box[512];
  .shared .align 8 .b64 bar;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ctaid.y;
  shl.b32 %r1, %r1, 5;
  shl.b32 %r2, %r2, 2;
  mov.u32 %r3, box;
  mov.u32 %r4, bar;
  mov.b64 %rd0, map;
  cvta.param.u64 %rd1, %rd0;
  setp.ne.u32 %p0, %r0, 0;
  @%p0 bra INIT;
  mbarrier.init.shared.b64 [%r4], 1;
  fence.mbarrier_init.release.cluster;
INIT:
  bar.sync 0;
  @%p0 bra WAIT;
  mbarrier.arrive.expect_tx.shared.b64 %rd5, [%r4], 512;
  cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
    [%r3], [%rd1, {%r1, %r2}], [%r4];
WAIT:
  mbarrier.try_wait.parity.shared.b64 %p1, [%r4], 0;
  @!%p1 bra WAIT;
  and.b32 %r5, %r0, 31;
  shr.u32 %r6, %r0, 5;
  add.u32 %r7, %r1, %r5;
  add.u32 %r8, %r2, %r6;
  ld.param.u32 %r9, [rows];
  ld.param.u32 %r10, [columns];
  setp.ge.u32 %p2, %r8, %r9;
  setp.ge.or.u32 %p3, %r7, %r10, %p2;
  @%p3 ret;
  shl.b32 %r11, %r0, 2;
  add.u32 %r12, %r3, %r11;
  ld.shared.f32 %f, [%r12];
  mad.lo.u32 %r13, %r8, %r10, %r7;
  mul.wide.u32 %rd2, %r13, 4;
  ld.param.u64 %rd3, [y];
  add.u64 %rd4, %rd3, %rd2;
  st.global.f32 [%rd4], %f;
  ret;
}
)";

Package package(FunctionInfo function, const char *ptx, const char *chip) {
  Package made;
  made.manifest.target = {"cuda", "nvptx64-nvidia-cuda", chip, ""};
  made.manifest.contentHash = "0123456789abcdef";
  made.manifest.functions = {std::move(function)};
  if (ptx) {
    made.manifest.objects = {{"code.ptx", "ptx", "", "code", chip}};
    made.objects = {ptx};
  }
  return made;
}

FunctionInfo unary(const char *name, const char *columns) {
  FunctionInfo function;
  function.name = function.symbol = name;
  function.arguments = {matrix("x", "n", columns)};
  function.results = {matrix("y", "n", columns)};
  Plan plan;
  plan.symbols = {{"n", Source::kSize, 0, 0, "", {}},
                  {"c", Source::kSize, 0, 1, "", {}}};
  plan.results = {{{sym("n"), sym("c")}, std::nullopt}};
  function.plan = std::move(plan);
  return function;
}

Package makeAdd() {
  FunctionInfo function = unary("add", "c");
  KernelStep kernel;
  kernel.module = "code";
  kernel.symbol = "add";
  kernel.grid[0] = ceilDiv(sym("n") * sym("c"), 128);
  kernel.block[0] = 128;
  kernel.args = {
      PointerArg{at(Kind::kArgument, 0)}, PointerArg{at(Kind::kConstant, 0)},
      PointerArg{at(Kind::kResult, 0)}, IntArg{64, sym("n") * sym("c")}};
  function.plan->constants = {{"one.bin"}};
  function.plan->steps = {{"add", {}, kernel}};
  Package made = package(std::move(function), kAdd, "sm_80");
  made.manifest.objects.push_back({"one.bin", "data", ""});
  made.objects.push_back(std::string("\0\0\x80\x3f", 4));
  return made;
}

Package makeTma() {
  FunctionInfo function = unary("tma", "c");
  TensorMapInfo map;
  map.base = at(Kind::kArgument, 0);
  map.dtype = DType::kF32;
  map.dims = {sym("c"), sym("n")};
  map.strides = {sym("c") * 4};
  map.box = {Expr(32), Expr(4)};
  KernelStep kernel;
  kernel.module = "code";
  kernel.symbol = "tma";
  kernel.grid = {ceilDiv(sym("c"), 32), ceilDiv(sym("n"), 4), Expr(1)};
  kernel.block[0] = 128;
  kernel.args = {TensorMapArg{map}, PointerArg{at(Kind::kResult, 0)},
                 IntArg{32, sym("n")}, IntArg{32, sym("c")}};
  Expr rest = Expr::binary(Expr::Op::kMod, sym("c"), 4);
  function.plan->guards = {{{rest, Condition::Compare::kEq, 0},
                            "expected a number of columns that 4 divides"}};
  function.plan->steps = {{"tma", {}, kernel}};
  return package(std::move(function), kTma, "sm_90");
}

/// y = a b through a temporary, which beta adds to.
Package makeGemm() {
  FunctionInfo function;
  function.name = function.symbol = "gemm";
  function.arguments = {matrix("a", "m", "k"), matrix("b", "k", "n")};
  function.results = {matrix("y", "m", "n")};
  Plan plan;
  plan.symbols = {{"m", Source::kSize, 0, 0, "", {}},
                  {"k", Source::kSize, 0, 1, "", {}},
                  {"n", Source::kSize, 1, 1, "", {}}};
  plan.results = {{{sym("m"), sym("n")}, std::nullopt}};
  Expr bytes = sym("m") * sym("n") * 4;
  plan.temporaries = {{"t", bytes}};
  GemmStep gemm;
  gemm.a = {at(Kind::kArgument, 0), DType::kF32, sym("k"), 0, false};
  gemm.b = {at(Kind::kArgument, 1), DType::kF32, sym("n"), 0, false};
  gemm.d = {at(Kind::kTemporary, 0), DType::kF32, sym("n"), 0, false};
  gemm.m = sym("m");
  gemm.n = sym("n");
  gemm.k = sym("k");
  gemm.beta = 1;
  plan.steps = {
      {"clear", {}, MemsetStep{at(Kind::kTemporary, 0), bytes, 0}},
      {"product", {}, gemm},
      {"copy",
       {},
       CopyStep{at(Kind::kResult, 0), at(Kind::kTemporary, 0), bytes}}};
  function.plan = std::move(plan);
  return package(std::move(function), nullptr, "sm_80");
}

Package makeCopy(const char *name) {
  FunctionInfo function = unary(name, "c");
  function.plan->steps = {
      {"copy",
       {},
       CopyStep{at(Kind::kResult, 0), at(Kind::kArgument, 0),
                sym("n") * sym("c") * 4}}};
  return package(std::move(function), nullptr, "sm_80");
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: attn-smoke-packages DIRECTORY\n");
    return 2;
  }
  std::filesystem::create_directories(argv[1]);
  Package fake = makeCopy("fake");
  fake.manifest.functions[0].arguments[0].shape[1] = 4;
  for (const auto &[name, made] :
       {std::pair("add", makeAdd()), std::pair("tma", makeTma()),
        std::pair("gemm", makeGemm()), std::pair("copy", makeCopy("copy")),
        std::pair("fake", fake)}) {
    Status status =
        writePackage(std::string(argv[1]) + "/" + name + ".attnpkg", made);
    if (!status.ok()) {
      std::fprintf(stderr, "attn-smoke-packages: error: %s\n",
                   status.message().c_str());
      return exitCode(status.code());
    }
  }
  return 0;
}
