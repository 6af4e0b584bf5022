//===- WarpgroupDialect.cpp - the warpgroup dialect and its types ---------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

// `2x128x64xbf16`
static ParseResult parseShape(AsmParser &parser, SmallVector<int64_t> &shape,
                              Type &element) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
                 parser.parseType(element));
}

static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape,
                       Type element) {
  printer.printDimensionList(shape);
  printer << 'x' << element;
}

#include "attn/Dialect/Warpgroup/WarpgroupDialect.cpp.inc"
#include "attn/Dialect/Warpgroup/WarpgroupEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupAttributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupTypes.cpp.inc"

namespace attn::warpgroup {

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

int64_t panelColumns(Type type, int64_t panelBytes) {
  return panelBytes * 8 / type.getIntOrFloatBitWidth();
}

int64_t panels(RingType ring) {
  return ring.getShape()[2] /
         panelColumns(ring.getElement(), ring.getPanelBytes());
}

int64_t bytesOfPanel(RingType ring) {
  return ring.getShape()[1] * ring.getPanelBytes();
}

int64_t productDepth(Type type) {
  return type.getIntOrFloatBitWidth() == 8 ? 32 : 16;
}

int64_t stageBytes(RingType ring) { return panels(ring) * bytesOfPanel(ring); }

// What products take.
static bool isFactor(Type element) {
  return element.isF16() || element.isBF16() || isa<Float8E4M3FNType>(element);
}

static LogicalResult verifyRegisters(EmitError emitError,
                                     ArrayRef<int64_t> shape, Type element,
                                     int64_t multiple, bool isAccumulator) {
  if (shape.size() != 2 || shape[0] != kRows || shape[1] <= 0 ||
      shape[1] % multiple != 0 || shape[1] > 256) {
    return emitError() << "expected 64 rows and a multiple of " << multiple
                       << " up to 256 as columns";
  }
  if (isAccumulator ? !element.isF32() : !isFactor(element)) {
    return emitError() << "expected elements of "
                       << (isAccumulator ? "f32" : "f16, bf16 or f8E4M3FN")
                       << ", but got " << element;
  }
  return success();
}

LogicalResult FragmentType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                                   Type element) {
  return verifyRegisters(emitError, shape, element, 8, /*isAccumulator=*/true);
}

LogicalResult PendingType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                                  Type element) {
  return verifyRegisters(emitError, shape, element, 8, /*isAccumulator=*/true);
}

LogicalResult OperandType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                                  Type element) {
  return verifyRegisters(emitError, shape, element, productDepth(element),
                         /*isAccumulator=*/false);
}

LogicalResult ColumnsType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                                  Type element) {
  if (shape.size() != 1 || shape[0] <= 0 || shape[0] % 8 != 0 ||
      shape[0] > 256 || !element.isF32()) {
    return emitError() << "expected a multiple of 8 up to 256 f32";
  }
  return success();
}

// A ring may carry tags alone, or vectors.
static LogicalResult verifyShared(EmitError emitError, ArrayRef<int64_t> shape,
                                  Type element, int64_t panelBytes,
                                  bool isRing) {
  if (shape.size() != 3 || shape[0] <= 0 || shape[1] <= 0 ||
      shape[2] < (isRing ? 0 : 1)) {
    return emitError() << "expected three positive sizes";
  }
  if (!isFactor(element) && !(isRing && element.isF32())) {
    return emitError() << "expected elements of f16, bf16 or f8E4M3FN, but got "
                       << element;
  }
  if (panelBytes != 128 && panelBytes != 64 && panelBytes != 32) {
    return emitError() << "expected panels of 128, 64 or 32 bytes, but got "
                       << panelBytes;
  }
  return success();
}

LogicalResult RingType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                               Type element, int64_t panelBytes) {
  return verifyShared(emitError, shape, element, panelBytes, /*isRing=*/true);
}

LogicalResult TileType::verify(EmitError emitError, ArrayRef<int64_t> shape,
                               Type element, int64_t panelBytes) {
  return verifyShared(emitError, shape, element, panelBytes, /*isRing=*/false);
}

void WarpgroupDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "attn/Dialect/Warpgroup/WarpgroupAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "attn/Dialect/Warpgroup/WarpgroupTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "attn/Dialect/Warpgroup/WarpgroupOps.cpp.inc"
      >();
}

} // namespace attn::warpgroup
