//===- PackageTest.cpp - packages as zip files ----------------------------===//

#include "attn/Runtime/Package.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

Package example() {
  Package package;
  package.manifest.contentHash = "00112233445566778899aabbccddeeff";
  FunctionInfo function;
  function.name = "f";
  function.symbol = "attn_call_f";
  package.manifest.functions = {function};
  package.manifest.objects = {{"f.so", "shared-object", ""},
                              {"g.so", "shared-object", ""}};
  package.objects = {std::string(100000, 'x') + "end", std::string("\0\1", 2)};
  return package;
}

std::string errorOf(std::string_view bytes) {
  Result<Package> package = unpackPackage(bytes, "p");
  if (package) {
    return "";
  }
  EXPECT_EQ(package.status().code(), Code::kBadInput);
  EXPECT_EQ(package.message().rfind("package 'p': ", 0), 0u);
  return package.message();
}

TEST(PackageTest, RoundTrip) {
  Result<std::string> bytes = packPackage(example());
  ASSERT_TRUE(bytes) << bytes.message();
  Result<Package> back = unpackPackage(*bytes, "p");
  ASSERT_TRUE(back) << back.message();
  EXPECT_EQ(back->objects, example().objects);
  EXPECT_EQ(back->manifest.contentHash, example().manifest.contentHash);
  ASSERT_TRUE(back->findObject("shared-object"));
  EXPECT_EQ(*back->findObject("shared-object"), example().objects[0]);
  EXPECT_EQ(back->findObject("ptx"), nullptr);
}

TEST(PackageTest, EqualPackagesHaveEqualBytes) {
  std::string first = *packPackage(example());
  EXPECT_EQ(first, *packPackage(example()));
  EXPECT_EQ(first, *packPackage(*unpackPackage(first, "p")));
}

TEST(PackageTest, Files) {
  TempDir dir;
  std::string path = dir.file("p.attnpkg");
  ASSERT_TRUE(writePackage(path, example()).ok());
  EXPECT_EQ(dir.numFiles(), 1);
  Result<Package> back = readPackage(path);
  ASSERT_TRUE(back) << back.message();
  EXPECT_EQ(back->objects, example().objects);
  EXPECT_FALSE(readPackage(dir.file("none")));
}

TEST(PackageTest, ObjectsMustFitTheManifest) {
  Package package = example();
  package.objects.pop_back();
  Result<std::string> bytes = packPackage(package);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.message(), "expected bytes for 2 objects, but got 1");
}

TEST(PackageTest, EveryTruncationIsAnError) {
  std::string bytes = *packPackage(example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(errorOf(std::string_view(bytes).substr(0, size)), "") << size;
  }
}

TEST(PackageTest, ChangedContentIsFound) {
  // Names of entries occur twice: rename one in both places.
  std::string bytes = *packPackage(example());
  for (size_t at = 0; (at = bytes.find("g.so", at)) != std::string::npos;) {
    bytes.replace(at, 4, "h.so");
  }
  EXPECT_EQ(errorOf(bytes), "package 'p': entry 'g.so': missing");

  bytes = *packPackage(example());
  for (size_t at = 0;
       (at = bytes.find("manifest.json", at)) != std::string::npos;) {
    bytes.replace(at, 13, "manifest.jsox");
  }
  EXPECT_EQ(errorOf(bytes), "package 'p': entry 'manifest.json': missing");

  // An object under the name of another has a sound checksum, but not the hash.
  Package swapped = example();
  std::swap(swapped.objects[0], swapped.objects[1]);
  bytes = *packPackage(swapped);
  for (size_t at = 0; (at = bytes.find("f.so", at)) != std::string::npos;) {
    bytes.replace(at, 4, "t.so");
  }
  for (size_t at = 0; (at = bytes.find("g.so", at)) != std::string::npos;) {
    bytes.replace(at, 4, "f.so");
  }
  for (size_t at = 0; (at = bytes.find("t.so", at)) != std::string::npos;) {
    bytes.replace(at, 4, "g.so");
  }
  EXPECT_EQ(errorOf(bytes),
            "package 'p': entry 'f.so': its content hash differs");
}

TEST(PackageTest, AbsurdSizesAreRefused) {
  // The central directory's uncompressed size of f.so, claimed to be huge.
  std::string bytes = *packPackage(example());
  size_t name = bytes.rfind("f.so");
  ASSERT_NE(name, std::string::npos);
  size_t central = name - 46;
  ASSERT_EQ(bytes.substr(central, 4), "PK\1\2");
  bytes.replace(central + 24, 4, std::string("\xff\xff\xff\x7f", 4));
  EXPECT_NE(errorOf(bytes), "");
}

TEST(PackageTest, AnyFlippedBitIsHarmless) {
  std::string bytes = *packPackage(example());
  Package original = example();
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string broken = bytes;
    broken[at] = static_cast<char>(broken[at] ^ (1 << at % 8));
    // Some bits mean nothing (times, versions): then nothing may have changed.
    Result<Package> package = unpackPackage(broken, "p");
    if (package) {
      EXPECT_EQ(package->objects, original.objects) << at;
    }
  }
}

TEST(PackageTest, MutationsDoNotCrash) {
  std::mt19937 random(14);
  std::string bytes = *packPackage(example());
  for (int i = 0; i < 3000; ++i) {
    (void)errorOf(mutate(bytes, random));
  }
}

} // namespace
