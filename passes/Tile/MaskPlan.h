//===- MaskPlan.h - the rung of the ladder that a mask region takes -------===//
// Decided from the op alone, before any code is made.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_MASKPLAN_H
#define ATTN_PASSES_TILE_MASKPLAN_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attn {

/// How what a mask region hides is found.
struct MaskPlan {
  enum class Rung {
    None,   ///< each pair is tested
    Bounds, ///< bounds of the segments of a row tile
    Lists   ///< lists of tiles of keys
  } rung = Rung::None;
  enum class Read { Ends, Row, Blocks, All };
  llvm::SmallVector<Read> reads;        ///< of each captured tensor
  bool byBatch = false, byHead = false; ///< lists differ between these
  // Of the prefill form with lists, before its tiles:
  llvm::SmallVector<mlir::Value> tables; ///< by captured tensor, or null
  mlir::Value list;   ///< batch x head x row tile x tile of keys
  mlir::Value counts; ///< batch x head x row tile (x block) x (full, partial)
  mlir::Value order;  ///< batch x head x rank: the row tile; or null
  std::string text;   ///< the rung and its reason; empty without a region

  static MaskPlan of(AttentionOp op);
};

/// Of (b, h, i, j), where captured operand `n` of the mask region is read.
mlir::AffineMap maskMapOf(AttentionOp op, unsigned n);

/// How often the key is in a value of the mask region: a constant, or nothing
/// where it is in there otherwise.
class KeyCoefficients {
public:
  explicit KeyCoefficients(AttentionOp op);
  std::optional<int64_t> of(mlir::Value value);

private:
  std::optional<int64_t> visit(mlir::Operation &op);

  llvm::DenseMap<mlir::Value, std::optional<int64_t>> known;
};

/// The comparisons whose conjunction the mask region yields, if each one has
/// the key once at most, so that it can be solved for it. `blocker`, if given,
/// is set to the first value that stands in the way.
std::optional<llvm::SmallVector<mlir::arith::CmpIOp>>
solvableComparisons(AttentionOp op, mlir::Value *blocker = nullptr);

} // namespace attn

#endif // ATTN_PASSES_TILE_MASKPLAN_H
