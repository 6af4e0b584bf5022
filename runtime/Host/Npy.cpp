//===- Npy.cpp - NumPy array files ----------------------------------------===//
// The header is a Python dict literal; this parser takes exactly the three keys
// of the format, in any order.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/Npy.h"
#include "ByteSource.h"
#include "attn/Runtime/File.h"

#include <cstring>

using namespace attn::rt;

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr int64_t kMaxHeader = int64_t(1) << 20;
constexpr size_t kMaxRank = 64;

struct Header {
  std::string descr;
  bool fortranOrder = false;
  Shape shape;
};

class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  /// Empty on success, else what is wrong.
  std::string parse(Header &header) {
    bool seen[3] = {};
    if (!take('{')) {
      return "expected '{'";
    }
    while (!take('}')) {
      std::string key;
      if (!takeString(key) || !take(':')) {
        return "expected a key";
      }
      int which = key == "descr"           ? 0
                  : key == "fortran_order" ? 1
                  : key == "shape"         ? 2
                                           : -1;
      if (which < 0 || seen[which]) {
        return (which < 0 ? "unknown key '" : "duplicate key '") + key + "'";
      }
      seen[which] = true;
      bool good = which == 0   ? takeString(header.descr)
                  : which == 1 ? takeBool(header.fortranOrder)
                               : takeShape(header.shape);
      if (!good) {
        return which == 0 ? "the dtype is structured or malformed"
                          : "malformed '" + key + "'";
      }
      if (!take(',')) {
        if (!take('}')) {
          return "expected '}'";
        }
        break;
      }
    }
    skipSpace();
    if (!text.empty()) {
      return "text after the dictionary";
    }
    return seen[0] && seen[1] && seen[2] ? "" : "a key is missing";
  }

private:
  void skipSpace() {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\n' ||
                             text[0] == '\t' || text[0] == '\r')) {
      text.remove_prefix(1);
    }
  }

  bool take(char c) {
    skipSpace();
    if (text.empty() || text[0] != c) {
      return false;
    }
    text.remove_prefix(1);
    return true;
  }

  bool takeWord(std::string_view word) {
    skipSpace();
    if (text.substr(0, word.size()) != word) {
      return false;
    }
    text.remove_prefix(word.size());
    return true;
  }

  bool takeString(std::string &value) {
    char quote = take('\'') ? '\'' : take('"') ? '"' : '\0';
    size_t end = quote ? text.find(quote) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return false;
    }
    value = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
  }

  bool takeBool(bool &value) {
    value = takeWord("True");
    return value || takeWord("False");
  }

  bool takeSize(int64_t &value) {
    skipSpace();
    size_t digits = 0;
    value = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text[digits] - '0', &value)) {
        return false;
      }
      ++digits;
    }
    text.remove_prefix(digits);
    // Python 2 wrote long integers with a suffix.
    if (digits > 0 && !text.empty() && text[0] == 'L') {
      text.remove_prefix(1);
    }
    return digits > 0;
  }

  bool takeShape(Shape &shape) {
    if (!take('(')) {
      return false;
    }
    while (!take(')')) {
      int64_t size;
      if (shape.size() == kMaxRank || !takeSize(size)) {
        return false;
      }
      shape.push_back(size);
      if (!take(',')) {
        return take(')');
      }
    }
    return true;
  }

  std::string_view text;
};

/// Empty on success, else what is wrong.
std::string decodeType(const std::string &descr, std::optional<DType> expected,
                       DType &type) {
  std::string_view kind = descr;
  char order = '=';
  if (!kind.empty() && std::strchr("<>=|", kind[0])) {
    order = kind[0];
    kind.remove_prefix(1);
  }
  static constexpr struct {
    const char *code;
    DType type;
  } kCodes[] = {
      {"f8", DType::kF64}, {"f4", DType::kF32}, {"f2", DType::kF16},
      {"i8", DType::kI64}, {"i4", DType::kI32}, {"i2", DType::kI16},
      {"i1", DType::kI8},  {"u1", DType::kU8},  {"b1", DType::kI1},
  };
  bool known = false;
  for (const auto &entry : kCodes) {
    if (kind == entry.code) {
      type = entry.type;
      known = true;
    }
  }
  if (!known && (kind == "V2" || kind == "u2")) {
    if (expected != DType::kBF16) {
      return "dtype '" + descr +
             "' is read as bf16 only where bf16 is expected";
    }
    type = DType::kBF16;
    known = true;
  }
  bool isFloat8 = expected == DType::kF8E4M3FN || expected == DType::kF8E5M2;
  if (isFloat8 && (kind == "V1" || kind == "u1")) {
    type = *expected;
    known = true;
  }
  if (!known) {
    return "dtype '" + descr + "' is not supported";
  }
  if (order == '>' && sizeOf(type) > 1) {
    return "big-endian dtype '" + descr + "' is not supported";
  }
  return "";
}

const char *descrOf(DType type) {
  switch (type) {
  case DType::kF64:
    return "<f8";
  case DType::kF32:
    return "<f4";
  case DType::kF16:
    return "<f2";
  case DType::kBF16:
    return "<V2";
  case DType::kI64:
    return "<i8";
  case DType::kI32:
    return "<i4";
  case DType::kI16:
    return "<i2";
  case DType::kI8:
    return "|i1";
  case DType::kU8:
    return "|u1";
  case DType::kF8E4M3FN:
  case DType::kF8E5M2:
    return "|V1";
  case DType::kI1:
    break;
  }
  return "|b1";
}

/// `from` holds the elements of `to` in column-major order.
void transposeFromFortran(const Tensor &from, Tensor &to) {
  const Shape &shape = to.shape();
  size_t rank = shape.size();
  auto size = static_cast<size_t>(sizeOf(to.dtype()));
  Shape strides(rank, 1);
  for (size_t d = 1; d < rank; ++d) {
    strides[d] = strides[d - 1] * shape[d - 1];
  }
  Shape index(rank, 0);
  int64_t source = 0;
  const char *fromBytes = from.dataAs<char>();
  char *toBytes = to.dataAs<char>();
  for (int64_t i = 0; i < to.numElements(); ++i) {
    std::memcpy(toBytes + static_cast<size_t>(i) * size,
                fromBytes + static_cast<size_t>(source) * size, size);
    for (size_t d = rank; d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d]) {
        break;
      }
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

Result<Tensor> decode(const ByteSource &source, std::optional<DType> expected) {
  unsigned char start[12] = {};
  Status status = source.read(0, start, 10, "header");
  if (!status.ok()) {
    return status;
  }
  if (std::memcmp(start, kMagic.data(), kMagic.size()) != 0) {
    return source.error("not a .npy file");
  }
  int version = start[6];
  if (version < 1 || version > 3) {
    return source.error("format version " + std::to_string(version) +
                        " is not supported");
  }
  int64_t headerAt = version == 1 ? 10 : 12;
  status = source.read(0, start, headerAt, "header");
  if (!status.ok()) {
    return status;
  }
  int64_t headerBytes = start[8] | start[9] << 8;
  if (version > 1) {
    headerBytes |= int64_t(start[10]) << 16 | int64_t(start[11]) << 24;
  }
  if (headerBytes > kMaxHeader) {
    return source.error("header of " + std::to_string(headerBytes) +
                        " bytes is too large");
  }
  std::string text(static_cast<size_t>(headerBytes), '\0');
  status = source.read(headerAt, text.data(), headerBytes, "header");
  if (!status.ok()) {
    return status;
  }
  Header header;
  DType type = DType::kF32;
  std::string wrong = HeaderParser(text).parse(header);
  if (!wrong.empty()) {
    return source.error("malformed header: " + wrong);
  }
  wrong = decodeType(header.descr, expected, type);
  if (!wrong.empty()) {
    return source.error(wrong);
  }

  // Compare with the size of the file before memory is spent on a claim.
  Result<int64_t> bytes = countBytes(type, header.shape);
  if (!bytes) {
    return bytes.status().withContext("'" + source.name() + "'");
  }
  int64_t dataAt = headerAt + headerBytes;
  int64_t present = source.size() - dataAt;
  if (*bytes != present) {
    return source.error(
        std::string(*bytes > present ? "truncated" : "trailing bytes") +
        ": shape " + toString(header.shape) + " of " + nameOf(type) +
        " needs " + std::to_string(*bytes) + " bytes of data, but there are " +
        std::to_string(present));
  }
  Result<Tensor> tensor = Tensor::create(type, header.shape);
  if (!tensor) {
    return tensor;
  }
  status = source.read(dataAt, tensor->data(), *bytes, "data");
  if (!status.ok()) {
    return status;
  }
  if (type == DType::kI1) {
    auto *bools = tensor->dataAs<uint8_t>();
    for (int64_t i = 0; i < tensor->numElements(); ++i) {
      bools[i] = bools[i] != 0;
    }
  }
  if (!header.fortranOrder || header.shape.size() < 2) {
    return tensor;
  }
  Result<Tensor> ordered = Tensor::create(type, header.shape);
  if (ordered) {
    transposeFromFortran(*tensor, *ordered);
  }
  return ordered;
}

} // namespace

Result<Tensor> attn::rt::readNpy(const std::string &path,
                                 std::optional<DType> expected) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) {
    return source.status();
  }
  return decode(*source, expected);
}

Result<Tensor> attn::rt::parseNpy(std::string_view bytes,
                                  const std::string &name,
                                  std::optional<DType> expected) {
  return decode(ByteSource::memory(bytes, name), expected);
}

Status attn::rt::writeNpy(const std::string &path, const Tensor &tensor) {
  std::string dict = std::string("{'descr': '") + descrOf(tensor.dtype()) +
                     "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape()) {
    dict += std::to_string(size) + ",";
    dict += tensor.rank() > 1 ? " " : "";
  }
  dict += "), }";
  // The data starts at a multiple of 64, after a newline.
  constexpr size_t kPrefix = 10;
  size_t total = (kPrefix + dict.size() + 1 + 63) / 64 * 64;
  dict.append(total - kPrefix - dict.size() - 1, ' ');
  dict += '\n';
  if (dict.size() > 0xffff) {
    return Status::usage("cannot write '" + path +
                         "': a shape of that rank does not fit in the header");
  }
  std::string header(kMagic);
  header += '\1';
  header += '\0';
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  header += dict;
  std::string_view data(tensor.dataAs<char>(),
                        static_cast<size_t>(tensor.numBytes()));
  return writeFileAtomically(path, {header, data});
}
