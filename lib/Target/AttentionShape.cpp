//===- AttentionShape.cpp - the sizes of an attention op ------------------===//

#include "attn/Dialect/Attn/AttentionClasses.h"
#include "attn/Mask/TileAnalysis.h"
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

// A tensor map steps over no more rows.
constexpr int64_t kMostStep = 8;
// Bits of a row of a panel of shared memory.
constexpr int64_t kPanelBits = 1024;
// The least number of keys of a step that pages are worth.
constexpr int64_t kPageUnit = 64;

// Whether tiles of `tensor` are boxes of a buffer, of which they take each row
// that is `step` behind the one in front along `rowDim`.
static bool isBoxes(Value tensor, int64_t rowDim, int64_t step) {
  int64_t size = cast<ShapedType>(tensor.getType()).getShape().back();
  while (Operation *made = tensor.getDefiningOp()) {
    if (isa<tensor::CastOp, memref::CastOp>(made)) {
      tensor = made->getOperand(0);
      continue;
    }
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(made)) {
      return false;
    }
    auto slice = dyn_cast<OffsetSizeAndStrideOpInterface>(made);
    llvm::SmallBitVector dropped;
    if (auto part = dyn_cast<tensor::ExtractSliceOp>(made)) {
      dropped = part.getDroppedDims();
    } else if (auto part = dyn_cast<memref::SubViewOp>(made)) {
      dropped = part.getDroppedDims();
    } else {
      break;
    }
    // The dimension of the source that has the rows.
    int64_t dim = 0;
    for (int64_t kept = dropped.test(0) ? -1 : 0; kept < rowDim;) {
      kept += dropped.test(++dim) ? 0 : 1;
    }
    rowDim = dim;
    auto strides = slice.getMixedStrides();
    std::optional<int64_t> rows = getConstantIntValue(strides[dim]);
    if (!rows || *rows < 1 || getConstantIntValue(strides.back()) != 1 ||
        dropped.test(dropped.size() - 1)) {
      return false;
    }
    step *= *rows;
    tensor = made->getOperand(0);
  }
  auto type = cast<ShapedType>(tensor.getType());
  int64_t columns = type.getShape().back(),
          bits = type.getElementTypeBitWidth();
  // What a panel has beyond the columns must be nothing.
  bool fits = size * bits % kPanelBits == 0 || size == columns;
  return step <= kMostStep && !ShapedType::isDynamic(columns) && columns > 0 &&
         columns * bits % 128 == 0 && fits;
}

// Whether the keys of a tile are one range, of full and partial segments by
// turns, and start at the first key of the sequence.
static bool hasOneStart(AttentionOp op, const AttentionClasses &classes) {
  if (!op.getMaskRegion().empty()) {
    return false;
  }
  if (!classes.mask) {
    return true;
  }
  TileSegments found =
      analyzeTile(classes.mask.getMaskSet(), TileWalk::Keys, /*oneHead=*/true);
  for (size_t n = 1; n < found.segments.size(); ++n) {
    const TileSegment &segment = found.segments[n];
    const TileSegment &before = found.segments[n - 1];
    if (segment.lower != before.upper || segment.full == before.full) {
      return false;
    }
  }
  return found.segments.empty() ||
         found.steps[found.segments[0].lower].kind == BoundStep::Kind::Lower;
}

// Mirrors what the lowering asks of the operands (StreamTile::prepare).
static std::string whyNotBoxes(AttentionOp op, const AttentionShape &shape,
                               const AttentionClasses &classes) {
  if (shape.forms.areCodes()) {
    return "keys or values are codes";
  }
  if (shape.forms.paged && shape.slots % kPageUnit != 0) {
    return "pages have no multiple of 64 slots";
  }
  if (shape.forms.paged && !hasOneStart(op, classes)) {
    return "keys of a tile may start in the middle of a page";
  }
  int64_t rowDim = op.getSeqDim();
  if (classes.step > kMostStep) {
    return "rows of a residue class lie more than 8 apart";
  }
  if (!isBoxes(op.getQ(), rowDim, classes.step) ||
      !isBoxes(op.getK(), op.getKeySeqDim(), classes.step) ||
      !isBoxes(op.getV(), op.getKeySeqDim(), classes.step)) {
    return "rows are not contiguous at multiples of 16 bytes";
  }
  Type out = cast<ShapedType>(op.getOut().getType()).getElementType();
  if (!out.isF16() && !out.isBF16() &&
      (!out.isF32() || shape.elementBits != 16)) {
    return "results are neither of 16 bits nor f32 of 16 bits";
  }
  return "";
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
  if (shape.forms.paged) {
    shape.slots = std::max<int64_t>(dim(op.getK(), op.getKeySeqDim()), 1);
  }
  shape.notBoxes = whyNotBoxes(op, shape, classes);
  shape.valuesInKeys = valuesLieInKeys(op);
  bool wholeSteps = !shape.forms.paged ||
                    (shape.slots % kPageUnit == 0 && hasOneStart(op, classes));
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
