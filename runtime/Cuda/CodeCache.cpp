//===- CodeCache.cpp - the code of a package on a device ------------------===//

#include "attn/Runtime/CudaDevice.h"

#include <cstdlib>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

// CUjit_option.
constexpr int kErrorLog = 5, kErrorLogBytes = 6;
// CUfunction_attribute.
constexpr int kMaxDynamicShared = 8, kPreferredCarveout = 9;
/// More than this needs an opt-in.
constexpr int64_t kPlainSharedBytes = 48 << 10;

/// The log in one line.
std::string oneLine(const std::string &log) {
  std::string text;
  for (char c : log) {
    if (c == '\0') {
      break;
    }
    bool isSpace = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!isSpace) {
      text += c;
    } else if (!text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  while (!text.empty() && text.back() == ' ') {
    text.pop_back();
  }
  return text;
}

} // namespace

bool attn::rt::cuda::runsOn(const std::string &chip, bool isPTX,
                            int capability) {
  if (chip.compare(0, 3, "sm_") != 0) {
    return false;
  }
  char *end = nullptr;
  long number = std::strtol(chip.c_str() + 3, &end, 10);
  if (*end == 'a') {
    return number == capability;
  }
  // 'f' code runs within its family, as machine code does.
  bool sameMajor = number / 10 == capability / 10;
  return number <= capability && ((isPTX && *end == '\0') || sameMajor);
}

CodeCache::~CodeCache() {
  if (modules.empty()) {
    return;
  }
  Gpu::Scope scope(*gpu);
  for (const auto &[name, module] : modules) {
    (void)gpu->driver().moduleUnload(module);
  }
}

Result<Module> CodeCache::load(const Package &package,
                               const std::string &name) {
  auto loaded = modules.find(name);
  if (loaded != modules.end()) {
    return loaded->second;
  }
  const ObjectInfo *best = nullptr;
  const std::string *bytes = nullptr;
  int capability = gpu->info().capability;
  for (size_t i = 0; i < package.manifest.objects.size(); ++i) {
    const ObjectInfo &object = package.manifest.objects[i];
    bool isPTX = object.kind == "ptx";
    if (object.module != name || object.kind == "data" ||
        !runsOn(object.chip, isPTX, capability)) {
      continue;
    }
    // Machine code before PTX, then that for the nearest chip.
    if (!best || (best->kind == "ptx" && !isPTX) ||
        (best->kind == object.kind && object.chip > best->chip)) {
      best = &object;
      bytes = &package.objects[i];
    }
  }
  if (!best) {
    return Status::badInput("module '" + name + "' has no code for sm_" +
                            std::to_string(capability));
  }
  std::string log(8192, '\0');
  int options[2] = {kErrorLog, kErrorLogBytes};
  void *values[2] = {log.data(), reinterpret_cast<void *>(log.size())};
  Module module = nullptr;
  Status status = gpu->check(gpu->driver().moduleLoadDataEx(
                                 &module, bytes->c_str(), 2, options, values),
                             "cannot load '" + best->name + "'");
  if (!status.ok()) {
    log = oneLine(log);
    return log.empty() ? status
                       : Status(status.code(), status.message() + ": " + log);
  }
  modules[name] = module;
  return module;
}

Result<Function> CodeCache::find(const Package &package,
                                 const std::string &module,
                                 const std::string &symbol,
                                 int64_t sharedBytes) {
  Entry &entry = functions[{module, symbol}];
  Gpu::Scope scope(*gpu);
  if (!entry.function) {
    Result<Module> code = load(package, module);
    if (!code) {
      return code.status();
    }
    Status status = gpu->check(
        gpu->driver().moduleGetFunction(&entry.function, *code, symbol.c_str()),
        "module '" + module + "' has no kernel '" + symbol + "'");
    if (!status.ok()) {
      entry.function = nullptr;
      return status;
    }
  }
  if (sharedBytes > gpu->info().sharedBytes) {
    return Status::badInput("kernel '" + symbol + "' needs " +
                            std::to_string(sharedBytes) +
                            " bytes of shared memory, and a block has " +
                            std::to_string(gpu->info().sharedBytes));
  }
  if (sharedBytes > kPlainSharedBytes && sharedBytes > entry.sharedBytes) {
    Status status = gpu->check(
        gpu->driver().funcSetAttribute(entry.function, kMaxDynamicShared,
                                       static_cast<int>(sharedBytes)),
        "kernel '" + symbol + "': shared memory");
    if (status.ok()) {
      status = gpu->check(gpu->driver().funcSetAttribute(
                              entry.function, kPreferredCarveout, 100),
                          "kernel '" + symbol + "': shared memory");
    }
    if (!status.ok()) {
      return status;
    }
    entry.sharedBytes = sharedBytes;
  }
  return entry.function;
}
