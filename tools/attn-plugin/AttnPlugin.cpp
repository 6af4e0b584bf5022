//===- AttnPlugin.cpp - attn inside a stock mlir-opt ----------------------===//
// One library that is both a dialect plugin and a pass plugin. It links the
// same shared MLIR as its host, and shows nothing but its two entry points.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Pipelines/Pipelines.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

#include <mutex>

namespace {

/// Passes may be registered once a process; either entry may come first.
void registerPasses() {
  static std::once_flag once;
  std::call_once(once, attn::registerPassesAndPipelines);
}

void registerDialects(mlir::DialectRegistry *registry) {
  attn::registerDialect(*registry);
  registerPasses();
}

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK
    __attribute__((visibility("default"))) mlir::DialectPluginLibraryInfo
    mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Attn", LLVM_VERSION_STRING,
          registerDialects};
}

extern "C" LLVM_ATTRIBUTE_WEAK
    __attribute__((visibility("default"))) mlir::PassPluginLibraryInfo
    mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Attn", LLVM_VERSION_STRING, registerPasses};
}
