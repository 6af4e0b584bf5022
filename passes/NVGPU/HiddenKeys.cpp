//===- HiddenKeys.cpp - values that no row of a tile sees -----------------===//
// Of 8 keys, lane l of a warp has the scores of 2 * (l % 4) and the next. A
// word of flags has a bit for each key of the lanes that are alike in their
// quad. Of a transposed kernel it has those of key lane / 4, and the word of a
// warp a bit for each of its keys.
//===----------------------------------------------------------------------===//

#include "HiddenKeys.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn {

HiddenKeys::HiddenKeys(WarpBuilder &warp, const MMAKernel &kernel,
                       const SharedTile &values, Value thread, Value keyWarp)
    : warp(warp), kernel(kernel), values(values), thread(thread),
      keyWarp(keyWarp) {
  reset();
}

void HiddenKeys::add(Seen &seen, int64_t key, Value visible) {
  if (static_cast<int64_t>(seen.size()) <= key) {
    seen.resize(key + 1);
  }
  seen[key] = seen[key] ? warp.either(seen[key], visible) : visible;
}

Value HiddenKeys::flag(Value number, Value quad) {
  return warp.sharedAddress(warp.mul(warp.add(warp.mul(number, 4), quad), 4),
                            kernel.sharedBytes - MMAKernel::kFlagBytes);
}

void HiddenKeys::reset() {
  warp.guarded(warp.less(thread, warp.c(4 * kernel.keyWarps)), [&] {
    warp.store(warp.c(0), flag(warp.shr(thread, 2), warp.andi(thread, 3)));
  });
}

void HiddenKeys::clear(const Seen &seen, Value stage,
                       llvm::function_ref<void(Value)> more) {
  Value word = warp.c(0);
  for (auto [key, visible] : llvm::enumerate(seen)) {
    auto bit = static_cast<int32_t>(uint32_t(1) << key);
    word = warp.either(word, warp.select(visible, warp.c(bit), warp.c(0)));
  }
  Value lane = warp.andi(thread, 31);
  if (kernel.transposed) {
    Value inBits = warp.c(0);
    for (size_t block = 0; block < seen.size(); ++block) {
      Value bit = warp.andi(warp.shr(word, block), 1);
      Value place = warp.add(warp.shr(lane, 2), 8 * block);
      inBits = warp.either(
          inBits, arith::ShLIOp::create(warp.builder, warp.loc, bit, place));
    }
    word = inBits;
  }
  for (int64_t mask : {1, 2, 4, 8, 16}) {
    if (kernel.transposed || mask >= 4) {
      word = warp.either(word, warp.shuffle(word, mask));
    }
  }
  warp.guarded(warp.less(lane, warp.c(kernel.transposed ? 1 : 4)), [&] {
    LLVM::AtomicRMWOp::create(warp.builder, warp.loc, LLVM::AtomicBinOp::_or,
                              flag(keyWarp, lane), word,
                              LLVM::AtomicOrdering::monotonic);
  });
  warp.barrier();
  int64_t chunks = values.rowBytes / 16;
  auto loop = scf::ForOp::create(warp.builder, warp.loc, thread,
                                 warp.c(values.rows * chunks),
                                 warp.c(kernel.threads()));
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
    Value unit = loop.getInductionVar(), key = warp.div(unit, chunks);
    Value inWarp = warp.rem(key, kernel.warpKeys());
    Value quad = warp.shr(warp.andi(inWarp, 7), 1), bit = inWarp;
    if (kernel.transposed) {
      quad = warp.c(0);
    } else {
      bit = warp.add(warp.mul(warp.shr(inWarp, 3), 2), warp.andi(inWarp, 1));
    }
    Value flags =
        warp.load(warp.i32(), flag(warp.div(key, kernel.warpKeys()), quad));
    Value shown = arith::ShRUIOp::create(warp.builder, warp.loc, flags, bit);
    warp.guarded(warp.equal(warp.andi(shown, 1), warp.c(0)), [&] {
      Type chunk = VectorType::get(4, warp.i32());
      Value nothing = LLVM::ZeroOp::create(warp.builder, warp.loc, chunk);
      Value at = warp.add(stage, warp.mul(unit, 16));
      warp.store(nothing, warp.sharedAddress(at, values.start), 16);
      if (more) {
        Value first = warp.equal(warp.rem(unit, chunks), warp.c(0));
        warp.guarded(first, [&] { more(key); });
      }
    });
  }
  warp.barrier();
  // The barrier of the next step is in front of the next flags.
  reset();
}

} // namespace attn
