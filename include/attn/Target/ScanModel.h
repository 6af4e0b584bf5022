//===- ScanModel.h - schedules of recurrences
//------------------------------===//

#ifndef ATTN_TARGET_SCANMODEL_H
#define ATTN_TARGET_SCANMODEL_H

#include "attn/Dialect/Attn/AttnOps.h"

#include <string>

namespace attn {

/// How the tokens of a recurrence are taken, and why.
struct ScanChoice {
  ScanSchedule schedule = ScanSchedule::Sequential;
  int64_t chunk = 1; ///< tokens at a time
  std::string why;
};

/// Of the ops of RecurrenceOps.td at level 1.
ScanChoice chooseScan(mlir::Operation *op);

/// Multiplications and additions of a token of all heads or channels by the
/// chosen schedule; 0 where a size is not static.
double scanFlops(mlir::Operation *op, const ScanChoice &choice);

} // namespace attn

#endif // ATTN_TARGET_SCANMODEL_H
