//===- CudaDriver.cpp - the CUDA driver, loaded at run time ---------------===//

#include "attn/Runtime/CudaDriver.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

std::string versionText(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

std::string loaderError() {
  const char *text = ::dlerror();
  return text ? text : "unknown error of the loader";
}

} // namespace

Driver::~Driver() {
  if (handle) {
    ::dlclose(handle);
  }
}

Status Driver::check(int result, const std::string &what) const {
  if (result == 0) {
    return Status::success();
  }
  const char *name = nullptr, *text = nullptr;
  (void)getErrorName(result, &name);
  (void)getErrorString(result, &text);
  return Status::runtime(what + ": " +
                         (name ? name : "error " + std::to_string(result)) +
                         (text ? std::string(": ") + text : ""));
}

Result<std::shared_ptr<Driver>> Driver::load(const std::string &path) {
  std::string name = path;
  if (name.empty()) {
    const char *chosen = std::getenv("ATTN_CUDA_DRIVER");
    name = chosen && *chosen ? chosen : "libcuda.so.1";
  }
  auto driver = std::make_shared<Driver>();
  driver->handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!driver->handle) {
    return Status::runtime("no CUDA driver: " + loaderError());
  }
  // The version first: an old driver lacks functions, and that is why.
  using VersionFn = int (*)(int *);
  auto getVersion = reinterpret_cast<VersionFn>(
      ::dlsym(driver->handle, "cuDriverGetVersion"));
  if (getVersion && getVersion(&driver->version) == 0 &&
      driver->version < kLeastDriver) {
    return Status::runtime("the CUDA driver is too old: it supports CUDA " +
                           versionText(driver->version) + ", and " +
                           versionText(kLeastDriver) + " is needed");
  }
#define ATTN_CUDA_LOAD(member, symbol, signature)                              \
  driver->member =                                                             \
      reinterpret_cast<int(*) signature>(::dlsym(driver->handle, symbol));     \
  if (!driver->member) {                                                       \
    return Status::runtime("the CUDA driver '" + name +                        \
                           "' has no function '" symbol "'");                  \
  }
  ATTN_CUDA_FUNCTIONS(ATTN_CUDA_LOAD)
#undef ATTN_CUDA_LOAD
  Status status = driver->check(driver->init(0), "cuInit");
  if (!status.ok()) {
    return status;
  }
  return driver;
}
