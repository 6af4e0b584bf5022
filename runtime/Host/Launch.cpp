//===- Launch.cpp - call a compiled function ------------------------------===//

#include "attn/Runtime/Launch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace attn::rt;

namespace {

// A descriptor as 64-bit words: allocated, aligned, offset, sizes, strides.
static_assert(sizeof(void *) == 8, "the ABI is that of 64-bit machines");
constexpr size_t kAllocated = 0, kAligned = 1, kOffset = 2, kSizes = 3;

/// What MLIR stores as `allocated` of a constant, which nobody may free.
constexpr uintptr_t kConstantMarker = 0xdeadbeef;

void *pointerIn(int64_t word) {
  return reinterpret_cast<void *>(static_cast<uintptr_t>(word));
}
int64_t wordOf(const void *pointer) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(pointer));
}

/// "argument 1 ('k')".
std::string describe(const char *what, size_t index, const ValueInfo &info) {
  std::string text = std::string(what) + " " + std::to_string(index);
  return info.name.empty() ? text : text + " ('" + info.name + "')";
}

const std::string &dimName(const ValueInfo &info, size_t dim) {
  static const std::string empty;
  return dim < info.dims.size() ? info.dims[dim] : empty;
}

/// Where a named size was first seen.
struct Binding {
  int64_t size;
  std::string where;
};

/// Empty on success, else what is wrong with the sizes of `who`.
std::string bindSizes(const ValueInfo &info, const std::string &who,
                      const int64_t *sizes,
                      std::map<std::string, Binding> &bindings) {
  for (size_t d = 0; d < info.shape.size(); ++d) {
    const std::string &name = dimName(info, d);
    auto mismatch = [&](int64_t expected, const std::string &where) {
      return who + ": expected dimension " + std::to_string(d) +
             (name.empty() ? "" : " ('" + name + "')") + " to be " +
             std::to_string(expected) + where + ", but got " +
             std::to_string(sizes[d]);
    };
    if (info.shape[d] != kDynamic && sizes[d] != info.shape[d]) {
      return mismatch(info.shape[d], "");
    }
    if (name.empty()) {
      continue;
    }
    auto [entry, isNew] = bindings.try_emplace(name, Binding{sizes[d], who});
    if (!isNew && entry->second.size != sizes[d]) {
      return mismatch(entry->second.size, " as in " + entry->second.where);
    }
  }
  return "";
}

/// Copies a strided source to contiguous `to`, row by row of the last dim.
void compact(const char *from, const Shape &shape, const int64_t *strides,
             int64_t elementSize, char *to) {
  size_t rank = shape.size();
  int64_t inner = rank ? shape[rank - 1] : 1;
  int64_t innerStride = rank ? strides[rank - 1] : 1;
  Shape index(rank, 0);
  for (;;) {
    if (innerStride == 1) {
      std::memcpy(to, from, static_cast<size_t>(inner * elementSize));
    } else {
      for (int64_t i = 0; i < inner; ++i) {
        std::memcpy(to + i * elementSize, from + i * innerStride * elementSize,
                    static_cast<size_t>(elementSize));
      }
    }
    to += inner * elementSize;
    size_t d = rank > 0 ? rank - 1 : 0;
    for (;;) {
      if (d == 0) {
        return;
      }
      --d;
      from += strides[d] * elementSize;
      if (++index[d] < shape[d]) {
        break;
      }
      from -= strides[d] * shape[d] * elementSize;
      index[d] = 0;
    }
  }
}

bool isContiguous(const Shape &shape, const int64_t *strides) {
  int64_t expected = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    // The stride of a size of 1 is never used.
    if (shape[d] != 1 && strides[d] != expected) {
      return false;
    }
    expected *= shape[d];
  }
  return true;
}

} // namespace

Status attn::rt::checkArguments(const FunctionInfo &function,
                                const Arguments &arguments,
                                std::map<std::string, int64_t> *sizes) {
  if (arguments.size() != function.arguments.size()) {
    return Status::badInput("function '" + function.name + "': expected " +
                            std::to_string(function.arguments.size()) +
                            " arguments, but got " +
                            std::to_string(arguments.size()));
  }
  std::map<std::string, Binding> bindings;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ValueInfo &info = function.arguments[i];
    std::string who = describe("argument", i, info);
    if (!arguments[i]) {
      return Status::badInput(who + ": no value given");
    }
    const Tensor &tensor = *arguments[i];
    if (tensor.dtype() != info.dtype) {
      return Status::badInput(who + ": expected dtype " + nameOf(info.dtype) +
                              ", but got " + nameOf(tensor.dtype()));
    }
    if (tensor.shape().size() != info.shape.size()) {
      return Status::badInput(who + ": expected rank " +
                              std::to_string(info.shape.size()) + ", but got " +
                              std::to_string(tensor.rank()) + " (" +
                              toString(tensor.shape()) + ")");
    }
    std::string wrong = bindSizes(info, who, tensor.shape().data(), bindings);
    if (!wrong.empty()) {
      return Status::badInput(wrong);
    }
  }
  if (sizes) {
    sizes->clear();
    for (const auto &[name, binding] : bindings) {
      (*sizes)[name] = binding.size;
    }
  }
  return Status::success();
}

struct Invocation::State {
  using Words = std::vector<int64_t>;

  ~State() { (void)takeOwners(); }
  std::map<void *, Tensor> takeOwners();

  void (*entry)(void **) = nullptr;
  const FunctionInfo *function = nullptr;
  Arguments arguments;
  std::map<std::string, int64_t> sizes;
  std::vector<Words> argumentSlots;
  std::vector<Words> resultSlots;
  std::vector<void *> pointers;
  bool pendingResults = false;
};

/// The buffers of the pending results by their `allocated` pointer: those of
/// arguments are shared, the others now owned, each once. Dropping the map
/// releases what nobody took.
std::map<void *, Tensor> Invocation::State::takeOwners() {
  std::map<void *, Tensor> owners;
  if (!pendingResults) {
    return owners;
  }
  pendingResults = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    void *allocated = pointerIn(argumentSlots[i][kAllocated]);
    if (function->arguments[i].kind == ValueKind::kTensor && allocated) {
      owners.try_emplace(allocated, arguments[i]->share());
    }
  }
  for (size_t i = 0; i < resultSlots.size(); ++i) {
    void *allocated = pointerIn(resultSlots[i][kAllocated]);
    if (function->results[i].kind == ValueKind::kTensor && allocated &&
        reinterpret_cast<uintptr_t>(allocated) != kConstantMarker &&
        owners.find(allocated) == owners.end()) {
      owners.try_emplace(allocated,
                         Tensor::adopt(DType::kI8, {0}, allocated, allocated));
    }
  }
  return owners;
}

Invocation::Invocation(std::unique_ptr<State> state)
    : state(std::move(state)) {}
Invocation::Invocation(Invocation &&) noexcept = default;
Invocation &Invocation::operator=(Invocation &&) noexcept = default;
Invocation::~Invocation() = default;

Result<Invocation> Invocation::create(const Library &library,
                                      const FunctionInfo &function,
                                      const Arguments &arguments) {
  auto state = std::make_unique<State>();
  Status status = checkArguments(function, arguments, &state->sizes);
  if (!status.ok()) {
    return status;
  }
  Result<void *> symbol = library.symbol(function.symbol);
  if (!symbol) {
    return symbol.status();
  }
  state->entry = reinterpret_cast<void (*)(void **)>(*symbol);
  state->function = &function;
  state->arguments = arguments;

  for (size_t i = 0; i < arguments.size(); ++i) {
    Tensor &tensor = *arguments[i];
    State::Words words;
    if (function.arguments[i].kind == ValueKind::kScalar) {
      words.assign(1, 0);
      std::memcpy(words.data(), tensor.data(),
                  static_cast<size_t>(sizeOf(tensor.dtype())));
    } else {
      size_t rank = tensor.shape().size();
      words.assign(kSizes + 2 * rank, 0);
      words[kAllocated] = wordOf(tensor.storage());
      words[kAligned] = wordOf(tensor.data());
      int64_t stride = 1;
      for (size_t d = rank; d-- > 0;) {
        words[kSizes + d] = tensor.shape()[d];
        words[kSizes + rank + d] = stride;
        // Sizes of 0 must not make the outer strides 0.
        stride *= std::max<int64_t>(tensor.shape()[d], 1);
      }
    }
    state->argumentSlots.push_back(std::move(words));
  }
  for (const ValueInfo &result : function.results) {
    state->resultSlots.emplace_back(kSizes + 2 * result.shape.size(), 0);
  }
  for (State::Words &words : state->argumentSlots) {
    state->pointers.push_back(words.data());
  }
  for (State::Words &words : state->resultSlots) {
    state->pointers.push_back(words.data());
  }
  return Invocation(std::move(state));
}

void Invocation::run() {
  (void)state->takeOwners();
  state->entry(state->pointers.data());
  state->pendingResults = true;
}

Result<std::vector<Tensor>> Invocation::takeResults() {
  const FunctionInfo &function = *state->function;
  if (!state->pendingResults) {
    return Status::usage("function '" + function.name +
                         "' has no results to take");
  }
  // Before anything can fail.
  std::map<void *, Tensor> owners = state->takeOwners();

  std::map<std::string, Binding> bindings;
  for (const auto &[name, size] : state->sizes) {
    bindings.try_emplace(name, Binding{size, "the arguments"});
  }
  std::vector<Tensor> results;
  for (size_t i = 0; i < function.results.size(); ++i) {
    const ValueInfo &info = function.results[i];
    const State::Words &words = state->resultSlots[i];
    if (info.kind == ValueKind::kScalar) {
      Result<Tensor> scalar = Tensor::create(info.dtype, {});
      if (!scalar) {
        return scalar.status();
      }
      std::memcpy(scalar->data(), words.data(),
                  static_cast<size_t>(sizeOf(info.dtype)));
      results.push_back(std::move(*scalar));
      continue;
    }
    size_t rank = info.shape.size();
    const int64_t *sizes = words.data() + kSizes;
    const int64_t *strides = sizes + rank;
    Shape shape(sizes, sizes + rank);
    std::string who = describe("result", i, info);
    Result<int64_t> count = countElements(shape);
    std::string wrong = count ? bindSizes(info, who, sizes, bindings)
                              : who + ": " + count.message();
    if (wrong.empty() && *count > 0 && words[kAligned] == 0) {
      wrong = who + ": no buffer";
    }
    if (!wrong.empty()) {
      return Status::runtime("function '" + function.name + "': " + wrong);
    }

    int64_t elementSize = sizeOf(info.dtype);
    char *data = static_cast<char *>(pointerIn(words[kAligned])) +
                 words[kOffset] * elementSize;
    auto owner = owners.find(pointerIn(words[kAllocated]));
    if (*count > 0 && owner != owners.end() && isContiguous(shape, strides)) {
      results.push_back(
          Tensor::view(owner->second, info.dtype, std::move(shape), data));
      continue;
    }
    Result<Tensor> copy = Tensor::create(info.dtype, shape);
    if (!copy) {
      return copy.status();
    }
    if (*count > 0) {
      compact(data, shape, strides, elementSize, copy->dataAs<char>());
    }
    results.push_back(std::move(*copy));
  }
  return results;
}

Result<std::vector<Tensor>> attn::rt::call(const Library &library,
                                           const FunctionInfo &function,
                                           const Arguments &arguments) {
  Result<Invocation> invocation =
      Invocation::create(library, function, arguments);
  if (!invocation) {
    return invocation.status();
  }
  invocation->run();
  return invocation->takeResults();
}
