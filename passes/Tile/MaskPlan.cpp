//===- MaskPlan.cpp - the rung of the ladder that a mask region takes -----===//

#include "MaskPlan.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace attn {

AffineMap maskMapOf(AttentionOp op, unsigned n) {
  return cast<AffineMapAttr>(op.getMaskMaps()[n]).getValue();
}

//===----------------------------------------------------------------------===//
// Comparisons with the key
//===----------------------------------------------------------------------===//

KeyCoefficients::KeyCoefficients(AttentionOp op) {
  Block &block = op.getMaskRegion().front();
  for (unsigned n = 0; n < op.getMaskCaptured().size(); ++n) {
    if (maskMapOf(op, n).isFunctionOfDim(3)) {
      known[block.getArgument(n)] = std::nullopt;
    }
  }
  known[block.getArguments().back()] = 1;
  for (Operation &inner : block.without_terminator()) {
    for (Value result : inner.getResults()) {
      known[result] = visit(inner);
    }
  }
}

std::optional<int64_t> KeyCoefficients::of(Value value) {
  auto found = known.find(value);
  return found == known.end() ? std::optional<int64_t>(0) : found->second;
}

std::optional<int64_t> KeyCoefficients::visit(Operation &op) {
  bool any = false;
  op.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      any |= of(operand) != 0;
    }
  });
  if (!any) {
    return 0;
  }
  bool adds = isa<arith::AddIOp>(op), subtracts = isa<arith::SubIOp>(op);
  if (!(adds || subtracts) || !op.getResult(0).getType().isIndex()) {
    return std::nullopt;
  }
  std::optional<int64_t> x = of(op.getOperand(0)), y = of(op.getOperand(1));
  if (!x || !y) {
    return std::nullopt;
  }
  return subtracts ? *x - *y : *x + *y;
}

std::optional<SmallVector<arith::CmpIOp>> solvableComparisons(AttentionOp op,
                                                              Value *blocker) {
  using P = arith::CmpIPredicate;
  KeyCoefficients keys(op);
  SmallVector<arith::CmpIOp> leaves;
  SmallVector<Value> work{
      op.getMaskRegion().front().getTerminator()->getOperand(0)};
  while (!work.empty()) {
    Value part = work.pop_back_val();
    Operation *def = part.getDefiningOp();
    if (auto conjunction = dyn_cast_or_null<arith::AndIOp>(def)) {
      llvm::append_range(work, conjunction.getOperands());
      continue;
    }
    auto leaf = dyn_cast_or_null<arith::CmpIOp>(def);
    bool fits =
        leaf && llvm::is_contained({P::slt, P::sle, P::sgt, P::sge, P::eq},
                                   leaf.getPredicate());
    if (fits) {
      std::optional<int64_t> x = keys.of(leaf.getLhs()),
                             y = keys.of(leaf.getRhs());
      fits = x && y && std::abs(*x - *y) <= 1;
    }
    if (!fits) {
      if (blocker) {
        *blocker = part;
      }
      return std::nullopt;
    }
    leaves.push_back(leaf);
  }
  return leaves;
}

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

static std::string describe(Value value) {
  Operation *def = value.getDefiningOp();
  if (!def) {
    return "an element that is captured";
  }
  std::string text = def->getName().getStringRef().str();
  if (auto compare = dyn_cast<arith::CmpIOp>(def)) {
    text += " " + arith::stringifyCmpIPredicate(compare.getPredicate()).str();
  }
  if (auto loc = dyn_cast<FileLineColLoc>(def->getLoc())) {
    text += " in line " + std::to_string(loc.getLine());
  }
  return text;
}

MaskPlan MaskPlan::of(AttentionOp op) {
  MaskPlan plan;
  if (op.getMaskRegion().empty()) {
    return plan;
  }
  ArrayRef<bool> ascending = op.getMaskAscending();
  llvm::SmallSetVector<StringRef, 4> ways;
  bool usesBatch = op.getLayout() == Layout::THD || op.getKvLens();
  bool usesHead = false;
  for (unsigned n = 0; n < op.getMaskCaptured().size(); ++n) {
    AffineMap map = maskMapOf(op, n);
    usesBatch |= map.isFunctionOfDim(0);
    usesHead |= map.isFunctionOfDim(1);
    unsigned moving = 0;
    for (AffineExpr expr : map.getResults()) {
      moving += expr.isFunctionOfDim(2) || expr.isFunctionOfDim(3);
    }
    if (!ascending.empty() && ascending[n]) {
      plan.reads.push_back(Read::Ends);
      ways.insert("ascending loads");
    } else if (!map.isFunctionOfDim(3)) {
      plan.reads.push_back(Read::Row);
      ways.insert("loads of the rows");
    } else if (!map.isFunctionOfDim(2) && moving == 1) {
      plan.reads.push_back(Read::Blocks);
      ways.insert("zone maps of the keys");
    } else {
      plan.reads.push_back(Read::All);
      ways.insert("loads of all pairs' elements");
    }
  }
  Block &block = op.getMaskRegion().front();
  unsigned captured = op.getMaskCaptured().size();
  if (MaskAttrInterface attribute = op.getMaskAttr()) {
    MaskSet set = attribute.getMaskSet();
    usesBatch |= set.usesDim(BatchDim);
    usesHead |= set.usesDim(HeadDim);
  }
  plan.byBatch = usesBatch || !block.getArgument(captured).use_empty();
  plan.byHead = usesHead || !block.getArgument(captured + 1).use_empty();
  Value blocker;
  bool bounds = solvableComparisons(op, &blocker).has_value();
  // A loop over pages takes no list of tiles.
  bool lists = !op.isPaged();
  plan.rung = bounds ? Rung::Bounds : lists ? Rung::Lists : Rung::None;
  plan.text =
      bounds
          ? "mask region: bounds of segments, since each comparison can be "
            "solved for the key"
          : "mask region: " +
                std::string(lists ? "lists of tiles" : "each pair is tested") +
                ", since " + describe(blocker) +
                " cannot be solved for the key" +
                (lists ? "; with few rows each pair is tested" : "");
  if (!ways.empty()) {
    plan.text += "; by " + llvm::join(ways, ", ");
  }
  return plan;
}

} // namespace attn
