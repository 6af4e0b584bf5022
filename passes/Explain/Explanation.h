//===- Explanation.h - what is told of the mask of an attention -----------===//
// Plain data: how it is found is in Explanation.cpp, how it looks in
// ExplainText.cpp, ExplainSVG.cpp and ExplainJSON.cpp.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_EXPLAIN_EXPLANATION_H
#define ATTN_PASSES_EXPLAIN_EXPLANATION_H

#include "attn/Dialect/Attn/AttnOps.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// What is known of a tile of pairs; `Data` where values of tensors decide.
enum class MapClass : uint8_t { Empty, Partial, Full, Data };

/// Tiles of `rows` queries by `columns` keys, in row-major order.
struct TileMap {
  int64_t rows = 0, columns = 0;
  std::vector<MapClass> classes;
  MapClass at(int64_t row, int64_t column) const {
    return classes[row * columns + column];
  }
  int64_t count(MapClass kind) const {
    return std::count(classes.begin(), classes.end(), kind);
  }
};

struct Explanation {
  explicit Explanation(mlir::Location loc) : loc(loc) {}

  std::string function, mask; ///< the mask as it is written
  mlir::Location loc;
  /// Unknown sizes and symbols with their values; `isDefault` where nobody gave
  /// one.
  struct Size {
    std::string name;
    int64_t value;
    bool isDefault;
  };
  std::vector<Size> sizes;
  std::vector<std::string> missing; ///< unknowns without a value: no numbers
  int64_t queries = 0, keys = 0, offset = 0, head = 0;
  bool byHead = false;
  int64_t tileRows = 0, tileKeys = 0, panel = 0;

  TileMap map;                    ///< empty where sizes are missing
  std::vector<std::string> facts; ///< warnings

  struct Case {
    std::string value, when;
  };
  std::vector<Case> formula;            ///< visible pairs of a head, or none
  bool otherCases = false;              ///< there are more than those
  std::string noFormula;                ///< why, where there is none
  std::optional<int64_t> visible;       ///< pairs of a head
  int64_t pairs = 0;                    ///< of a head, without a mask
  std::optional<int64_t> computedPairs; ///< pairs that are computed
  // Of one head, or of all where their number is known.
  int64_t heads = 1, batches = 1;
  double flopsPerPair = 0, bytesPerKey = 0; ///< of k and v
  int64_t keysRead = 0, keysOfAll = 0; ///< by row tiles, with and without mask

  struct Loop {
    bool full;
    std::string lower, upper;
  };
  std::vector<std::string> definitions; ///< `a = max(...)`, used by loops
  std::vector<Loop> loops;
  std::string loopsNote; ///< what the loops are over
  bool exact = true;
  int64_t step = 1; ///< residue classes that the loops are of
  std::string rung;

  double analysisMs = 0, formulaMs = 0, mapMs = 0;
};

struct ExplainOptions {
  int64_t rows = 0, keys = 0; ///< of tiles
  /// Rows that share the keys which are computed in a partial tile; 0 for all
  /// of its rows.
  int64_t panel = 0;
  int64_t head = 0;
  std::map<std::string, int64_t> sizes;
};

/// Sizes of sequences that have no value are 1024, others 1.
Explanation explain(AttentionOp op, const ExplainOptions &options);

void printText(llvm::raw_ostream &os, const Explanation &explanation);
void printJSON(llvm::raw_ostream &os, llvm::ArrayRef<Explanation> explanations);
void printSVG(llvm::raw_ostream &os, llvm::ArrayRef<Explanation> explanations);

} // namespace attn

#endif // ATTN_PASSES_EXPLAIN_EXPLANATION_H
