//===- Work.cpp - the work of an attention op at actual sizes -------------===//

#include "Work.h"

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

/// The keys in [0, `keys`) that position `q` sees, in order and disjoint.
Intervals visibleKeys(const json::Object *mask, int64_t q, int64_t keys) {
  auto clip = [&](int64_t lo, int64_t hi) -> Intervals {
    lo = std::max<int64_t>(lo, 0);
    hi = std::min(hi, keys);
    return lo < hi ? Intervals{{lo, hi}} : Intervals{};
  };
  llvm::StringRef kind = mask ? mask->getString("kind").value_or("") : "";
  if (kind == "band") {
    int64_t left = mask->getInteger("left").value_or(-1);
    int64_t right = mask->getInteger("right").value_or(-1);
    return clip(left < 0 ? 0 : q - left, right < 0 ? keys : q + right + 1);
  }
  if (kind == "prefix") {
    return clip(0, mask->getInteger("count").value_or(0));
  }
  const json::Array *children = mask ? mask->getArray("of") : nullptr;
  if (!children) {
    return clip(0, keys);
  }
  bool isAnd = kind == "and";
  Intervals result = isAnd ? clip(0, keys) : Intervals{};
  for (const json::Value &child : *children) {
    Intervals other = visibleKeys(child.getAsObject(), q, keys);
    if (!isAnd) {
      result.insert(result.end(), other.begin(), other.end());
      result = normalized(std::move(result));
      continue;
    }
    Intervals common;
    for (Interval a : result) {
      for (Interval b : other) {
        int64_t lo = std::max(a.first, b.first);
        int64_t hi = std::min(a.second, b.second);
        if (lo < hi) {
          common.push_back({lo, hi});
        }
      }
    }
    result = std::move(common);
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

Visible countVisible(const json::Object *mask, Sequence sequence,
                     int64_t rows) {
  Visible visible;
  rows = std::max<int64_t>(rows, 1);
  Intervals tile, all;
  for (int64_t i = 0; i < sequence.queries; ++i) {
    Intervals seen = visibleKeys(mask, i + sequence.offset, sequence.keys);
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

std::vector<Sequence> Measure::sequences() {
  std::vector<Sequence> result;
  std::vector<int64_t> a, b;
  if (work.layout == "thd") {
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
    if (const rt::Tensor *tensor = argumentTensor(offset, arguments)) {
      fixed = static_cast<int64_t>(tensor->get(0));
    } else if (const json::Object *object = offset->getAsObject()) {
      fixed = object->getInteger("constant");
    }
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
  work.isDecode = work.layout != "thd" && work.queries * group <= decodeRows;
  work.tiles = parseTiles(op.getObject(work.isDecode ? "decode" : "prefill"));

  const json::Object *mask = op.getObject("mask");
  double element = rt::sizeOf(work.element);
  double score = work.element == rt::DType::kF64 ? 8 : 4;
  double heads = work.queryHeads;
  double rows = 0, keyRows = 0, steps = 0, allScores = 0;
  std::vector<Sequence> all = sequences();
  Visible visible;
  for (size_t i = 0; i < all.size(); ++i) {
    // Sequences of a batch are mostly alike.
    bool same = i > 0 && all[i].queries == all[i - 1].queries &&
                all[i].keys == all[i - 1].keys &&
                all[i].offset == all[i - 1].offset;
    if (!same) {
      visible = countVisible(mask, all[i],
                             work.isDecode ? work.queries : work.tiles.rows);
    }
    work.pairs += visible.pairs * work.queryHeads;
    work.allPairs += all[i].queries * all[i].keys * work.queryHeads;
    rows += double(all[i].queries) * heads;
    keyRows += double(visible.keys) * work.keyHeads;
    // Decode takes a group of heads in one tile, prefill each head alone.
    steps += double(visible.steps) *
             (work.isDecode ? work.keyHeads : work.queryHeads);
    allScores += double(all[i].queries) * all[i].keys * heads;
  }
  double sizes = work.headSize + work.valueSize;
  work.flops = 2.0 * work.pairs * sizes;
  work.exps = work.pairs;
  double rowBytes = rows * sizes * element + (work.hasLse ? rows * score : 0);
  work.floorBytes = rowBytes + keyRows * sizes * element;
  work.scheduleBytes = rowBytes + steps * sizes * element;
  // Scores and weights are written once and read once each.
  work.naiveBytes = work.floorBytes + 4 * allScores * score;
}

Work Measure::run() {
  work.op = op.getString("op").value_or("").str();
  work.location = op.getString("location").value_or("").str();
  work.layout = op.getString("layout").value_or("").str();
  work.element = rt::parseDType(op.getString("element").value_or("").str())
                     .value_or(rt::DType::kF32);
  work.hasMask = isGiven(op.get("mask"));
  work.hasMaskRegion = op.getBoolean("maskRegion").value_or(false);
  work.hasScore = op.getBoolean("score").value_or(false);
  work.hasLse = op.getBoolean("lse").value_or(false);
  work.known = readSizes();
  if (work.known) {
    count();
  }
  return work;
}

template <typename Function>
void forEachOp(const json::Value &report, const std::string &function,
               Function apply) {
  const json::Object *top = report.getAsObject();
  const json::Array *ops = top ? top->getArray("ops") : nullptr;
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
  }
  return machine;
}

std::vector<Work> attn::run::measureWork(const json::Value &report,
                                         const rt::FunctionInfo &function,
                                         const rt::Arguments &arguments) {
  std::vector<Work> result;
  forEachOp(report, function.name, [&](const json::Object &op) {
    result.push_back(Measure(op, arguments).run());
  });
  return result;
}

ArgumentRole attn::run::roleOf(const json::Value &report,
                               const rt::FunctionInfo &function,
                               int64_t index) {
  static constexpr std::pair<const char *, Role> keys[] = {
      {"offset", Role::kOffset},
      {"kvLens", Role::kKvLens},
      {"cuSeqlensQ", Role::kCuSeqlensQ},
      {"cuSeqlensK", Role::kCuSeqlensK}};
  ArgumentRole result;
  forEachOp(report, function.name, [&](const json::Object &op) {
    for (auto [key, role] : keys) {
      const json::Object *value = op.getObject(key);
      if (result.role == Role::kOther && value &&
          value->getInteger("arg") == index) {
        result = {role, &op};
      }
    }
  });
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
  return tensor->shape()[*dim];
}
