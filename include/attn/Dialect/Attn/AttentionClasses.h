//===- AttentionClasses.h - dilated attention by residue classes ----------===//
// An attention whose mask shows keys of the query's residue alone is one
// attention for each residue, on strided slices of its operands. Tiling makes
// it so: no hidden residue is read, and nothing is copied.
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_ATTN_ATTENTIONCLASSES_H
#define ATTN_DIALECT_ATTN_ATTENTIONCLASSES_H

#include "attn/Dialect/Attn/AttnOps.h"

#include <string>
#include <vector>

namespace attn {

/// Some heads of an attention in the coordinates of a class: positions are
/// `step * p + residue`. With a step of 1 and all heads it is the op itself.
struct AttentionClasses {
  int64_t firstHead = 0, endHead = -1; ///< [firstHead, endHead); -1: all
  int64_t step = 1;
  MaskAttrInterface mask; ///< null where nothing more is hidden
  /// What the symbols of `mask` are: operands of `mask_symbols` by number, and
  /// the residue by their count.
  llvm::SmallVector<unsigned> symbols;
  mlir::ArrayAttr capturedMaps; ///< of the score region
  /// Why a dilation was left in the mask; empty where none was.
  std::string refused;

  /// One for all heads, or, where dilations differ between them, several. They
  /// write disjoint heads of the results.
  static std::vector<AttentionClasses> of(AttentionOp op);

  /// ceil(size / step), and -1 for a size that is not known.
  int64_t longest(int64_t size) const {
    return size < 0 ? size : (size + step - 1) / step;
  }
};

} // namespace attn

#endif // ATTN_DIALECT_ATTN_ATTENTIONCLASSES_H
