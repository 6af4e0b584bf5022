//===- CallText.h - compile a module and call it ---------------*- C++ -*-===//

#ifndef ATTN_TEST_ENDTOEND_CALLTEXT_H
#define ATTN_TEST_ENDTOEND_CALLTEXT_H

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"

#include "gtest/gtest.h"

namespace attn {

/// The results of `@f` of `module`; none where that fails, which is a failure
/// of the test.
template <typename... Tensors>
std::vector<rt::Tensor> call(const std::string &module, Tensors... tensors) {
  std::vector<rt::Tensor> arguments;
  (arguments.push_back(std::move(tensors)), ...);
  rt::Result<CompileResult> compiled = compileText(module, "test.mlir", {});
  EXPECT_TRUE(compiled.ok()) << compiled.message() << module;
  if (!compiled.ok()) {
    return {};
  }
  rt::Library library = *rt::Library::load(compiled->package);
  rt::Arguments pointers;
  for (rt::Tensor &argument : arguments) {
    pointers.push_back(&argument);
  }
  auto results = rt::call(
      library, *compiled->package.manifest.findFunction("f"), pointers);
  EXPECT_TRUE(results.ok()) << results.message();
  return results.ok() ? std::move(*results) : std::vector<rt::Tensor>();
}

/// Random numbers of f32, of the normal distribution.
inline rt::Tensor randomTensor(rt::Shape shape, uint64_t stream) {
  rt::Tensor tensor = *rt::Tensor::create(rt::DType::kF32, std::move(shape));
  rt::fillRandom(tensor, 7, stream);
  return tensor;
}

} // namespace attn

#endif // ATTN_TEST_ENDTOEND_CALLTEXT_H
