//===- Ceilings.h - what this machine can do at most ----------------------===//
// Measured in the process that wants to compare itself with it, on as many
// threads as OpenMP would use. No LLVM in here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_CEILINGS_H
#define ATTN_TOOLS_ATTN_RUN_CEILINGS_H

#include <cstdint>

namespace attn::run {

struct Ceilings {
  int threads = 1;
  double gflops = 0;  // multiply-adds in registers, two operations each
  double readGBs = 0; // sums over `bytes` bytes, again and again
  int64_t bytes = 0;
  int vectorBits = 0; // of the multiply-adds
};

/// Threads of a parallel region: OMP_NUM_THREADS, else the CPUs that this
/// process may use.
int countThreads();

/// Measures for about `seconds` each. `elementBits` is 32 or 64, or 16 for dot
/// products of bf16 (f32 where the CPU has none); `bytes` is what the work in
/// question reads, since caches serve small sets faster (and large shared ones
/// nobody knows how far), or 0 for what is beyond all caches.
Ceilings measureCeilings(int elementBits, int64_t bytes = 0,
                         double seconds = 0.2);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_CEILINGS_H
