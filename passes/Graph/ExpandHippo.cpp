//===- ExpandHippo.cpp - matrices of HiPPO as constants -------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "attn/Reference/Hippo.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDHIPPOPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

ref::Hippo measureOf(HippoMeasure measure) {
  switch (measure) {
  case HippoMeasure::LegS:
    return ref::Hippo::kLegS;
  case HippoMeasure::LegT:
    return ref::Hippo::kLegT;
  case HippoMeasure::FouT:
    return ref::Hippo::kFouT;
  }
  return ref::Hippo::kLegS;
}

/// Real and imaginary parts side by side.
std::vector<double> parts(ArrayRef<std::complex<double>> numbers) {
  std::vector<double> result;
  for (std::complex<double> x : numbers) {
    result.insert(result.end(), {x.real(), x.imag()});
  }
  return result;
}

void replace(OpBuilder &b, OpResult result, ArrayRef<double> values) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<Attribute> elements;
  for (double value : values) {
    elements.push_back(b.getFloatAttr(type.getElementType(), value));
  }
  result.replaceAllUsesWith(
      arith::ConstantOp::create(b, result.getLoc(),
                                DenseElementsAttr::get(type, elements))
          .getResult());
}

void expand(HippoOp op) {
  OpBuilder b(op);
  int64_t size =
      cast<ShapedType>(op.getResults().back().getType()).getDimSize(0);
  ref::Hippo measure = measureOf(op.getMeasure());
  if (op.getResults().size() == 2) {
    ref::HippoMatrices m = ref::hippoMatrices(measure, size);
    replace(b, op->getResult(0), m.a);
    replace(b, op->getResult(1), m.b);
  } else {
    ref::HippoDiagonal m = ref::hippoDiagonal(measure, 2 * size);
    std::vector<double> low;
    for (const auto &row : m.p) {
      llvm::append_range(low, parts(row));
    }
    replace(b, op->getResult(0), parts(m.lambda));
    replace(b, op->getResult(1), low);
    replace(b, op->getResult(2), parts(m.b));
  }
  op.erase();
}

struct ExpandHippoPass
    : public attn::impl::ExpandHippoPassBase<ExpandHippoPass> {
  void runOnOperation() override {
    getOperation()->walk([](HippoOp op) { expand(op); });
  }
};

} // namespace
