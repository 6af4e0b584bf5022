//===- LibraryTest.cpp - shared objects from memory -----------------------===//

#include "attn/Runtime/Library.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

#include <cstring>
#include <elf.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

std::string errorOf(std::string_view bytes) {
  Result<Library> library = Library::load(bytes, "k.so");
  return library ? "" : library.message();
}

TEST(LibraryTest, LoadsAndResolves) {
  Result<Library> library = Library::load(slurp(ATTN_TEST_KERNELS), "k.so");
  ASSERT_TRUE(library) << library.message();
  EXPECT_TRUE(library->symbol("attn_call_scale"));
  Result<void *> missing = library->symbol("attn_call_nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.status().code(), Code::kBadInput);
  EXPECT_EQ(missing.message(), "'k.so' has no symbol 'attn_call_nothing'");
}

TEST(LibraryTest, LoadsOfEqualBytesAreDistinct) {
  std::string bytes = slurp(ATTN_TEST_KERNELS);
  Result<Library> first = Library::load(bytes, "a");
  Result<Library> second = Library::load(bytes, "b");
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first->symbol("attn_call_scale"),
            *second->symbol("attn_call_scale"));
  // Unloading one keeps the other; a new one takes a free place.
  *first = std::move(*second);
  EXPECT_TRUE(first->symbol("attn_call_scale"));
  EXPECT_FALSE(second->symbol("attn_call_scale"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Library::load(bytes, "c"));
  }
}

TEST(LibraryTest, BadObjectsAreErrors) {
  std::string bytes = slurp(ATTN_TEST_KERNELS);
  EXPECT_EQ(errorOf(""), "'k.so': not an ELF file: too short");
  EXPECT_EQ(errorOf(std::string(1000, 'x')), "'k.so': not a 64-bit ELF file");
  for (size_t size : {size_t(10), size_t(64), size_t(100), size_t(600)}) {
    EXPECT_NE(errorOf(std::string_view(bytes).substr(0, size)), "") << size;
  }
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::string relocatable = bytes;
  header.e_type = ET_REL;
  std::memcpy(relocatable.data(), &header, sizeof(header));
  EXPECT_EQ(errorOf(relocatable), "'k.so': not a shared object");
  header.e_type = ET_DYN;
  header.e_machine = EM_SPARC;
  std::memcpy(relocatable.data(), &header, sizeof(header));
  EXPECT_EQ(errorOf(relocatable), "'k.so': made for another machine");
}

TEST(LibraryTest, PackagesBringOpenMP) {
  Package package;
  package.manifest.openmp = true;
  EXPECT_EQ(Library::load(package).status().message(),
            "the package holds no shared object");
  package.manifest.objects = {{"k.so", "shared-object", ""}};
  package.objects = {slurp(ATTN_TEST_KERNELS)};
  Result<Library> library = Library::load(package);
  ASSERT_TRUE(library) << library.message();
  auto entry = reinterpret_cast<void (*)(void **)>(
      *library->symbol("attn_call_threads"));
  int64_t threads = 0;
  void *args[] = {&threads};
  entry(args);
  EXPECT_GE(threads, 1);
  EXPECT_TRUE(loadOpenMP().ok());
}

} // namespace
