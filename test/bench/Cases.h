//===- Cases.h - the problems of attn-bench -------------------------------===//

#ifndef ATTN_TEST_BENCH_CASES_H
#define ATTN_TEST_BENCH_CASES_H

#include "ScanPeer.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace attn::bench {

/// What a case is compared with.
enum class Ceiling {
  kFma,
  kBf16, ///< dot products of bf16, or f32 where the CPU is faster in that
  kRead,
};

struct Case {
  std::string name;
  std::string group; // cases are selected by group or name
  std::string dtype = "f32";
  int64_t batch = 1, queryHeads = 16, keyHeads = 16;
  int64_t queries = 4096, keys = 4096;
  int64_t headSize = 128;
  std::string mask = {};   // the attribute, e.g. `#attn.causal`
  std::string region = {}; // of the mask: documents, bigbird, nothing
  /// Keys that query `i` sees, where there is a mask.
  std::function<int64_t(const Case &, int64_t i)> keysSeen = {};
  std::string score = {}; // softcap, alibi
  bool bshd = false;
  int64_t pageSize = 0; // slots of a page of a pool (heads, slots); 0: dense
  Ceiling ceiling = Ceiling::kFma;
  // The least ratios to the ceiling, by --bars: of a decent compiler and of the
  // machine's limit. 0: none.
  double decent = 0, limit = 0;
  // Another case, which runs beside each repetition, and the most time that
  // this one may take in units of its.
  std::string against = {};
  double most = 0;
  bool perPair = false; // times are compared a visible pair
  // Of what is no attention: the module, multiply-adds, bytes that must move,
  // and a scan that is compared with where it has heads.
  std::string text = {};
  double work = 0, bytes = 0;
  ScanPeer::Sizes peer = {};

  /// The module, with q, k and v as arguments of static shape.
  std::string module() const;
  std::string shape(bool query) const; // "1x16x4096x128"
  std::string poolShape() const;
  /// Pairs that the mask shows, over all heads.
  double visiblePairs() const;
  /// Multiply-adds count two; visible pairs alone.
  double flops() const {
    return text.empty() ? 4.0 * visiblePairs() * headSize : work;
  }
  /// K and V, once; of others what must move.
  double keyBytes() const;
};

std::vector<Case> allCases();
/// At lengths from 2,048 to 131,072, beside causal attention.
std::vector<Case> recurrenceCases();

} // namespace attn::bench

#endif // ATTN_TEST_BENCH_CASES_H
