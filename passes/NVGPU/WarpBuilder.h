//===- WarpBuilder.h - one thread of a warp, as 32-bit code ---------------===//
// Everything inside of a tile is 32-bit arithmetic on registers; only addresses
// in device memory are 64 bits (index).
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_WARPBUILDER_H
#define ATTN_PASSES_NVGPU_WARPBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Builders.h"

#include <array>

namespace attn {

class WarpBuilder {
public:
  WarpBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Type i32() { return builder.getI32Type(); }
  mlir::Type f32() { return builder.getF32Type(); }
  mlir::Type global() { return pointer(1); }
  mlir::Type shared() { return pointer(3); }

  // Integers of 32 bits; constants fold.
  mlir::Value c(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return b ? add(a, c(b)) : a; }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value andi(mlir::Value a, int64_t b);
  mlir::Value xori(mlir::Value a, mlir::Value b);
  /// (a & mask) ^ bits, as the one instruction that it is.
  mlir::Value maskedXor(mlir::Value a, mlir::Value mask, mlir::Value bits);
  mlir::Value shr(mlir::Value a, int64_t bits);
  /// Quotients of values that are not negative.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b) { return div(a, c(b)); }
  mlir::Value rem(mlir::Value a, int64_t b) { return rem(a, c(b)); }
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b); // signed
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b); // of i1
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value toIndex(mlir::Value value); // signed
  mlir::Value toInt(mlir::Value index);

  // Floats; `type` is f32 where it is not said.
  mlir::Value f(double value, mlir::Type type = {});
  mlir::Value fadd(mlir::Value a, mlir::Value b);
  mlir::Value fsub(mlir::Value a, mlir::Value b);
  mlir::Value fmul(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value fmax(mlir::Value a, mlir::Value b);
  mlir::Value isEqual(mlir::Value a, mlir::Value b); // ordered
  /// 2^a, log2 a and 1/a: by the approximate instructions for f32, else exact
  /// to the last places.
  mlir::Value exp2(mlir::Value a);
  mlir::Value log2(mlir::Value a);
  /// 2^a in f32 by multiply-adds, good to 3e-6, and exact where a is 0: for
  /// kernels that are bound by the unit that has exp2.
  mlir::Value exp2OnFMA(mlir::Value a);
  mlir::Value rcp(mlir::Value a);
  /// a value of f32 as `type`, which is any float type, and back.
  mlir::Value convert(mlir::Value a, mlir::Type type);
  /// (low, high) of f32 as two elements of `type` (f16, bf16) in an i32.
  mlir::Value pack(mlir::Value low, mlir::Value high, mlir::Type type);

  // Pairs of elements of 16 bits, as vectors.
  /// a b + c, rounded once.
  mlir::Value fmaPair(mlir::Value a, mlir::Value b, mlir::Value c);
  /// `value` twice, as bits.
  mlir::Value twice(double value, mlir::FloatType type);
  /// The two codes in the low half of `codes` (i32), as f16.
  mlir::Value fromE4M3(mlir::Value codes);
  /// Two f16 as bf16.
  mlir::Value toBF16(mlir::Value pair);
  /// Bytes of a (0 to 3) and b (4 to 7), one for each half byte of `selector`.
  mlir::Value permute(mlir::Value a, mlir::Value b, int64_t selector);

  /// Code that runs where `condition` holds.
  void guarded(mlir::Value condition, llvm::function_ref<void()> body);

  // Threads.
  mlir::Value thread();
  mlir::Value block();
  void barrier();
  void warpBarrier();
  /// The value of lane ^ `mask`.
  mlir::Value shuffle(mlir::Value value, int64_t mask);
  /// The value of lane `lane`.
  mlir::Value broadcast(mlir::Value value, mlir::Value lane);
  /// Whether `condition` holds on some lane of the warp.
  mlir::Value any(mlir::Value condition);

  // Shared memory: addresses are bytes from its start.
  mlir::Value sharedAddress(mlir::Value bytes, int64_t constant = 0);
  mlir::Value load(mlir::Type type, mlir::Value pointer, unsigned alignment = 0,
                   bool invariant = false);
  void store(mlir::Value value, mlir::Value pointer, unsigned alignment = 0);
  /// `elements` (index) of `type` beyond `pointer` in device memory.
  mlir::Value globalAddress(mlir::Value pointer, mlir::Value elements,
                            mlir::Type type);
  void copyAsync(mlir::Value shared, mlir::Value global, unsigned bytes,
                 mlir::Value bytesRead);
  void commitCopies();
  void waitCopies(unsigned groupsLeft);

  // Tensor cores.
  /// f32 (or its bits) as the bits of the nearest tf32, ties away from 0.
  mlir::Value toTF32(mlir::Value a);
  std::array<mlir::Value, 4> loadMatrix(mlir::Value address, bool transposed);
  /// Pairs of a block of 8 x 8 elements of a warp, transposed.
  mlir::Value transposeMatrix(mlir::Value pairs);
  using Fragment = std::array<mlir::Value, 4>;
  /// c + a b of shape m16n8k16, or m16n8k8 in tf32 where `type`, that of a and
  /// b, is f32.
  Fragment mma(const Fragment &a, mlir::Value b0, mlir::Value b1,
               const Fragment &c, mlir::Type type);

  /// The name of the array that stands for dynamic shared memory.
  static constexpr char kSharedSymbol[] = "attn_shared";

private:
  mlir::Type pointer(unsigned space) {
    return mlir::LLVM::LLVMPointerType::get(builder.getContext(), space);
  }
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_WARPBUILDER_H
