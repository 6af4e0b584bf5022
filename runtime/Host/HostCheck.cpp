//===- HostCheck.cpp - can this machine run that code? --------------------===//
// Turns an illegal instruction in the middle of a kernel into an error.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/Manifest.h"

#include <string_view>

using namespace attn::rt;

namespace {

enum class Support { kYes, kNo, kUnknown };

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "x86_64";

Support hostSupports(std::string_view feature) {
// The builtin takes literals only.
#define ATTN_FEATURE(name, builtin)                                            \
  if (feature == name) {                                                       \
    return __builtin_cpu_supports(builtin) ? Support::kYes : Support::kNo;     \
  }
  ATTN_FEATURE("sse3", "sse3")
  ATTN_FEATURE("ssse3", "ssse3")
  ATTN_FEATURE("sse4.1", "sse4.1")
  ATTN_FEATURE("sse4.2", "sse4.2")
  ATTN_FEATURE("popcnt", "popcnt")
  ATTN_FEATURE("avx", "avx")
  ATTN_FEATURE("avx2", "avx2")
  ATTN_FEATURE("bmi", "bmi")
  ATTN_FEATURE("bmi2", "bmi2")
  ATTN_FEATURE("fma", "fma")
  ATTN_FEATURE("avx512f", "avx512f")
  ATTN_FEATURE("avx512bw", "avx512bw")
  ATTN_FEATURE("avx512cd", "avx512cd")
  ATTN_FEATURE("avx512dq", "avx512dq")
  ATTN_FEATURE("avx512vl", "avx512vl")
  ATTN_FEATURE("avx512ifma", "avx512ifma")
  ATTN_FEATURE("avx512vbmi", "avx512vbmi")
  ATTN_FEATURE("avx512vbmi2", "avx512vbmi2")
  ATTN_FEATURE("avx512vnni", "avx512vnni")
  ATTN_FEATURE("avx512bitalg", "avx512bitalg")
  ATTN_FEATURE("avx512vpopcntdq", "avx512vpopcntdq")
  ATTN_FEATURE("avx512bf16", "avx512bf16")
  ATTN_FEATURE("vpclmulqdq", "vpclmulqdq")
  ATTN_FEATURE("gfni", "gfni")
#undef ATTN_FEATURE
  return Support::kUnknown;
}
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "aarch64";
Support hostSupports(std::string_view) { return Support::kUnknown; }
#else
constexpr std::string_view kArchitecture = "";
Support hostSupports(std::string_view) { return Support::kUnknown; }
#endif

} // namespace

Status attn::rt::checkHost(const TargetInfo &target) {
  std::string_view triple = target.triple;
  std::string_view architecture = triple.substr(0, triple.find('-'));
  if (architecture == "amd64") {
    architecture = "x86_64";
  } else if (architecture == "arm64") {
    architecture = "aarch64";
  }
  if (!architecture.empty() && !kArchitecture.empty() &&
      architecture != kArchitecture) {
    return Status::badInput("compiled for " + std::string(architecture) +
                            ", but this machine is " +
                            std::string(kArchitecture));
  }
  std::string missing;
  std::string_view rest = target.features;
  while (!rest.empty()) {
    size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
    if (item.substr(0, 1) == "+" &&
        hostSupports(item.substr(1)) == Support::kNo) {
      missing += missing.empty() ? "" : ", ";
      missing += item.substr(1);
    }
  }
  if (!missing.empty()) {
    return Status::badInput("compiled for a CPU with " + missing +
                            ", which this machine lacks");
  }
  return Status::success();
}
