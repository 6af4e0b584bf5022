//===- PackageOptions.cpp - the command line of attn-run-package ----------===//

#include "PackageOptions.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;

const char *const attn::run::kPackageHelp =
    R"(attn-run-package x.attnpkg: runs, checks and times a compiled package

  --entry name           function to run; needed when there are several
  --list                 tell functions and arguments, run nothing
  --inputs file,...      .safetensors by name, .npy in order, or name=x.npy
  --random seed          fill floats that no file gives, as attn-run does
  --shape name=AxB,...   shape of an argument
  --set name=n,...       a named size, a scalar, or all of an integer tensor
  --outputs file,...     x.safetensors, x.npy or name=x.npy
  --check-from-file f    compare with the results in f (.safetensors)
  --check-with p.attnpkg compare with what package p computes (a reference)
  --tolerance x          factor on the bound of a check (default 1)
  --bench[=n]            time n calls (default 10)
  --flops x              operations of a call, for rates
  --ceilings             measure what the device can do at most
  --device n             CUDA device (default 0)
)";

namespace {

std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool parseInteger(const std::string &text, int64_t &value) {
  char *end = nullptr;
  errno = 0;
  value = std::strtoll(text.c_str(), &end, 10);
  return !text.empty() && *end == '\0' && errno == 0;
}

bool parseNumber(const std::string &text, double &value) {
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(value);
}

bool parseShape(const std::string &text, rt::Shape &shape) {
  for (const std::string &part : split(text, 'x')) {
    int64_t size = 0;
    if (!parseInteger(part, size) || size < 0) {
      return false;
    }
    shape.push_back(size);
  }
  return true;
}

/// Takes one option; false when its value makes no sense.
bool take(const std::string &name, const std::string &value,
          PackageOptions &options) {
  int64_t number = 0;
  if (name == "entry") {
    options.entry = value;
  } else if (name == "inputs" || name == "outputs") {
    auto &list = name == "inputs" ? options.inputs : options.outputs;
    for (std::string &part : split(value, ',')) {
      list.push_back(std::move(part));
    }
  } else if (name == "random") {
    if (!parseInteger(value, number) || number < 0) {
      return false;
    }
    options.random = static_cast<uint64_t>(number);
  } else if (name == "shape" || name == "set") {
    for (const std::string &part : split(value, ',')) {
      auto pair = splitPair(part);
      rt::Shape shape;
      if (!pair || (name == "set" ? !parseInteger(pair->second, number)
                                  : !parseShape(pair->second, shape))) {
        return false;
      }
      if (name == "set") {
        options.sizes[pair->first] = number;
      } else {
        options.shapes[pair->first] = std::move(shape);
      }
    }
  } else if (name == "check-from-file") {
    options.expected = value;
  } else if (name == "check-with") {
    options.reference = value;
  } else if (name == "tolerance") {
    return parseNumber(value, options.tolerance) && options.tolerance > 0;
  } else if (name == "flops") {
    return parseNumber(value, options.flops) && options.flops >= 0;
  } else if (name == "device") {
    return parseInteger(value, options.device);
  } else if (name == "bench") {
    if (!parseInteger(value, number) || number < 1 || number > 1000000) {
      return false;
    }
    options.bench = static_cast<int>(number);
  }
  return true;
}

} // namespace

std::optional<std::pair<std::string, std::string>>
attn::run::splitPair(const std::string &text) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    return std::nullopt;
  }
  return std::make_pair(text.substr(0, at), text.substr(at + 1));
}

Result<PackageOptions> attn::run::parsePackageOptions(int argc, char **argv) {
  static const std::map<std::string, bool> kNeedsValue = {
      {"entry", true},           {"inputs", true},     {"outputs", true},
      {"random", true},          {"shape", true},      {"set", true},
      {"check-from-file", true}, {"check-with", true}, {"tolerance", true},
      {"flops", true},           {"device", true},     {"bench", false},
      {"ceilings", false},       {"list", false}};
  PackageOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    if (arg.compare(0, 2, "--") != 0) {
      if (!options.package.empty()) {
        return Status::usage("unexpected argument '" + arg + "'");
      }
      options.package = arg;
      continue;
    }
    size_t equals = arg.find('=');
    std::string name = arg.substr(
        2, equals == std::string::npos ? std::string::npos : equals - 2);
    auto known = kNeedsValue.find(name);
    if (known == kNeedsValue.end()) {
      return Status::usage("unknown option '--" + name +
                           "'; try attn-run-package --help");
    }
    std::string value;
    bool hasValue = equals != std::string::npos;
    if (hasValue) {
      value = arg.substr(equals + 1);
    } else if (known->second) {
      if (i + 1 >= argc) {
        return Status::usage("--" + name + ": expected a value");
      }
      value = argv[++i];
    } else if (name == "bench") {
      // The number may stand apart, as for attn-run.
      int64_t number = 0;
      value =
          i + 1 < argc && parseInteger(argv[i + 1], number) ? argv[++i] : "10";
    } else {
      options.ceilings |= name == "ceilings";
      options.list |= name == "list";
    }
    if (!take(name, value, options)) {
      return Status::usage("--" + name + ": '" + value + "' makes no sense");
    }
  }
  if (options.package.empty() && !options.ceilings) {
    return Status::usage("no package given; try attn-run-package --help");
  }
  return options;
}
