//===- Problem.cpp - the data of a case, and what is right ----------------===//

#include "Problem.h"
#include "MaskRegion.h"

#include "attn/Reference/ErrorRule.h"

#include <cmath>
#include <limits>

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

Tensor makeTensor(DType type, rt::Shape shape) {
  // Tests are small; what does not fit in memory is a bug of the generator.
  return *rt::Tensor::create(type, std::move(shape));
}

Tensor randomTensor(DType type, rt::Shape shape, uint64_t seed,
                    uint64_t stream) {
  Tensor tensor = makeTensor(type, std::move(shape));
  rt::fillRandom(tensor, seed, stream);
  return tensor;
}

Tensor integers(const std::vector<int64_t> &values) {
  Tensor tensor =
      makeTensor(DType::kI32, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.set(static_cast<int64_t>(i), static_cast<double>(values[i]));
  }
  return tensor;
}

/// 0, and the sums of the first entries.
std::vector<int64_t> starts(const std::vector<int64_t> &lengths) {
  std::vector<int64_t> sums = {0};
  for (int64_t length : lengths) {
    sums.push_back(sums.back() + length);
  }
  return sums;
}

rt::Shape rowsShape(const Case &c, const std::vector<int64_t> &lengths,
                    int64_t heads, int64_t size) {
  auto batch = static_cast<int64_t>(lengths.size());
  // The length that an empty batch has in the module.
  int64_t each = lengths.empty() ? 4 : lengths.front();
  switch (c.layout) {
  case Layout::kBhsd:
    return {batch, heads, each, size};
  case Layout::kBshd:
    return {batch, each, heads, size};
  case Layout::kThd:
    return {starts(lengths).back(), heads, size};
  }
  return {};
}

/// Where row (b, h, s) of a tensor with `heads` heads starts, in rows.
int64_t rowIndex(const Case &c, const std::vector<int64_t> &lengths,
                 int64_t heads, size_t b, int64_t h, int64_t s) {
  auto batch = static_cast<int64_t>(b);
  switch (c.layout) {
  case Layout::kBhsd:
    return (batch * heads + h) * lengths[b] + s;
  case Layout::kBshd:
    return (batch * lengths[b] + s) * heads + h;
  case Layout::kThd:
    return (starts(lengths)[b] + s) * heads + h;
  }
  return 0;
}

/// Writes NaN to the rows of k and v that no query sees, or to those behind the
/// keys in use alone.
void poison(const Case &c, Data &data) {
  std::vector<int64_t> inUse = c.keysInUse(data.lengths);
  std::vector<int64_t> offsets = c.offsetsAt(data.lengths);
  ref::MaskFn visible = visibleOf(c, data.lengths);
  for (size_t b = 0; b < inUse.size(); ++b) {
    for (int64_t key = 0; key < data.lengths.keys[b]; ++key) {
      bool seen = c.poison == Poison::kLengths && key < inUse[b];
      for (int64_t i = 0;
           key < inUse[b] && i < data.lengths.queries[b] && !seen; ++i) {
        for (int64_t h = 0; h < c.heads && !seen; ++h) {
          ref::Point point{static_cast<int64_t>(b), h, i + offsets[b], key, i};
          seen = !visible || visible(point);
        }
      }
      if (seen) {
        continue;
      }
      for (int64_t h = 0; h < c.keyHeads; ++h) {
        int64_t row = rowIndex(c, data.lengths.keys, c.keyHeads, b, h, key);
        for (Tensor *tensor : {&data.k, &data.v}) {
          int64_t size = tensor->shape().back();
          for (int64_t d = 0; d < size; ++d) {
            tensor->set(row * size + d, kNaN);
          }
        }
      }
    }
  }
}

/// Copies `part` to `whole` at `start` of dimension `dim`.
void place(const Tensor &part, Tensor &whole, size_t dim, int64_t start) {
  int64_t outer = 1, inner = 1;
  for (size_t d = 0; d < part.shape().size(); ++d) {
    (d < dim ? outer : inner) *= d == dim ? 1 : part.shape()[d];
  }
  int64_t from = part.shape()[dim], to = whole.shape()[dim];
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t n = 0; n < from * inner; ++n) {
      whole.set((o * to + start) * inner + n, part.get(o * from * inner + n));
    }
  }
}

Tensor packed(const Case &c, const Data &data) {
  bool byHeads = c.inputs == Inputs::kPackedHeads;
  size_t dim = !byHeads                    ? data.q.shape().size() - 1
               : c.layout == Layout::kBshd ? 2
                                           : 1;
  rt::Shape shape = data.q.shape();
  shape[dim] += data.k.shape()[dim] + data.v.shape()[dim];
  Tensor all = makeTensor(c.dtype, shape);
  int64_t start = 0;
  for (const Tensor *part : {&data.q, &data.k, &data.v}) {
    place(*part, all, dim, start);
    start += part->shape()[dim];
  }
  return all;
}

/// Of results of `type`.
ref::Precision precisionOf(const Case &c, DType type) {
  switch (type) {
  case DType::kF64:
    return ref::Precision::kF64;
  case DType::kF16:
    return ref::Precision::kF16;
  case DType::kBF16:
    return ref::Precision::kBF16;
  default:
    return c.tf32 ? ref::Precision::kTF32 : ref::Precision::kF32;
  }
}

/// The score region in arithmetic of T: the definition in double, the plain
/// form in the type that the region computes in.
template <typename T>
ref::ScoreFn scoreOf(const Case &c, const Data &data,
                     const std::vector<double> &read) {
  const rt::Shape &shape = data.captured.shape();
  int64_t shift = captureShift(c);
  auto at = [&read](int64_t index) {
    return static_cast<T>(read[static_cast<size_t>(index)]);
  };
  auto capped = [](double x, T cap) {
    return std::tanh(static_cast<T>(x) / cap) * cap;
  };
  switch (c.score) {
  case Score::kNone:
    return nullptr;
  case Score::kSoftCap:
    return [=](double x, const ref::Point &) { return capped(x, T(2.5)); };
  case Score::kSoftCapRead:
    return [=](double x, const ref::Point &) { return capped(x, at(0)); };
  case Score::kAlibi:
    return [=](double x, const ref::Point &p) {
      T bias = at(p.h) * static_cast<T>(p.q - p.k);
      return static_cast<T>(x) - bias;
    };
  case Score::kBias:
    return [=](double x, const ref::Point &p) {
      return static_cast<T>(x) +
             at((p.h * shape[1] + p.q + shift) * shape[2] + p.k);
    };
  case Score::kKeyBias:
    return [=](double x, const ref::Point &p) {
      return static_cast<T>(x) + at((p.b * shape[1] + p.h) * shape[3] + p.k);
    };
  case Score::kRelative:
  case Score::kBandBias:
    return [=](double x, const ref::Point &p) {
      return static_cast<T>(x) + at(p.h * shape[1] + p.k - p.q + shift);
    };
  case Score::kPoint:
    return [](double x, const ref::Point &p) {
      T y = T(0.25) * (static_cast<T>(x) + static_cast<T>(p.b * p.h));
      return y + T(0.015625) * static_cast<T>(p.k - p.q);
    };
  case Score::kBranch:
    return [](double x, const ref::Point &) {
      return x > 0 ? std::atan(static_cast<T>(x)) : static_cast<T>(x);
    };
  }
  return nullptr;
}

/// The lse of the reference, [B, S, H] or [T, H] where its out is, with heads
/// before positions.
std::vector<double> headsFirst(const Case &c,
                               const ref::AttentionResult &from) {
  const auto &shape = from.lseShape;
  if (c.layout == Layout::kBhsd) {
    return from.lse;
  }
  size_t rank = shape.size();
  int64_t batch = rank == 3 ? shape[0] : 1;
  int64_t length = shape[rank - 2], heads = shape[rank - 1];
  std::vector<double> values;
  values.reserve(from.lse.size());
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t s = 0; s < length; ++s) {
        values.push_back(
            from.lse[static_cast<size_t>((b * length + s) * heads + h)]);
      }
    }
  }
  return values;
}

} // namespace

Data attn::sweep::makeData(const Case &c, const Lengths &lengths) {
  Data data;
  data.lengths = lengths;
  data.q = randomTensor(c.dtype, rowsShape(c, lengths.queries, c.heads, c.size),
                        c.seed, 0);
  data.k = randomTensor(c.dtype, rowsShape(c, lengths.keys, c.keyHeads, c.size),
                        c.seed, 1);
  data.v = randomTensor(
      c.dtype, rowsShape(c, lengths.keys, c.keyHeads, c.valueSize), c.seed, 2);
  if (c.inputs == Inputs::kValueInKey) {
    int64_t count = data.v.numElements() / std::max<int64_t>(c.valueSize, 1);
    for (int64_t n = 0; n < count; ++n) {
      for (int64_t d = 0; d < c.valueSize; ++d) {
        data.v.set(n * c.valueSize + d, data.k.get(n * c.size + d));
      }
    }
  }
  poison(c, data);
  data.kvLens = c.kvLengthsAt(lengths);
  if (c.sinks != Sinks::kNone) {
    Tensor sinks = randomTensor(DType::kF32, {c.heads}, c.seed, 3);
    data.sinks = sinks.toDoubles();
    for (size_t h = 0; h < data.sinks.size(); ++h) {
      if (c.sinks == Sinks::kInfinite && h % 2 == 0) {
        data.sinks[h] = -kInf;
      }
    }
  }
  if (std::optional<MaskRegion> region = maskRegionOf(c, lengths);
      region && !region->shape.empty()) {
    data.masked = makeTensor(DType::kI32, region->shape);
    for (size_t n = 0; n < region->values.size(); ++n) {
      data.masked.set(static_cast<int64_t>(n),
                      static_cast<double>(region->values[n]));
    }
  }
  if (std::optional<Captured> captured = capturedOf(c, lengths)) {
    data.captured = randomTensor(captured->dtype, captured->shape, c.seed, 4);
    if (c.score == Score::kSoftCapRead) {
      data.captured.set(0, 3.0);
    }
  }
  return data;
}

Pages attn::sweep::makePages(const Case &c, const Data &data) {
  std::vector<int64_t> inUse = c.keysInUse(data.lengths);
  auto batch = static_cast<int64_t>(inUse.size());
  auto used = [&](int64_t b) {
    return (inUse[static_cast<size_t>(b)] + c.pageSize - 1) / c.pageSize;
  };
  int64_t columns = 1; // one behind the longest sequence
  for (int64_t b = 0; b < batch; ++b) {
    columns = std::max(columns, used(b) + 1);
  }
  std::vector<int64_t> order(static_cast<size_t>(batch * columns + 2));
  Random random(c.pageSeed);
  for (size_t n = 0; n < order.size(); ++n) {
    auto other = static_cast<size_t>(random.below(static_cast<int64_t>(n) + 1));
    order[n] = order[other];
    order[other] = static_cast<int64_t>(n);
  }
  auto pool = [&](int64_t size) {
    auto pages = static_cast<int64_t>(order.size());
    Tensor made = makeTensor(
        c.dtype, c.nhd ? rt::Shape{pages, c.pageSize, c.keyHeads, size}
                       : rt::Shape{pages, c.keyHeads, c.pageSize, size});
    for (int64_t n = 0; n < made.numElements(); ++n) {
      made.set(n, kNaN);
    }
    return made;
  };
  Pages pages = {makeTensor(DType::kI32, {batch, columns}), pool(c.size),
                 pool(c.valueSize)};
  const std::vector<double> garbage = {-1, 2147483647, -2147483648.0, 1e6};
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t n = 0; n < columns; ++n) {
      int64_t page = order[static_cast<size_t>(b * columns + n)];
      pages.tables.set(b * columns + n,
                       n < used(b) ? double(page) : random.pick(garbage));
    }
    for (int64_t key = 0; key < inUse[static_cast<size_t>(b)]; ++key) {
      int64_t page = order[static_cast<size_t>(b * columns + key / c.pageSize)];
      int64_t slot = key % c.pageSize;
      for (int64_t h = 0; h < c.keyHeads; ++h) {
        int64_t from = rowIndex(c, data.lengths.keys, c.keyHeads,
                                static_cast<size_t>(b), h, key);
        int64_t to = c.nhd ? (page * c.pageSize + slot) * c.keyHeads + h
                           : (page * c.keyHeads + h) * c.pageSize + slot;
        for (auto [source, dest] :
             {std::pair<const Tensor *, Tensor *>(&data.k, &pages.k),
              {&data.v, &pages.v}}) {
          int64_t size = source->shape().back();
          for (int64_t d = 0; d < size; ++d) {
            dest->set(to * size + d, source->get(from * size + d));
          }
        }
      }
    }
  }
  return pages;
}

Launch::Launch(const Case &c, const Data &data) : c(c) {
  tensors["q"] = data.q.share();
  tensors["k"] = data.k.share();
  tensors["v"] = data.v.share();
  if (c.inputs == Inputs::kPackedHeads || c.inputs == Inputs::kPackedSizes) {
    tensors["qkv"] = packed(c, data);
  }
  if (c.offset) {
    tensors["offset"] = *Tensor::scalarInt(DType::kI64, *c.offset);
  }
  tensors["kv_lens"] = integers(data.kvLens);
  if (c.paged()) {
    Pages pages = makePages(c, data);
    tensors["k"] = std::move(pages.k);
    tensors["v"] = std::move(pages.v);
    tensors["tables"] = std::move(pages.tables);
    tensors["kv_lens"] = integers(c.keysInUse(data.lengths));
  }
  tensors["cu_q"] = integers(starts(data.lengths.queries));
  tensors["cu_k"] = integers(starts(data.lengths.keys));
  tensors["sink"] = *Tensor::fromValues(
      c.accumulator(), {static_cast<int64_t>(data.sinks.size())}, data.sinks);
  tensors["captured"] = data.captured.share();
  tensors["masked"] = data.masked.share();
  // What outputs hold before must not matter.
  rt::Shape outShape = rowsShape(c, data.lengths.queries, c.heads, c.valueSize);
  rt::Shape lseShape =
      c.ragged() ? rt::Shape{c.heads, outShape[0]}
                 : rt::Shape{outShape[0], c.heads,
                             outShape[c.layout == Layout::kBhsd ? 2 : 1]};
  tensors["out"] = makeTensor(c.outType, outShape);
  tensors["lse"] = makeTensor(c.accumulator(), lseShape);
  for (const char *name : {"out", "lse"}) {
    for (int64_t n = 0; n < tensors[name].numElements(); ++n) {
      tensors[name].set(n, kNaN);
    }
  }
}

rt::Result<rt::Arguments> Launch::arguments(const rt::FunctionInfo &function) {
  rt::Arguments arguments;
  for (const rt::ValueInfo &info : function.arguments) {
    auto found = tensors.find(info.name);
    if (found == tensors.end()) {
      return rt::Status::badInput("the module has an unknown argument '" +
                                  info.name + "'");
    }
    arguments.push_back(&found->second);
  }
  return arguments;
}

rt::Result<Values> Launch::values(const std::vector<Tensor> &results) const {
  bool memref = c.outs == Outs::kMemref;
  if (results.size() != (memref ? 0u : c.lse ? 2u : 1u)) {
    return rt::Status::badInput("unexpected number of results: " +
                                std::to_string(results.size()));
  }
  Values values;
  values.out = (memref ? tensors.at("out") : results[0]).toDoubles();
  if (c.lse) {
    values.lse = (memref ? tensors.at("lse") : results[1]).toDoubles();
  }
  return values;
}

std::string attn::sweep::compare(const Case &c, const Data &data,
                                 const Values &values) {
  std::vector<double> q = data.q.toDoubles(), k = data.k.toDoubles(),
                      v = data.v.toDoubles(), read = data.captured.toDoubles();
  if (c.tf32) {
    for (std::vector<double> *operand : {&q, &k, &v}) {
      for (double &x : *operand) {
        x = ref::roundTo(ref::Precision::kTF32, x);
      }
    }
  }
  ref::AttentionProblem problem;
  problem.q = ref::View::contiguous(q.data(), data.q.shape());
  problem.k = ref::View::contiguous(k.data(), data.k.shape());
  problem.v = ref::View::contiguous(v.data(), data.v.shape());
  problem.layout = c.layout;
  if (c.ragged()) {
    problem.cuSeqlensQ = starts(data.lengths.queries);
    problem.cuSeqlensK = starts(data.lengths.keys);
  }
  if (c.kvLens != KvLens::kNone) {
    problem.kvLengths = c.keysInUse(data.lengths);
  }
  if (c.offset) {
    problem.offsets = {*c.offset};
  }
  problem.scale = c.scale;
  problem.mask = visibleOf(c, data.lengths);
  problem.score = scoreOf<double>(c, data, read);
  problem.sinks = data.sinks;
  ref::AttentionResult exact = ref::attention(problem);
  if (!exact.ok()) {
    return "reference: " + exact.error;
  }
  if (c.dtype != DType::kF64) {
    problem.score = scoreOf<float>(c, data, read);
  }
  ref::AttentionResult plain =
      ref::plainAttention(problem, precisionOf(c, c.dtype));
  if (exact.out.size() != values.out.size()) {
    return "out has " + std::to_string(values.out.size()) +
           " elements, expected " + std::to_string(exact.out.size());
  }
  ref::ErrorReport report = ref::checkError(exact.out, plain.out, values.out,
                                            precisionOf(c, c.outType));
  if (!report.ok) {
    return "out: " + report.text + " at " +
           ref::indexText(report.worst, exact.outShape);
  }
  if (!c.lse) {
    return "";
  }
  std::vector<double> exactLse = headsFirst(c, exact);
  if (exactLse.size() != values.lse.size()) {
    return "lse has " + std::to_string(values.lse.size()) +
           " elements, expected " + std::to_string(exactLse.size());
  }
  // An lse is a logarithm: its rounding is that of the sum, relative, so of 1
  // and not of an lse that happens to be near 0.
  std::vector<double> plainLse = headsFirst(c, plain), lse = values.lse;
  for (std::vector<double> *with : {&exactLse, &plainLse, &lse}) {
    with->resize(2 * with->size(), 1.0);
  }
  report =
      ref::checkError(exactLse, plainLse, lse, precisionOf(c, c.accumulator()));
  if (!report.ok) {
    return "lse: " + report.text + " at element " +
           std::to_string(report.worst);
  }
  return "";
}

std::string attn::sweep::checkLaunches(const Case &c, const Call &call) {
  for (const Lengths &lengths : c.launches) {
    Data data = makeData(c, lengths);
    Launch launch(c, data);
    rt::Result<Values> values = call(launch);
    std::string error = values ? compare(c, data, *values) : values.message();
    if (error.empty()) {
      continue;
    }
    std::string sizes;
    for (size_t b = 0; b < lengths.keys.size(); ++b) {
      sizes += " " + std::to_string(lengths.queries[b]) + "x" +
               std::to_string(lengths.keys[b]);
    }
    for (int64_t length : data.kvLens) {
      sizes += " kv " + std::to_string(length);
    }
    return explainFailure(c, error + "\nlengths (queries x keys):" + sizes);
  }
  return "";
}

std::string attn::sweep::explainFailure(const Case &c,
                                        const std::string &what) {
  return what + "\n" + c.describe() + "\n" + moduleText(c);
}
