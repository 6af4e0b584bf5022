//===- TargetDescription.cpp - what the cost model knows of a machine -----===//

#include "attn/Target/TargetDescription.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Errc.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

#include <algorithm>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace attn {

// Caches and clock are those of this machine in any case: a foreign CPU name
// chooses instructions, and the code is still run here or on a like machine.
static void readMachine(TargetDescription &target) {
  auto positive = [](long value, int64_t fallback) {
    return value > 0 ? static_cast<int64_t>(value) : fallback;
  };
  target.l1Bytes = positive(sysconf(_SC_LEVEL1_DCACHE_SIZE), 32 << 10);
  target.l2Bytes = positive(sysconf(_SC_LEVEL2_CACHE_SIZE), 512 << 10);
  target.cores = std::max(1u, std::thread::hardware_concurrency());
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("cpu MHz", 0) == 0) {
      double mhz = std::atof(line.c_str() + line.find(':') + 1);
      target.gigahertz = mhz > 0 ? mhz / 1000 : target.gigahertz;
      break;
    }
  }
}

static void setVectors(TargetDescription &target, bool avx512, bool avx,
                       bool bf16) {
  target.avx512 = avx512;
  // On Xeons vdpbf16ps has half the rate of f32 multiply-adds (measured on
  // Sapphire Rapids), on Zen 4 and 5 twice.
  target.bf16Dot =
      avx512 && bf16 && llvm::StringRef(target.cpu).starts_with("znver");
  target.vectorBits = avx512 ? 512 : avx ? 256 : 128;
  target.vectorRegisters = avx512 ? 32 : 16;
  if (llvm::Triple(target.triple).isAArch64()) {
    target.vectorRegisters = 32;
  }
}

TargetDescription TargetDescription::host() {
  TargetDescription target;
  target.triple = llvm::sys::getProcessTriple();
  target.cpu = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<std::string> names;
  for (const auto &feature : features) {
    names.push_back((feature.second ? "+" : "-") + feature.first().str());
  }
  std::sort(names.begin(), names.end());
  for (const std::string &name : names) {
    target.features += (target.features.empty() ? "" : ",") + name;
  }
  setVectors(target,
             features.lookup("avx512f") && features.lookup("avx512vl") &&
                 features.lookup("avx512bw") && features.lookup("avx512dq"),
             features.lookup("avx2") && features.lookup("fma"),
             features.lookup("avx512bf16"));
  readMachine(target);
  return target;
}

llvm::Expected<TargetDescription> TargetDescription::get(llvm::StringRef name) {
  if (name.empty() || name == "host" || name == "cpu") {
    return host();
  }
  TargetDescription target;
  target.gpu = GPUDescription::get(name);
  if (target.gpu) {
    target.triple = "nvptx64-nvidia-cuda";
    // Warpgroup instructions are in the architecture's own PTX alone.
    target.cpu = name.str() + (target.gpu->warpgroups ? "a" : "");
    target.features = "+ptx" + std::to_string(target.gpu->ptxVersion);
    return target;
  }
  target.triple = llvm::sys::getProcessTriple();
  target.cpu = name.str();
  if (!llvm::Triple(target.triple).isX86() ||
      llvm::X86::parseArchX86(name, /*Only64Bit=*/true) == llvm::X86::CK_None) {
    return llvm::createStringError(
        llvm::errc::invalid_argument,
        "unknown target '%s': expected host, an x86-64 CPU name such as "
        "x86-64-v3, or a GPU such as sm_90",
        name.str().c_str());
  }
  llvm::SmallVector<llvm::StringRef> features;
  llvm::X86::getFeaturesForCPU(name, features);
  // A machine without them must refuse the code, so the manifest names them.
  for (llvm::StringRef feature : features) {
    feature.consume_front("+");
    target.features += (target.features.empty() ? "+" : ",+") + feature.str();
  }
  auto has = [&](llvm::StringRef feature) {
    return llvm::is_contained(features, feature) ||
           llvm::is_contained(features, ("+" + feature).str());
  };
  setVectors(target,
             // Each implies avx512f, which x86-64-v4 does not list.
             has("avx512vl") && has("avx512bw") && has("avx512dq"),
             has("avx2") && has("fma"), has("avx512bf16"));
  readMachine(target);
  return target;
}

} // namespace attn
