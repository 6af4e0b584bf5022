//===- CudaDriver.h - the CUDA driver, loaded at run time -------*- C++ -*-===//
// A table of libcuda's functions. Nothing of CUDA is needed to build it; types
// and numbers are those of the driver's stable ABI.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_CUDADRIVER_H
#define ATTN_RUNTIME_CUDADRIVER_H

#include "attn/Runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace attn::rt::cuda {

using Device = int;
using DevicePtr = uint64_t;
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;
using Graph = struct GraphHandle *;
using GraphExec = struct GraphExecHandle *;

/// CUtensorMap.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

/// CUlaunchAttribute and CUlaunchConfig, for clusters and overlaps.
struct LaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    unsigned cluster[3];
    int overlaps;
  } value;
};
struct LaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};
inline constexpr int kAttributeCluster = 4, kAttributeOverlaps = 6;

/// The oldest driver API that plans may use: tensor maps and cuLaunchKernelEx.
inline constexpr int kLeastDriver = 12000;

/// X(member, symbol, signature). The symbols are those that cuda.h maps the
/// plain names to.
#define ATTN_CUDA_FUNCTIONS(X)                                                 \
  X(init, "cuInit", (unsigned))                                                \
  X(driverGetVersion, "cuDriverGetVersion", (int *))                           \
  X(getErrorName, "cuGetErrorName", (int, const char **))                      \
  X(getErrorString, "cuGetErrorString", (int, const char **))                  \
  X(deviceGetCount, "cuDeviceGetCount", (int *))                               \
  X(deviceGet, "cuDeviceGet", (Device *, int))                                 \
  X(deviceGetName, "cuDeviceGetName", (char *, int, Device))                   \
  X(deviceGetAttribute, "cuDeviceGetAttribute", (int *, int, Device))          \
  X(primaryRetain, "cuDevicePrimaryCtxRetain", (Context *, Device))            \
  X(primaryRelease, "cuDevicePrimaryCtxRelease_v2", (Device))                  \
  X(ctxPush, "cuCtxPushCurrent_v2", (Context))                                 \
  X(ctxPop, "cuCtxPopCurrent_v2", (Context *))                                 \
  X(moduleLoadDataEx, "cuModuleLoadDataEx",                                    \
    (Module *, const void *, unsigned, int *, void **))                        \
  X(moduleUnload, "cuModuleUnload", (Module))                                  \
  X(moduleGetFunction, "cuModuleGetFunction",                                  \
    (Function *, Module, const char *))                                        \
  X(funcSetAttribute, "cuFuncSetAttribute", (Function, int, int))              \
  X(memAlloc, "cuMemAlloc_v2", (DevicePtr *, size_t))                          \
  X(memFree, "cuMemFree_v2", (DevicePtr))                                      \
  X(memAllocHost, "cuMemAllocHost_v2", (void **, size_t))                      \
  X(memFreeHost, "cuMemFreeHost", (void *))                                    \
  X(memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2",                                   \
    (DevicePtr, const void *, size_t, Stream))                                 \
  X(memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2",                                   \
    (void *, DevicePtr, size_t, Stream))                                       \
  X(memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2",                                   \
    (DevicePtr, DevicePtr, size_t, Stream))                                    \
  X(memsetD8Async, "cuMemsetD8Async",                                          \
    (DevicePtr, unsigned char, size_t, Stream))                                \
  X(streamCreate, "cuStreamCreate", (Stream *, unsigned))                      \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream))                             \
  X(streamSynchronize, "cuStreamSynchronize", (Stream))                        \
  X(streamBeginCapture, "cuStreamBeginCapture_v2", (Stream, int))              \
  X(streamEndCapture, "cuStreamEndCapture", (Stream, Graph *))                 \
  X(graphInstantiate, "cuGraphInstantiateWithFlags",                           \
    (GraphExec *, Graph, unsigned long long))                                  \
  X(graphLaunch, "cuGraphLaunch", (GraphExec, Stream))                         \
  X(graphExecDestroy, "cuGraphExecDestroy", (GraphExec))                       \
  X(graphDestroy, "cuGraphDestroy", (Graph))                                   \
  X(eventCreate, "cuEventCreate", (Event *, unsigned))                         \
  X(eventDestroy, "cuEventDestroy_v2", (Event))                                \
  X(eventRecord, "cuEventRecord", (Event, Stream))                             \
  X(eventSynchronize, "cuEventSynchronize", (Event))                           \
  X(eventElapsedTime, "cuEventElapsedTime", (float *, Event, Event))           \
  X(launchKernelEx, "cuLaunchKernelEx",                                        \
    (const LaunchConfig *, Function, void **, void **))                        \
  X(tensorMapEncodeTiled, "cuTensorMapEncodeTiled",                            \
    (TensorMap *, int, unsigned, void *, const uint64_t *, const uint64_t *,   \
     const unsigned *, const unsigned *, int, int, int, int))

struct Driver {
#define ATTN_CUDA_MEMBER(member, symbol, signature)                            \
  int(*member) signature = nullptr;
  ATTN_CUDA_FUNCTIONS(ATTN_CUDA_MEMBER)
#undef ATTN_CUDA_MEMBER
  int version = 0; ///< 12080 for 12.8

  Driver() = default;
  Driver(const Driver &) = delete;
  Driver &operator=(const Driver &) = delete;
  ~Driver();

  /// Loads and initialises the driver: `path`, else `$ATTN_CUDA_DRIVER`, else
  /// libcuda.so.1. Errors: kRuntime (no driver, too old, a missing function, no
  /// device), with the loader's or the driver's text.
  static Result<std::shared_ptr<Driver>> load(const std::string &path = "");

  /// Success for 0, else "what: CUDA_ERROR_...: the driver's text".
  Status check(int result, const std::string &what) const;

private:
  void *handle = nullptr;
};

} // namespace attn::rt::cuda

#endif // ATTN_RUNTIME_CUDADRIVER_H
