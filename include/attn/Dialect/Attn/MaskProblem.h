//===- MaskProblem.h - the mask of an attention, with named sizes ---------===//
// The symbols of a mask and the sizes of the operands as sums of *unknowns*:
// dynamic sizes by their names in `attn.dims` (equal names, equal sizes),
// scalar arguments, and values that are not looked into.
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_ATTN_MASKPROBLEM_H
#define ATTN_DIALECT_ATTN_MASKPROBLEM_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Mask/MaskSet.h"

namespace attn {

/// The name of an argument of a function: `attn.name`, the name of its
/// location, or `arg` and its number.
std::string argumentName(mlir::BlockArgument argument);
/// The name of a dynamic size of an argument: by `attn.dims`, or made of the
/// name of the argument and the number of the dimension.
std::string sizeName(mlir::BlockArgument argument, int64_t dim);

/// Something that is known at run time.
struct MaskUnknown {
  std::string name;  ///< unique in its problem
  mlir::Value value; ///< an index, or null for a size of a tensor
  bool isSize;       ///< a size, which is taken to be 1 or more
};

struct MaskProblem {
  /// The symbols of all sets and forms below.
  std::vector<MaskUnknown> unknowns;
  /// What the mask attribute shows: all, without one.
  MaskSet set;
  /// What `mask_symbols` are.
  std::vector<LinearForm> maskSymbols;
  /// 0 or more at every pair of one sequence, and of what is known of sizes.
  MaskTerm facts;
  /// Of one sequence; `offset` is the position of its first query.
  LinearForm queries, keys, offset;
  /// Of `q`; null where the mask does not use them and they are dynamic.
  LinearForm batches, heads;

  static MaskProblem of(AttentionOp op);

  unsigned numSymbols() const { return set.numSymbols; }
};

} // namespace attn

#endif // ATTN_DIALECT_ATTN_MASKPROBLEM_H
