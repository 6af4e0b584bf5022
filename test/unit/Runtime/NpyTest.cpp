//===- NpyTest.cpp - NumPy array files ------------------------------------===//

#include "attn/Runtime/Npy.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

std::string npy(const std::string &dict, const std::string &data,
                int version = 1) {
  std::string header = dict + "\n";
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(header.size() >> (8 * i));
  }
  return bytes + header + data;
}

std::string dict(const std::string &descr, const std::string &shape,
                 const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran +
         ", 'shape': " + shape + ", }";
}

std::string errorOf(const std::string &bytes,
                    std::optional<DType> expected = std::nullopt) {
  Result<Tensor> tensor = parseNpy(bytes, "f.npy", expected);
  return tensor ? "" : tensor.message();
}

TEST(NpyTest, RoundTripsEveryType) {
  TempDir dir;
  for (const Shape &shape : {Shape{2, 3}, Shape{}, Shape{5}, Shape{0, 4}}) {
    for (int t = 0; t < kNumDTypes; ++t) {
      auto type = static_cast<DType>(t);
      Tensor tensor = *Tensor::create(type, shape);
      fillRandom(tensor, 1, t);
      std::string path = dir.file("x.npy");
      ASSERT_TRUE(writeNpy(path, tensor).ok());
      EXPECT_EQ((slurp(path).size() - tensor.numBytes()) % 64, 0u);
      Result<Tensor> back = readNpy(path, type);
      ASSERT_TRUE(back) << back.message();
      EXPECT_EQ(back->dtype(), type);
      EXPECT_EQ(back->shape(), shape);
      EXPECT_EQ(std::memcmp(back->data(), tensor.data(), tensor.numBytes()), 0);
    }
  }
}

TEST(NpyTest, ReadsVersions2And3AndOtherSpellings) {
  std::string data("\1\0\0\0\2\0\0\0", 8);
  for (int version : {1, 2, 3}) {
    Result<Tensor> tensor =
        parseNpy(npy(dict("<i4", "(2,)"), data, version), "f");
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->get(1), 2);
  }
  Result<Tensor> tensor = parseNpy(
      npy("{ \"shape\":(1L , 2),'fortran_order':False,'descr':'=i4'}  ", data),
      "f");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->shape(), (Shape{1, 2}));
}

TEST(NpyTest, TransposesFortranOrder) {
  // Column-major 2x3 of [[0,1,2],[3,4,5]].
  std::string data("\0\3\1\4\2\5", 6);
  Result<Tensor> tensor =
      parseNpy(npy(dict("|i1", "(2, 3)", "True"), data), "f");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->toDoubles(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  // Rank 3: element [i,j,k] of 2x2x2 lies at i + 2j + 4k.
  data = std::string("\0\1\2\3\4\5\6\7", 8);
  tensor = parseNpy(npy(dict("|u1", "(2, 2, 2)", "True"), data), "f");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->toDoubles(), (std::vector<double>{0, 4, 2, 6, 1, 5, 3, 7}));
  tensor = parseNpy(npy(dict("<f4", "(0, 2)", "True"), ""), "f");
  ASSERT_TRUE(tensor);
}

TEST(NpyTest, BFloatOnlyWhereExpected) {
  std::string data("\x80\x3f", 2);
  for (const char *descr : {"<V2", "|V2", "<u2"}) {
    std::string bytes = npy(dict(descr, "(1,)"), data);
    EXPECT_EQ(errorOf(bytes),
              std::string("'f.npy': dtype '") + descr +
                  "' is read as bf16 only where bf16 is expected");
    EXPECT_NE(errorOf(bytes, DType::kF16), "");
    Result<Tensor> tensor = parseNpy(bytes, "f", DType::kBF16);
    ASSERT_TRUE(tensor);
    EXPECT_EQ(tensor->get(0), 1.0);
  }
}

TEST(NpyTest, BoolsAreNormalised) {
  Result<Tensor> tensor =
      parseNpy(npy(dict("|b1", "(3,)"), std::string("\0\1\7", 3)), "f");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->dataAs<uint8_t>()[2], 1);
}

TEST(NpyTest, Errors) {
  std::string data(8, '\0');
  EXPECT_EQ(errorOf("PK\3\4 not numpy at all"), "'f.npy': not a .npy file");
  EXPECT_EQ(errorOf(npy(dict(">f4", "(2,)"), data)),
            "'f.npy': big-endian dtype '>f4' is not supported");
  EXPECT_EQ(errorOf(npy(dict("<c8", "(1,)"), data)),
            "'f.npy': dtype '<c8' is not supported");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(3,)"), data)),
            "'f.npy': truncated: shape 3 of f32 needs 12 bytes of data, but "
            "there are 8");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(1,)"), data)),
            "'f.npy': trailing bytes: shape 1 of f32 needs 4 bytes of data, "
            "but there are 8");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(4611686018427387904, 4)"), data)),
            "'f.npy': shape 4611686018427387904x4 is too large");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(99999999999999999999,)"), data)),
            "'f.npy': malformed header: malformed 'shape'");
  EXPECT_EQ(errorOf(npy("{'descr': '<f4', 'shape': (2,)}", data)),
            "'f.npy': malformed header: a key is missing");
  EXPECT_EQ(errorOf(npy("{'descr': [('a','<f4')], 'fortran_order': False, "
                        "'shape': (2,)}",
                        data)),
            "'f.npy': malformed header: the dtype is structured or malformed");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(-2,)"), data)),
            "'f.npy': malformed header: malformed 'shape'");
  EXPECT_EQ(errorOf(npy(dict("<f4", "(2,)") + " 1", data)),
            "'f.npy': malformed header: text after the dictionary");
  EXPECT_NE(errorOf(npy(dict("<f4", "(2,)"), data, 9)), "");
}

TEST(NpyTest, EveryTruncationIsAnError) {
  std::string bytes = npy(dict("<f4", "(2,)"), std::string(8, '\1'), 2);
  ASSERT_EQ(errorOf(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(errorOf(bytes.substr(0, size)), "") << size;
  }
  TempDir dir;
  spill(dir.file("t.npy"), std::string_view(bytes).substr(0, 20));
  Result<Tensor> tensor = readNpy(dir.file("t.npy"));
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.status().code(), Code::kBadInput);
  EXPECT_NE(tensor.message().find(dir.file("t.npy")), std::string::npos);
}

TEST(NpyTest, MutationsDoNotCrash) {
  std::mt19937 random(11);
  std::string bytes = npy(dict("<i2", "(2, 2)", "True"), std::string(8, '\1'));
  for (int i = 0; i < 5000; ++i) {
    (void)errorOf(mutate(bytes, random));
  }
}

} // namespace
