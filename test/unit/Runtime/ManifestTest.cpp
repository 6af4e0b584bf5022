//===- ManifestTest.cpp - manifest.json -----------------------------------===//

#include "attn/Runtime/Manifest.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

Manifest example() {
  Manifest manifest;
  manifest.compilerVersion = "0.1.0";
  manifest.contentHash = "00112233445566778899aabbccddeeff";
  manifest.target = {"cpu", "x86_64-unknown-linux-gnu", "generic", "+avx2"};
  manifest.openmp = true;
  manifest.libraries = {"fftwf"};
  FunctionInfo function;
  function.name = "main";
  function.symbol = "attn_call_main";
  function.arguments = {
      {"q", ValueKind::kTensor, DType::kBF16, {1, -1}, {"", "s"}, true},
      {"n", ValueKind::kScalar, DType::kI64, {}, {}, false}};
  function.results = {
      {"o", ValueKind::kTensor, DType::kF32, {kDynamic}, {}, false}};
  manifest.functions = {function};
  manifest.objects = {{"main.so", "shared-object", std::string(64, 'a')}};
  manifest.report = R"({"tiles":[64,128]})";
  return manifest;
}

std::string errorOf(const std::string &json) {
  Result<Manifest> manifest = parseManifest(json);
  return manifest ? "" : manifest.message();
}

/// The printed example with the first `from` replaced.
std::string edited(const std::string &from, const std::string &to) {
  std::string text = *printManifest(example());
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ManifestTest, RoundTrip) {
  Result<std::string> text = printManifest(example());
  ASSERT_TRUE(text) << text.message();
  Result<Manifest> back = parseManifest(*text);
  ASSERT_TRUE(back) << back.message();
  EXPECT_EQ(*printManifest(*back), *text);
  EXPECT_EQ(back->report, example().report);
  const FunctionInfo *function = back->findFunction("main");
  ASSERT_TRUE(function);
  EXPECT_EQ(back->findFunction("other"), nullptr);
  ASSERT_EQ(function->arguments.size(), 2u);
  const ValueInfo &q = function->arguments[0];
  EXPECT_EQ(q.name, "q");
  EXPECT_EQ(q.dtype, DType::kBF16);
  EXPECT_EQ(q.shape, (std::vector<int64_t>{1, kDynamic}));
  EXPECT_EQ(q.dims, (std::vector<std::string>{"", "s"}));
  EXPECT_TRUE(q.donated);
  EXPECT_EQ(function->arguments[1].kind, ValueKind::kScalar);
  EXPECT_TRUE(back->openmp);
  EXPECT_EQ(back->libraries, std::vector<std::string>{"fftwf"});
  EXPECT_EQ(back->target.features, "+avx2");
  EXPECT_EQ(back->objects[0].sha256, std::string(64, 'a'));
}

TEST(ManifestTest, ErrorsNameTheField) {
  EXPECT_EQ(errorOf(edited("\"version\": 1", "\"version\": 2")),
            "manifest: 'version': expected 1, but got 2: made by another "
            "release");
  EXPECT_EQ(errorOf(edited("\"version\": 1", "\"version\": \"1\"")),
            "manifest: 'version': expected an integer");
  EXPECT_EQ(errorOf(edited("\"bf16\"", "\"f8\"")),
            "manifest: 'functions[0].arguments[0].dtype': unknown dtype 'f8'");
  EXPECT_EQ(errorOf(edited("\"scalar\"", "\"token\"")),
            "manifest: 'functions[0].arguments[1].kind': expected 'tensor' or "
            "'scalar', but got 'token'");
  EXPECT_EQ(errorOf(edited("\"openmp\": true", "\"openmp\": 1")),
            "manifest: 'openmp': expected true or false");
  EXPECT_EQ(errorOf(edited("\"fftwf\"", "\"blas\"")),
            "manifest: 'libraries[0]': expected \"fftw\" or \"fftwf\"");
  EXPECT_EQ(errorOf(edited("\"openmp\": true,", "")),
            "manifest: 'openmp': missing");
  EXPECT_EQ(errorOf(edited("\"main.so\"", "\"../main.so\"")),
            "manifest: 'objects[0].name': '../main.so' is not a safe file "
            "name");
  EXPECT_EQ(errorOf(edited("\"main.so\"", "\"manifest.json\"")),
            "manifest: 'objects[0].name': 'manifest.json' is not a safe file "
            "name");
  EXPECT_EQ(
      errorOf(edited("\"cpu\",\n    \"triple\"", "\"tpu\",\n    \"triple\"")),
      errorOf(edited("\"kind\": \"cpu\"", "\"kind\": \"tpu\"")));
  EXPECT_EQ(errorOf(edited("\"kind\": \"cpu\"", "\"kind\": \"tpu\"")),
            "manifest: 'target.kind': target 'tpu' is not supported by this "
            "runtime");
  EXPECT_EQ(errorOf(edited("\"shared-object\"", "\"cubin\"")),
            "manifest: 'objects[0].kind': object kind 'cubin' is not supported "
            "by this runtime");
  EXPECT_EQ(errorOf(edited("-1", "-2")),
            "manifest: 'functions[0].arguments[0].shape': expected sizes >= 0, "
            "or -1 for a dynamic one");
  EXPECT_EQ(errorOf(edited("\"s\"", "\"s\", \"t\"")),
            "manifest: 'functions[0].arguments[0].dims': expected as many as "
            "sizes");
  EXPECT_EQ(errorOf("[]"), "manifest: expected an object");
  EXPECT_EQ(errorOf(""), "manifest: malformed JSON");
  EXPECT_EQ(errorOf("{\"version\":1,\"version\":1}"),
            "manifest: malformed JSON: duplicate key 'version'");
}

TEST(ManifestTest, DuplicatesAreErrors) {
  Manifest manifest = example();
  manifest.functions.push_back(manifest.functions[0]);
  Result<std::string> text = printManifest(manifest);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.status().code(), Code::kUsage);
  EXPECT_EQ(text.message(), "manifest: 'functions': duplicate function 'main'");
}

TEST(ManifestTest, WhatWouldNotParseIsNotPrinted) {
  Manifest manifest = example();
  manifest.report = "{";
  EXPECT_FALSE(printManifest(manifest));
  manifest = example();
  manifest.functions[0].name = "\xff";
  EXPECT_FALSE(printManifest(manifest));
  manifest = example();
  manifest.functions[0].arguments[0].dims = {"b"};
  EXPECT_FALSE(printManifest(manifest));
}

TEST(ManifestTest, MutationsDoNotCrash) {
  std::mt19937 random(13);
  std::string text = *printManifest(example());
  for (int i = 0; i < 3000; ++i) {
    (void)errorOf(mutate(text, random));
  }
}

TEST(ManifestTest, HostCheck) {
  TargetInfo target;
  EXPECT_TRUE(checkHost(target).ok());
  target.features = "+no-such-feature,-avx512f,";
  EXPECT_TRUE(checkHost(target).ok());
#if defined(__x86_64__)
  target.triple = "x86_64-unknown-linux-gnu";
  EXPECT_TRUE(checkHost(target).ok());
  target.triple = "aarch64-unknown-linux-gnu";
  EXPECT_EQ(checkHost(target).message(),
            "compiled for aarch64, but this machine is x86_64");
#endif
}

} // namespace
