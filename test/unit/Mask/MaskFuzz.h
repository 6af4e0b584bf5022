//===- MaskFuzz.h - random masks --------------------------------*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_MASK_MASKFUZZ_H
#define ATTN_TEST_UNIT_MASK_MASKFUZZ_H

#include "attn/Mask/MaskSet.h"
#include "mlir/IR/MLIRContext.h"

#include <random>
#include <string>

namespace attn {

/// Masks from a seed alone. Membership is computed beside the set, from the
/// definition of each leaf.
struct FuzzMask {
  MaskSet set;
  std::function<bool(const MaskPoint &)> contains;
  std::string text;
};

class MaskGenerator {
public:
  MaskGenerator(mlir::MLIRContext *context, uint64_t seed)
      : context(context), engine(seed) {}

  int64_t below(int64_t count) {
    return static_cast<int64_t>(engine() % static_cast<uint64_t>(count));
  }
  FuzzMask tree(int depth, bool heads);

private:
  FuzzMask leaf(bool heads);
  FuzzMask points(bool heads);

  mlir::MLIRContext *context;
  std::mt19937_64 engine;
};

} // namespace attn

#endif // ATTN_TEST_UNIT_MASK_MASKFUZZ_H
