//===- ExplainSVG.cpp - the maps of masks as one drawing ------------------===//
// One square a mask, one below the other. Tiles of a kind are one path of
// rectangles, so that a drawing stays small. Colours are chosen to be read on a
// light and on a dark ground.
//===----------------------------------------------------------------------===//

#include "Explanation.h"
#include "MapCells.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace attn {

namespace {

constexpr int64_t kSide = 256, kLeast = 64, kLeft = 16, kTop = 16, kBelow = 20;
constexpr int64_t kMostCells = 64;

struct Rectangle {
  int64_t row, column, height, width;
};

// The cells of one kind as rectangles: runs of a row, joined with equal runs
// below.
std::vector<Rectangle> rectanglesOf(const MapCells &cells, MapClass kind) {
  std::vector<Rectangle> done, open;
  for (int64_t i = 0; i < cells.rows; ++i) {
    std::vector<Rectangle> next;
    for (int64_t j = 0; j < cells.columns; ++j) {
      int64_t first = j;
      while (j < cells.columns && cells.at(i, j).kind == kind) {
        ++j;
      }
      if (j == first) {
        continue;
      }
      auto above = llvm::find_if(open, [&](const Rectangle &other) {
        return other.column == first && other.width == j - first;
      });
      if (above != open.end()) {
        next.push_back(*above);
        ++next.back().height;
        open.erase(above);
      } else {
        next.push_back({i, first, 1, j - first});
      }
    }
    llvm::append_range(done, open);
    open = std::move(next);
  }
  llvm::append_range(done, open);
  return done;
}

std::string escaped(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    result += c == '<'   ? "&lt;"
              : c == '>' ? "&gt;"
              : c == '&' ? "&amp;"
                         : std::string(1, c);
  }
  return result;
}

// Of a drawing whose longer side is `kSide`.
int64_t sideOf(int64_t length, int64_t other) {
  return length >= other ? kSide : std::max(kLeast, kSide * length / other);
}

void drawMap(llvm::raw_ostream &os, const Explanation &e, int64_t y) {
  MapCells cells(e.map, kMostCells, kMostCells);
  int64_t width = sideOf(e.keys, e.queries), height = sideOf(e.queries, e.keys);
  os << "<g transform=\"translate(" << kLeft << " " << y << ")\">\n"
     << "<text x=\"0\" y=\"-5\">keys →</text>"
     << "<text transform=\"rotate(90)\" x=\"0\" y=\"12\">queries →</text>\n"
     << "<g transform=\"scale("
     << llvm::format("%g %g", double(width) / cells.columns,
                     double(height) / cells.rows)
     << ")\">\n";
  for (auto [kind, name] :
       {std::pair(MapClass::Full, "f"), std::pair(MapClass::Partial, "p"),
        std::pair(MapClass::Data, "d")}) {
    std::vector<Rectangle> rectangles = rectanglesOf(cells, kind);
    if (rectangles.empty()) {
      continue;
    }
    os << "<path class=\"" << name << "\" d=\"";
    for (const Rectangle &r : rectangles) {
      os << "M" << r.column << " " << r.row << "h" << r.width << "v" << r.height
         << "h-" << r.width << "z";
    }
    os << "\"/>\n";
  }
  os << "</g>\n<rect class=\"e\" width=\"" << width << "\" height=\"" << height
     << "\"/>\n<text y=\"" << height + 13 << "\">" << e.queries << " × "
     << e.keys;
  if (e.visible) {
    os << ", " << llvm::format("%.1f", 100.0 * *e.visible / e.pairs)
       << " % visible";
  }
  os << "</text>\n</g>\n";
}

} // namespace

void printSVG(llvm::raw_ostream &os, ArrayRef<Explanation> explanations) {
  int64_t width = kSide + 2 * kLeft, height = 0;
  for (const Explanation &e : explanations) {
    height +=
        e.map.classes.empty() ? 0 : kTop + sideOf(e.queries, e.keys) + kBelow;
  }
  os << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width
     << "\" height=\"" << height << "\" viewBox=\"0 0 " << width << " "
     << height << "\">\n"
     << "<style>.f{fill:#4a7fb5}.p{fill:#4a7fb5;opacity:.45}"
        ".d{fill:#b08a3e;opacity:.6}"
        ".e{fill:none;stroke:#888;stroke-width:1}"
        "text{font:10px system-ui,sans-serif;fill:#888}</style>\n";
  int64_t y = kTop;
  for (const Explanation &e : explanations) {
    if (e.map.classes.empty()) {
      continue;
    }
    os << "<title>" << escaped(e.mask) << "</title>\n";
    drawMap(os, e, y);
    y += kTop + sideOf(e.queries, e.keys) + kBelow;
  }
  os << "</svg>\n";
}

} // namespace attn
