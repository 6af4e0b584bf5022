//===- FakeCuda.h - a CUDA driver without a GPU -----------------*- C++ -*-===//
// A shared object that stands for libcuda: it counts what it hands out, fails
// where a test wants it to, and writes down launches. Device memory is host
// memory. "PTX" is text with a line `kernel NAME size size ...` for each
// kernel, the sizes being those of its parameters; text that starts with "bad"
// does not assemble.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_FAKES_FAKECUDA_H
#define ATTN_TEST_FAKES_FAKECUDA_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fakecuda {

struct Launch {
  std::string kernel;
  unsigned grid[3], block[3], cluster[3], sharedBytes;
  bool overlaps;
  const void *stream;
  std::vector<std::string> arguments; ///< bytes of each
};

struct MapCall {
  int dtype, swizzle, promotion, fill;
  uint64_t base;
  std::vector<uint64_t> dims, strides;
  std::vector<unsigned> box;
};

struct State {
  /// Live objects by kind: "context", "module", "memory", "pinned", "stream",
  /// "event", "graph", "exec".
  std::map<std::string, int> live;
  std::map<std::string, int> calls; ///< by name of the function
  std::vector<Launch> launches;
  std::vector<MapCall> maps;
  std::map<std::string, int> sharedOptIn; ///< by kernel

  /// Function that fails, and with what.
  std::string failIn;
  int failWith = 1;
  size_t memoryLimit = size_t(1) << 30;
  int devices = 1;
  int capability = 90;
  int contextDepth = 0;

  bool leaks() const {
    for (const auto &[kind, count] : live) {
      if (count != 0) {
        return true;
      }
    }
    return contextDepth != 0;
  }
};

} // namespace fakecuda

/// Exported by the library.
extern "C" fakecuda::State *fakeCudaState();

#endif // ATTN_TEST_FAKES_FAKECUDA_H
