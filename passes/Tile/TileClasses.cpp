//===- TileClasses.cpp - row tiles of residue classes ---------------------===//
// A class is a sequence of its own whose elements lie apart, so that all forms
// of tiling apply to it. Nothing is copied: slices have strides.
//===----------------------------------------------------------------------===//

#include "AttentionTiler.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

SmallVector<OpFoldResult> AttentionTiler::strides(int64_t rank, int64_t dim,
                                                  bool ofKeys) {
  SmallVector<OpFoldResult> strides(rank, rewriter.getIndexAttr(1));
  // One element has no stride.
  if (dim >= 0 && (ofKeys ? shape.keys : shape.queries) != 1) {
    strides[dim] = rewriter.getIndexAttr(classes.step);
  }
  return strides;
}

Value AttentionTiler::countClasses() {
  if (classes.step == 1) {
    return index.constant(1);
  }
  Value queries = index.value(
      tensor::getMixedSize(rewriter, loc, op.getQ(), op.getSeqDim()));
  return index.max(index.min(queries, index.constant(classes.step)),
                   index.constant(1));
}

Value AttentionTiler::countHeads() {
  return classes.endHead < 0
             ? heads
             : index.constant(classes.endHead - classes.firstHead);
}

// How many of `size` elements are `step` apart from `start` on.
Value AttentionTiler::countInClass(Value size, Value start) {
  std::optional<int64_t> known = getConstantIntValue(size);
  if (known && *known % classes.step == 0) {
    return index.constant(*known / classes.step);
  }
  Value rest = index.max(index.sub(size, start), index.constant(0));
  return index.ceilDiv(rest, classes.step);
}

// The queries from the one of `number` on, as many classes apart, and the keys
// of their residue. All counts and positions become those of the class.
Sequence AttentionTiler::inClass(const Sequence &seq, Value number) {
  if (classes.step == 1) {
    return seq;
  }
  Value first = index.add(seq.offset, number);
  Sequence result;
  result.offset = rewriter.createOrFold<arith::FloorDivSIOp>(
      loc, first, index.constant(classes.step));
  result.residue = index.sub(first, index.mul(result.offset, classes.step));
  result.queryStart = index.add(seq.queryStart, number);
  result.queries = countInClass(seq.queries, number);
  result.keyStart = index.add(seq.keyStart, result.residue);
  result.keys = countInClass(seq.keys, result.residue);
  return result;
}

SmallVector<Value> AttentionTiler::maskSymbols(const Sequence &seq) {
  return llvm::map_to_vector(classes.symbols, [&](unsigned n) -> Value {
    return n < op.getMaskSymbols().size() ? op.getMaskSymbols()[n]
                                          : seq.residue;
  });
}

// The score region speaks of positions in the sequence.
void AttentionTiler::moveScore(OnlineAttentionOp online, Value residue) {
  OpBuilder::InsertionGuard guard(rewriter);
  Block &block = online.getScore().front();
  rewriter.setInsertionPointToStart(&block);
  for (Value position : block.getArguments().take_back(2)) {
    if (position.use_empty()) {
      continue;
    }
    Value product = index.mul(position, classes.step);
    Value moved = index.add(product, residue);
    rewriter.replaceAllUsesExcept(position, moved, product.getDefiningOp());
  }
}

} // namespace attn
