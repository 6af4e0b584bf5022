//===- CudaDevice.cpp - a GPU: memory, streams, events --------------------===//

#include "attn/Runtime/CudaDevice.h"

#include <algorithm>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

// CUdevice_attribute.
constexpr int kClockRate = 13, kMultiprocessors = 16, kL2Bytes = 38,
              kMajor = 75, kMinor = 76, kSharedOptin = 97;

} // namespace

Gpu::~Gpu() {
  if (context) {
    (void)theDriver->primaryRelease(device);
  }
}

Result<GpuPtr> Gpu::open(int ordinal, const std::string &path) {
  Result<std::shared_ptr<Driver>> loaded = Driver::load(path);
  if (!loaded) {
    return loaded.status();
  }
  const Driver &driver = **loaded;
  int count = 0;
  Status status =
      driver.check(driver.deviceGetCount(&count), "cuDeviceGetCount");
  if (!status.ok()) {
    return status;
  }
  if (ordinal < 0 || ordinal >= count) {
    return Status::runtime("there is no CUDA device " +
                           std::to_string(ordinal) + " (there are " +
                           std::to_string(count) + ")");
  }
  Device device = 0;
  status = driver.check(driver.deviceGet(&device, ordinal), "cuDeviceGet");
  if (!status.ok()) {
    return status;
  }
  auto gpu = std::make_shared<Gpu>(*loaded, device);
  char name[256] = {};
  int values[6] = {};
  const int attributes[6] = {kMajor,       kMinor,   kMultiprocessors,
                             kSharedOptin, kL2Bytes, kClockRate};
  status = driver.check(driver.deviceGetName(name, sizeof(name) - 1, device),
                        "cuDeviceGetName");
  for (int i = 0; i < 6 && status.ok(); ++i) {
    status = driver.check(
        driver.deviceGetAttribute(&values[i], attributes[i], device),
        "cuDeviceGetAttribute");
  }
  if (!status.ok()) {
    return status;
  }
  gpu->theInfo = {name,      values[0] * 10 + values[1],
                  values[2], values[3],
                  values[4], values[5]};
  Context context = nullptr;
  status = driver.check(driver.primaryRetain(&context, device),
                        "cuDevicePrimaryCtxRetain");
  if (!status.ok()) {
    return status;
  }
  gpu->context = context;
  return gpu;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Memory &Memory::operator=(Memory &&other) noexcept {
  if (this != &other) {
    release();
    gpu = std::move(other.gpu);
    ptr = std::exchange(other.ptr, 0);
    bytes = std::exchange(other.bytes, 0);
    isHost = other.isHost;
  }
  return *this;
}

void Memory::release() {
  if (!ptr) {
    return;
  }
  Gpu::Scope scope(*gpu);
  if (isHost) {
    (void)gpu->driver().memFreeHost(host());
  } else {
    (void)gpu->driver().memFree(ptr);
  }
  ptr = 0;
}

Result<Memory> Memory::device(GpuPtr gpu, int64_t bytes) {
  Memory memory;
  Gpu::Scope scope(*gpu);
  DevicePtr ptr = 0;
  auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  Status status = gpu->check(gpu->driver().memAlloc(&ptr, size),
                             "cannot take " + std::to_string(bytes) +
                                 " bytes of device memory");
  if (!status.ok()) {
    return status;
  }
  memory.gpu = std::move(gpu);
  memory.ptr = ptr;
  memory.bytes = bytes;
  return memory;
}

Result<Memory> Memory::pinned(GpuPtr gpu, int64_t bytes) {
  Memory memory;
  Gpu::Scope scope(*gpu);
  void *ptr = nullptr;
  auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  Status status = gpu->check(gpu->driver().memAllocHost(&ptr, size),
                             "cannot pin " + std::to_string(bytes) +
                                 " bytes of host memory");
  if (!status.ok()) {
    return status;
  }
  memory.gpu = std::move(gpu);
  memory.ptr = reinterpret_cast<DevicePtr>(ptr);
  memory.bytes = bytes;
  memory.isHost = true;
  return memory;
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

StreamOwner::~StreamOwner() {
  if (stream) {
    Gpu::Scope scope(*gpu);
    (void)gpu->driver().streamDestroy(stream);
  }
}

Result<StreamOwner> StreamOwner::create(GpuPtr gpu) {
  constexpr unsigned kNonBlocking = 1;
  Gpu::Scope scope(*gpu);
  Stream stream = nullptr;
  Status status = gpu->check(gpu->driver().streamCreate(&stream, kNonBlocking),
                             "cuStreamCreate");
  if (!status.ok()) {
    return status;
  }
  return StreamOwner(std::move(gpu), stream);
}

Status StreamOwner::synchronize() const {
  Gpu::Scope scope(*gpu);
  return gpu->check(gpu->driver().streamSynchronize(stream),
                    "cuStreamSynchronize");
}

EventOwner::~EventOwner() {
  if (event) {
    Gpu::Scope scope(*gpu);
    (void)gpu->driver().eventDestroy(event);
  }
}

Result<EventOwner> EventOwner::create(GpuPtr gpu) {
  Gpu::Scope scope(*gpu);
  Event event = nullptr;
  Status status =
      gpu->check(gpu->driver().eventCreate(&event, 0), "cuEventCreate");
  if (!status.ok()) {
    return status;
  }
  return EventOwner(std::move(gpu), event);
}

Status EventOwner::record(Stream stream) const {
  Gpu::Scope scope(*gpu);
  return gpu->check(gpu->driver().eventRecord(event, stream), "cuEventRecord");
}

Status EventOwner::synchronize() const {
  Gpu::Scope scope(*gpu);
  return gpu->check(gpu->driver().eventSynchronize(event),
                    "cuEventSynchronize");
}

Result<double> EventOwner::secondsSince(const EventOwner &start) const {
  Gpu::Scope scope(*gpu);
  float milliseconds = 0;
  Status status = gpu->check(
      gpu->driver().eventElapsedTime(&milliseconds, start.event, event),
      "cuEventElapsedTime");
  if (!status.ok()) {
    return status;
  }
  return milliseconds * 1e-3;
}
