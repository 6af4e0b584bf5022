//===- KernelCacheTest.cpp - the cache under many processes ---------------===//

#include "attn/Runtime/KernelCache.h"
#include "TestUtil.h"
#include "attn/Runtime/Hash.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

Package packageFor(const std::string &key) {
  Package package;
  package.manifest.contentHash = key;
  package.manifest.objects = {{"f.so", "shared-object", ""}};
  std::string content;
  for (int i = 0; i < 500; ++i) {
    content += sha256Hex(key + std::to_string(i));
  }
  package.objects = {content};
  return package;
}

/// Sets a variable of the environment for a scope.
class ScopedVariable {
public:
  ScopedVariable(const char *name, const char *value) : name(name) {
    if (const char *old = ::getenv(name)) {
      saved = old;
    }
    if (value) {
      ::setenv(name, value, 1);
    } else {
      ::unsetenv(name);
    }
  }
  ~ScopedVariable() {
    if (saved) {
      ::setenv(name, saved->c_str(), 1);
    } else {
      ::unsetenv(name);
    }
  }
  ScopedVariable(const ScopedVariable &) = delete;
  ScopedVariable &operator=(const ScopedVariable &) = delete;

private:
  const char *name;
  std::optional<std::string> saved;
};

TEST(KernelCacheTest, StoresAndFinds) {
  TempDir dir;
  KernelCache cache(dir.file("a/b"));
  std::string key = sha256Hex("1"), note = "?";
  EXPECT_FALSE(cache.lookup(key, &note));
  EXPECT_EQ(note, "");
  ASSERT_TRUE(cache.store(key, packageFor(key), &note)) << note;
  std::optional<Package> found = cache.lookup(key, &note);
  ASSERT_TRUE(found) << note;
  EXPECT_EQ(found->objects, packageFor(key).objects);
  EXPECT_FALSE(cache.lookup(sha256Hex("2")));
}

TEST(KernelCacheTest, Directory) {
  ScopedVariable home("HOME", "/h"), xdg("XDG_CACHE_HOME", "/x"),
      own("ATTN_CACHE_DIR", "/a");
  EXPECT_EQ(KernelCache().directory(), "/a");
  ScopedVariable noOwn("ATTN_CACHE_DIR", nullptr);
  EXPECT_EQ(KernelCache().directory(), "/x/attn");
  ScopedVariable relative("XDG_CACHE_HOME", "x");
  EXPECT_EQ(KernelCache().directory(), "/h/.cache/attn");
  ScopedVariable noHome("HOME", nullptr);
  std::string note, key = sha256Hex("1");
  EXPECT_FALSE(KernelCache().store(key, packageFor(key), &note));
  EXPECT_EQ(note, "not cached: no cache directory");
}

TEST(KernelCacheTest, CorruptEntriesAreRemoved) {
  TempDir dir;
  KernelCache cache(dir.path());
  std::string key = sha256Hex("1"), note;
  ASSERT_TRUE(cache.store(key, packageFor(key)));
  std::string path = cache.pathOf(key), bytes = slurp(path);

  spill(path, std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_FALSE(cache.lookup(key, &note));
  EXPECT_EQ(note.rfind("removed a corrupt cache entry '" + path, 0), 0u)
      << note;
  EXPECT_EQ(dir.numFiles(), 0);

  // Sound, but the answer to another question.
  ASSERT_TRUE(writePackage(path, packageFor(sha256Hex("2"))).ok());
  EXPECT_FALSE(cache.lookup(key, &note));
  EXPECT_NE(note.find("content hash is"), std::string::npos);
  EXPECT_EQ(dir.numFiles(), 0);

  spill(path, "");
  EXPECT_FALSE(cache.lookup(key));
  EXPECT_EQ(dir.numFiles(), 0);
}

TEST(KernelCacheTest, KeysCannotLeaveTheDirectory) {
  TempDir dir;
  KernelCache cache(dir.path());
  for (const char *key : {"", "../../../../etc/passwd", "ABCDEF0123456789",
                          "0123", "0123456789abcdef/../x"}) {
    std::string note;
    EXPECT_FALSE(cache.lookup(key, &note)) << key;
    EXPECT_FALSE(cache.store(key, packageFor(key), &note)) << key;
    EXPECT_NE(note, "");
  }
  // The content hash must be the key.
  EXPECT_FALSE(cache.store(sha256Hex("1"), packageFor(sha256Hex("2"))));
  EXPECT_EQ(dir.numFiles(), 0);
}

TEST(KernelCacheTest, UnwritableDirectoryIsANote) {
  TempDir dir;
  spill(dir.file("file"), "");
  KernelCache cache(dir.file("file/cache"));
  std::string key = sha256Hex("1"), note;
  EXPECT_FALSE(cache.store(key, packageFor(key), &note));
  EXPECT_EQ(note, "not cached: cannot create '" + dir.file("file/cache") +
                      "': Not a directory");
  EXPECT_FALSE(cache.lookup(key, &note));
}

TEST(KernelCacheTest, ManyProcesses) {
  TempDir dir;
  constexpr int kProcesses = 8, kRounds = 60, kKeys = 3;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      KernelCache cache(dir.file("cache"));
      std::mt19937 random(static_cast<unsigned>(p));
      for (int round = 0; round < kRounds; ++round) {
        std::string key = sha256Hex(std::to_string(random() % kKeys));
        std::string note;
        if (random() % 3 == 0) {
          if (!cache.store(key, packageFor(key), &note)) {
            ::_exit(1);
          }
        } else if (std::optional<Package> found = cache.lookup(key, &note)) {
          if (found->objects != packageFor(key).objects) {
            ::_exit(2);
          }
        } else if (!note.empty()) {
          // Nobody corrupts entries here, so none may look corrupt.
          ::_exit(3);
        }
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  // Entries only, no temporaries.
  for (const auto &entry :
       std::filesystem::directory_iterator(dir.file("cache"))) {
    EXPECT_EQ(entry.path().extension(), ".attnpkg") << entry.path();
  }
}

TEST(KernelCacheTest, ManyProcessesWithAVandal) {
  TempDir dir;
  std::vector<pid_t> children;
  for (int p = 0; p < 5; ++p) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      KernelCache cache(dir.path());
      std::string key = sha256Hex("k");
      std::string expected = packageFor(key).objects[0];
      for (int round = 0; round < 80; ++round) {
        if (p == 0) {
          spill(cache.pathOf(key), std::string(1000 + round, 'x'));
        } else if (std::optional<Package> found = cache.lookup(key)) {
          if (found->objects[0] != expected) {
            ::_exit(2);
          }
        } else {
          (void)cache.store(key, packageFor(key));
        }
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

} // namespace
