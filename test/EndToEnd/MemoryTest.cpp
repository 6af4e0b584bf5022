//===- MemoryTest.cpp - resident memory against the length ----------------===//
// What a process needs beside inputs and outputs must not grow with S: 64 MiB
// from S = 4,096 to S = 65,536 are allowed, a materialised head would take
// 16 GiB. Each length is measured in a process of its own, which is this
// program started again with a package on disk and a length.
//===----------------------------------------------------------------------===//

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"
#include "attn/Runtime/Package.h"

#include "gtest/gtest.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace attn;

namespace {

constexpr int64_t kSize = 64;

const char kModule[] = R"(
func.func @f(%q: tensor<1x1x?x64xTYPE>, %k: tensor<1x1x?x64xTYPE>,
             %v: tensor<1x1x?x64xTYPE>) -> tensor<1x1x?x64xTYPE> {
  %two = arith.constant 2 : index
  %s = tensor.dim %q, %two : tensor<1x1x?x64xTYPE>
  %init = tensor.empty(%s) : tensor<1x1x?x64xTYPE>
  %o = attn.attention
      ins(%q, %k, %v : tensor<1x1x?x64xTYPE>, tensor<1x1x?x64xTYPE>, tensor<1x1x?x64xTYPE>)
      outs(%init : tensor<1x1x?x64xTYPE>) mask(#attn.causal) -> tensor<1x1x?x64xTYPE>
  return %o : tensor<1x1x?x64xTYPE>
})";

/// A field of /proc/self/status in bytes, e.g. "VmHWM:"; -1 without it.
int64_t statusBytes(const char *field) {
  std::FILE *file = std::fopen("/proc/self/status", "r");
  if (!file) {
    return -1;
  }
  char line[256];
  long long kilobytes = -1;
  while (std::fgets(line, sizeof(line), file)) {
    if (std::strncmp(line, field, std::strlen(field)) == 0) {
      std::sscanf(line + std::strlen(field), "%lld", &kilobytes);
    }
  }
  std::fclose(file);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

int complain(const rt::Status &status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return 1;
}

/// The child: launches once at `length` and prints the bytes that it needed at
/// most, without inputs and outputs.
int measure(const char *path, int64_t length) {
  rt::Result<rt::Package> package = rt::readPackage(path);
  if (!package) {
    return complain(package.status());
  }
  rt::Result<rt::Library> library = rt::Library::load(*package);
  if (!library) {
    return complain(library.status());
  }
  const rt::FunctionInfo *function = package->manifest.findFunction("f");
  std::vector<rt::Tensor> tensors;
  int64_t bytes = 0;
  for (const rt::ValueInfo &info : function->arguments) {
    auto tensor = rt::Tensor::create(info.dtype, {1, 1, length, kSize});
    if (!tensor) {
      return complain(tensor.status());
    }
    rt::fillRandom(*tensor, /*seed=*/1, /*stream=*/tensors.size());
    bytes += tensor->numBytes();
    tensors.push_back(*std::move(tensor));
  }
  rt::Arguments arguments;
  for (rt::Tensor &tensor : tensors) {
    arguments.push_back(&tensor);
  }
  auto results = rt::call(*library, *function, arguments);
  if (!results) {
    return complain(results.status());
  }
  bytes += results->front().numBytes();
  std::printf("%lld\n", static_cast<long long>(statusBytes("VmHWM:") - bytes));
  return 0;
}

/// Starts the child; -1 where it fails.
int64_t measureApart(const std::string &path, int64_t length) {
  std::string command = "/proc/" + std::to_string(::getpid()) +
                        "/exe --measure " + path + " " + std::to_string(length);
  std::FILE *child = ::popen(command.c_str(), "r");
  if (!child) {
    return -1;
  }
  long long bytes = -1;
  int fields = std::fscanf(child, "%lld", &bytes);
  int status = ::pclose(child);
  return fields == 1 && status == 0 ? bytes : -1;
}

class Memory : public testing::TestWithParam<const char *> {};

TEST_P(Memory, DoesNotGrowWithTheLength) {
  if (statusBytes("VmHWM:") < 0) {
    GTEST_SKIP() << "this system does not tell the peak of resident memory";
  }
  std::string text = kModule;
  for (size_t at; (at = text.find("TYPE")) != std::string::npos;) {
    text.replace(at, 4, GetParam());
  }
  auto compiled = compileText(text, "memory.mlir", CompileOptions());
  ASSERT_TRUE(compiled.ok()) << compiled.message();
  char path[] = "/tmp/attn-memory-XXXXXX";
  int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  ::close(fd);
  rt::Status written = rt::writePackage(path, compiled->package);
  int64_t atFew = measureApart(path, 4096);
  int64_t atMany = measureApart(path, 65536);
  ::unlink(path);
  ASSERT_TRUE(written.ok()) << written.message();
  ASSERT_GE(atFew, 0);
  ASSERT_GE(atMany, 0);
  double growth = static_cast<double>(atMany - atFew) / (1 << 20);
  std::printf("%s: %.1f MiB at S = 4096, %.1f MiB at S = 65536\n", GetParam(),
              static_cast<double>(atFew) / (1 << 20),
              static_cast<double>(atMany) / (1 << 20));
  EXPECT_LE(growth, 64.0);
}

INSTANTIATE_TEST_SUITE_P(Types, Memory, testing::Values("f32", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace

int main(int argc, char **argv) {
  if (argc == 4 && std::strcmp(argv[1], "--measure") == 0) {
    return measure(argv[2], std::atoll(argv[3]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
