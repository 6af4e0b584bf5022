//===- FakeCuda.cpp - a CUDA driver without a GPU -------------------------===//
// With FAKE_CUDA_OLD the driver is of CUDA 11.4, with FAKE_CUDA_INCOMPLETE it
// lacks cuLaunchKernelEx: two more builds of this file.
//===----------------------------------------------------------------------===//

#include "FakeCuda.h"
#include "attn/Runtime/CudaDriver.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

using namespace attn::rt::cuda;
using fakecuda::State;

namespace {

struct Kernel {
  std::string name;
  std::vector<size_t> sizes;
};
struct LoadedModule {
  std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

State state;
bool capturing = false;
std::map<uint64_t, size_t> allocations;
size_t allocated = 0;

/// Counts the call; the error that a test wants of it, or 0.
int enter(const char *name) {
  ++state.calls[name];
  return state.failIn == name ? state.failWith : 0;
}

template <typename T> int make(const char *name, const char *kind, T *out) {
  if (int error = enter(name)) {
    return error;
  }
  ++state.live[kind];
  *out = reinterpret_cast<T>(std::malloc(1));
  return 0;
}

template <typename T> int drop(const char *name, const char *kind, T object) {
  int error = enter(name);
  --state.live[kind];
  std::free(reinterpret_cast<void *>(object));
  return error;
}

} // namespace

extern "C" {

State *fakeCudaState() { return &state; }

int cuInit(unsigned) { return enter("cuInit"); }
int cuDriverGetVersion(int *version) {
#ifdef FAKE_CUDA_OLD
  *version = 11040;
#else
  *version = 12080;
#endif
  return 0;
}
int cuGetErrorName(int error, const char **name) {
  *name = error == 2     ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == 218 ? "CUDA_ERROR_INVALID_PTX"
          : error == 500 ? "CUDA_ERROR_NOT_FOUND"
                         : "CUDA_ERROR_FAKE";
  return 0;
}
int cuGetErrorString(int error, const char **text) {
  *text = error == 2 ? "out of memory" : "a text of the driver";
  return 0;
}
int cuDeviceGetCount(int *count) {
  *count = state.devices;
  return enter("cuDeviceGetCount");
}
int cuDeviceGet(Device *device, int ordinal) {
  *device = ordinal;
  return 0;
}
int cuDeviceGetName(char *name, int size, Device) {
  std::strncpy(name, "Fake GPU", static_cast<size_t>(size));
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, Device) {
  *value = attribute == 75   ? state.capability / 10
           : attribute == 76 ? state.capability % 10
           : attribute == 16 ? 132
           : attribute == 97 ? 227 << 10
                             : 50 << 20;
  return 0;
}
int cuDevicePrimaryCtxRetain(Context *context, Device) {
  return make("cuDevicePrimaryCtxRetain", "context", context);
}
int cuDevicePrimaryCtxRelease_v2(Device) {
  --state.live["context"];
  return 0;
}
int cuCtxPushCurrent_v2(Context) {
  ++state.contextDepth;
  return 0;
}
int cuCtxPopCurrent_v2(Context *) {
  --state.contextDepth;
  return 0;
}

int cuModuleLoadDataEx(Module *module, const void *image, unsigned count,
                       int *options, void **values) {
  if (int error = enter("cuModuleLoadDataEx")) {
    return error;
  }
  std::string text = static_cast<const char *>(image);
  if (text.compare(0, 3, "bad") == 0) {
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == 5) {
        std::strcpy(static_cast<char *>(values[i]),
                    "ptxas error:\n  line 1; unexpected 'bad'\n");
      }
    }
    return 218;
  }
  auto loaded = std::make_unique<LoadedModule>();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    auto kernel = std::make_unique<Kernel>();
    // PTX: its kernels are known by name alone.
    constexpr char entry[] = ".entry ";
    if (size_t at = line.find(entry); at != std::string::npos) {
      at += sizeof(entry) - 1;
      kernel->name = line.substr(at, line.find('(', at) - at);
      std::string name = kernel->name;
      loaded->kernels[name] = std::move(kernel);
    } else if (words >> word && word == "kernel" && words >> kernel->name) {
      for (size_t size; words >> size;) {
        kernel->sizes.push_back(size);
      }
      std::string name = kernel->name;
      loaded->kernels[name] = std::move(kernel);
    }
  }
  ++state.live["module"];
  *module = reinterpret_cast<Module>(loaded.release());
  return 0;
}
int cuModuleUnload(Module module) {
  --state.live["module"];
  delete reinterpret_cast<LoadedModule *>(module);
  return 0;
}
int cuModuleGetFunction(Function *function, Module module, const char *name) {
  auto &kernels = reinterpret_cast<LoadedModule *>(module)->kernels;
  auto found = kernels.find(name);
  if (found == kernels.end()) {
    return 500;
  }
  *function = reinterpret_cast<Function>(found->second.get());
  return 0;
}
int cuFuncSetAttribute(Function function, int attribute, int value) {
  if (attribute == 8) {
    state.sharedOptIn[reinterpret_cast<Kernel *>(function)->name] = value;
  }
  return enter("cuFuncSetAttribute");
}

int cuMemAlloc_v2(DevicePtr *ptr, size_t size) {
  if (int error = enter("cuMemAlloc")) {
    return error;
  }
  if (allocated + size > state.memoryLimit) {
    return 2;
  }
  size_t rounded = (size + 255) / 256 * 256;
  *ptr = reinterpret_cast<DevicePtr>(std::aligned_alloc(256, rounded));
  allocations[*ptr] = size;
  allocated += size;
  ++state.live["memory"];
  return 0;
}
int cuMemFree_v2(DevicePtr ptr) {
  allocated -= allocations[ptr];
  allocations.erase(ptr);
  return drop("cuMemFree", "memory", ptr);
}
int cuMemAllocHost_v2(void **ptr, size_t size) {
  *ptr = std::malloc(size);
  ++state.live["pinned"];
  return 0;
}
int cuMemFreeHost(void *ptr) { return drop("cuMemFreeHost", "pinned", ptr); }
int cuMemcpyHtoDAsync_v2(DevicePtr to, const void *from, size_t size, Stream) {
  std::memcpy(reinterpret_cast<void *>(to), from, size);
  return enter("cuMemcpyHtoDAsync");
}
int cuMemcpyDtoHAsync_v2(void *to, DevicePtr from, size_t size, Stream) {
  std::memcpy(to, reinterpret_cast<void *>(from), size);
  return enter("cuMemcpyDtoHAsync");
}
int cuMemcpyDtoDAsync_v2(DevicePtr to, DevicePtr from, size_t size, Stream) {
  std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from),
              size);
  return enter("cuMemcpyDtoDAsync");
}
int cuMemsetD8Async(DevicePtr to, unsigned char value, size_t size, Stream) {
  std::memset(reinterpret_cast<void *>(to), value, size);
  return enter("cuMemsetD8Async");
}

int cuStreamCreate(Stream *stream, unsigned) {
  return make("cuStreamCreate", "stream", stream);
}
int cuStreamDestroy_v2(Stream stream) {
  return drop("cuStreamDestroy", "stream", stream);
}
int cuStreamSynchronize(Stream) { return enter("cuStreamSynchronize"); }
int cuStreamBeginCapture_v2(Stream, int) {
  capturing = true;
  return enter("cuStreamBeginCapture");
}
int cuStreamEndCapture(Stream, Graph *graph) {
  capturing = false;
  return make("cuStreamEndCapture", "graph", graph);
}
int cuGraphInstantiateWithFlags(GraphExec *exec, Graph, unsigned long long) {
  return make("cuGraphInstantiate", "exec", exec);
}
int cuGraphLaunch(GraphExec, Stream) { return enter("cuGraphLaunch"); }
int cuGraphExecDestroy(GraphExec exec) {
  return drop("cuGraphExecDestroy", "exec", exec);
}
int cuGraphDestroy(Graph graph) {
  return drop("cuGraphDestroy", "graph", graph);
}
int cuEventCreate(Event *event, unsigned) {
  return make("cuEventCreate", "event", event);
}
int cuEventDestroy_v2(Event event) {
  return drop("cuEventDestroy", "event", event);
}
int cuEventRecord(Event, Stream) { return enter("cuEventRecord"); }
int cuEventSynchronize(Event) { return 0; }
int cuEventElapsedTime(float *milliseconds, Event, Event) {
  *milliseconds = 1.5f;
  return 0;
}

#ifndef FAKE_CUDA_INCOMPLETE
int cuLaunchKernelEx(const LaunchConfig *config, Function function,
                     void **parameters, void **) {
  if (int error = enter("cuLaunchKernelEx")) {
    return error;
  }
  const Kernel &kernel = *reinterpret_cast<Kernel *>(function);
  fakecuda::Launch launch;
  launch.kernel = kernel.name;
  for (int i = 0; i < 3; ++i) {
    launch.grid[i] = config->grid[i];
    launch.block[i] = config->block[i];
    launch.cluster[i] = 1;
  }
  launch.overlaps = false;
  for (unsigned n = 0; n < config->numAttributes; ++n) {
    const auto &attribute = config->attributes[n];
    if (attribute.id == kAttributeCluster) {
      std::copy_n(attribute.value.cluster, 3, launch.cluster);
    } else if (attribute.id == kAttributeOverlaps) {
      launch.overlaps = attribute.value.overlaps == 1;
    }
  }
  launch.sharedBytes = config->sharedBytes;
  launch.stream = config->stream;
  for (size_t i = 0; i < kernel.sizes.size(); ++i) {
    launch.arguments.emplace_back(static_cast<const char *>(parameters[i]),
                                  kernel.sizes[i]);
  }
  if (state.launches.size() < 10000) {
    state.launches.push_back(std::move(launch));
  }
  return 0;
}
#endif

int cuTensorMapEncodeTiled(TensorMap *map, int dtype, unsigned rank, void *base,
                           const uint64_t *dims, const uint64_t *strides,
                           const unsigned *box, const unsigned *, int,
                           int swizzle, int promotion, int fill) {
  if (int error = enter("cuTensorMapEncodeTiled")) {
    return error;
  }
  std::memset(map, 0x5a, sizeof(*map));
  state.maps.push_back({dtype,
                        swizzle,
                        promotion,
                        fill,
                        reinterpret_cast<uint64_t>(base),
                        {dims, dims + rank},
                        {strides, strides + rank - 1},
                        {box, box + rank}});
  return 0;
}

} // extern "C"
