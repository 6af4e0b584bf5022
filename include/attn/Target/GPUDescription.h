//===- GPUDescription.h - what the cost model knows of a GPU --------------===//

#ifndef ATTN_TARGET_GPUDESCRIPTION_H
#define ATTN_TARGET_GPUDESCRIPTION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace attn {

/// An NVIDIA GPU as the compiler sees it: the largest one of its compute
/// capability. Rates are for one multiprocessor and clock.
struct GPUDescription {
  std::string chip;          // "sm_90"
  int64_t ptxVersion = 78;   // the oldest PTX that knows what we use of it
  int64_t processors = 108;  // multiprocessors
  int64_t registers = 65536; // of 32 bits
  int64_t threadRegisters = 255;
  int64_t sharedBytes = 164 << 10;      // of a multiprocessor
  int64_t blockSharedBytes = 163 << 10; // the most of one block
  double mmaFMAs = 1024;                // 16-bit products through mma.sync
  double exps = 16;                     // ex2.approx
  double fmas = 64;                     // of 32 bits
  double sharedBandwidth = 128;         // bytes
  double gigahertz = 1.41;
  double readGBs = 2039;   // device memory, all of it
  bool warpgroups = false; // wgmma, bulk tensor copies, setmaxnreg

  /// `sm_80` and the like; nothing for a chip that is not known.
  static std::optional<GPUDescription> get(llvm::StringRef chip);
  /// The chips that `get` knows.
  static llvm::ArrayRef<llvm::StringRef> chips();
};

} // namespace attn

#endif // ATTN_TARGET_GPUDESCRIPTION_H
