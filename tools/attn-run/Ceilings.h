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
  double readGBs = 0; // sums over a buffer beyond all caches
  int vectorBits = 0; // of the multiply-adds
};

/// Threads of a parallel region: OMP_NUM_THREADS, else the CPUs that this
/// process may use.
int countThreads();

/// Measures for about `seconds` each. `elementBits` is 32 or 64.
Ceilings measureCeilings(int elementBits, double seconds = 0.1);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_CEILINGS_H
