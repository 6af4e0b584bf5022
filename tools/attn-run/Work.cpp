//===- Work.cpp - the work of an attention op at actual sizes -------------===//

#include "Work.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace attn;
using namespace attn::run;

namespace json = llvm::json;

namespace {

/// Keys [first, second).
using Interval = std::pair<int64_t, int64_t>;
using Intervals = std::vector<Interval>;

/// Sorts, and joins what touches.
Intervals normalized(Intervals intervals) {
  std::sort(intervals.begin(), intervals.end());
  Intervals result;
  for (Interval run : intervals) {
    if (!result.empty() && run.first <= result.back().second) {
      result.back().second = std::max(result.back().second, run.second);
    } else {
      result.push_back(run);
    }
  }
  return result;
}

int64_t countKeys(const Intervals &intervals) {
  int64_t count = 0;
  for (Interval run : intervals) {
    count += run.second - run.first;
  }
  return count;
}

/// The values that a constraint of a mask is made of.
struct PointValues {
  int64_t batch, head, query;
  llvm::ArrayRef<int64_t> symbols;
};

int64_t evaluateConstraint(const json::Value &expr, const PointValues &point,
                           int64_t key) {
  if (std::optional<int64_t> number = expr.getAsInteger()) {
    return *number;
  }
  if (std::optional<llvm::StringRef> name = expr.getAsString()) {
    return *name == "b"   ? point.batch
           : *name == "h" ? point.head
           : *name == "q" ? point.query
                          : key;
  }
  if (const json::Object *object = expr.getAsObject()) {
    return point.symbols[object->getInteger("symbol").value_or(0)];
  }
  const json::Array &parts = *expr.getAsArray();
  int64_t a = evaluateConstraint(parts[1], point, key);
  int64_t b = evaluateConstraint(parts[2], point, key);
  llvm::StringRef op = parts[0].getAsString().value_or("");
  return op == "add"   ? a + b
         : op == "mul" ? a * b
                       : llvm::divideFloorSigned(a, b);
}

/// Whether `name` occurs in a constraint or mask, behind a quotient only if
/// `inQuotient`.
bool occurs(const json::Value &expr, llvm::StringRef name, bool inQuotient) {
  if (const json::Object *object = expr.getAsObject()) {
    const json::Array *parts = object->getArray("of");
    return parts && llvm::any_of(*parts, [&](const json::Value &part) {
             return occurs(part, name, inQuotient);
           });
  }
  const json::Array *parts = expr.getAsArray();
  if (!parts) {
    return !inQuotient && expr.getAsString() == name;
  }
  bool any = inQuotient && parts->front().getAsString() != "floordiv";
  return std::any_of(
      std::next(parts->begin()), parts->end(),
      [&](const json::Value &part) { return occurs(part, name, any); });
}

/// The keys of [0, `keys`) where `constraint` is 0 or more.
Intervals solveConstraint(const json::Value &constraint,
                          const PointValues &point, int64_t keys) {
  auto at = [&](int64_t key) {
    return evaluateConstraint(constraint, point, key);
  };
  Intervals result;
  if (occurs(constraint, "k", /*inQuotient=*/true)) {
    for (int64_t key = 0; key < keys; ++key) {
      if (at(key) >= 0) {
        result.push_back({key, key + 1});
      }
    }
    return normalized(std::move(result));
  }
  int64_t start = at(0), slope = at(1) - start, lo = 0, hi = keys;
  if (slope > 0) {
    lo = std::max<int64_t>(llvm::divideCeilSigned(-start, slope), 0);
  } else if (slope < 0) {
    hi = std::min(llvm::divideFloorSigned(start, -slope) + 1, keys);
  } else if (start < 0) {
    hi = 0;
  }
  return lo < hi ? Intervals{{lo, hi}} : Intervals{};
}

Intervals intersect(const Intervals &left, const Intervals &right) {
  Intervals common;
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    int64_t lo = std::max(left[i].first, right[j].first);
    int64_t hi = std::min(left[i].second, right[j].second);
    if (lo < hi) {
      common.push_back({lo, hi});
    }
    left[i].second < right[j].second ? ++i : ++j;
  }
  return common;
}

/// The keys in [0, `keys`) that a query sees, in order and disjoint.
Intervals visibleKeys(const json::Object *mask, const PointValues &point,
                      int64_t keys) {
  Intervals all = keys > 0 ? Intervals{{0, keys}} : Intervals{};
  const json::Array *parts = mask ? mask->getArray("of") : nullptr;
  if (!parts) {
    return all;
  }
  llvm::StringRef kind = mask->getString("kind").value_or("");
  Intervals result = kind == "or" ? Intervals{} : all;
  for (const json::Value &part : *parts) {
    Intervals other = kind == "set"
                          ? solveConstraint(part, point, keys)
                          : visibleKeys(part.getAsObject(), point, keys);
    if (kind == "or") {
      result.insert(result.end(), other.begin(), other.end());
      result = normalized(std::move(result));
    } else {
      result = intersect(result, other);
    }
  }
  if (kind == "not") {
    Intervals hidden;
    int64_t from = 0;
    for (Interval run : result) {
      hidden.push_back({from, run.first});
      from = run.second;
    }
    hidden.push_back({from, keys});
    llvm::erase_if(hidden,
                   [](Interval run) { return run.first >= run.second; });
    return hidden;
  }
  return result;
}

struct Sequence {
  int64_t queries, keys, offset;
};

/// What the rows of one sequence see: `pairs` of one head, `keys` that any row
/// sees, and `steps`, the keys that tiles of `rows` rows touch.
struct Visible {
  int64_t pairs = 0, keys = 0, steps = 0;
};

Visible countVisible(const json::Object *mask, PointValues point,
                     Sequence sequence, int64_t rows) {
  Visible visible;
  rows = std::max<int64_t>(rows, 1);
  Intervals tile, all;
  for (int64_t i = 0; i < sequence.queries; ++i) {
    point.query = i + sequence.offset;
    Intervals seen = visibleKeys(mask, point, sequence.keys);
    visible.pairs += countKeys(seen);
    tile.insert(tile.end(), seen.begin(), seen.end());
    if ((i + 1) % rows == 0 || i + 1 == sequence.queries) {
      tile = normalized(std::move(tile));
      visible.steps += countKeys(tile);
      all.insert(all.end(), tile.begin(), tile.end());
      all = normalized(std::move(all));
      tile.clear();
    }
  }
  visible.keys = countKeys(all);
  return visible;
}

Tiles parseTiles(const json::Object *from) {
  Tiles tiles;
  if (from) {
    tiles.rows = from->getInteger("rows").value_or(0);
    tiles.keys = from->getInteger("keys").value_or(0);
    tiles.lanes = from->getInteger("lanes").value_or(0);
    tiles.vectors = from->getInteger("vectors").value_or(0);
    tiles.split = from->getInteger("split").value_or(0);
    tiles.blocks = from->getInteger("blocks").value_or(0);
    tiles.warpgroups = from->getBoolean("warpgroups").value_or(false);
    tiles.dots = from->getBoolean("dots").value_or(false);
    tiles.why = from->getString("why").value_or("").str();
  }
  return tiles;
}

const rt::Tensor *argumentTensor(const json::Value *value,
                                 const rt::Arguments &arguments) {
  const json::Object *object = value ? value->getAsObject() : nullptr;
  std::optional<int64_t> index =
      object ? object->getInteger("arg") : std::nullopt;
  if (!index || *index < 0 || *index >= int64_t(arguments.size())) {
    return nullptr;
  }
  return arguments[*index];
}

bool isGiven(const json::Value *value) {
  return value && value->kind() != json::Value::Null;
}

class Measure {
public:
  Measure(const json::Object &op, const rt::Arguments &arguments)
      : op(op), arguments(arguments) {}

  Work run();

private:
  bool readSizes();
  std::vector<Sequence> sequences();
  bool lengths(const char *key, std::vector<int64_t> &result);
  std::vector<int64_t> maskSymbols();
  std::optional<int64_t> number(const json::Value &value);
  void count();

  const json::Object &op;
  const rt::Arguments &arguments;
  Work work;
};

bool Measure::readSizes() {
  auto read = [&](const char *name, int64_t &to) {
    std::optional<int64_t> size = evaluateSize(op.get(name), arguments);
    if (!size) {
      work.unknown = name;
      return false;
    }
    to = *size;
    return true;
  };
  if (work.layout == "thd") {
    const rt::Tensor *starts = argumentTensor(op.get("cuSeqlensQ"), arguments);
    if (!starts) {
      work.unknown = "batch";
      return false;
    }
    work.batch = starts->numElements() - 1;
  } else if (!read("batch", work.batch)) {
    return false;
  }
  return read("queryHeads", work.queryHeads) &&
         read("keyHeads", work.keyHeads) && read("queries", work.queries) &&
         read("keys", work.keys) && read("headSize", work.headSize) &&
         read("valueSize", work.valueSize);
}

/// The numbers of the integer operand `key`; false when the program makes them.
bool Measure::lengths(const char *key, std::vector<int64_t> &result) {
  const rt::Tensor *tensor = argumentTensor(op.get(key), arguments);
  if (!tensor) {
    work.exact = false;
    return false;
  }
  for (int64_t i = 0; i < tensor->numElements(); ++i) {
    result.push_back(static_cast<int64_t>(tensor->get(i)));
  }
  return true;
}

/// The value of an operand; nothing where the program computes it.
std::optional<int64_t> Measure::number(const json::Value &value) {
  if (const rt::Tensor *tensor = argumentTensor(&value, arguments)) {
    return static_cast<int64_t>(tensor->get(0));
  }
  const json::Object *object = value.getAsObject();
  return object ? object->getInteger("constant") : std::nullopt;
}

std::vector<int64_t> Measure::maskSymbols() {
  std::vector<int64_t> values;
  if (const json::Array *symbols = op.getArray("maskSymbols")) {
    for (const json::Value &symbol : *symbols) {
      std::optional<int64_t> value = number(symbol);
      work.exact &= value.has_value();
      values.push_back(value.value_or(0));
    }
  }
  return values;
}

std::vector<Sequence> Measure::sequences() {
  std::vector<Sequence> result;
  std::vector<int64_t> a, b;
  bool paged = isGiven(op.get("blockTables"));
  if (work.layout == "thd" && paged) {
    if (lengths("cuSeqlensQ", a) && lengths("kvLens", b) &&
        a.size() == b.size() + 1) {
      for (size_t i = 0; i < b.size(); ++i) {
        result.push_back({a[i + 1] - a[i], b[i], 0});
      }
    } else {
      result.push_back({work.queries, work.keys, 0});
    }
  } else if (work.layout == "thd") {
    if (lengths("cuSeqlensQ", a) && lengths("cuSeqlensK", b) &&
        a.size() == b.size()) {
      for (size_t i = 0; i + 1 < a.size(); ++i) {
        result.push_back({a[i + 1] - a[i], b[i + 1] - b[i], 0});
      }
    } else {
      work.exact = false;
      result.push_back({work.queries, work.keys, 0});
    }
  } else {
    result.assign(work.batch, {work.queries, work.keys, 0});
    if (isGiven(op.get("kvLens")) && lengths("kvLens", a)) {
      for (size_t i = 0; i < std::min(a.size(), result.size()); ++i) {
        result[i].keys = a[i];
      }
    }
  }
  const json::Value *offset = op.get("offset");
  std::optional<int64_t> fixed;
  if (isGiven(offset)) {
    fixed = number(*offset);
    work.exact &= fixed.has_value();
  }
  for (Sequence &sequence : result) {
    sequence.offset = fixed.value_or(sequence.keys - sequence.queries);
  }
  return result;
}

void Measure::count() {
  int64_t group = std::max<int64_t>(
      work.queryHeads / std::max<int64_t>(work.keyHeads, 1), 1);
  int64_t decodeRows = op.getInteger("decodeRows").value_or(0);
  // Ragged sequences are tiled as prompts.
  bool splitsGroups = op.getBoolean("splitsGroups").value_or(false);
  work.isDecode = work.layout != "thd" && (work.queries * group <= decodeRows ||
                                           (work.queries == 1 && splitsGroups));
  work.tiles = parseTiles(op.getObject(work.isDecode ? "decode" : "prefill"));

  const json::Object *mask = op.getObject("mask");
  double element = rt::sizeOf(work.element);
  double score = work.element == rt::DType::kF64 ? 8 : 4;
  double heads = work.queryHeads;
  double rows = 0, keyRows = 0, steps = 0, allScores = 0;
  std::vector<Sequence> all = sequences();
  std::vector<int64_t> symbols = maskSymbols();
  bool usesBatch = mask && occurs(*op.get("mask"), "b", false);
  // Heads are mostly alike, as are sequences of a batch.
  int64_t kinds = mask && occurs(*op.get("mask"), "h", false)
                      ? std::max<int64_t>(work.queryHeads, 1)
                      : 1;
  double alike = heads / kinds;
  Visible visible;
  for (size_t i = 0; i < all.size(); ++i) {
    bool same = i > 0 && !usesBatch && all[i].queries == all[i - 1].queries &&
                all[i].keys == all[i - 1].keys &&
                all[i].offset == all[i - 1].offset;
    if (!same) {
      visible = Visible();
      for (int64_t head = 0; head < kinds; ++head) {
        Visible one = countVisible(
            mask, {static_cast<int64_t>(i), head, 0, symbols}, all[i],
            work.isDecode ? work.queries : work.tiles.rows);
        visible.pairs += one.pairs;
        visible.keys = std::max(visible.keys, one.keys);
        visible.steps += one.steps;
      }
    }
    work.pairs += static_cast<int64_t>(visible.pairs * alike);
    work.allPairs += all[i].queries * all[i].keys * work.queryHeads;
    rows += double(all[i].queries) * heads;
    keyRows += double(visible.keys) * work.keyHeads;
    // Decode takes a group of heads in one tile, prefill each head alone.
    steps += double(visible.steps) / kinds *
             (work.isDecode ? work.keyHeads : work.queryHeads);
    allScores += double(all[i].queries) * all[i].keys * heads;
  }
  double sizes = work.headSize + work.valueSize;
  work.flops = 2.0 * work.pairs * sizes;
  work.exps = work.pairs;
  double rowBytes = rows * sizes * element + (work.hasLse ? rows * score : 0);
  work.keyBytes = op.getNumber("keyBytes").value_or(work.headSize * element) +
                  op.getNumber("valueBytes").value_or(work.valueSize * element);
  work.floorBytes = rowBytes + keyRows * work.keyBytes;
  work.scheduleBytes = rowBytes + steps * work.keyBytes;
  // Scores and weights are written once and read once each.
  work.naiveBytes = work.floorBytes + 4 * allScores * score;
}

Work Measure::run() {
  work.op = op.getString("op").value_or("").str();
  work.location = op.getString("location").value_or("").str();
  work.layout = op.getString("layout").value_or("").str();
  work.element = rt::parseDType(op.getString("element").value_or("").str())
                     .value_or(rt::DType::kF32);
  work.tf32 = op.getBoolean("tf32").value_or(false);
  work.hasMask = isGiven(op.get("mask"));
  work.hasMaskRegion = op.getBoolean("maskRegion").value_or(false);
  work.hasScore = op.getBoolean("score").value_or(false);
  work.hasLse = op.getBoolean("lse").value_or(false);
  work.pageSize = op.getInteger("pageSize").value_or(0);
  work.pages = evaluateSize(op.get("pages"), arguments).value_or(0);
  work.known = readSizes();
  if (work.known) {
    count();
  }
  return work;
}

template <typename Function>
void forEachOp(const json::Value &report, const std::string &function,
               Function apply, const char *list = "ops") {
  const json::Object *top = report.getAsObject();
  const json::Array *ops = top ? top->getArray(list) : nullptr;
  if (!ops) {
    return;
  }
  for (const json::Value &value : *ops) {
    const json::Object *op = value.getAsObject();
    if (op && op->getString("function").value_or("") == function) {
      apply(*op);
    }
  }
}

} // namespace

json::Value attn::run::parseReport(const rt::Manifest &manifest) {
  llvm::Expected<json::Value> value = json::parse(manifest.report);
  if (!value) {
    llvm::consumeError(value.takeError());
    return nullptr;
  }
  return *std::move(value);
}

Machine attn::run::describeMachine(const json::Value &report) {
  Machine machine;
  const json::Object *top = report.getAsObject();
  if (const json::Object *from = top ? top->getObject("machine") : nullptr) {
    machine.cores = from->getInteger("cores").value_or(1);
    machine.vectorBits = from->getInteger("vectorBits").value_or(0);
    machine.gigahertz = from->getNumber("gigahertz").value_or(0);
    machine.peakF32 = from->getNumber("peakF32").value_or(0);
    machine.peakF64 = from->getNumber("peakF64").value_or(0);
    machine.readGBs = from->getNumber("readGBs").value_or(0);
    machine.gpu = from->getString("gpu").value_or("").str();
  }
  return machine;
}

/// A recurrence at the sizes of `arguments`.
static Work measureRecurrence(const json::Object &op,
                              const rt::Arguments &arguments) {
  Work work;
  work.op = op.getString("op").value_or("").str();
  work.location = op.getString("location").value_or("").str();
  work.schedule = op.getString("schedule").value_or("").str();
  work.tiles.rows = op.getInteger("chunk").value_or(1);
  work.tiles.why = op.getString("why").value_or("").str();
  work.element = rt::parseDType(op.getString("element").value_or("").str())
                     .value_or(rt::DType::kF32);
  auto batch = evaluateSize(op.get("batch"), arguments);
  auto tokens = evaluateSize(op.get("queries"), arguments);
  work.known = batch && tokens;
  work.unknown = batch ? "queries" : "batch";
  if (!work.known) {
    return work;
  }
  work.batch = *batch;
  work.queries = work.keys = *tokens;
  work.flops = op.getNumber("flopsPerToken").value_or(0) *
               static_cast<double>(*batch) * static_cast<double>(*tokens);
  for (const json::Value &operand : *op.getArray("traffic")) {
    double bytes = 1;
    for (const json::Value &size : *operand.getAsArray()) {
      auto known = evaluateSize(&size, arguments);
      work.known &= known.has_value();
      bytes *= static_cast<double>(known.value_or(0));
    }
    work.floorBytes += bytes;
  }
  work.unknown = "sizes";
  return work;
}

std::vector<Work> attn::run::measureWork(const json::Value &report,
                                         const rt::FunctionInfo &function,
                                         const rt::Arguments &arguments) {
  std::vector<Work> result;
  forEachOp(report, function.name, [&](const json::Object &op) {
    result.push_back(Measure(op, arguments).run());
  });
  forEachOp(
      report, function.name,
      [&](const json::Object &op) {
        result.push_back(measureRecurrence(op, arguments));
      },
      "recurrences");
  return result;
}

std::vector<std::string>
attn::run::positionNotes(const json::Value &report,
                         const rt::FunctionInfo &function) {
  std::vector<std::string> notes;
  const json::Object *top = report.getAsObject();
  const json::Array *positions = top ? top->getArray("positions") : nullptr;
  for (size_t i = 0; positions && i < positions->size(); ++i) {
    const json::Object *entry = (*positions)[i].getAsObject();
    if (entry && entry->getString("function").value_or("") == function.name) {
      std::string where = entry->getString("location").value_or("").str();
      notes.push_back("attn.rope" + (where.empty() ? "" : " at " + where) +
                      ": " + entry->getString("fate").value_or("").str());
    }
  }
  return notes;
}

ArgumentRole attn::run::roleOf(const json::Value &report,
                               const rt::FunctionInfo &function,
                               int64_t index) {
  static constexpr std::pair<const char *, Role> keys[] = {
      {"offset", Role::kOffset},
      {"kvLens", Role::kKvLens},
      {"cuSeqlensQ", Role::kCuSeqlensQ},
      {"cuSeqlensK", Role::kCuSeqlensK},
      {"blockTables", Role::kBlockTables}};
  ArgumentRole result;
  auto find = [&](const json::Object &op) {
    for (auto [key, role] : keys) {
      const json::Object *value = op.getObject(key);
      if (result.role == Role::kOther && value &&
          value->getInteger("arg") == index) {
        result = {role, &op};
      }
    }
  };
  forEachOp(report, function.name, find);
  forEachOp(report, function.name, find, "recurrences");
  return result;
}

std::optional<int64_t> attn::run::evaluateSize(const json::Value *size,
                                               const rt::Arguments &arguments) {
  if (!size) {
    return std::nullopt;
  }
  if (std::optional<int64_t> constant = size->getAsInteger()) {
    return constant;
  }
  const rt::Tensor *tensor = argumentTensor(size, arguments);
  if (!tensor) {
    return std::nullopt;
  }
  std::optional<int64_t> dim = size->getAsObject()->getInteger("dim");
  if (!dim) {
    return tensor->rank() == 0
               ? std::optional<int64_t>(static_cast<int64_t>(tensor->get(0)))
               : std::nullopt;
  }
  if (*dim < 0 || *dim >= tensor->rank()) {
    return std::nullopt;
  }
  return tensor->shape()[*dim] *
         size->getAsObject()->getInteger("times").value_or(1);
}
