//===- AttnDialect.cpp - the attn dialect and its attributes --------------===//

#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "attn/Dialect/Attn/AttnDialect.cpp.inc"
#include "attn/Dialect/Attn/AttnEnums.cpp.inc"
#include "attn/Dialect/Attn/AttnInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "attn/Dialect/Attn/AttnAttributes.cpp.inc"

namespace attn {

void AttnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "attn/Dialect/Attn/AttnAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "attn/Dialect/Attn/AttnOps.cpp.inc"
      >();
}

void registerDialect(DialectRegistry &registry) {
  registry.insert<AttnDialect>();
  registerBufferizableOpInterfaceModels(registry);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

MaskSet CausalAttr::getMaskSet() const { return MaskSet::band(-1, 0); }
MaskSet WindowAttr::getMaskSet() const {
  return MaskSet::band(getLeft(), getRight());
}
MaskSet SinkAttr::getMaskSet() const { return MaskSet::prefix(getCount()); }

static std::vector<MaskSet> maskSets(ArrayRef<Attribute> masks) {
  std::vector<MaskSet> sets;
  for (Attribute mask : masks) {
    sets.push_back(cast<MaskAttrInterface>(mask).getMaskSet());
  }
  return sets;
}
MaskSet OrAttr::getMaskSet() const {
  return MaskSet::any(maskSets(getMasks()));
}
MaskSet AndAttr::getMaskSet() const {
  return MaskSet::all(maskSets(getMasks()));
}

LogicalResult WindowAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t left, int64_t right) {
  if (left < -1 || right < -1) {
    return emitError() << "expected the sides of a window to be -1 (unbounded) "
                          "or more, but got "
                       << left << " and " << right;
  }
  return success();
}

LogicalResult SinkAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t count) {
  if (count < 0) {
    return emitError() << "expected a sink of 0 or more keys, but got "
                       << count;
  }
  return success();
}

static LogicalResult verifyMasks(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<Attribute> masks) {
  if (masks.empty()) {
    return emitError() << "expected at least one mask";
  }
  for (Attribute mask : masks) {
    if (!isa<MaskAttrInterface>(mask)) {
      return emitError() << "expected a mask, but got " << mask;
    }
  }
  return success();
}
LogicalResult OrAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                             ArrayRef<Attribute> masks) {
  return verifyMasks(emitError, masks);
}
LogicalResult AndAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              ArrayRef<Attribute> masks) {
  return verifyMasks(emitError, masks);
}

} // namespace attn
