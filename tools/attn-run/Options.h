//===- Options.h - the command line of attn-run ---------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_OPTIONS_H
#define ATTN_TOOLS_ATTN_RUN_OPTIONS_H

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Status.h"
#include "attn/Runtime/Tensor.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attn::run {

/// What `--emit` prints.
enum class Emit { kNone, kLevel, kPTX, kPackage, kReference };

struct Options {
  std::string input; ///< MLIR text, bytecode, or a package
  std::string entry;
  CompileOptions compile;

  std::vector<std::string> inputs;  ///< file, or name=file
  std::vector<std::string> outputs; ///< file, or name=file
  std::optional<uint64_t> random;
  std::map<std::string, rt::Shape> shapes; ///< by argument
  std::map<std::string, int64_t> sizes;    ///< by size or scalar argument

  bool check = false;
  double tolerance = 1; ///< factor on the bound of the check
  bool trace = false;
  std::optional<int> bench; ///< number of timed calls
  bool report = false;
  int64_t repeat = 1;
  std::vector<std::pair<std::string, std::string>> carry; ///< result, argument

  Emit emit = Emit::kNone;
  Level level = Level::kGraph;
  std::string emitTo; ///< "-" for standard output

  bool useCache = true;
  std::string cacheDir; ///< empty: the default one

  /// Whether the function is called, not only explained.
  bool runs() const {
    return !report || check || bench || random || !inputs.empty() ||
           !outputs.empty();
  }
};

/// Parses the command line; prints help and version itself and exits then.
/// Errors: kUsage.
rt::Result<Options> parseOptions(int argc, char **argv);

/// Splits "name=value". Nothing without both.
std::optional<std::pair<std::string, std::string>>
splitAssignment(const std::string &text);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_OPTIONS_H
