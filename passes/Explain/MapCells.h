//===- MapCells.h - a map of tiles, made small enough to look at ----------===//

#ifndef ATTN_PASSES_EXPLAIN_MAPCELLS_H
#define ATTN_PASSES_EXPLAIN_MAPCELLS_H

#include "Explanation.h"

namespace attn {

/// A part of a map: `share` of it is seen, counting partial tiles half.
struct MapCell {
  MapClass kind;
  double share;
};

/// The map with at most `rows` by `columns` cells. A cell of tiles of several
/// classes is partial.
class MapCells {
public:
  MapCells(const TileMap &map, int64_t rows, int64_t columns)
      : map(map), rows(std::min(map.rows, rows)),
        columns(std::min(map.columns, columns)) {}

  MapCell at(int64_t row, int64_t column) const {
    int64_t counts[4] = {0, 0, 0, 0}, all = 0;
    for (int64_t i = row * map.rows / rows; i < (row + 1) * map.rows / rows;
         ++i) {
      for (int64_t j = column * map.columns / columns;
           j < (column + 1) * map.columns / columns; ++j) {
        ++counts[static_cast<int>(map.at(i, j))];
        ++all;
      }
    }
    auto count = [&](MapClass kind) { return counts[static_cast<int>(kind)]; };
    for (MapClass kind : {MapClass::Empty, MapClass::Full, MapClass::Data}) {
      if (count(kind) == all) {
        return {kind, kind == MapClass::Full ? 1.0 : 0.0};
      }
    }
    return {count(MapClass::Data) > 0 ? MapClass::Data : MapClass::Partial,
            (count(MapClass::Full) + 0.5 * count(MapClass::Partial)) / all};
  }

  const TileMap &map;
  const int64_t rows, columns;
};

} // namespace attn

#endif // ATTN_PASSES_EXPLAIN_MAPCELLS_H
