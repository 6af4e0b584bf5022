//===- ExplainText.cpp - the explanation of a mask for a terminal ---------===//

#include "Explanation.h"
#include "MapCells.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace attn {

// 1234567 as 1,234,567.
static std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(at, ",");
  }
  return digits;
}

// With three digits and a prefix of the unit.
static std::string scaled(double value, const char *unit) {
  const char *prefixes[] = {"", "k", "M", "G", "T", "P"};
  int step = 0;
  while (value >= 1000 && step < 5) {
    value /= 1000;
    ++step;
  }
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("%.3g ", value) << prefixes[step] << unit;
  return text;
}

static std::string percent(double part, double all) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.1f %%", 100 * part / all);
  return text;
}

static void line(llvm::raw_ostream &os, const char *what,
                 const llvm::Twine &text) {
  os << llvm::format("  %-9s", what) << text << "\n";
}

static void printFormula(llvm::raw_ostream &os, const Explanation &e) {
  constexpr size_t kMost = 4;
  for (const auto &[n, part] : llvm::enumerate(e.formula)) {
    if (n == kMost) {
      line(os, "",
           "and " + std::to_string(e.formula.size() - kMost) +
               " more cases (format=json tells them)");
      break;
    }
    line(os, n == 0 && !e.visible ? "visible" : "",
         (n == 0 && e.byHead ? "all heads: " : "= ") + part.value +
             (part.when.empty() ? "" : "   where " + part.when));
  }
  if (e.otherCases) {
    line(os, "", "and other cases, which are many");
  }
}

static void printLoops(llvm::raw_ostream &os, const Explanation &e) {
  line(os, "loops", e.loopsNote);
  size_t width = 0;
  for (const Explanation::Loop &loop : e.loops) {
    width = std::max(width, loop.lower.size());
  }
  for (const Explanation::Loop &loop : e.loops) {
    std::string pad(width - loop.lower.size(), ' ');
    line(os, "",
         std::string(loop.full ? "full    " : "partial ") + loop.lower + pad +
             "  to  " + loop.upper);
  }
  for (const auto &[n, definition] : llvm::enumerate(e.definitions)) {
    line(os, "", (n == 0 ? "where " : "      ") + definition);
  }
}

static void printWork(llvm::raw_ostream &os, const Explanation &e) {
  double times = e.heads * e.batches;
  std::string of = times > 1 ? " of all heads" : " of a head";
  double all = e.pairs * times * e.flopsPerPair;
  double needed = *e.visible * times * e.flopsPerPair;
  if (e.flopsPerPair > 0) {
    line(os, "work",
         scaled(needed, "FLOP") + " of " + scaled(all, "FLOP") + of + ": " +
             scaled(all - needed, "FLOP") + " saved" +
             (e.computedPairs
                  ? "; " +
                        percent(*e.computedPairs - *e.visible,
                                std::max<int64_t>(*e.computedPairs, 1)) +
                        " of the pairs that are computed are hidden"
                  : ""));
    line(os, "",
         scaled(e.keysRead * times * e.bytesPerKey, "B") + " of " +
             scaled(e.keysOfAll * times * e.bytesPerKey, "B") +
             " of k and v read by tiles of queries; no mask of " +
             scaled(e.pairs * (e.byHead ? times : 1), "B") + " in memory");
  }
}

static void printMap(llvm::raw_ostream &os, const Explanation &e) {
  constexpr int64_t kRows = 32, kColumns = 64;
  MapCells cells(e.map, kRows, kColumns);
  std::string edge;
  for (int64_t j = 0; j < cells.columns; ++j) {
    edge += "─";
  }
  os << "\n  ┌" << edge << "┐ keys\n";
  for (int64_t i = 0; i < cells.rows; ++i) {
    os << "  │";
    for (int64_t j = 0; j < cells.columns; ++j) {
      MapCell cell = cells.at(i, j);
      os << (cell.kind == MapClass::Empty  ? " "
             : cell.kind == MapClass::Full ? "█"
             : cell.kind == MapClass::Data ? "?"
             : cell.share < 0.34           ? "░"
             : cell.share < 0.67           ? "▒"
                                           : "▓");
    }
    os << "│" << (i + 1 == cells.rows ? " queries" : "") << "\n";
  }
  os << "  └" << edge << "┘\n";
  os << "  █ full   ▒ partial   ? data decides";
  if (cells.rows < e.map.rows || cells.columns < e.map.columns) {
    os << "   (░ ▒ ▓: tiles of several kinds, by their share)";
  }
  os << "\n";
}

void printText(llvm::raw_ostream &os, const Explanation &e) {
  os << "attn.attention in @" << e.function << "\n";
  line(os, "mask", e.mask);
  std::string sizes;
  for (const Explanation::Size &size : e.sizes) {
    sizes += (sizes.empty() ? "" : ", ") + size.name + " = " +
             std::to_string(size.value) + (size.isDefault ? " (assumed)" : "");
  }
  if (!sizes.empty()) {
    line(os, "sizes", sizes);
  }
  if (!e.missing.empty()) {
    line(os, "",
         "no numbers and no map: expected values of " +
             llvm::join(e.missing, ", ") + " (sizes=name=value)");
  } else {
    line(os, "",
         grouped(e.queries) + " queries from position " +
             std::to_string(e.offset) + ", " + grouped(e.keys) + " keys");
  }
  if (e.visible) {
    line(os, "visible",
         grouped(*e.visible) + " of " + grouped(e.pairs) +
             " pairs of a head, " + percent(*e.visible, e.pairs));
  }
  printFormula(os, e);
  if (!e.noFormula.empty()) {
    line(os, e.visible ? "" : "visible", "no formula: " + e.noFormula);
  }
  if (e.visible) {
    printWork(os, e);
  }
  if (!e.map.classes.empty()) {
    std::string counts = grouped(e.map.count(MapClass::Empty)) + " empty, " +
                         grouped(e.map.count(MapClass::Full)) + " full, " +
                         grouped(e.map.count(MapClass::Partial)) + " partial";
    if (int64_t data = e.map.count(MapClass::Data)) {
      counts += ", " + grouped(data) + " by data";
    }
    line(os, "tiles",
         grouped(e.map.rows) + " x " + grouped(e.map.columns) + " of " +
             std::to_string(e.tileRows) + " queries x " +
             std::to_string(e.tileKeys) + " keys: " + counts);
  }
  line(os, "rung", e.rung);
  printLoops(os, e);
  std::string times;
  llvm::raw_string_ostream(times)
      << llvm::format("analysis %.3f ms, formula %.3f ms, map %.3f ms",
                      e.analysisMs, e.formulaMs, e.mapMs);
  line(os, "time", times);
  if (!e.map.classes.empty()) {
    printMap(os, e);
  }
}

} // namespace attn
