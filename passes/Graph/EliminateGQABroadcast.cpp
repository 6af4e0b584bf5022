//===- EliminateGQABroadcast.cpp - key heads that are repeated ------------===//
// Frameworks repeat the heads of k and v until they are as many as those of q.
// attn.attention shares them instead, so the repeat is dropped. Head h of the
// repeated tensor must be head h floordiv G of its source ("interleave" order);
// a repeat in the order h mod Hkv means another grouping and never matches.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_ELIMINATEGQABROADCASTPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

int64_t sizeOf(Value tensor, int64_t dim) {
  return cast<RankedTensorType>(tensor.getType()).getDimSize(dim);
}

// A linalg.generic that copies its one input to where `map` takes it from; the
// output is in order.
bool isGather(linalg::GenericOp op) {
  return op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 &&
         op.getNumReductionLoops() == 0 &&
         op.getIndexingMapsArray()[1].isIdentity() &&
         op.getBody()->getOperations().size() == 1 &&
         op.getBody()->getTerminator()->getOperand(0) ==
             op.getBody()->getArgument(0);
}

// A tensor of the elements of `source` at (all dimensions but `group`), where
// `value` has `group` as well and is constant along it.
struct Broadcast {
  Value source;
  bool keepsUnit; ///< `source` has the dimension too, with size 1
};

std::optional<Broadcast> matchBroadcast(Value value, int64_t group) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  if (auto op = value.getDefiningOp<linalg::BroadcastOp>()) {
    if (op.getDimensions() == ArrayRef<int64_t>(group)) {
      return Broadcast{op.getInput(), false};
    }
    return std::nullopt;
  }
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (!op || !isGather(op)) {
    return std::nullopt;
  }
  AffineMap map = op.getIndexingMapsArray()[0];
  MLIRContext *context = op.getContext();
  AffineMap without =
      AffineMap::getMultiDimIdentityMap(rank, context).dropResult(group);
  if (map == without) {
    return Broadcast{op.getInputs()[0], false};
  }
  SmallVector<AffineExpr> exprs(without.getResults());
  exprs.insert(exprs.begin() + group, getAffineConstantExpr(0, context));
  if (map == AffineMap::get(rank, 0, exprs, context) &&
      sizeOf(op.getInputs()[0], group) == 1) {
    return Broadcast{op.getInputs()[0], true};
  }
  return std::nullopt;
}

class Matcher {
public:
  Matcher(OpBuilder &builder, Location loc, int64_t head)
      : builder(builder), loc(loc), head(head) {}

  /// The tensor whose heads `value` repeats in order, or null; reads only.
  bool matches(Value value) { return walk(value, /*build=*/false); }
  Value build(Value value) {
    walk(value, /*build=*/true);
    return result;
  }
  /// Key heads of the source; known after a match.
  int64_t heads = ShapedType::kDynamic;

private:
  OpBuilder &builder;
  Location loc;
  int64_t head;
  Value result;

  bool walk(Value value, bool build) {
    if (auto cast = value.getDefiningOp<tensor::CastOp>()) {
      return isa<RankedTensorType>(cast.getSource().getType()) &&
             walk(cast.getSource(), build);
    }
    if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
      return walkSlice(slice, build);
    }
    if (auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>()) {
      return walkCollapse(collapse, build);
    }
    if (auto op = value.getDefiningOp<linalg::GenericOp>()) {
      return walkGather(op);
    }
    return false;
  }

  bool found(Value source) {
    result = source;
    heads = sizeOf(source, head);
    return true;
  }

  // A slice of other dimensions is taken of the source instead.
  bool walkSlice(tensor::ExtractSliceOp slice, bool build) {
    Value source = slice.getSource();
    bool whole = slice.getType().getRank() == slice.getSourceType().getRank() &&
                 isConstantIntValue(slice.getMixedOffsets()[head], 0) &&
                 isConstantIntValue(slice.getMixedStrides()[head], 1) &&
                 !slice.getSourceType().isDynamicDim(head) &&
                 slice.getType().getDimSize(head) ==
                     slice.getSourceType().getDimSize(head);
    if (!whole || !walk(source, build)) {
      return false;
    }
    if (build) {
      SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
      sizes[head] = builder.getIndexAttr(heads);
      result = tensor::ExtractSliceOp::create(builder, loc, result,
                                              slice.getMixedOffsets(), sizes,
                                              slice.getMixedStrides());
    }
    return true;
  }

  // [.., Hkv, G, ..] as [.., Hkv * G, ..], constant along G.
  bool walkCollapse(tensor::CollapseShapeOp collapse, bool build) {
    SmallVector<ReassociationIndices> groups =
        collapse.getReassociationIndices();
    for (auto [dim, group] : llvm::enumerate(groups)) {
      if (group.size() != (static_cast<int64_t>(dim) == head ? 2u : 1u)) {
        return false;
      }
    }
    std::optional<Broadcast> broadcast =
        matchBroadcast(collapse.getSrc(), head + 1);
    if (!broadcast) {
      return false;
    }
    if (!broadcast->keepsUnit) {
      return found(broadcast->source);
    }
    // [.., Hkv, 1, ..]: undo the expansion that made the unit dimension.
    auto expand = broadcast->source.getDefiningOp<tensor::ExpandShapeOp>();
    if (expand && expand.getReassociationIndices() == groups) {
      return found(expand.getSrc());
    }
    heads = sizeOf(broadcast->source, head);
    if (build) {
      result = tensor::CollapseShapeOp::create(builder, loc, broadcast->source,
                                               groups);
    }
    return true;
  }

  // (.., h, ..) -> (.., h floordiv G, ..).
  bool walkGather(linalg::GenericOp op) {
    if (!isGather(op)) {
      return false;
    }
    AffineMap map = op.getIndexingMapsArray()[0];
    Value source = op.getInputs()[0];
    int64_t all = sizeOf(op->getResult(0), head);
    if (map.getNumResults() != map.getNumDims() || ShapedType::isDynamic(all) ||
        ShapedType::isDynamic(sizeOf(source, head))) {
      return false;
    }
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      AffineExpr want = builder.getAffineDimExpr(dim);
      if (static_cast<int64_t>(dim) == head) {
        int64_t count = sizeOf(source, head);
        if (count == 0 || all % count != 0) {
          return false;
        }
        want = want.floorDiv(all / count);
      }
      if (expr != want) {
        return false;
      }
    }
    return found(source);
  }
};

struct EliminateGQABroadcastPass
    : public attn::impl::EliminateGQABroadcastPassBase<
          EliminateGQABroadcastPass> {
  void runOnOperation() override {
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) {
      if (op.hasTensorSemantics()) {
        ops.push_back(op);
      }
    });
    for (AttentionOp op : ops) {
      eliminate(op);
    }
  }

private:
  void eliminate(AttentionOp op) {
    OpBuilder builder(op);
    if (op.isPaged()) {
      return;
    }
    Matcher keys(builder, op.getLoc(), op.getHeadDim());
    Matcher values(builder, op.getLoc(), op.getHeadDim());
    bool k = keys.matches(op.getK()), v = values.matches(op.getV());
    if (!k && !v) {
      return;
    }
    auto decline = [&](StringRef why) {
      remark::missed(
          op.getLoc(),
          remark::RemarkOpts::name("broadcast").category(getArgument()))
          << remark::reason("{0}", why);
    };
    if (!k || !v) {
      return decline(k ? "the heads of k are repeated, but not those of v"
                       : "the heads of v are repeated, but not those of k");
    }
    if (!op.getScales().empty()) {
      return decline("k and v have scales, which are those of repeated heads");
    }
    if (ShapedType::isDynamic(keys.heads) ||
        ShapedType::isDynamic(values.heads)) {
      return decline("the number of key heads is dynamic");
    }
    if (keys.heads != values.heads) {
      return decline("the heads of k and v are not repeated equally often");
    }
    bool same = op.getK() == op.getV();
    Value newKeys = keys.build(op.getK());
    op.getKMutable().set(newKeys);
    op.getVMutable().set(same ? newKeys : values.build(op.getV()));
    ++numEliminated;
  }
};

} // namespace
