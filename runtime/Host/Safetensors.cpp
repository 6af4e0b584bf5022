//===- Safetensors.cpp - named tensors in one file ------------------------===//

#include "attn/Runtime/Safetensors.h"
#include "ByteSource.h"
#include "Json.h"
#include "attn/Runtime/File.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>

using namespace attn::rt;

namespace {

/// The limit of the format's own library.
constexpr int64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxRank = 64;
constexpr const char *kMetadata = "__metadata__";

constexpr struct {
  const char *name;
  DType type;
} kNames[] = {
    {"F64", DType::kF64},
    {"F32", DType::kF32},
    {"F16", DType::kF16},
    {"BF16", DType::kBF16},
    {"I64", DType::kI64},
    {"I32", DType::kI32},
    {"I16", DType::kI16},
    {"I8", DType::kI8},
    {"U8", DType::kU8},
    {"BOOL", DType::kI1},
    {"F8_E4M3", DType::kF8E4M3FN},
    {"F8_E5M2", DType::kF8E5M2},
};

struct Entry {
  std::string name;
  DType type = DType::kF32;
  Shape shape;
  int64_t begin = 0, end = 0;
};

/// A non-negative integer that fits in int64.
bool takeSize(const Json &value, int64_t &size) {
  if (!value.is_number_unsigned()) {
    return false;
  }
  auto number = value.get<uint64_t>();
  size = static_cast<int64_t>(number);
  return number <= static_cast<uint64_t>(INT64_MAX);
}

/// Empty on success, else what is wrong with the tensor.
std::string decodeEntry(const Json &value, Entry &entry) {
  if (!value.is_object()) {
    return "expected an object";
  }
  for (const auto &item : value.items()) {
    if (item.key() != "dtype" && item.key() != "shape" &&
        item.key() != "data_offsets") {
      return "unknown field '" + item.key() + "'";
    }
  }
  auto dtype = value.find("dtype");
  if (dtype == value.end() || !dtype->is_string()) {
    return "expected a string 'dtype'";
  }
  const auto &typeName = dtype->get_ref<const std::string &>();
  bool known = false;
  for (const auto &candidate : kNames) {
    if (typeName == candidate.name) {
      entry.type = candidate.type;
      known = true;
    }
  }
  if (!known) {
    return "dtype '" + typeName + "' is not supported";
  }
  auto shape = value.find("shape");
  if (shape == value.end() || !shape->is_array() || shape->size() > kMaxRank) {
    return "expected 'shape', an array of at most " + std::to_string(kMaxRank) +
           " sizes";
  }
  for (const Json &element : *shape) {
    int64_t size;
    if (!takeSize(element, size)) {
      return "a size in 'shape' is not a non-negative integer";
    }
    entry.shape.push_back(size);
  }
  auto offsets = value.find("data_offsets");
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2 ||
      !takeSize((*offsets)[0], entry.begin) ||
      !takeSize((*offsets)[1], entry.end) || entry.begin > entry.end) {
    return "expected 'data_offsets', two ascending integers";
  }
  Result<int64_t> bytes = countBytes(entry.type, entry.shape);
  if (!bytes) {
    return bytes.message();
  }
  if (*bytes != entry.end - entry.begin) {
    return "shape " + toString(entry.shape) + " of " + nameOf(entry.type) +
           " needs " + std::to_string(*bytes) +
           " bytes, but the offsets span " +
           std::to_string(entry.end - entry.begin);
  }
  return "";
}

Result<TensorFile> decode(const ByteSource &source) {
  unsigned char start[8];
  Status status = source.read(0, start, 8, "header length");
  if (!status.ok()) {
    return status;
  }
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) {
    length = length << 8 | start[i];
  }
  if (length > static_cast<uint64_t>(kMaxHeader)) {
    return source.error("header length " + std::to_string(length) +
                        " is too large: not a safetensors file");
  }
  auto headerBytes = static_cast<int64_t>(length);
  // Check before the memory is spent.
  if (headerBytes > source.size() - 8) {
    return source.error("truncated: expected " + std::to_string(headerBytes) +
                        " bytes of header, but the file has " +
                        std::to_string(source.size()) + " bytes");
  }
  std::string text(length, '\0');
  status = source.read(8, text.data(), headerBytes, "header");
  if (!status.ok()) {
    return status;
  }
  Result<Json> header = parseJson(text);
  if (!header) {
    return source.error("header: " + header.message());
  }
  if (!header->is_object()) {
    return source.error("header: expected an object");
  }

  TensorFile file;
  std::vector<Entry> entries;
  for (const auto &item : header->items()) {
    if (item.key() == kMetadata) {
      if (!item.value().is_object()) {
        return source.error("header: '__metadata__' is not an object");
      }
      for (const auto &pair : item.value().items()) {
        if (!pair.value().is_string()) {
          return source.error("header: metadata '" + pair.key() +
                              "' is not a string");
        }
        file.metadata[pair.key()] = pair.value().get<std::string>();
      }
      continue;
    }
    Entry entry;
    entry.name = item.key();
    std::string wrong = decodeEntry(item.value(), entry);
    if (!wrong.empty()) {
      return source.error("tensor '" + item.key() + "': " + wrong);
    }
    entries.push_back(std::move(entry));
  }

  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t dataAt = 8 + headerBytes;
  int64_t dataBytes = source.size() - dataAt;
  int64_t covered = 0;
  for (const Entry &entry : entries) {
    if (entry.begin != covered) {
      return source.error("tensor '" + entry.name + "': data " +
                          (entry.begin < covered ? "overlaps that of another "
                                                   "tensor"
                                                 : "leaves a hole") +
                          " at offset " + std::to_string(entry.begin));
    }
    covered = entry.end;
    if (covered > dataBytes) {
      return source.error("truncated: tensor '" + entry.name + "' ends at " +
                          std::to_string(covered) + ", but there are " +
                          std::to_string(dataBytes) + " bytes of data");
    }
  }
  if (covered != dataBytes) {
    return source.error(std::to_string(dataBytes - covered) +
                        " bytes of data belong to no tensor");
  }

  for (Entry &entry : entries) {
    Result<Tensor> tensor = Tensor::create(entry.type, std::move(entry.shape));
    if (!tensor) {
      return tensor.status().withContext("'" + source.name() + "': tensor '" +
                                         entry.name + "'");
    }
    status = source.read(dataAt + entry.begin, tensor->data(),
                         entry.end - entry.begin, "data");
    if (!status.ok()) {
      return status;
    }
    if (entry.type == DType::kI1) {
      auto *bools = tensor->dataAs<uint8_t>();
      for (int64_t i = 0; i < tensor->numElements(); ++i) {
        bools[i] = bools[i] != 0;
      }
    }
    file.tensors.push_back({std::move(entry.name), std::move(*tensor)});
  }
  return file;
}

} // namespace

const Tensor *TensorFile::find(std::string_view name) const {
  for (const NamedTensor &entry : tensors) {
    if (entry.name == name) {
      return &entry.tensor;
    }
  }
  return nullptr;
}

Tensor *TensorFile::find(std::string_view name) {
  return const_cast<Tensor *>(std::as_const(*this).find(name));
}

Result<TensorFile> attn::rt::readSafetensors(const std::string &path) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) {
    return source.status();
  }
  return decode(*source);
}

Result<TensorFile> attn::rt::parseSafetensors(std::string_view bytes,
                                              const std::string &name) {
  return decode(ByteSource::memory(bytes, name));
}

Status
attn::rt::writeSafetensors(const std::string &path,
                           const std::vector<NamedTensorRef> &tensors,
                           const std::map<std::string, std::string> &metadata) {
  auto fail = [&](const std::string &why) {
    return Status::usage("cannot write '" + path + "': " + why);
  };
  std::vector<const NamedTensorRef *> order;
  std::set<std::string> names;
  for (const NamedTensorRef &entry : tensors) {
    if (entry.name == kMetadata || !names.insert(entry.name).second) {
      return fail("the name '" + entry.name + "' is reserved or used twice");
    }
    order.push_back(&entry);
  }
  auto rank = [](const NamedTensorRef *entry) {
    return std::make_tuple(-sizeOf(entry->tensor->dtype()),
                           std::string_view(entry->name));
  };
  std::sort(order.begin(), order.end(),
            [&](const NamedTensorRef *a, const NamedTensorRef *b) {
              return rank(a) < rank(b);
            });

  Json header = Json::object();
  if (!metadata.empty()) {
    header[kMetadata] = metadata;
  }
  std::vector<std::string_view> pieces(2);
  int64_t offset = 0;
  for (const NamedTensorRef *entry : order) {
    const Tensor &tensor = *entry->tensor;
    int64_t end = offset + tensor.numBytes();
    const char *typeName = "";
    for (const auto &candidate : kNames) {
      if (candidate.type == tensor.dtype()) {
        typeName = candidate.name;
      }
    }
    header[entry->name] = Json{{"dtype", typeName},
                               {"shape", tensor.shape()},
                               {"data_offsets", {offset, end}}};
    pieces.emplace_back(tensor.dataAs<char>(),
                        static_cast<size_t>(tensor.numBytes()));
    offset = end;
  }
  Result<std::string> text = printJson(header);
  if (!text) {
    return fail(text.message());
  }
  text->append((8 - text->size() % 8) % 8, ' ');
  if (text->size() > static_cast<size_t>(kMaxHeader)) {
    return fail("the header is too large");
  }
  char length[8];
  for (int i = 0; i < 8; ++i) {
    length[i] = static_cast<char>(text->size() >> (8 * i));
  }
  pieces[0] = std::string_view(length, 8);
  pieces[1] = *text;
  return writeFileAtomically(path, pieces);
}
