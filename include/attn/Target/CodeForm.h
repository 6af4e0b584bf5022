//===- CodeForm.h - codes of keys and values, as a GPU kernel reads them --===//
// A kernel for tensor cores keeps codes as bytes in shared memory and makes
// elements of them in registers. Where scales come in follows from what they
// depend on.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_CODEFORM_H
#define ATTN_TARGET_CODEFORM_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <optional>
#include <string>

namespace mlir {
class AffineExpr;
}

namespace attn {

class AttentionOp;
class KVDequantizeOp;

struct CodeForm {
  /// Keys: of whole rows of elements, so that scores and weights are scaled.
  /// Groups: of neighbouring elements of a key. Channels: of an element and a
  /// group of keys.
  enum class Grain { Keys, Groups, Channels };

  int64_t bits = 16; // of a code; 16: there are none
  Grain grain = Grain::Keys;
  int64_t keys = 0;     // that share a scale of a channel; 0: all
  int64_t elements = 1; // of a group
  int64_t columns = 0;  // elements of a row
  bool zero = false;

  /// That of `op`, whose keys are dimension `keyDim` of its map. With pages of
  /// `slots` keys, `ofPage` tells whether an operand of the map follows the
  /// page. Nothing, and why, where no kernel has it.
  static std::optional<CodeForm>
  of(KVDequantizeOp op, unsigned keyDim, int64_t slots,
     llvm::function_ref<bool(mlir::AffineExpr)> ofPage, bool ofValues,
     std::string &reason);

  bool isCodes() const { return bits < 16; }
  /// Elements in 16 bits.
  int64_t unit() const { return 16 / bits; }
  /// Columns are padded to this many: two chunks of 16 bytes.
  int64_t padding() const { return 16 * unit(); }
  int64_t groups() const { return columns / elements; }
  /// Scales of a channel that `step` keys have at most.
  int64_t entries(int64_t step) const {
    return keys > 0 ? (step - 1) / keys + 2 : 1;
  }
  /// Bytes of the scales of `step` keys in shared memory.
  int64_t tableBytes(int64_t step) const;
};

/// Keys and values of an attention as they lie in memory.
struct KeyForms {
  bool paged = false;
  int64_t elementBytes = 2; // of queries, and of what is no code; 4: tf32
  CodeForm key, value;

  bool areCodes() const { return key.isCodes() || value.isCodes(); }
  /// Of a level-1 op; a form that no kernel has is left out.
  static KeyForms of(AttentionOp op);
};

} // namespace attn

#endif // ATTN_TARGET_CODEFORM_H
