//===- CompilerTest.cpp - parse, describe, compile, call
//--------------------===//

#include "attn/Emit/Compiler.h"
#include "attn/Emit/EmitManifest.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"

#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace attn;

namespace {

rt::Result<std::vector<rt::FunctionInfo>> describe(const char *text) {
  std::unique_ptr<mlir::MLIRContext> context = makeCompilerContext();
  auto module = parseModule(text, "m.mlir", *context);
  if (!module) {
    return module.status();
  }
  return describeFunctions(**module);
}

} // namespace

TEST(Compiler, NamesWhatCrossesTheBoundary) {
  auto functions = describe(R"(
    func.func private @hidden() { return }
    func.func @f(%query: tensor<2x?xf32> {attn.dims = ["b", "s"]},
                 %0: memref<?xbf16> {attn.donated},
                 %n: index, %flag: i1 {attn.name = "on"})
        -> (tensor<2x?xf32> {attn.name = "o"}, i64) {
      %c = arith.constant 1 : i64
      return %query, %c : tensor<2x?xf32>, i64
    })");
  ASSERT_TRUE(functions.ok()) << functions.message();
  ASSERT_EQ(functions->size(), 1u);
  const rt::FunctionInfo &f = functions->front();
  EXPECT_EQ(f.name, "f");
  EXPECT_EQ(f.symbol, "attn_call_f");
  ASSERT_EQ(f.arguments.size(), 4u);
  EXPECT_EQ(f.arguments[0].name, "query");
  EXPECT_EQ(f.arguments[0].shape, (std::vector<int64_t>{2, rt::kDynamic}));
  EXPECT_EQ(f.arguments[0].dims, (std::vector<std::string>{"b", "s"}));
  EXPECT_EQ(f.arguments[1].name, "arg1"); // a number is no name
  EXPECT_EQ(f.arguments[1].dtype, rt::DType::kBF16);
  EXPECT_TRUE(f.arguments[1].donated);
  EXPECT_EQ(f.arguments[2].kind, rt::ValueKind::kScalar);
  EXPECT_EQ(f.arguments[2].dtype, rt::DType::kI64);
  EXPECT_EQ(f.arguments[3].name, "on");
  EXPECT_EQ(f.arguments[3].dtype, rt::DType::kI1);
  ASSERT_EQ(f.results.size(), 2u);
  EXPECT_EQ(f.results[0].name, "o");
  EXPECT_EQ(f.results[1].name, "result1");
}

TEST(Compiler, RefusesEqualNames) {
  auto functions = describe(R"(
    func.func @f(%a: f32 {attn.name = "x"}, %b: f32 {attn.name = "x"}) {
      return
    })");
  ASSERT_FALSE(functions.ok());
  EXPECT_EQ(functions.message(),
            "argument 1 of function 'f': the name 'x' is taken");
}

TEST(Compiler, TellsWhereTheErrorIs) {
  rt::Result<CompileResult> result =
      compileText("func.func @f() {\n  nonsense\n}\n", "m.mlir", {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), rt::Code::kCompile);
  EXPECT_EQ(result.message().rfind("m.mlir:2:", 0), 0u) << result.message();
  EXPECT_EQ(result.message().find('\n'), std::string::npos);
}

TEST(Compiler, RefusesUnknownTargets) {
  CompileOptions options;
  options.target = "z80";
  rt::Result<CompileResult> result =
      compileText("func.func @f() { return }", "m.mlir", options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), rt::Code::kUsage);
}

TEST(Compiler, KeysDependOnWhatMatters) {
  CompileOptions options;
  std::string key = *cacheKey("text", options);
  EXPECT_EQ(key, *cacheKey("text", options));
  EXPECT_NE(key, *cacheKey("texT", options));
  CompileOptions other = options;
  other.form = Form::kReference;
  EXPECT_NE(key, *cacheKey("text", other));
  other = options;
  other.rows = 16;
  EXPECT_NE(key, *cacheKey("text", other));
  other = options;
  other.target = "x86-64";
  EXPECT_NE(key, *cacheKey("text", other));
  other = options;
  other.contentHash = "abc"; // says nothing of the code
  EXPECT_EQ(key, *cacheKey("text", other));
}

TEST(Compiler, CallsFunctionsOfEveryKind) {
  // No result, one scalar, one tensor, several of both.
  rt::Result<CompileResult> result = compileText(R"(
    func.func @none() { return }
    func.func @scalar(%x: i32, %up: i1) -> i32 {
      %one = arith.constant 1 : i32
      %y = arith.addi %x, %one : i32
      %z = arith.select %up, %y, %x : i32
      return %z : i32
    }
    func.func @several(%x: tensor<?xf32>, %s: f32) -> (f32, tensor<?xf32>, i1, index) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %empty = tensor.empty(%n) : tensor<?xf32>
      %y = linalg.fill ins(%s : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
      %big = arith.cmpi sgt, %n, %c0 : index
      return %s, %y, %big, %n : f32, tensor<?xf32>, i1, index
    })",
                                                 "m.mlir", {});
  ASSERT_TRUE(result.ok()) << result.message();
  rt::Result<rt::Library> library = rt::Library::load(result->package);
  ASSERT_TRUE(library.ok()) << library.message();
  const rt::Manifest &manifest = result->package.manifest;

  auto none = rt::call(*library, *manifest.findFunction("none"), {});
  ASSERT_TRUE(none.ok()) << none.message();
  EXPECT_TRUE(none->empty());

  auto x = rt::Tensor::scalarInt(rt::DType::kI32, 41);
  auto up = rt::Tensor::scalarInt(rt::DType::kI1, 1);
  auto scalar =
      rt::call(*library, *manifest.findFunction("scalar"), {&*x, &*up});
  ASSERT_TRUE(scalar.ok()) << scalar.message();
  EXPECT_EQ((*scalar)[0].get(0), 42);

  auto tensor = rt::Tensor::zeros(rt::DType::kF32, {3});
  auto s = rt::Tensor::scalar(rt::DType::kF32, 2.5);
  auto several =
      rt::call(*library, *manifest.findFunction("several"), {&*tensor, &*s});
  ASSERT_TRUE(several.ok()) << several.message();
  EXPECT_EQ((*several)[0].get(0), 2.5);
  EXPECT_EQ((*several)[1].toDoubles(), (std::vector<double>{2.5, 2.5, 2.5}));
  EXPECT_EQ((*several)[2].get(0), 1);
  EXPECT_EQ((*several)[3].get(0), 3);
}

TEST(Compiler, LeavesTheModuleAsItWas) {
  std::unique_ptr<mlir::MLIRContext> context = makeCompilerContext();
  auto module = parseModule("func.func @f() { return }", "m.mlir", *context);
  ASSERT_TRUE(module.ok());
  auto print = [&] {
    std::string text;
    llvm::raw_string_ostream(text) << ***module;
    return text;
  };
  std::string before = print();
  ASSERT_TRUE(compileModule(**module, {}).ok());
  EXPECT_EQ(print(), before);
}
