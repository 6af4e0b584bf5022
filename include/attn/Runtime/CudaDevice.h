//===- CudaDevice.h - a GPU: memory, streams, events, code ------*- C++ -*-===//
// Owners of what the driver hands out. Each releases what it holds; a device
// outlives what was made on it, by shared ownership.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_CUDADEVICE_H
#define ATTN_RUNTIME_CUDADEVICE_H

#include "attn/Runtime/CudaDriver.h"
#include "attn/Runtime/Package.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace attn::rt::cuda {

struct DeviceInfo {
  std::string name;
  int capability = 0; ///< 90 for sm_90
  int multiprocessors = 0;
  int64_t sharedBytes = 0; ///< of a block, opt-in
  int64_t l2Bytes = 0;
  int clockKHz = 0;
};

class Gpu;
using GpuPtr = std::shared_ptr<Gpu>;

/// The primary context of one device, which other libraries of the process
/// share.
class Gpu {
public:
  Gpu(std::shared_ptr<Driver> driver, Device device)
      : theDriver(std::move(driver)), device(device) {}
  ~Gpu();
  Gpu(const Gpu &) = delete;
  Gpu &operator=(const Gpu &) = delete;

  /// Errors: kRuntime, as Driver::load, or when there is no such device.
  static Result<GpuPtr> open(int ordinal = 0, const std::string &path = "");

  const Driver &driver() const { return *theDriver; }
  const DeviceInfo &info() const { return theInfo; }
  Status check(int result, const std::string &what) const {
    return theDriver->check(result, what);
  }

  /// Makes the context current while in scope, and what was current before
  /// current again.
  class Scope {
  public:
    explicit Scope(const Gpu &gpu) : gpu(gpu) {
      (void)gpu.driver().ctxPush(gpu.context);
    }
    ~Scope() {
      Context ignored;
      (void)gpu.driver().ctxPop(&ignored);
    }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    const Gpu &gpu;
  };

private:
  std::shared_ptr<Driver> theDriver;
  Device device;
  Context context = nullptr;
  DeviceInfo theInfo;
};

/// Memory of the device, or (`pinned`) of the host for copies that overlap.
class Memory {
public:
  Memory() = default;
  Memory(Memory &&other) noexcept { *this = std::move(other); }
  Memory &operator=(Memory &&other) noexcept;
  ~Memory() { release(); }

  /// At least one byte is taken. Errors: kRuntime, with the size.
  static Result<Memory> device(GpuPtr gpu, int64_t bytes);
  static Result<Memory> pinned(GpuPtr gpu, int64_t bytes);

  DevicePtr address() const { return ptr; }
  void *host() const { return reinterpret_cast<void *>(ptr); }
  int64_t size() const { return bytes; }

private:
  void release();

  GpuPtr gpu;
  DevicePtr ptr = 0;
  int64_t bytes = 0;
  bool isHost = false;
};

class StreamOwner {
public:
  StreamOwner(StreamOwner &&other) noexcept
      : gpu(std::move(other.gpu)),
        stream(std::exchange(other.stream, nullptr)) {}
  ~StreamOwner();
  static Result<StreamOwner> create(GpuPtr gpu);
  Stream get() const { return stream; }
  Status synchronize() const;

private:
  StreamOwner(GpuPtr gpu, Stream stream)
      : gpu(std::move(gpu)), stream(stream) {}
  GpuPtr gpu;
  Stream stream;
};

class EventOwner {
public:
  EventOwner(EventOwner &&other) noexcept
      : gpu(std::move(other.gpu)), event(std::exchange(other.event, nullptr)) {}
  ~EventOwner();
  static Result<EventOwner> create(GpuPtr gpu);
  Status record(Stream stream) const;
  Status synchronize() const;
  /// From `start` to this one; both have happened.
  Result<double> secondsSince(const EventOwner &start) const;

private:
  EventOwner(GpuPtr gpu, Event event) : gpu(std::move(gpu)), event(event) {}
  GpuPtr gpu;
  Event event;
};

/// The code of a package on a device. Modules and functions are loaded once.
class CodeCache {
public:
  explicit CodeCache(GpuPtr gpu) : gpu(std::move(gpu)) {}
  CodeCache(CodeCache &&other) noexcept = default;
  CodeCache &operator=(CodeCache &&) = delete;
  ~CodeCache();

  /// The function of a kernel, ready for `sharedBytes` of dynamic shared
  /// memory. A cubin made for this chip is preferred to PTX. Errors: kBadInput
  /// (no code for this chip, no such function), kRuntime with the log of the
  /// driver's assembler.
  Result<Function> find(const Package &package, const std::string &module,
                        const std::string &symbol, int64_t sharedBytes);

private:
  struct Entry {
    Function function = nullptr;
    int64_t sharedBytes = 0;
  };
  Result<Module> load(const Package &package, const std::string &name);

  GpuPtr gpu;
  std::map<std::string, Module> modules;
  std::map<std::pair<std::string, std::string>, Entry> functions;
};

/// Whether a cubin (or, `isPTX`, PTX) for `chip` runs on `capability`.
bool runsOn(const std::string &chip, bool isPTX, int capability);

} // namespace attn::rt::cuda

#endif // ATTN_RUNTIME_CUDADEVICE_H
