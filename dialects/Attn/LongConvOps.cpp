//===- LongConvOps.cpp - state spaces as convolutions ---------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"

using namespace mlir;
using namespace attn;

namespace {

constexpr int64_t kAny = ShapedType::kDynamic;

} // namespace

//===----------------------------------------------------------------------===//
// HippoOp
//===----------------------------------------------------------------------===//

LogicalResult HippoOp::verify() {
  constexpr int64_t kMost = 256;
  bool isStatic = llvm::all_of(getResults(), [](Value result) {
    return shaped(result).hasStaticShape();
  });
  size_t number = getResults().size();
  int64_t ofVector =
      number == 0 ? 0 : shaped(getResults().back()).getDimSize(0);
  bool fits = isStatic;
  if (number == 2) {
    fits &= hasShape(getResult(0), {ofVector, ofVector}) &&
            hasShape(getResult(1), {ofVector});
  } else {
    int64_t rank = getMeasure() == HippoMeasure::LegT ? 2 : 1;
    fits &= number == 3 && hasShape(getResult(0), {ofVector, 2}) &&
            hasShape(getResult(1), {rank, ofVector, 2}) &&
            hasShape(getResult(2), {ofVector, 2});
  }
  if (!fits) {
    return emitOpError("expected static results of N x N and N, or of N/2 x 2, "
                       "R x N/2 x 2 and N/2 x 2 [hippo_c1]");
  }
  if ((number == 2 && getMeasure() == HippoMeasure::FouT &&
       ofVector % 2 != 0) ||
      (number == 3 && 2 * ofVector > kMost)) {
    return emitOpError("expected an even number of states for 'fout', and at "
                       "most 256 for a diagonal form [hippo_c2]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// S4KernelOp
//===----------------------------------------------------------------------===//

LogicalResult S4KernelOp::verify() {
  ShapedType a = shaped(getA());
  int64_t channels = shaped(getDelta()).getDimSize(0);
  int64_t states = a.getRank() > 1 ? a.getDimSize(1) : kAny;
  auto isOf = [&](Value value, SmallVector<int64_t> shape) {
    if (getComplex()) {
      shape.push_back(2);
    }
    return hasShape(value, shape);
  };
  if (getOuts().size() != 1 || !hasShape(getDelta(), {channels}) ||
      !isOf(getA(), {channels, states}) || !isOf(getB(), {channels, states}) ||
      !isOf(getC(), {channels, states}) ||
      !hasShape(getOut(), {channels, kAny})) {
    return emitOpError("expected 'delta' of D, 'a', 'b' and 'c' of D x N, with "
                       "a last 2 for 'complex', and a kernel of D x L, but "
                       "got ")
           << getDelta().getType() << " and " << a << " [s4_kernel_c1]";
  }
  bool fits = static_cast<bool>(getP()) == static_cast<bool>(getQ());
  if (getP() && getQ()) {
    ShapedType p = shaped(getP());
    int64_t rank = p.getRank() > 1 ? p.getDimSize(1) : kAny;
    fits = (rank == 1 || rank == 2) && getBilinear() &&
           isOf(getP(), {channels, rank, states}) &&
           isOf(getQ(), {channels, rank, states});
  }
  if (!fits) {
    return emitOpError("expected 'p' and 'q' of D x R x N with an R of 1 or 2, "
                       "and 'bilinear' with them [s4_kernel_c2]");
  }
  return verifySemantics(*this, "s4_kernel_c3");
}

//===----------------------------------------------------------------------===//
// FFTConvOp
//===----------------------------------------------------------------------===//

LogicalResult FFTConvOp::verify() {
  ShapedType u = shaped(getU());
  if (getOuts().size() != 1 || u.getRank() != 3 ||
      !hasShape(getOut(), u.getShape())) {
    return emitOpError("expected 'u' and one 'out' of one shape, of rank 3, "
                       "but got ")
           << u << " [fft_conv_c1]";
  }
  int64_t channels = u.getDimSize(2);
  if (!hasShape(getK(), {channels, kAny}) ||
      (getSkip() && !hasShape(getSkip(), {channels}))) {
    return emitOpError("expected 'k' of D x L and 'skip' of D, but got ")
           << getK().getType() << " [fft_conv_c2]";
  }
  return verifySemantics(*this, "fft_conv_c3");
}
