//===- HashTest.cpp - SHA-256 ---------------------------------------------===//
// Vectors: FIPS 180-4 examples, NIST CAVP.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/Hash.h"

#include <gtest/gtest.h>

using namespace attn::rt;

namespace {

TEST(HashTest, KnownAnswers) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223"
                              "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
}

TEST(HashTest, ChunkingDoesNotMatter) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += static_cast<char>(i * 7);
    Sha256 hash;
    for (size_t at = 0, step = 1; at < text.size(); at += step, ++step) {
      hash.update(std::string_view(text).substr(at, step));
    }
    EXPECT_EQ(hash.finish(), sha256Hex(text)) << text.size();
  }
}

TEST(HashTest, FieldsDoNotRunTogether) {
  Sha256 a, b;
  a.updateField("ab");
  a.updateField("c");
  b.updateField("a");
  b.updateField("bc");
  EXPECT_NE(a.finish(), b.finish());
}

} // namespace
