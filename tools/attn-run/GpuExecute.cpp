//===- GpuExecute.cpp - call a function of a GPU from the host ------------===//

#include "GpuExecute.h"

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace attn;
using namespace attn::run;
using namespace attn::rt::cuda;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

/// Copies go through pinned memory of this size.
constexpr int64_t kChunk = int64_t(16) << 20;

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  size_t n = times.size();
  return n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

} // namespace

Result<std::unique_ptr<GpuCall>> GpuCall::create(
    const GpuPtr &gpu, const std::shared_ptr<const rt::Package> &package,
    const rt::FunctionInfo &function, const rt::Arguments &arguments) {
  Status status = rt::checkArguments(function, arguments);
  if (!status.ok()) {
    return status;
  }
  Result<CudaFunction> code = CudaFunction::create(gpu, package, function);
  if (!code) {
    return code.status();
  }
  Result<StreamOwner> stream = StreamOwner::create(gpu);
  if (!stream) {
    return stream.status();
  }
  std::unique_ptr<GpuCall> call(
      new GpuCall(gpu, *std::move(code), *std::move(stream)));
  status = call->upload(arguments);
  if (status.ok()) {
    status = call->makeResults();
  }
  if (!status.ok()) {
    return status;
  }
  return call;
}

Status GpuCall::upload(const rt::Arguments &from) {
  hosts = from;
  Result<Memory> pinned = Memory::pinned(gpu, kChunk);
  if (!pinned) {
    return pinned.status();
  }
  // Values point to shapes: no reallocation may follow.
  shapes.reserve(from.size() + function.info().results.size());
  for (size_t i = 0; i < from.size(); ++i) {
    const Tensor &tensor = *from[i];
    shapes.push_back(tensor.shape());
    memory.emplace_back();
    if (function.info().arguments[i].kind == rt::ValueKind::kScalar) {
      arguments.push_back(
          {const_cast<void *>(tensor.data()), tensor.dtype(), 0});
      continue;
    }
    Result<Memory> device = Memory::device(gpu, tensor.numBytes());
    if (!device) {
      return device.status();
    }
    for (int64_t at = 0; at < tensor.numBytes(); at += kChunk) {
      int64_t bytes = std::min(kChunk, tensor.numBytes() - at);
      std::memcpy(pinned->host(), static_cast<const char *>(tensor.data()) + at,
                  static_cast<size_t>(bytes));
      Status status;
      {
        Gpu::Scope scope(*gpu);
        status = gpu->check(gpu->driver().memcpyHtoDAsync(
                                device->address() + static_cast<DevicePtr>(at),
                                pinned->host(), static_cast<size_t>(bytes),
                                stream.get()),
                            "copy to the device");
      }
      if (status.ok()) {
        status = stream.synchronize();
      }
      if (!status.ok()) {
        return status;
      }
    }
    arguments.push_back({reinterpret_cast<void *>(device->address()),
                         tensor.dtype(), tensor.rank(), shapes.back().data()});
    memory.back() = *std::move(device);
  }
  return {};
}

Status GpuCall::makeResults() {
  Result<std::vector<std::vector<int64_t>>> made =
      function.resultShapes(arguments);
  if (!made) {
    return made.status();
  }
  for (size_t i = 0; i < made->size(); ++i) {
    shapes.push_back((*made)[i]);
    memory.emplace_back();
    rt::DType type = function.info().results[i].dtype;
    rt::cuda::Value value = {nullptr, type,
                             static_cast<int64_t>(shapes.back().size()),
                             shapes.back().data()};
    if (std::optional<int64_t> argument =
            function.info().plan->results[i].argument) {
      value.data = arguments[static_cast<size_t>(*argument)].data;
      results.push_back(value);
      continue;
    }
    Result<int64_t> bytes = rt::countBytes(type, shapes.back());
    if (!bytes) {
      return bytes.status();
    }
    Result<Memory> device = Memory::device(gpu, *bytes);
    if (!device) {
      return device.status();
    }
    Gpu::Scope scope(*gpu);
    // What a kernel does not write must not look like a result.
    Status status = gpu->check(
        gpu->driver().memsetD8Async(device->address(), 0xff,
                                    static_cast<size_t>(*bytes), stream.get()),
        "memset");
    value.data = reinterpret_cast<void *>(device->address());
    memory.back() = *std::move(device);
    results.push_back(value);
    if (!status.ok()) {
      return status;
    }
  }
  return {};
}

Status GpuCall::start() {
  return function.call(stream.get(), arguments, results);
}

Status GpuCall::download(Tensor &to, DevicePtr from) {
  Result<Memory> pinned = Memory::pinned(gpu, std::min(kChunk, to.numBytes()));
  if (!pinned) {
    return pinned.status();
  }
  for (int64_t at = 0; at < to.numBytes(); at += kChunk) {
    int64_t bytes = std::min(kChunk, to.numBytes() - at);
    Status status;
    {
      Gpu::Scope scope(*gpu);
      status = gpu->check(gpu->driver().memcpyDtoHAsync(
                              pinned->host(), from + static_cast<DevicePtr>(at),
                              static_cast<size_t>(bytes), stream.get()),
                          "copy from the device");
    }
    if (status.ok()) {
      status = stream.synchronize();
    }
    if (!status.ok()) {
      return status;
    }
    std::memcpy(static_cast<char *>(to.data()) + at, pinned->host(),
                static_cast<size_t>(bytes));
  }
  return {};
}

Result<std::vector<Tensor>> GpuCall::takeResults() {
  Status status = wait();
  for (size_t i = 0; i < hosts.size() && status.ok(); ++i) {
    if (function.info().arguments[i].donated) {
      status =
          download(*hosts[i], reinterpret_cast<DevicePtr>(arguments[i].data));
    }
  }
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < results.size() && status.ok(); ++i) {
    Result<Tensor> tensor =
        Tensor::create(results[i].dtype, shapes[hosts.size() + i]);
    if (!tensor) {
      return tensor.status();
    }
    status = download(*tensor, reinterpret_cast<DevicePtr>(results[i].data));
    tensors.push_back(*std::move(tensor));
  }
  if (!status.ok()) {
    return status;
  }
  return tensors;
}

// As many as fill the L2 cache twice, within reason.
Result<std::vector<GpuCall::Inputs>> GpuCall::copyInputs() {
  auto isRead = [&](size_t i) {
    const rt::ValueInfo &info = function.info().arguments[i];
    return info.kind == rt::ValueKind::kTensor && !info.donated;
  };
  int64_t bytes = 1;
  for (size_t i = 0; i < hosts.size(); ++i) {
    bytes += isRead(i) ? hosts[i]->numBytes() : 0;
  }
  constexpr int64_t kMost = 8;
  int64_t count =
      std::clamp<int64_t>(2 * gpu->info().l2Bytes / bytes, 1, kMost);
  std::vector<Inputs> copies(static_cast<size_t>(count));
  for (Inputs &copy : copies) {
    copy.arguments = arguments;
    for (size_t i = 0; i < hosts.size(); ++i) {
      if (!isRead(i)) {
        continue;
      }
      Result<Memory> device = Memory::device(gpu, hosts[i]->numBytes());
      if (!device) {
        return device.status();
      }
      Gpu::Scope scope(*gpu);
      Status status = gpu->check(
          gpu->driver().memcpyDtoDAsync(
              device->address(), reinterpret_cast<DevicePtr>(arguments[i].data),
              static_cast<size_t>(hosts[i]->numBytes()), stream.get()),
          "copy of an input");
      if (!status.ok()) {
        return status;
      }
      copy.arguments[i].data = reinterpret_cast<void *>(device->address());
      copy.memory.push_back(*std::move(device));
    }
  }
  return copies;
}

Result<GpuCall::Times> GpuCall::bench(int calls) {
  Result<EventOwner> begin = EventOwner::create(gpu);
  Result<EventOwner> end = EventOwner::create(gpu);
  // Twice the cache: written before each call, it leaves nothing of the inputs.
  int64_t flushBytes = std::max<int64_t>(2 * gpu->info().l2Bytes, 1);
  Result<Memory> flush = Memory::device(gpu, flushBytes);
  Result<std::vector<Inputs>> copies = copyInputs();
  for (const Status &status :
       {begin.status(), end.status(), flush.status(), copies.status()}) {
    if (!status.ok()) {
      return status;
    }
  }
  auto clear = [&] {
    Gpu::Scope scope(*gpu);
    return gpu->check(
        gpu->driver().memsetD8Async(
            flush->address(), 0, static_cast<size_t>(flushBytes), stream.get()),
        "memset");
  };
  auto time = [&](auto run, std::vector<double> &device,
                  std::vector<double> *host) -> Status {
    Status status = clear();
    if (status.ok()) {
      status = begin->record(stream.get());
    }
    auto start = std::chrono::steady_clock::now();
    if (status.ok()) {
      status = run();
    }
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    if (status.ok()) {
      status = end->record(stream.get());
    }
    if (status.ok()) {
      status = wait();
    }
    if (!status.ok()) {
      return status;
    }
    Result<double> seconds = end->secondsSince(*begin);
    if (!seconds) {
      return seconds.status();
    }
    device.push_back(*seconds);
    if (host) {
      host->push_back(spent.count());
    }
    return {};
  };

  std::vector<double> device, host, replay;
  size_t turn = 0;
  auto call = [&] {
    turn = (turn + 1) % copies->size();
    return function.call(stream.get(), (*copies)[turn].arguments, results);
  };
  for (int i = -2; i < calls; ++i) {
    if (i == 0) {
      device.clear();
      host.clear();
    }
    if (Status status = time(call, device, &host); !status.ok()) {
      return status;
    }
  }
  Result<CapturedGraph> graph =
      CapturedGraph::capture(gpu, stream.get(), function, arguments, results);
  if (!graph) {
    return graph.status();
  }
  for (int i = -1; i < calls; ++i) {
    if (i == 0) {
      replay.clear();
    }
    auto launch = [&] { return graph->launch(stream.get()); };
    if (Status status = time(launch, replay, nullptr); !status.ok()) {
      return status;
    }
  }
  Times times;
  times.calls = calls;
  times.median = median(device);
  times.min = *std::min_element(device.begin(), device.end());
  times.host = median(host);
  times.graph = median(replay);
  return times;
}
