//===- ScanKernelModel.h - shapes of kernels that go token by token -------===//
// A thread has some states of some rows in registers: a row is a channel, or a
// value of a head. Lanes that share a row add up what they read.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_SCANKERNELMODEL_H
#define ATTN_TARGET_SCANKERNELMODEL_H

#include "attn/Target/GPUDescription.h"

namespace attn {

/// What a tile has.
struct ScanShape {
  int64_t rows = 1, states = 16;
  int64_t ofRows = 1, ofStates = 2, scalars = 0; // vectors of a token
  bool ofChannels = false; // each row has decays of its own
  bool exact = false;      // in the order of a step
  bool rounds = false;     // results are 16 bits
};

struct ScanKernel {
  int64_t lanes = 1;  // that share a row
  int64_t states = 4; // of a row that a thread has, a multiple of 4
  int64_t rows = 1;   // of a thread
  int64_t warps = 1;
  int64_t tokens = 16;     // staged in shared memory at a time
  int64_t polynomials = 0; // of 16 exponentials those that are multiply-adds

  int64_t threads() const { return warps * 32; }
  /// Of a block, with those that stand for none.
  int64_t allStates() const { return lanes * states; }
  int64_t allRows() const { return warps * 32 / lanes * rows; }
};

/// The kernel of a tile, or nothing and the reason.
std::optional<ScanKernel> chooseScanKernel(const ScanShape &shape,
                                           const GPUDescription &gpu,
                                           std::string &reason);
/// Bytes of shared memory: two buffers of staged tokens, results, parameters.
int64_t scanSharedBytes(const ScanKernel &kernel, const ScanShape &shape);
/// Floats of a staged token.
int64_t scanTokenFloats(const ScanKernel &kernel, const ScanShape &shape);

/// Rows of a tile, out of `all` that share what they read and write.
int64_t scanTileRows(int64_t all);
/// Channels of a tile of a convolution.
int64_t convTileChannels(int64_t all);

} // namespace attn

#endif // ATTN_TARGET_SCANKERNELMODEL_H
