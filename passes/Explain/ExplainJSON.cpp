//===- ExplainJSON.cpp - the explanation of masks for programs ------------===//

#include "Explanation.h"
#include "MapCells.h"

#include "llvm/Support/JSON.h"

using namespace mlir;

namespace attn {

namespace json = llvm::json;

static json::Value orNull(std::optional<int64_t> number) {
  return number ? json::Value(*number) : json::Value(nullptr);
}

static json::Object toJSON(const Explanation &e) {
  json::Object sizes;
  for (const Explanation::Size &size : e.sizes) {
    sizes[size.name] = size.value;
  }
  json::Array formula;
  for (const Explanation::Case &part : e.formula) {
    formula.push_back(json::Object{{"pairs", part.value}, {"when", part.when}});
  }
  json::Array loops;
  for (const Explanation::Loop &loop : e.loops) {
    loops.push_back(json::Object{{"kind", loop.full ? "full" : "partial"},
                                 {"lower", loop.lower},
                                 {"upper", loop.upper}});
  }
  // A row of tiles is a string: what `kinds` says.
  json::Array rows;
  for (int64_t i = 0; i < e.map.rows; ++i) {
    std::string row;
    for (int64_t j = 0; j < e.map.columns; ++j) {
      row += ".pf?"[static_cast<int>(e.map.at(i, j))];
    }
    rows.push_back(std::move(row));
  }
  double times = e.heads * e.batches;
  return json::Object{
      {"function", e.function},
      {"mask", e.mask},
      {"sizes", std::move(sizes)},
      {"missing", json::Array(e.missing)},
      {"queries", e.queries},
      {"keys", e.keys},
      {"offset", e.offset},
      {"heads", e.heads},
      {"batches", e.batches},
      {"head", e.head},
      {"pairs", e.pairs},
      {"visible", orNull(e.visible)},
      {"computed", orNull(e.computedPairs)},
      {"formula", std::move(formula)},
      {"formulaIsComplete", !e.otherCases},
      {"flops", e.visible ? json::Value(*e.visible * times * e.flopsPerPair)
                          : json::Value(nullptr)},
      {"flopsWithoutMask", e.pairs * times * e.flopsPerPair},
      {"bytesRead", e.keysRead * times * e.bytesPerKey},
      {"bytesReadWithoutMask", e.keysOfAll * times * e.bytesPerKey},
      {"tile", json::Object{{"rows", e.tileRows},
                            {"keys", e.tileKeys},
                            {"panel", e.panel}}},
      {"kinds",
       json::Object{
           {".", "empty"}, {"p", "partial"}, {"f", "full"}, {"?", "data"}}},
      {"tiles", std::move(rows)},
      {"rung", e.rung},
      {"exact", e.exact},
      {"loopsNote", e.loopsNote},
      {"classes", e.step},
      {"loops", std::move(loops)},
      {"definitions", json::Array(e.definitions)},
      {"findings", json::Array(e.facts)},
      {"analysisMs", e.analysisMs},
      {"formulaMs", e.formulaMs},
      {"mapMs", e.mapMs}};
}

void printJSON(llvm::raw_ostream &os, ArrayRef<Explanation> explanations) {
  json::Array ops;
  for (const Explanation &explanation : explanations) {
    ops.push_back(toJSON(explanation));
  }
  os << llvm::formatv("{0:2}", json::Value(std::move(ops))) << "\n";
}

} // namespace attn
