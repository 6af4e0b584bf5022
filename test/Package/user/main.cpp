//===- main.cpp - a project that uses attn as a library -------------------===//
// Builds a module with one attention, tiles it, then compiles it and calls it.
// With a single key, attention returns its value whatever the query is.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Emit/Compiler.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"
#include "attn/Runtime/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <cstdio>

using namespace mlir;

namespace {

constexpr int64_t kHeads = 2, kQueries = 3, kKeys = 1, kSize = 16;

/// func.func @f(%q, %k, %v) -> attention of them.
OwningOpRef<ModuleOp> buildModule(MLIRContext &context) {
  context.loadDialect<attn::AttnDialect, func::FuncDialect,
                      tensor::TensorDialect>();
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  builder.setInsertionPointToStart(module->getBody());
  Type f32 = builder.getF32Type();
  auto qType = RankedTensorType::get({1, kHeads, kQueries, kSize}, f32);
  auto kType = RankedTensorType::get({1, kHeads, kKeys, kSize}, f32);
  auto function = func::FuncOp::create(
      builder, loc, "f",
      builder.getFunctionType({qType, kType, kType}, {qType}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value init = tensor::EmptyOp::create(builder, loc, qType.getShape(), f32);
  OperationState state(loc, attn::AttentionOp::getOperationName());
  state.addOperands(
      {body->getArgument(0), body->getArgument(1), body->getArgument(2), init});
  state.addTypes(qType);
  state.addRegion(); // score
  state.addRegion(); // mask
  // q, k and v come first and the destinations last; nothing optional between.
  auto &sizes = state.getOrAddProperties<attn::AttentionOp::Properties>()
                    .operandSegmentSizes;
  sizes.fill(0);
  sizes[0] = sizes[1] = sizes[2] = sizes.back() = 1;
  Operation *attention = builder.create(state);
  func::ReturnOp::create(builder, loc, attention->getResults());
  return module;
}

bool tiles(ModuleOp module) {
  OwningOpRef<ModuleOp> copy(module.clone());
  PassManager pm(module.getContext());
  attn::CPUPipelineOptions options;
  attn::buildAttnTilePipeline(pm, options);
  if (failed(pm.run(*copy))) {
    return false;
  }
  int64_t left = 0, online = 0;
  copy->walk([&](attn::AttentionOp) { ++left; });
  copy->walk([&](attn::OnlineAttentionOp) { ++online; });
  return left == 0 && online > 0;
}

attn::rt::Status run(ModuleOp module) {
  namespace rt = attn::rt;
  rt::Result<attn::CompileResult> compiled = attn::compileModule(module, {});
  if (!compiled) {
    return compiled.status();
  }
  rt::Result<rt::Library> library = rt::Library::load(compiled->package);
  if (!library) {
    return library.status();
  }
  rt::Result<rt::Tensor> q =
      rt::Tensor::create(rt::DType::kF32, {1, kHeads, kQueries, kSize});
  rt::Result<rt::Tensor> k =
      rt::Tensor::create(rt::DType::kF32, {1, kHeads, kKeys, kSize});
  rt::Result<rt::Tensor> v =
      rt::Tensor::create(rt::DType::kF32, {1, kHeads, kKeys, kSize});
  if (!q || !k || !v) {
    return rt::Status::runtime("out of memory");
  }
  rt::fillRandom(*q, 1, 0);
  rt::fillRandom(*k, 1, 1);
  rt::fillRandom(*v, 1, 2);
  const rt::FunctionInfo *function =
      compiled->package.manifest.findFunction("f");
  rt::Result<std::vector<rt::Tensor>> results =
      rt::call(*library, *function, {&*q, &*k, &*v});
  if (!results) {
    return results.status();
  }
  const rt::Tensor &out = results->front();
  for (int64_t i = 0; i < out.numElements(); ++i) {
    int64_t head = i / (kQueries * kSize);
    double expected = v->get(head * kSize + i % kSize);
    if (out.get(i) != expected) {
      return {rt::Code::kMismatch, "element " + std::to_string(i)};
    }
  }
  return {};
}

} // namespace

int main() {
  std::unique_ptr<MLIRContext> context = attn::makeCompilerContext();
  OwningOpRef<ModuleOp> module = buildModule(*context);
  if (failed(verify(*module)) || !tiles(*module)) {
    std::puts("the module does not verify, or does not tile");
    return 1;
  }
  if (attn::rt::Status status = run(*module); !status.ok()) {
    std::printf("%s\n", status.message().c_str());
    return 1;
  }
  std::puts("attn-user: ok");
  return 0;
}
