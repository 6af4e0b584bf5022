//===- PairedMap.cpp - two neighbouring elements in one lane --------------===//

#include "attn/Dialect/Attn/PairedMap.h"

#include "mlir/IR/BuiltinTypeInterfaces.h"

using namespace mlir;

namespace attn {

AffineMap pairResults(AffineMap map) {
  SmallVector<AffineExpr> results(map.getResults());
  size_t count = results.size();
  AffineExpr d = results[count - 2], w = results[count - 1];
  results[count - 2] = d.floorDiv(2);
  results[count - 1] = w * 2 + d % 2;
  return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results,
                        map.getContext());
}

std::optional<AffineMap> unpairResults(AffineMap map) {
  SmallVector<AffineExpr> results(map.getResults());
  size_t count = results.size();
  if (count < 2) {
    return std::nullopt;
  }
  auto half = dyn_cast<AffineBinaryOpExpr>(results[count - 2]);
  auto sum = dyn_cast<AffineBinaryOpExpr>(results[count - 1]);
  auto twice = sum ? dyn_cast<AffineBinaryOpExpr>(sum.getLHS()) : nullptr;
  if (!half || !twice) {
    return std::nullopt;
  }
  results[count - 2] = half.getLHS();
  results[count - 1] = twice.getLHS();
  AffineMap plain = AffineMap::get(map.getNumDims(), map.getNumSymbols(),
                                   results, map.getContext());
  return pairResults(plain) == map ? std::optional(plain) : std::nullopt;
}

SmallVector<int64_t> unpairShape(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> plain(shape);
  size_t rank = plain.size();
  if (!ShapedType::isDynamic(plain[rank - 2])) {
    plain[rank - 2] *= 2;
  }
  if (!ShapedType::isDynamic(plain[rank - 1])) {
    plain[rank - 1] /= 2;
  }
  return plain;
}

} // namespace attn
