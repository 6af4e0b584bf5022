//===- ScanPeer.h - scans as llama.cpp does them ----------------*- C++ -*-===//

#ifndef ATTN_TEST_BENCH_SCANPEER_H
#define ATTN_TEST_BENCH_SCANPEER_H

#include <cstdint>

namespace attn::bench {

/// Token by token, one state after the other, on all threads: the recurrences
/// of Mamba-1 and Mamba-2 in the order and with the scalar expf of ggml's
/// ssm_scan, written anew. They allocate and fill what they need.
class ScanPeer {
public:
  struct Sizes {
    int64_t tokens, heads, rows, states;
    bool ofChannels; ///< Mamba-1: `heads` channels of one row
  };
  explicit ScanPeer(Sizes sizes);
  ~ScanPeer();
  ScanPeer(const ScanPeer &) = delete;
  ScanPeer &operator=(const ScanPeer &) = delete;
  /// Seconds of one call.
  double run();

private:
  struct Data;
  Sizes sizes;
  Data *data;
};

} // namespace attn::bench

#endif // ATTN_TEST_BENCH_SCANPEER_H
