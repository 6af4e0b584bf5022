//===- FileTest.cpp - atomic writes ---------------------------------------===//

#include "attn/Runtime/File.h"
#include "TestUtil.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

TEST(FileTest, WritesPiecesAndReplaces) {
  TempDir dir;
  std::string path = dir.file("x");
  ASSERT_TRUE(writeFileAtomically(path, {"ab", "", "c"}).ok());
  EXPECT_EQ(slurp(path), "abc");
  ASSERT_TRUE(writeFileAtomically(path, {}).ok());
  EXPECT_EQ(slurp(path), "");
  EXPECT_EQ(dir.numFiles(), 1);
}

TEST(FileTest, KeepsModeAndFollowsLinks) {
  TempDir dir;
  spill(dir.file("target"), "old");
  ASSERT_EQ(::chmod(dir.file("target").c_str(), 0640), 0);
  ASSERT_EQ(::symlink("target", dir.file("link").c_str()), 0);
  ASSERT_TRUE(writeFileAtomically(dir.file("link"), {"new"}).ok());
  EXPECT_EQ(slurp(dir.file("target")), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(dir.file("link")));
  struct stat info;
  ASSERT_EQ(::stat(dir.file("target").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(FileTest, DevicesAreWrittenInPlace) {
  EXPECT_TRUE(writeFileAtomically("/dev/null", {"x"}).ok());
  EXPECT_FALSE(std::filesystem::is_regular_file("/dev/null"));
  Status full = writeFileAtomically("/dev/full", {"x"});
  EXPECT_EQ(full.code(), Code::kRuntime);
  EXPECT_EQ(full.message(),
            "cannot write '/dev/full': No space left on device");
}

TEST(FileTest, ErrorsNameThePath) {
  TempDir dir;
  EXPECT_EQ(writeFileAtomically(dir.path(), {"x"}).message(),
            "cannot write '" + dir.path() + "': it is a directory");
  std::string path = dir.file("no/such/x");
  EXPECT_EQ(writeFileAtomically(path, {"x"}).message(),
            "cannot write '" + path + "': No such file or directory");
  EXPECT_EQ(readFile(path).message(),
            "cannot read '" + path + "': No such file or directory");
  EXPECT_EQ(readFile(dir.path()).message(),
            "cannot read '" + dir.path() + "': it is not a regular file");
  spill(dir.file("big"), "12345");
  EXPECT_FALSE(readFile(dir.file("big"), 4));
  EXPECT_EQ(*readFile(dir.file("big"), 5), "12345");
}

TEST(FileTest, AFailureLeavesTheOldFileAndNoTemporary) {
  TempDir dir;
  spill(dir.file("x"), "old");
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Status status =
        writeFileAtomically(dir.file("x"), {std::string(5000, 'n')});
    ::_exit(status.code() == Code::kRuntime ? 0 : 1);
  }
  int result = 0;
  ASSERT_EQ(::waitpid(child, &result, 0), child);
  EXPECT_TRUE(WIFEXITED(result) && WEXITSTATUS(result) == 0);
  EXPECT_EQ(slurp(dir.file("x")), "old");
  EXPECT_EQ(dir.numFiles(), 1);
}

} // namespace
