//===- AttentionShape.cpp - the sizes of an attention op ------------------===//

#include "attn/Dialect/Attn/AttentionClasses.h"
#include "attn/Target/CostModel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

static bool valuesLieInKeys(AttentionOp op) {
  auto part = op.getV().getDefiningOp<tensor::ExtractSliceOp>();
  return part && part.getSource() == op.getK() &&
         part.getDroppedDims().none() && part.hasUnitStride() &&
         llvm::all_of(part.getMixedOffsets(), [](OpFoldResult offset) {
           return isConstantIntValue(offset, 0);
         });
}

AttentionShape AttentionShape::of(AttentionOp op) {
  std::vector<AttentionClasses> pieces = AttentionClasses::of(op);
  AttentionClasses all;
  all.mask = op.getMaskAttr();
  return of(op, pieces.size() == 1 ? pieces.front() : all);
}

AttentionShape AttentionShape::of(AttentionOp op,
                                  const AttentionClasses &classes) {
  auto dim = [](Value value, int64_t d) -> int64_t {
    int64_t size = cast<ShapedType>(value.getType()).getDimSize(d);
    return ShapedType::isDynamic(size) ? -1 : size;
  };
  AttentionShape shape;
  bool ragged = op.getLayout() == Layout::THD;
  shape.batch = ragged ? -1 : dim(op.getQ(), 0);
  shape.queryHeads = dim(op.getQ(), op.getHeadDim());
  shape.keyHeads = dim(op.getK(), op.getKeyHeadDim());
  shape.queries = ragged ? -1 : classes.longest(dim(op.getQ(), op.getSeqDim()));
  shape.keys = ragged || op.isPaged()
                   ? -1
                   : classes.longest(dim(op.getK(), op.getSeqDim()));
  shape.headSize = dim(op.getQ(), op.getSizeDim());
  shape.valueSize = dim(op.getV(), op.getKeySizeDim());
  shape.bf16 = op.getElementType().isBF16();
  shape.tf32 = op.getTf32();
  shape.elementBits = op.getElementType().getWidth();
  shape.accumulatorBits = op.getAccumulatorType().getWidth();
  shape.masked = classes.mask || !op.getMaskRegion().empty();
  auto aligned = [&](int64_t columns) {
    return columns > 0 && columns * shape.elementBits % 128 == 0;
  };
  auto out = cast<ShapedType>(op.getOut().getType()).getElementType();
  shape.forms = KeyForms::of(op);
  bool written = out == op.getElementType() ||
                 (shape.elementBits == 8 && out.getIntOrFloatBitWidth() == 16);
  // Rows of a residue class are not neighbours.
  shape.densePrefill = !ragged && !shape.forms.paged &&
                       !shape.forms.areCodes() && classes.step == 1 &&
                       aligned(shape.headSize) && aligned(shape.valueSize) &&
                       written;
  shape.valuesInKeys = valuesLieInKeys(op);
  // Where a mask leaves the start of a sequence alone, steps start at multiples
  // of their size, so that none crosses a page of a multiple of it.
  constexpr int64_t kStep = 64;
  bool fromStart = op.getMaskRegion().empty() &&
                   (!classes.mask || isa<CausalAttr>(classes.mask));
  bool wholeSteps =
      !shape.forms.paged ||
      (fromStart && dim(op.getK(), op.getKeySeqDim()) % kStep == 0);
  shape.latentTiles = shape.valuesInKeys && shape.elementBits == 16 &&
                      !ragged && wholeSteps && aligned(shape.headSize) &&
                      out == op.getElementType() &&
                      !op.getK().getDefiningOp<KVDequantizeOp>();
  return shape;
}

// The sizes of blocks by which `dim` of (b, h, i, j) is divided, in a map or in
// the region.
static void collectBlocks(AttentionOp op, unsigned dim,
                          llvm::SmallVectorImpl<int64_t> &blocks) {
  AffineExpr position = getAffineDimExpr(dim, op.getContext());
  for (Attribute attr : op.getMaskMaps()) {
    for (AffineExpr result :
         cast<AffineMapAttr>(attr).getValue().getResults()) {
      result.walk([&](AffineExpr expr) {
        auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
        if (binary && expr.getKind() == AffineExprKind::FloorDiv &&
            binary.getLHS() == position) {
          if (auto by = dyn_cast<AffineConstantExpr>(binary.getRHS())) {
            blocks.push_back(by.getValue());
          }
        }
      });
    }
  }
  if (op.getMaskRegion().empty()) {
    return;
  }
  Block &block = op.getMaskRegion().front();
  Value argument = block.getArgument(op.getMaskCaptured().size() + dim);
  for (Operation *user : argument.getUsers()) {
    if (isa<arith::DivSIOp, arith::FloorDivSIOp, arith::DivUIOp>(user)) {
      if (auto by = getConstantIntValue(user->getOperand(1))) {
        blocks.push_back(*by);
      }
    }
  }
}

void AttentionTiles::useMask(AttentionOp op) {
  auto use = [&](unsigned dim, int64_t TileChoice::*size, const char *name) {
    llvm::SmallVector<int64_t> blocks;
    collectBlocks(op, dim, blocks);
    for (int64_t block : blocks) {
      // Small blocks (words of bits) are no reason for small tiles.
      if (block >= 64 && prefill.*size % block == 0 && prefill.*size > block) {
        prefill.*size = block;
        prefill.reason +=
            "; " + std::to_string(block) + " " + name + ", a block of the mask";
      }
    }
  };
  use(2, &TileChoice::rows, "rows");
  use(3, &TileChoice::keys, "keys");
}

} // namespace attn
