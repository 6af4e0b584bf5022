//===- Explanation.cpp - what is told of the mask of an attention ---------===//

#include "Explanation.h"

#include "../Tile/MaskPlan.h"
#include "BoundTexts.h"
#include "Interpreter.h"
#include "MaskFindings.h"
#include "attn/Dialect/Attn/AttentionClasses.h"
#include "attn/Mask/Count.h"
#include "attn/Mask/TileAnalysis.h"

#include "llvm/Support/Format.h"

#include <chrono>

using namespace mlir;

namespace attn {

namespace {

double millisecondsOf(llvm::function_ref<void()> work) {
  auto start = std::chrono::steady_clock::now();
  work();
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  return time.count();
}

class Explainer {
public:
  Explainer(AttentionOp op, const ExplainOptions &options)
      : op(op), options(options), problem(MaskProblem::of(op)),
        names(namesOf(problem)), result(op.getLoc()) {}

  Explanation run();

private:
  std::optional<int64_t> sizeOf(Value shaped, int64_t dim);
  std::optional<int64_t> given(const std::string &name);
  std::string textOfMask();
  void readSizes();
  void analyze();
  void countSymbolically();
  int64_t computed(TileAt tile, const TileRange &range);
  void choosePiece();
  void countWork();
  void drawSet();
  bool contains(ArrayRef<int64_t> point) {
    return problem.set.contains(
        {point[0], point[1], point[2], point[3], symbols});
  }
  int64_t drawPairs(llvm::function_ref<bool(ArrayRef<int64_t>)> isVisible);
  bool drawData();
  void draw();
  void note();

  AttentionOp op;
  const ExplainOptions &options;
  MaskProblem problem;
  MaskNames names;
  Explanation result;
  AttentionClasses piece;       // what has the head
  MaskSet pieceSet;             // in the unknowns, and the residue
  TileSegments segments;        // of that
  std::vector<int64_t> symbols; // of the unknowns
  std::unique_ptr<Interpreter> interpreter;
};

std::optional<int64_t> Explainer::given(const std::string &name) {
  auto found = options.sizes.find(name);
  return found == options.sizes.end() ? std::nullopt
                                      : std::optional(found->second);
}

constexpr int64_t kDefaultLength = 1024;

std::optional<int64_t> Explainer::sizeOf(Value shaped, int64_t dim) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.isDynamicDim(dim)) {
    return type.getDimSize(dim);
  }
  if (auto argument = dyn_cast<BlockArgument>(shaped)) {
    std::string name = sizeName(argument, dim);
    return given(name).value_or(kDefaultLength);
  }
  return std::nullopt;
}

// As it is written, on one line; what a region computes is left out.
std::string Explainer::textOfMask() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (MaskAttrInterface mask = op.getMaskAttr()) {
    stream << mask;
  }
  if (!op.getMaskSymbols().empty()) {
    SmallVector<std::string> values;
    for (Value value : op.getMaskSymbols()) {
      auto argument = dyn_cast<BlockArgument>(value);
      values.push_back(argument ? argumentName(argument) : "value");
    }
    stream << " [" << llvm::join(values, ", ") << "]";
  }
  if (!op.getMaskRegion().empty()) {
    stream << (text.empty() ? "" : " and ") << "a region of "
           << op.getMaskCaptured().size() << " tensor"
           << (op.getMaskCaptured().size() == 1 ? "" : "s");
  }
  return text.empty() ? "none" : text;
}

void Explainer::readSizes() {
  interpreter = std::make_unique<Interpreter>(Interpreter::Environment{
      [this](Value value) -> std::optional<int64_t> {
        auto argument = dyn_cast<BlockArgument>(value);
        return argument ? given(argumentName(argument)) : std::nullopt;
      },
      [this](Value shaped, int64_t dim) { return sizeOf(shaped, dim); }});
  for (const MaskUnknown &unknown : problem.unknowns) {
    std::optional<int64_t> value = given(unknown.name);
    bool isDefault = !value;
    if (!value && unknown.value) {
      value = interpreter->scalar(unknown.value);
    } else if (!value) {
      value = unknown.name == "batch" || unknown.name == "heads"
                  ? 1
                  : kDefaultLength;
    }
    if (!value) {
      result.missing.push_back(unknown.name);
    }
    symbols.push_back(value.value_or(0));
    if (value) {
      result.sizes.push_back({unknown.name, *value, isDefault});
    }
  }
  if (!result.missing.empty()) {
    return;
  }
  auto valueOf = [&](const LinearForm &form) {
    return evaluate(form, {}, symbols);
  };
  result.queries = valueOf(problem.queries);
  result.keys = valueOf(problem.keys);
  result.offset = valueOf(problem.offset);
  result.heads = std::max<int64_t>(valueOf(problem.heads), 1);
  result.batches = std::max<int64_t>(valueOf(problem.batches), 1);
  result.pairs = result.queries * result.keys;
  constexpr int64_t kMost = int64_t(1) << 30;
  if (result.queries < 1 || result.keys < 1 || result.queries > kMost ||
      result.keys > kMost) {
    result.missing.push_back("sizes of 1 or more, 2^30 at most");
  }
}

// The part of the op that has the head, in its own coordinates.
void Explainer::choosePiece() {
  for (AttentionClasses &next : AttentionClasses::of(op)) {
    if (next.firstHead <= result.head &&
        (next.endHead < 0 || result.head < next.endHead)) {
      piece = std::move(next);
      break;
    }
  }
  pieceSet = problem.set;
  pieceSet.numSymbols = problem.numSymbols() + 1; // the residue
  if (op.getMaskAttr()) {
    MLIRContext *context = op.getContext();
    SmallVector<AffineExpr> values;
    for (unsigned symbol : piece.symbols) {
      values.push_back(
          symbol < problem.maskSymbols.size()
              ? problem.maskSymbols[symbol].expr(context)
              : getAffineSymbolExpr(problem.numSymbols(), context));
    }
    pieceSet =
        (piece.mask ? piece.mask.getMaskSet() : MaskSet::band(context, -1, -1))
            .replaceSymbols(values, problem.numSymbols() + 1);
  }
  result.step = piece.step;
  if (piece.step > 1) {
    std::string step = std::to_string(piece.step);
    result.rung = "set: " + step +
                  " residue classes, so that what the dilation hides is not "
                  "read; bounds of their segments by arithmetic";
    result.loopsNote = "over keys " + step +
                       "*k + r for each residue r, for a "
                       "tile of queries " +
                       step + "*q0 + r to " + step + "*q1 + r";
  } else if (!piece.refused.empty()) {
    result.rung += "; no residue classes: " + piece.refused;
  }
  if (piece.endHead >= 0) {
    result.loopsNote += ", heads " + std::to_string(piece.firstHead) + " to " +
                        std::to_string(piece.endHead - 1);
  }
}

void Explainer::analyze() {
  result.analysisMs = millisecondsOf([&] {
    choosePiece();
    segments = analyzeTile(pieceSet, TileWalk::Keys, /*oneHead=*/true);
  });
  result.exact = segments.exact;
  result.loopsNote += segments.exact ? "" : " (widened: not exact)";
  MaskNames inPiece = names;
  inPiece.symbols.push_back("r");
  LinearForm keys = problem.keys;
  if (piece.step > 1) {
    MLIRContext *context = op.getContext();
    keys = (keys -
            LinearForm::of(getAffineSymbolExpr(problem.numSymbols(), context)))
               .ceilDiv(piece.step, context);
  }
  BoundTexts texts(segments, inPiece, toText(keys, inPiece));
  for (const TileSegment &segment : segments.segments) {
    std::string lower = texts.of(segment.lower),
                upper = texts.of(segment.upper);
    result.loops.push_back({segment.full, lower, upper});
  }
  result.definitions = std::move(texts.definitions);
}

void Explainer::countSymbolically() {
  if (!op.getMaskRegion().empty()) {
    result.noFormula = "what the region hides is data";
    return;
  }
  std::optional<Count> count;
  result.formulaMs = millisecondsOf([&] {
    SmallVector<unsigned> dims{QueryDim, KeyDim};
    for (unsigned dim : {BatchDim, HeadDim}) {
      if (problem.set.usesDim(dim)) {
        dims.push_back(dim);
      }
    }
    count =
        countPoints(problem.set, problem.facts, dims,
                    result.missing.empty() ? symbols : std::vector<int64_t>());
  });
  if (!count) {
    result.noFormula = "none was found that is short";
    return;
  }
  result.otherCases = !count->isComplete;
  const std::vector<CountCase> &cases = count->cases;
  for (const CountCase &part : cases) {
    result.formula.push_back(
        {toText(part.value, names), toText(part.when, names)});
  }
  if (!result.missing.empty()) {
    return;
  }
  // A formula of all heads is no number of one.
  if (!result.byHead) {
    result.visible = evaluate(cases, symbols);
  }
  // The case at hand goes first.
  for (auto [n, part] : llvm::enumerate(cases)) {
    if (llvm::all_of(part.when, [&](const LinearForm &form) {
          return evaluate(form, {}, symbols) >= 0;
        })) {
      std::rotate(result.formula.begin(), result.formula.begin() + n,
                  result.formula.begin() + n + 1);
    }
  }
}

// The pairs of a partial range that are computed: of each panel of rows those
// from the first to the last key that it sees, step by step.
int64_t Explainer::computed(TileAt tile, const TileRange &range) {
  int64_t count = 0, last = tile.to;
  for (; tile.from <= last; tile.from = tile.to + 1) {
    tile.to = std::min(tile.from + result.panel - 1, last);
    for (int64_t at = range.lower; at < range.upper; at += result.tileKeys) {
      tile.lower = at;
      tile.upper = std::min(at + result.tileKeys, range.upper);
      std::vector<TileRange> seen = evaluate(segments, tile);
      if (!seen.empty()) {
        count += (tile.to - tile.from + 1) *
                 (seen.back().upper - seen.front().lower);
      }
    }
  }
  return count;
}

// What the tiles of all classes compute and read.
void Explainer::countWork() {
  int64_t all = 0;
  result.keysRead = 0;
  for (int64_t residue = 0; residue < piece.step; ++residue) {
    std::vector<int64_t> values = symbols;
    values.push_back(residue);
    int64_t first = llvm::divideCeilSigned(result.offset - residue, piece.step);
    int64_t last = llvm::divideFloorSigned(
        result.offset + result.queries - 1 - residue, piece.step);
    TileAt tile;
    tile.firstHead = tile.lastHead = result.head;
    tile.symbols = values;
    tile.upper = std::max<int64_t>(
        llvm::divideCeilSigned(result.keys - residue, piece.step), 0);
    for (tile.from = first; tile.from <= last; tile.from = tile.to + 1) {
      tile.to = std::min(tile.from + result.tileRows - 1, last);
      for (const TileRange &range : evaluate(segments, tile)) {
        int64_t length = range.upper - range.lower;
        all += range.full ? (tile.to - tile.from + 1) * length
                          : computed(tile, range);
        result.keysRead += length;
      }
    }
  }
  result.computedPairs = all;
}

// Tiles by segments in positions.
void Explainer::drawSet() {
  TileSegments whole = piece.step == 1
                           ? segments
                           : analyzeTile(problem.set, TileWalk::Keys,
                                         /*oneHead=*/true);
  std::vector<int64_t> values = symbols;
  values.push_back(0);
  for (int64_t i = 0; i < result.map.rows; ++i) {
    TileAt tile;
    tile.firstHead = tile.lastHead = result.head;
    tile.from = result.offset + i * result.tileRows;
    tile.to =
        std::min(tile.from + result.tileRows, result.offset + result.queries) -
        1;
    tile.upper = result.keys;
    tile.symbols = values;
    for (const TileRange &range : evaluate(whole, tile)) {
      for (int64_t j = range.lower / result.tileKeys;
           j * result.tileKeys < range.upper; ++j) {
        int64_t from = j * result.tileKeys;
        int64_t to = std::min(from + result.tileKeys, result.keys);
        bool covers = range.lower <= from && to <= range.upper;
        result.map.classes[i * result.map.columns + j] =
            range.full && covers ? MapClass::Full : MapClass::Partial;
      }
    }
  }
}

// Every pair is asked. How many queries see no key.
int64_t
Explainer::drawPairs(llvm::function_ref<bool(ArrayRef<int64_t>)> isVisible) {
  int64_t visible = 0, allComputed = 0;
  std::vector<bool> sees(result.queries, false);
  for (int64_t i = 0; i < result.map.rows; ++i) {
    for (int64_t j = 0; j < result.map.columns; ++j) {
      int64_t rows =
          std::min(result.tileRows, result.queries - i * result.tileRows);
      int64_t columns =
          std::min(result.tileKeys, result.keys - j * result.tileKeys);
      int64_t seen = 0, computed = 0, first = columns, last = -1;
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          if (isVisible({0, result.head,
                         result.offset + i * result.tileRows + row,
                         j * result.tileKeys + column})) {
            ++seen;
            sees[i * result.tileRows + row] = true;
            first = std::min(first, column);
            last = std::max(last, column);
          }
        }
        // The end of a panel, which computes from its first key to its last.
        if ((row + 1) % result.panel == 0 || row + 1 == rows) {
          computed +=
              (row % result.panel + 1) * std::max<int64_t>(last + 1 - first, 0);
          first = columns;
          last = -1;
        }
      }
      visible += seen;
      allComputed += computed;
      result.keysRead += seen > 0 ? columns : 0;
      result.map.classes[i * result.map.columns + j] =
          seen == 0                ? MapClass::Empty
          : seen == rows * columns ? MapClass::Full
                                   : MapClass::Partial;
    }
  }
  result.visible = visible;
  result.computedPairs = allComputed;
  return llvm::count(sees, false);
}

// Whether the map could be drawn: all that the region reads is known.
bool Explainer::drawData() {
  std::vector<std::shared_ptr<const IntegerTensor>> tables;
  for (Value captured : op.getMaskCaptured()) {
    tables.push_back(interpreter->tensor(captured));
  }
  std::optional<Program> region = interpreter->compile(op.getMaskRegion());
  if (!region || llvm::is_contained(tables, nullptr)) {
    return false;
  }
  std::vector<int64_t> arguments(tables.size() + 4, 0);
  std::vector<int64_t> indices;
  int64_t blind = drawPairs([&](ArrayRef<int64_t> point) {
    if (!contains(point)) {
      return false;
    }
    for (auto [n, table] : llvm::enumerate(tables)) {
      indices.clear();
      for (AffineExpr expr : maskMapOf(op, n).getResults()) {
        indices.push_back(evaluate(LinearForm::of(expr), point, {}));
      }
      arguments[n] = table->at(indices);
    }
    llvm::copy(point, arguments.end() - 4);
    return region->run(arguments) != 0;
  });
  if (region->isExhausted()) {
    llvm::fill(result.map.classes, MapClass::Empty);
    result.visible = result.computedPairs = std::nullopt;
    return false;
  }
  if (blind > 0) {
    result.facts.push_back(std::to_string(blind) + " of " +
                           std::to_string(result.queries) +
                           " queries see no key by these data; their results "
                           "are 0, their lse -inf");
  }
  return true;
}

void Explainer::draw() {
  constexpr int64_t kMostTiles = int64_t(1) << 24;
  constexpr int64_t kMostPairs = int64_t(1) << 25;
  result.map.rows = llvm::divideCeil(result.queries, result.tileRows);
  result.map.columns = llvm::divideCeil(result.keys, result.tileKeys);
  if (result.map.rows > kMostTiles / result.map.columns) {
    result.map = {};
    result.rung += "; too many tiles for a map";
    return;
  }
  result.map.classes.assign(result.map.rows * result.map.columns,
                            MapClass::Empty);
  result.keysOfAll = result.map.rows * result.keys;
  bool isSmall = result.pairs <= kMostPairs;
  if (op.getMaskRegion().empty()) {
    bool isDrawn = piece.step == 1 && segments.exact && result.visible;
    if (isDrawn || !isSmall) {
      drawSet();
    } else {
      drawPairs([&](ArrayRef<int64_t> point) { return contains(point); });
    }
    countWork();
    return;
  }
  if (isSmall && drawData()) {
    return;
  }
  // Where the attribute shows something, the data decides.
  drawSet();
  result.visible = std::nullopt;
  for (MapClass &kind : result.map.classes) {
    kind = kind == MapClass::Empty ? MapClass::Empty : MapClass::Data;
  }
}

// What the numbers say.
void Explainer::note() {
  if (result.visible && result.computedPairs && *result.visible > 0 &&
      2 * *result.visible < *result.computedPairs) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "tiles of " << result.tileRows << " queries"
           << " waste more than half of their work: "
           << llvm::format("%.0f",
                           100.0 * *result.visible / *result.computedPairs)
           << " % of the pairs that they compute are visible";
    result.facts.push_back(std::move(text));
  }
}

Explanation Explainer::run() {
  if (auto function = op->getParentOfType<FunctionOpInterface>()) {
    result.function = function.getName().str();
  }
  result.mask = textOfMask();
  result.tileRows = options.rows;
  result.tileKeys = options.keys;
  result.head = options.head;
  result.panel =
      options.panel > 0 ? std::min(options.panel, options.rows) : options.rows;
  result.byHead = problem.set.usesDim(HeadDim) || problem.set.usesDim(BatchDim);
  result.facts = findInMask(op, problem);
  MaskPlan plan = MaskPlan::of(op);
  result.loopsNote =
      op.getMaskRegion().empty() ? "over keys, for a tile of queries q0 to q1"
      : plan.rung == MaskPlan::Rung::Bounds
          ? "over keys, which data cuts further, for a tile of queries q0 to q1"
          : "over the tiles of lists that a call writes first, of these keys:";
  result.rung = !plan.text.empty() ? plan.text
                : op.getMaskAttr()
                    ? "set: bounds of segments by arithmetic on the "
                      "tile, the sizes and the symbols"
                    : "no mask: one full segment";
  readSizes();
  analyze();
  countSymbolically();
  auto sizeOr = [](int64_t size) { return size < 0 ? 0 : size; };
  int64_t headSize =
      cast<ShapedType>(op.getQ().getType()).getDimSize(op.getSizeDim());
  int64_t valueSize =
      cast<ShapedType>(op.getV().getType()).getDimSize(op.getSizeDim());
  double sizes = sizeOr(headSize) + sizeOr(valueSize);
  result.flopsPerPair = 2 * sizes;
  result.bytesPerKey = sizes * op.getElementType().getWidth() / 8;
  if (result.missing.empty()) {
    result.mapMs = millisecondsOf([&] { draw(); });
    note();
  }
  return std::move(result);
}

} // namespace

Explanation explain(AttentionOp op, const ExplainOptions &options) {
  return Explainer(op, options).run();
}

} // namespace attn
