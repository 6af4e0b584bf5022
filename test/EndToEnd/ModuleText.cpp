//===- ModuleText.cpp - print a case as an attn module --------------------===//

#include "MaskRegion.h"

#include "attn/Runtime/Manifest.h"

#include <algorithm>
#include <cstdio>

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;

namespace {

/// A size of a type: static, or `?`.
constexpr int64_t kAny = rt::kDynamic;

using Dims = std::vector<int64_t>;

std::string join(const std::vector<std::string> &parts) {
  std::string joined;
  for (const std::string &part : parts) {
    joined += (joined.empty() ? "" : ", ") + part;
  }
  return joined;
}

std::string join(const Dims &dims) {
  std::vector<std::string> parts;
  for (int64_t dim : dims) {
    parts.push_back(std::to_string(dim));
  }
  return join(parts);
}

std::string shapeText(const Dims &dims, DType element) {
  std::string text;
  for (int64_t dim : dims) {
    text += (dim == kAny ? "?" : std::to_string(dim)) + "x";
  }
  return text + rt::nameOf(element);
}

int64_t product(const Dims &dims, size_t from) {
  int64_t count = 1;
  for (size_t d = from; d < dims.size(); ++d) {
    count *= dims[d];
  }
  return count;
}

class Writer {
public:
  explicit Writer(const Case &c)
      : c(c), lengths(c.launches.front()), memref(c.outs == Outs::kMemref) {
    bool fixed = c.shapes == Shapes::kStatic;
    auto total = [&](const Dims &each) {
      int64_t sum = 0;
      for (int64_t n : each) {
        sum += n;
      }
      return c.ragged() ? sum : each.empty() ? 0 : each.front();
    };
    sequences =
        fixed ? static_cast<int64_t>(lengths.queries.size()) : int64_t(kAny);
    queries = fixed ? total(lengths.queries) : int64_t(kAny);
    keys = fixed ? total(lengths.keys) : int64_t(kAny);
    bool packed =
        c.inputs == Inputs::kPackedHeads || c.inputs == Inputs::kPackedSizes;
    bool anyHeads = c.shapes == Shapes::kDynamic && !packed;
    heads = anyHeads ? int64_t(kAny) : c.heads;
    keyHeads = anyHeads ? int64_t(kAny) : c.keyHeads;
    // An empty batch says nothing of the lengths in it.
    if (fixed && lengths.queries.empty() && !c.ragged()) {
      queries = keys = 4;
    }
  }

  std::string module();

private:
  std::string type(const Dims &dims, DType element) const {
    return (memref ? "memref<" : "tensor<") + shapeText(dims, element) + ">";
  }
  Dims rows(int64_t headCount, int64_t length, int64_t size) const {
    switch (c.layout) {
    case Layout::kBhsd:
      return {sequences, headCount, length, size};
    case Layout::kBshd:
      return {sequences, length, headCount, size};
    case Layout::kThd:
      return {length, headCount, size};
    }
    return {};
  }
  /// Of k or v: rows as those of q, or a pool of pages.
  Dims keyRows(int64_t size) const {
    if (!c.paged()) {
      return rows(keyHeads, keys, size);
    }
    return c.nhd ? Dims{kAny, c.pageSize, keyHeads, size}
                 : Dims{kAny, keyHeads, c.pageSize, size};
  }
  size_t headDim() const { return c.layout == Layout::kBshd ? 2 : 1; }

  std::string argument(const std::string &name, const std::string &type,
                       const std::string &attributes = "") {
    arguments.push_back("%" + name + ": " + type + attributes);
    return "%" + name;
  }
  void line(const std::string &text) { body += "  " + text + "\n"; }
  std::string index(int64_t value);
  std::string dimOf(const std::string &value, const std::string &type,
                    size_t dim);
  void inputs();
  std::string part(const std::string &from, const Dims &dims, size_t dim,
                   int64_t start, int64_t size, const std::string &name,
                   std::string &partType);
  void outs();
  std::string scoreRegion();
  std::string scoreBody(const std::string &type);

  const Case &c;
  const Lengths &lengths;
  bool memref;
  int64_t sequences, queries, keys, heads, keyHeads;
  std::vector<std::string> arguments;
  std::string body;
  int numValues = 0;
  std::string q, k, v, qType, kType, vType;
  std::string outNames, outTypes;
};

std::string Writer::index(int64_t value) {
  std::string name = "%c" + std::to_string(numValues++);
  line(name + " = arith.constant " + std::to_string(value) + " : index");
  return name;
}

std::string Writer::dimOf(const std::string &value, const std::string &type,
                          size_t dim) {
  std::string at = index(static_cast<int64_t>(dim));
  std::string name = "%n" + std::to_string(numValues++);
  line(name + " = " + (memref ? "memref" : "tensor") + ".dim " + value + ", " +
       at + " : " + type);
  return name;
}

// `size` of dimension `dim` of `from`, from `start` on.
std::string Writer::part(const std::string &from, const Dims &dims, size_t dim,
                         int64_t start, int64_t size, const std::string &name,
                         std::string &partType) {
  std::vector<std::string> sizes;
  Dims offsets(dims.size(), 0), ones(dims.size(), 1), partDims = dims;
  offsets[dim] = start;
  partDims[dim] = size;
  std::string fromType = type(dims, c.dtype);
  for (size_t d = 0; d < dims.size(); ++d) {
    sizes.push_back(partDims[d] == kAny ? dimOf(from, fromType, d)
                                        : std::to_string(partDims[d]));
  }
  if (memref) {
    Dims strides;
    for (size_t d = 0; d < dims.size(); ++d) {
      strides.push_back(product(dims, d + 1));
    }
    partType = "memref<" + shapeText(partDims, c.dtype) + ", strided<[" +
               join(strides) + "]";
    if (start != 0) {
      partType += ", offset: " + std::to_string(start * strides[dim]);
    }
    partType += ">>";
  } else {
    partType = type(partDims, c.dtype);
  }
  line("%" + name + " = " +
       (memref ? "memref.subview " : "tensor.extract_slice ") + from + "[" +
       join(offsets) + "] [" + join(sizes) + "] [" + join(ones) +
       "] : " + fromType + " to " + partType);
  return "%" + name;
}

void Writer::inputs() {
  switch (c.inputs) {
  case Inputs::kSeparate: {
    qType = type(rows(heads, queries, c.size), c.dtype);
    kType = type(keyRows(c.size), c.dtype);
    vType = type(keyRows(c.valueSize), c.dtype);
    q = argument("q", qType);
    k = argument("k", kType);
    v = argument("v", vType);
    return;
  }
  case Inputs::kPackedHeads: {
    Dims dims = rows(c.heads + 2 * c.keyHeads, queries, c.size);
    std::string all = argument("qkv", type(dims, c.dtype));
    size_t d = headDim();
    q = part(all, dims, d, 0, c.heads, "q", qType);
    k = part(all, dims, d, c.heads, c.keyHeads, "k", kType);
    v = part(all, dims, d, c.heads + c.keyHeads, c.keyHeads, "v", vType);
    return;
  }
  case Inputs::kPackedSizes: {
    Dims dims = rows(c.heads, queries, 2 * c.size + c.valueSize);
    std::string all = argument("qkv", type(dims, c.dtype));
    size_t d = dims.size() - 1;
    q = part(all, dims, d, 0, c.size, "q", qType);
    k = part(all, dims, d, c.size, c.size, "k", kType);
    v = part(all, dims, d, 2 * c.size, c.valueSize, "v", vType);
    return;
  }
  case Inputs::kValueInKey: {
    qType = type(rows(heads, queries, c.size), c.dtype);
    Dims dims = keyRows(c.size);
    kType = type(dims, c.dtype);
    q = argument("q", qType);
    k = argument("k", kType);
    v = part(k, dims, dims.size() - 1, 0, c.valueSize, "v", vType);
    return;
  }
  }
}

// Arguments, or empty tensors with the sizes of q.
void Writer::outs() {
  Dims outDims = rows(heads, queries, c.valueSize);
  Dims lseDims =
      c.ragged() ? Dims{heads, queries} : Dims{sequences, heads, queries};
  size_t head = headDim(), sequence = c.layout == Layout::kBhsd   ? 2
                                      : c.layout == Layout::kBshd ? 1
                                                                  : 0;
  std::vector<size_t> lseFrom = {head, sequence};
  if (!c.ragged()) {
    lseFrom.insert(lseFrom.begin(), 0);
  }
  std::vector<size_t> outFrom;
  for (size_t d = 0; d < outDims.size(); ++d) {
    outFrom.push_back(d);
  }
  auto add = [&](const std::string &name, const Dims &dims, DType element,
                 const std::vector<size_t> &from) {
    std::string text = type(dims, element);
    if (c.outs != Outs::kEmpty) {
      argument(name, text, c.outs == Outs::kDonated ? " {attn.donated}" : "");
    } else {
      std::vector<std::string> sizes;
      for (size_t d = 0; d < dims.size(); ++d) {
        if (dims[d] == kAny) {
          sizes.push_back(dimOf(q, qType, from[d]));
        }
      }
      line("%" + name + " = tensor.empty(" + join(sizes) + ") : " + text);
    }
    outNames += (outNames.empty() ? "%" : ", %") + name;
    outTypes += (outTypes.empty() ? "" : ", ") + text;
  };
  add("out", outDims, c.outType, outFrom);
  if (c.lse) {
    add("lse", lseDims, c.accumulator(), lseFrom);
  }
}

// The new score %y from %x, and %e where the score captures something.
std::string Writer::scoreBody(const std::string &t) {
  std::string text;
  auto add = [&](const std::string &op) { text += "    " + op + "\n"; };
  std::optional<Captured> captured = capturedOf(c, lengths);
  std::string read = "%e";
  if (captured && rt::nameOf(captured->dtype) != t) {
    add("%wide = arith.extf %e : " + std::string(rt::nameOf(captured->dtype)) +
        " to " + t);
    read = "%wide";
  }
  auto toFloat = [&](const std::string &value, const std::string &name) {
    add("%" + name + "_i = arith.index_cast " + value + " : index to i64");
    add("%" + name + " = arith.sitofp %" + name + "_i : i64 to " + t);
  };
  switch (c.score) {
  case Score::kNone:
    break;
  case Score::kSoftCap:
    add("%cap = arith.constant 2.5 : " + t);
    read = "%cap";
    [[fallthrough]];
  case Score::kSoftCapRead:
    add("%0 = arith.divf %x, " + read + " : " + t);
    add("%1 = math.tanh %0 : " + t);
    add("%y = arith.mulf %1, " + read + " : " + t);
    break;
  case Score::kAlibi:
    add("%d = arith.subi %i, %j : index");
    toFloat("%d", "far");
    add("%0 = arith.mulf " + read + ", %far : " + t);
    add("%y = arith.subf %x, %0 : " + t);
    break;
  case Score::kBias:
  case Score::kKeyBias:
  case Score::kRelative:
  case Score::kBandBias:
    add("%y = arith.addf %x, " + read + " : " + t);
    break;
  case Score::kPoint:
    toFloat("%b", "bf");
    toFloat("%h", "hf");
    add("%d = arith.subi %j, %i : index");
    toFloat("%d", "near");
    add("%quarter = arith.constant 0.25 : " + t);
    add("%small = arith.constant 0.015625 : " + t);
    add("%0 = arith.mulf %bf, %hf : " + t);
    add("%1 = arith.addf %x, %0 : " + t);
    add("%2 = arith.mulf %1, %quarter : " + t);
    add("%3 = arith.mulf %near, %small : " + t);
    add("%y = arith.addf %2, %3 : " + t);
    break;
  case Score::kBranch:
    add("%zero = arith.constant 0.0 : " + t);
    add("%positive = arith.cmpf ogt, %x, %zero : " + t);
    add("%y = scf.if %positive -> (" + t + ") {");
    add("  %0 = math.atan %x : " + t);
    add("  scf.yield %0 : " + t);
    add("} else {");
    add("  scf.yield %x : " + t);
    add("}");
    break;
  }
  add("attn.yield %y : " + t);
  return text;
}

std::string Writer::scoreRegion() {
  if (c.score == Score::kNone) {
    return "";
  }
  std::string t = rt::nameOf(c.accumulator());
  std::string text = "\n      score", argument = "%x: " + t;
  if (std::optional<Captured> captured = capturedOf(c, lengths)) {
    Dims dims = captured->shape;
    if (c.shapes != Shapes::kStatic) {
      std::fill(dims.begin(), dims.end(), int64_t(kAny));
    }
    text += "(%captured at affine_map<(b, h, i, j) -> " + captured->map +
            "> : " + type(dims, captured->dtype) + ")";
    argument += ", %e: " + std::string(rt::nameOf(captured->dtype));
  }
  return text + " {\n  ^bb0(" + argument +
         ", %b: index, %h: index, %i: index, %j: index):\n" + scoreBody(t) +
         "  }";
}

std::string Writer::module() {
  inputs();
  std::string clauses;
  if (c.layout != Layout::kBhsd) {
    clauses += std::string(" layout(") +
               (c.layout == Layout::kBshd ? "bshd" : "thd") + ")";
  }
  if (c.offset) {
    clauses += " offset(" + argument("offset", "index") + ")";
  }
  if (c.kvLens != KvLens::kNone || c.paged()) {
    std::string t = type({sequences}, DType::kI32);
    clauses += " kv_lens(" + argument("kv_lens", t) + " : " + t + ")";
  }
  if (c.ragged()) {
    int64_t ends = sequences == kAny ? int64_t(kAny) : sequences + 1;
    std::string t = type({ends}, DType::kI32);
    clauses += " cu_seqlens(" + argument("cu_q", t);
    clauses += c.paged()
                   ? " : " + t + ")"
                   : ", " + argument("cu_k", t) + " : " + t + ", " + t + ")";
  }
  if (c.paged()) {
    std::string t = type({sequences, kAny}, DType::kI32);
    clauses += " pages(" + argument("tables", t) + " : " + t +
               (c.nhd ? ", nhd)" : ")");
  }
  if (c.sinks != Sinks::kNone) {
    std::string t = type({heads}, c.accumulator());
    clauses += " sink(" + argument("sink", t) + " : " + t + ")";
  }
  if (std::optional<Captured> captured = capturedOf(c, lengths)) {
    Dims dims = captured->shape;
    if (c.shapes != Shapes::kStatic) {
      std::fill(dims.begin(), dims.end(), int64_t(kAny));
    }
    argument("captured", type(dims, captured->dtype));
  }
  std::string maskedType;
  if (std::optional<MaskRegion> region = maskRegionOf(c, lengths);
      region && !region->shape.empty()) {
    Dims dims = region->shape;
    if (c.shapes != Shapes::kStatic) {
      dims.front() = kAny;
      if (c.region == Region::kBits) {
        dims.back() = kAny;
      }
    }
    maskedType = type(dims, DType::kI32);
    argument("masked", maskedType);
  }
  outs();
  std::string op = "attn.attention ins(" + q + ", " + k + ", " + v + " : " +
                   qType + ", " + kType + ", " + vType + ")" + clauses +
                   "\n      outs(" + outNames + " : " + outTypes + ")";
  if (c.mask.find("%left") != std::string::npos) {
    line("%left = arith.constant 70 : index");
    line("%reach = arith.constant 5 : index");
  }
  op += maskClause(c, maskedType);
  op += scoreRegion();
  std::string attributes = c.tf32 ? "tf32" : "";
  if (c.scale) {
    char number[32];
    std::snprintf(number, sizeof(number), "%e", *c.scale);
    attributes += std::string(c.tf32 ? ", " : "") + "scale = " + number +
                  " : " + rt::nameOf(c.accumulator());
  }
  if (!attributes.empty()) {
    op += " {" + attributes + "}";
  }
  std::string results;
  if (memref) {
    line(op);
    line("return");
  } else {
    std::string names = c.lse ? "%r:2" : "%r";
    line(names + " = " + op + " -> " + outTypes);
    line(std::string("return ") + (c.lse ? "%r#0, %r#1" : "%r") + " : " +
         outTypes);
    results = " -> (" + outTypes + ")";
  }
  return "func.func @f(" + join(arguments) + ")" + results + " {\n" + body +
         "}\n";
}

} // namespace

int64_t attn::sweep::captureShift(const Case &c) {
  int64_t shift = 0;
  for (const Lengths &lengths : c.launches) {
    std::vector<int64_t> offsets = c.offsetsAt(lengths);
    for (size_t b = 0; b < offsets.size(); ++b) {
      // Positions may be negative; so may distances down to the last query's.
      shift = std::max(shift, c.score == Score::kBias
                                  ? -offsets[b]
                                  : offsets[b] + lengths.queries[b]);
    }
  }
  return c.score == Score::kBandBias ? maskOf(c.mask).band->first : shift;
}

std::optional<Captured> attn::sweep::capturedOf(const Case &c,
                                                const Lengths &lengths) {
  std::vector<int64_t> offsets = c.offsetsAt(lengths);
  int64_t lastQuery = 1, nearest = 1, keys = 1;
  for (size_t b = 0; b < offsets.size(); ++b) {
    lastQuery = std::max(lastQuery, offsets[b] + lengths.queries[b]);
    nearest = std::max(nearest, lengths.keys[b] - offsets[b]);
    keys = std::max(keys, lengths.keys[b]);
  }
  int64_t shift = captureShift(c);
  std::string plus = " + " + std::to_string(shift);
  auto count = static_cast<int64_t>(lengths.keys.size());
  switch (c.score) {
  case Score::kNone:
  case Score::kSoftCap:
  case Score::kPoint:
  case Score::kBranch:
    return std::nullopt;
  case Score::kSoftCapRead:
    return Captured{c.accumulator(), "()", {}};
  case Score::kAlibi:
    return Captured{c.accumulator(), "(h)", {c.heads}};
  case Score::kBias:
    return Captured{
        c.dtype, "(h, i" + plus + ", j)", {c.heads, shift + lastQuery, keys}};
  case Score::kKeyBias:
    return Captured{c.dtype, "(b, h, 0, j)", {count, c.heads, 1, keys}};
  case Score::kRelative:
    return Captured{
        c.dtype, "(h, j - i" + plus + ")", {c.heads, shift + nearest}};
  case Score::kBandBias: {
    auto [left, right] = *maskOf(c.mask).band;
    return Captured{
        c.dtype, "(h, j - i" + plus + ")", {c.heads, left + right + 1}};
  }
  }
  return std::nullopt;
}

std::string attn::sweep::moduleText(const Case &c) {
  return Writer(c).module();
}
