//===- TargetDescription.h - what the cost model knows of a machine -------===//

#ifndef ATTN_TARGET_TARGETDESCRIPTION_H
#define ATTN_TARGET_TARGETDESCRIPTION_H

#include "attn/Target/GPUDescription.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace attn {

/// A machine as the compiler sees it: a CPU, with rates for one core, or a GPU.
struct TargetDescription {
  std::string triple;
  std::string cpu;      // LLVM's name
  std::string features; // LLVM's list, "+avx512f,..."

  int64_t vectorBits = 128;
  int64_t vectorRegisters = 16;
  bool avx512 = false;
  bool bf16Dot = false; // vdpbf16ps, faster than f32 multiply-adds
  int64_t cores = 1;
  int64_t l1Bytes = 32 << 10;
  int64_t l2Bytes = 512 << 10;

  double fmaPerCycle = 2; // vector FMAs a cycle
  double gigahertz = 2.5;
  double readGBs = 10; // DRAM, one core

  std::optional<GPUDescription> gpu; // then the rest means nothing

  /// Lanes of a vector of `elementBits` wide elements.
  int64_t lanes(int64_t elementBits) const { return vectorBits / elementBits; }
  /// FMA peak in GFLOP/s of one core.
  double peakGflops(int64_t elementBits) const {
    return 2.0 * lanes(elementBits) * fmaPerCycle * gigahertz;
  }

  /// The machine that runs this process.
  static TargetDescription host();
  /// `host`, an LLVM CPU name of this architecture such as `x86-64-v3`, or the
  /// name of a GPU such as `sm_90`;
  /// an unknown name is an error.
  static llvm::Expected<TargetDescription> get(llvm::StringRef name);
};

} // namespace attn

#endif // ATTN_TARGET_TARGETDESCRIPTION_H
