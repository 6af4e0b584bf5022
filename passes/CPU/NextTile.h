//===- NextTile.h - the keys behind those of a tile -------------*- C++ -*-===//

#ifndef ATTN_PASSES_CPU_NEXTTILE_H
#define ATTN_PASSES_CPU_NEXTTILE_H

#include "LaneBuilder.h"

namespace attn {

/// Rows of `memref` from `row` on, which may lie past its end: they are there
/// to be prefetched.
struct NextTile {
  mlir::Value memref, row;
  bool lookedUp; // in a table of pages
};

/// Where the rows lie that `op` will get in place of `tile`: in the iteration
/// of its loop that comes `ahead` later, or the last one, where a table has the
/// page of each; else behind `tile`.
NextTile nextTile(LaneBuilder &lb, mlir::Operation *op, mlir::Value tile,
                  int64_t ahead = 1);

} // namespace attn

#endif // ATTN_PASSES_CPU_NEXTTILE_H
