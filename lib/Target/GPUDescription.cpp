//===- GPUDescription.cpp - what the cost model knows of a GPU ------------===//

#include "attn/Target/GPUDescription.h"

#include "llvm/ADT/STLExtras.h"

namespace attn {

static const GPUDescription &describe(unsigned index) {
  // A block can have all shared memory of its multiprocessor but 1 KiB.
  static const GPUDescription known[] = {
      {"sm_80", 78, 108, 65536, 255, 164 << 10, 163 << 10, 1024, 16, 64, 128,
       1.41, 2039},
      {"sm_86", 78, 84, 65536, 255, 100 << 10, 99 << 10, 512, 16, 128, 128,
       1.70, 936},
      {"sm_89", 81, 128, 65536, 255, 100 << 10, 99 << 10, 512, 16, 128, 128,
       2.52, 1008},
      {"sm_90", 80, 132, 65536, 255, 228 << 10, 227 << 10, 1024, 16, 128, 128,
       1.75, 3350, /*warpgroups=*/true},
      {"sm_100", 86, 148, 65536, 255, 228 << 10, 227 << 10, 1024, 16, 128, 128,
       1.85, 8000},
      {"sm_120", 87, 170, 65536, 255, 100 << 10, 99 << 10, 512, 16, 128, 128,
       2.41, 1792},
  };
  return known[index];
}

llvm::ArrayRef<llvm::StringRef> GPUDescription::chips() {
  static const llvm::StringRef names[] = {"sm_80", "sm_86",  "sm_89",
                                          "sm_90", "sm_100", "sm_120"};
  return names;
}

std::optional<GPUDescription> GPUDescription::get(llvm::StringRef chip) {
  for (auto [index, name] : llvm::enumerate(chips())) {
    if (name == chip) {
      return describe(index);
    }
  }
  return std::nullopt;
}

} // namespace attn
