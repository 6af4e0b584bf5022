//===- PackageOptions.h - the command line of attn-run-package ------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_PACKAGE_PACKAGEOPTIONS_H
#define ATTN_TOOLS_ATTN_RUN_PACKAGE_PACKAGEOPTIONS_H

#include "attn/Runtime/Tensor.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn::run {

struct PackageOptions {
  std::string package;
  std::string entry;
  std::vector<std::string> inputs;  ///< .safetensors, .npy, name=x.npy
  std::vector<std::string> outputs; ///< the same
  std::optional<uint64_t> random;
  std::map<std::string, rt::Shape> shapes;
  std::map<std::string, int64_t> sizes;
  std::string expected;  ///< --check-from-file
  std::string reference; ///< --check-with
  double tolerance = 1;
  std::optional<int> bench;
  double flops = 0; ///< of a call, for rates
  int64_t device = 0;
  bool ceilings = false;
  bool list = false; ///< tell the functions only
};

/// The text of --help.
extern const char *const kPackageHelp;

/// Errors: kUsage.
rt::Result<PackageOptions> parsePackageOptions(int argc, char **argv);

/// Splits "name=value". Nothing without both.
std::optional<std::pair<std::string, std::string>>
splitPair(const std::string &text);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_PACKAGE_PACKAGEOPTIONS_H
