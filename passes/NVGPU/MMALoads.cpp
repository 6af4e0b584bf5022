//===- MMALoads.cpp - what a tile copies to shared memory -----------------===//

#include "MMATile.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace attn {

static bool isContiguous(Value stride) { return matchPattern(stride, m_One()); }

void MMATile::loadQueries() {
  TileCopy copy{queryTile, program.headSize, kernel.threads()};
  TensorView view = q;
  std::rotate(view.dims.begin() + program.sizeDim,
              view.dims.begin() + program.sizeDim + 1, view.dims.end());
  copy.alignment = view.alignment();
  copy.contiguous = isContiguous(view.dims.back().stride);
  copy.emit(
      warp, thread, warp.c(0), view,
      [&](Value row) {
        return rows.offset(warp, row, q, program.headDim, program.queryDim);
      },
      rows.count, view.dims.back().stride);
}

// Starts the copies of a tile of K and V into the stage at byte `stage`.
LogicalResult MMATile::loadKeys(const KeyCursor::Tile &tile, Value stage) {
  auto viewOf = [&](Value tensor) {
    if (pages) { // of some row: all are alike but for their offset
      return pages->row(tensor, tile.key, warp.c(0));
    }
    IRMapping mapping;
    cloneBodyScalars(warp.builder, program.loop, warp.toIndex(tile.key),
                     warp.toIndex(tile.size), mapping);
    return views.get(tensor, mapping);
  };
  IndexBuilder index(warp.builder, warp.loc);
  // Columns are elements of memory: two of codes of 4 bits are one.
  auto load = [&](Value tensor, const SharedTile &shared, int64_t valid,
                  int64_t sliceColumns, Value firstColumn, Value validColumns) {
    FailureOr<TensorView> view = viewOf(tensor);
    if (failed(view)) {
      return failure();
    }
    Value stride = view->dims[0].stride, columnStride = view->dims[1].stride;
    Value start = index.constant(0);
    if (firstColumn) {
      start = index.mul(warp.toIndex(firstColumn), columnStride);
      view->offsetMultiple = std::gcd(
          view->offsetMultiple, sliceColumns * view->dims[1].strideMultiple);
    }
    TileCopy copy{shared, valid, kernel.threads()};
    copy.alignment = view->alignment();
    copy.contiguous = isContiguous(columnStride);
    copy.rowStride = pages ? Value() : stride;
    copy.emit(
        warp, thread, stage, *view,
        [&](Value row) {
          Value offset = pages
                             ? pages->kept(row, tensor == program.values(),
                                           stage, pagePlace)
                             : index.add(view->offset,
                                         index.mul(warp.toIndex(row), stride));
          return index.add(offset, start);
        },
        tile.size, columnStride, validColumns);
    return success();
  };
  auto stored = [](int64_t elements, const CodeForm &form) {
    return form.bits == 4 ? llvm::divideCeil(elements, 2) : elements;
  };
  const CodeForm &form = kernel.forms.value;
  if (failed(load(program.keys(), keyTile,
                  stored(program.headSize, kernel.forms.key), 0, Value(),
                  Value()))) {
    return failure();
  }
  int64_t whole = stored(kernel.valueSlice, form);
  Value some = form.bits == 4 ? warp.div(warp.add(columns, 1), 2) : columns;
  return load(program.values(), valueTile,
              stored(std::min(program.valueSize, kernel.valueSlice), form),
              whole, slice ? warp.mul(slice, whole) : Value(),
              slice ? some : Value());
}

// Rows of the tiles in front of the loop, and of the first that it loads. All
// are read at once: this is a wait that nothing hides.
LogicalResult MMATile::placeFirstPages(ArrayRef<KeyCursor::Tile> queue,
                                       const KeyCursor::Tile &last) {
  SmallVector<KeyCursor::Tile> tiles(queue);
  tiles.push_back(last);
  SmallVector<PageRows::Offsets> all;
  for (const KeyCursor::Tile &tile : tiles) {
    FailureOr<PageRows::Offsets> offsets = pages->fetch(tile, pagePlace);
    if (failed(offsets)) {
      return failure();
    }
    all.push_back(*offsets);
  }
  for (auto [i, offsets] : llvm::enumerate(all)) {
    pages->keep(offsets, warp.c(static_cast<int64_t>(i) * stageBytes),
                pagePlace);
  }
  warp.barrier();
  return success();
}

} // namespace attn
