//===- SafetensorsTest.cpp - named tensors in one file --------------------===//

#include "attn/Runtime/Safetensors.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

std::string file(const std::string &header, const std::string &data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>(uint64_t(header.size()) >> (8 * i));
  }
  return bytes + header + data;
}

std::string entry(const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string errorOf(const std::string &bytes) {
  Result<TensorFile> parsed = parseSafetensors(bytes, "f");
  if (parsed) {
    return "";
  }
  EXPECT_EQ(parsed.status().code(), Code::kBadInput);
  return parsed.message();
}

TEST(SafetensorsTest, GoldenFile) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"},\"b\":" +
                       entry("U8", "[2]", "[8,10]") +
                       ",\"a\":" + entry("F32", "[1,2]", "[0,8]") + "}   ";
  std::string data("\0\0\x80\x3f\0\0\0\xc0\5\6", 10);
  Result<TensorFile> parsed = parseSafetensors(file(header, data), "f");
  ASSERT_TRUE(parsed) << parsed.message();
  ASSERT_EQ(parsed->tensors.size(), 2u);
  EXPECT_EQ(parsed->tensors[0].name, "a");
  EXPECT_EQ(parsed->metadata.at("format"), "pt");
  const Tensor *a = parsed->find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->shape(), (Shape{1, 2}));
  EXPECT_EQ(a->toDoubles(), (std::vector<double>{1, -2}));
  EXPECT_EQ(parsed->find("b")->toDoubles(), (std::vector<double>{5, 6}));
  EXPECT_EQ(parsed->find("c"), nullptr);
}

TEST(SafetensorsTest, RoundTripsEveryType) {
  TempDir dir;
  std::vector<Tensor> tensors;
  std::vector<NamedTensorRef> refs;
  for (int t = 0; t < kNumDTypes; ++t) {
    tensors.push_back(*Tensor::create(static_cast<DType>(t), {3, 5}));
    fillRandom(tensors.back(), 1, t);
  }
  tensors.push_back(*Tensor::create(DType::kF16, {0, 7}));
  tensors.push_back(*Tensor::scalar(DType::kI16, -4));
  for (size_t i = 0; i < tensors.size(); ++i) {
    refs.push_back({"t\"" + std::to_string(i) + "\xc3\xa9", &tensors[i]});
  }
  std::string path = dir.file("x.safetensors");
  ASSERT_TRUE(writeSafetensors(path, refs, {{"k", "v"}}).ok());
  EXPECT_EQ(dir.numFiles(), 1);
  Result<TensorFile> back = readSafetensors(path);
  ASSERT_TRUE(back) << back.message();
  ASSERT_EQ(back->tensors.size(), refs.size());
  EXPECT_EQ(back->metadata.at("k"), "v");
  for (const NamedTensorRef &ref : refs) {
    const Tensor *tensor = back->find(ref.name);
    ASSERT_TRUE(tensor) << ref.name;
    EXPECT_EQ(tensor->dtype(), ref.tensor->dtype());
    EXPECT_EQ(tensor->shape(), ref.tensor->shape());
    EXPECT_EQ(
        std::memcmp(tensor->data(), ref.tensor->data(), ref.tensor->numBytes()),
        0);
  }
  // The data of every tensor starts at a multiple of its element.
  std::string bytes = slurp(path);
  EXPECT_EQ(bytes[0] % 8, 0);
}

TEST(SafetensorsTest, WriterRefusesBadNames) {
  TempDir dir;
  Tensor tensor = *Tensor::zeros(DType::kF32, {1});
  std::string path = dir.file("x");
  for (const auto &names :
       {std::vector<std::string>{"a", "a"}, {"__metadata__"}, {"\xff"}}) {
    std::vector<NamedTensorRef> refs;
    for (const std::string &name : names) {
      refs.push_back({name, &tensor});
    }
    EXPECT_EQ(writeSafetensors(path, refs).code(), Code::kUsage);
  }
  EXPECT_EQ(dir.numFiles(), 0);
}

TEST(SafetensorsTest, Errors) {
  std::string data(8, '\0');
  auto one = [&](const std::string &dtype, const std::string &shape,
                 const std::string &offsets) {
    return errorOf(file("{\"a\":" + entry(dtype, shape, offsets) + "}", data));
  };
  EXPECT_EQ(one("F32", "[2]", "[0,8]"), "");
  EXPECT_EQ(one("F32", "[3]", "[0,8]"),
            "'f': tensor 'a': shape 3 of f32 needs 12 bytes, but the offsets "
            "span 8");
  EXPECT_EQ(one("F8_E8M0", "[8]", "[0,8]"),
            "'f': tensor 'a': dtype 'F8_E8M0' is not supported");
  EXPECT_EQ(one("F32", "[3]", "[0,12]"),
            "'f': truncated: tensor 'a' ends at 12, but there are 8 bytes of "
            "data");
  EXPECT_EQ(one("F32", "[1]", "[4,8]"),
            "'f': tensor 'a': data leaves a hole at offset 4");
  EXPECT_EQ(one("F32", "[1]", "[0,4]"),
            "'f': 4 bytes of data belong to no tensor");
  EXPECT_EQ(one("F32", "[4611686018427387904,4]", "[0,0]"),
            "'f': tensor 'a': shape 4611686018427387904x4 is too large");
  EXPECT_EQ(one("F64", "[2305843009213693952]", "[0,0]"),
            "'f': tensor 'a': shape 2305843009213693952 is too large");
  for (const char *shape :
       {"[-1]", "[1.5]", "[\"2\"]", "2", "[99999999999999999999]", "null"}) {
    EXPECT_NE(one("F32", shape, "[0,8]"), "") << shape;
  }
  for (const char *offsets :
       {"[8,0]", "[0]", "[0,8,8]", "[-8,0]", "[0,18446744073709551615]"}) {
    EXPECT_NE(one("F32", "[2]", offsets), "") << offsets;
  }
  std::string a = entry("U8", "[8]", "[0,8]");
  EXPECT_EQ(errorOf(file("{\"a\":" + a + ",\"b\":" + a + "}", data)),
            "'f': tensor 'b': data overlaps that of another tensor at offset "
            "0");
  EXPECT_EQ(errorOf(file("{\"a\":" + a + ",\"a\":" + a + "}", data)),
            "'f': header: malformed JSON: duplicate key 'a'");
  EXPECT_EQ(errorOf(file("{\"a\":{\"x\":1}}", data)),
            "'f': tensor 'a': unknown field 'x'");
  EXPECT_EQ(errorOf(file("{\"__metadata__\":{\"x\":1}}", "")),
            "'f': header: metadata 'x' is not a string");
  EXPECT_EQ(errorOf(file("[]", "")), "'f': header: expected an object");
  EXPECT_EQ(errorOf(file("{", "")), "'f': header: malformed JSON");
  EXPECT_EQ(errorOf(file("{\"\xff\":1}", "")), "'f': header: malformed JSON");
  EXPECT_EQ(errorOf(file(std::string(200000, '['), "")),
            "'f': header: malformed JSON: nested too deeply");
  EXPECT_EQ(errorOf(std::string(8, '\xff')),
            "'f': header length 18446744073709551615 is too large: not a "
            "safetensors file");
  EXPECT_EQ(errorOf(std::string("\x40\0\0\0\0\0\0\0{}", 10)),
            "'f': truncated: expected 64 bytes of header, but the file has 10 "
            "bytes");
  EXPECT_EQ(errorOf(file("{}", "")), "");
}

TEST(SafetensorsTest, EveryTruncationIsAnError) {
  std::string bytes = file("{\"a\":" + entry("F32", "[2]", "[0,8]") +
                               ",\"b\":" + entry("I8", "[3]", "[8,11]") + "}",
                           std::string(11, '\1'));
  ASSERT_EQ(errorOf(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(errorOf(bytes.substr(0, size)), "") << size;
  }
  EXPECT_NE(errorOf(bytes + "x"), "");
  TempDir dir;
  spill(dir.file("t"), std::string_view(bytes).substr(0, bytes.size() - 1));
  Result<TensorFile> parsed = readSafetensors(dir.file("t"));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.message(), "'" + dir.file("t") +
                                  "': truncated: tensor 'b' ends at 11, but "
                                  "there are 10 bytes of data");
}

TEST(SafetensorsTest, MutationsDoNotCrash) {
  std::mt19937 random(12);
  std::string bytes = file("{\"a\":" + entry("F32", "[2]", "[0,8]") +
                               ",\"b\":" + entry("I8", "[3]", "[8,11]") + "}",
                           std::string(11, '\1'));
  for (int i = 0; i < 5000; ++i) {
    (void)errorOf(mutate(bytes, random));
  }
}

} // namespace
