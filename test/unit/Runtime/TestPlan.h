//===- TestPlan.h - a function of a GPU with each kind of step --*- C++ -*-===//
// f(x: tensor<?x?xf32>, alpha: f32, n: index) -> tensor<?x?xf32>
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_TESTPLAN_H
#define ATTN_TEST_UNIT_RUNTIME_TESTPLAN_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Package.h"

namespace attn::rt::test {

inline Expr sym(const char *name) { return Expr::symbol(name); }

inline Address at(BufferRef::Kind kind, int64_t index, Expr offset = 0) {
  return {{kind, index}, std::move(offset)};
}

inline FunctionInfo makePlanFunction() {
  using Source = PlanSymbol::Source;
  using Kind = BufferRef::Kind;
  FunctionInfo function;
  function.name = function.symbol = "f";
  function.arguments = {
      {"x", ValueKind::kTensor, DType::kF32, {kDynamic, kDynamic}, {"r", "c"}},
      {"alpha", ValueKind::kScalar, DType::kF32, {}, {}},
      {"n", ValueKind::kScalar, DType::kI64, {}, {}}};
  function.results = {
      {"y", ValueKind::kTensor, DType::kF32, {kDynamic, kDynamic}, {"r", "c"}}};
  Plan plan;
  plan.symbols = {{"r", Source::kSize, 0, 0, "", {}},
                  {"c", Source::kSize, 0, 1, "", {}},
                  {"ld", Source::kStride, 0, 0, "", {}},
                  {"n", Source::kScalar, 2, 0, "", {}},
                  {"sms", Source::kDevice, 0, 0, "multiprocessors", {}},
                  {"rows", Source::kExpr, 0, 0, "",
                   Expr::binary(Expr::Op::kCeilDiv, sym("r"), 4)}};
  plan.guards = {
      {{sym("c"), Condition::Compare::kGt, 0}, "expected at least one column"}};
  plan.temporaries = {{"t", sym("r") * sym("c") * 4}, {"u", sym("rows") * 256}};
  plan.results = {{{sym("r"), sym("c")}, std::nullopt}};

  KernelStep kernel;
  kernel.module = "code";
  kernel.symbol = "scale";
  kernel.grid = {sym("rows"), Expr(2), Expr(1)};
  kernel.block = {Expr(128), Expr(1), Expr(1)};
  kernel.sharedBytes = 100000;
  TensorMapInfo map;
  map.base = at(Kind::kArgument, 0);
  map.dtype = DType::kF32;
  map.dims = {sym("c"), sym("r")};
  map.strides = {sym("ld") * 4};
  map.box = {Expr(32), Expr(4)};
  map.steps = {1, 2};
  map.swizzle = 128;
  kernel.args = {PointerArg{at(Kind::kArgument, 0)},
                 PointerArg{at(Kind::kTemporary, 0, sym("c") * 4)},
                 IntArg{32, sym("n") + 1},
                 IntArg{64, sym("ld")},
                 FloatArg{32, 0.5},
                 ScalarArg{1},
                 TensorMapArg{map}};
  KernelStep wide = kernel;
  wide.symbol = "wide";
  wide.cluster = {Expr(2), Expr(1), Expr(1)};
  wide.overlaps = true;
  wide.args = {PointerArg{at(Kind::kTemporary, 1)}};
  Expr bytes = sym("r") * sym("c") * 4;
  plan.steps = {
      {"clear", {}, MemsetStep{at(Kind::kTemporary, 0), bytes, 0}},
      {"scale", {}, kernel},
      {"wide", {{sym("r"), Condition::Compare::kGe, 8}}, wide},
      {"copy",
       {},
       CopyStep{at(Kind::kResult, 0), at(Kind::kTemporary, 0), bytes}}};
  function.plan = std::move(plan);
  return function;
}

inline Package makePlanPackage(const std::string &ptx = "// scale wide\n") {
  Package package;
  package.manifest.target = {"cuda", "nvptx64-nvidia-cuda", "sm_80", ""};
  package.manifest.contentHash = "0123456789abcdef";
  package.manifest.functions = {makePlanFunction()};
  ObjectInfo object;
  object.name = "code.ptx";
  object.kind = "ptx";
  object.module = "code";
  object.chip = "sm_80";
  package.manifest.objects = {object};
  package.objects = {ptx};
  return package;
}

} // namespace attn::rt::test

#endif // ATTN_TEST_UNIT_RUNTIME_TESTPLAN_H
