//===- TestUtil.h - scratch directories and corruption ----------*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_RUNTIME_TESTUTIL_H
#define ATTN_TEST_UNIT_RUNTIME_TESTUTIL_H

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace attn::rt::test {

/// A directory that goes away with its scope.
class TempDir {
public:
  TempDir() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "attn-test-XXXXXX").string();
    const char *made = ::mkdtemp(pattern.data());
    directory = made ? made : "";
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  TempDir(const TempDir &) = delete;
  TempDir &operator=(const TempDir &) = delete;

  const std::string &path() const { return directory; }
  std::string file(const std::string &name) const {
    return directory + "/" + name;
  }
  /// Hidden temporaries count.
  int numFiles() const {
    std::filesystem::directory_iterator begin(directory), end;
    return static_cast<int>(std::distance(begin, end));
  }

private:
  std::string directory;
};

inline void spill(const std::string &path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string slurp(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// `bytes` with a few bytes changed, removed or repeated.
inline std::string mutate(std::string bytes, std::mt19937 &random) {
  int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits && !bytes.empty(); ++i) {
    size_t at = random() % bytes.size();
    size_t count = 1 + random() % 8;
    switch (random() % 4) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 2:
      bytes.erase(at, count);
      break;
    default:
      bytes.insert(at, bytes.substr(at, count));
      break;
    }
  }
  return bytes;
}

} // namespace attn::rt::test

#endif // ATTN_TEST_UNIT_RUNTIME_TESTUTIL_H
