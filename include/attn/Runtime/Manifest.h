//===- Manifest.h - what a package holds ------------------------*- C++ -*-===//
// The one meeting point of compiler and runtime: `manifest.json` of a package.
// Parsing accepts nothing that a launch could trip over later.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_MANIFEST_H
#define ATTN_RUNTIME_MANIFEST_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Plan.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

/// Version of the JSON schema; a loader takes its own version only.
inline constexpr int64_t kManifestVersion = 1;

/// A size that is known at run time only.
inline constexpr int64_t kDynamic = -1;

enum class ValueKind { kTensor, kScalar };

/// An argument or a result of a function.
struct ValueInfo {
  std::string name; ///< may be empty
  ValueKind kind = ValueKind::kTensor;
  DType dtype = DType::kF32;  ///< `index` is kI64
  std::vector<int64_t> shape; ///< kDynamic or >= 0; empty for a scalar
  /// Names of the sizes, "" for none; as long as `shape`, or empty.
  std::vector<std::string> dims;
  /// The callee may update the buffer in place and return it as a result.
  bool donated = false;
};

struct FunctionInfo {
  std::string name;
  std::string symbol; ///< exported as `void symbol(void **args)`
  std::vector<ValueInfo> arguments;
  std::vector<ValueInfo> results;
  /// Of target kind "cuda": what a call does.
  std::optional<Plan> plan = std::nullopt;
};

struct TargetInfo {
  std::string kind = "cpu"; ///< or "cuda"
  std::string triple;
  std::string cpu;      ///< of "cuda" the least chip, "sm_80"
  std::string features; ///< LLVM's form: "+avx2,+fma"
};

struct ObjectInfo {
  std::string name; ///< entry of the zip; a file name without directories
  /// "shared-object"; for target kind "cuda" "ptx", "cubin" or "data".
  std::string kind = "shared-object";
  std::string sha256;      ///< filled in by writePackage, checked by the loader
  std::string module = ""; ///< of PTX and cubins: what KernelStep::module names
  std::string chip = "";   ///< of PTX and cubins: "sm_90a"
};

struct Manifest {
  std::string compilerVersion;
  std::string contentHash; ///< lower-case hex: the key of the kernel cache
  TargetInfo target;
  bool openmp = false; ///< the objects need an OpenMP runtime
  /// Other libraries that they need: "fftw" (of f64), "fftwf" (of f32).
  std::vector<std::string> libraries;
  std::vector<FunctionInfo> functions;
  std::vector<ObjectInfo> objects;
  std::string report = "null"; ///< any JSON text, for people and tools

  /// Null when there is none of that name.
  const FunctionInfo *findFunction(std::string_view name) const;
};

/// Errors: kBadInput (not JSON, missing or mistyped field, other version,
/// duplicate function or object, unsafe name), naming the field.
Result<Manifest> parseManifest(std::string_view json);

/// Indented JSON with a fixed order of keys. Errors: kUsage when the result
/// would not parse again (a name that is not UTF-8, a report that is no JSON).
Result<std::string> printManifest(const Manifest &manifest);

/// Whether this machine can run code for `target`: same architecture and every
/// feature that the host can be asked about. Errors: kBadInput.
Status checkHost(const TargetInfo &target);

} // namespace attn::rt

#endif // ATTN_RUNTIME_MANIFEST_H
