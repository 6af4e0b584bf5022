//===- WarpBuilder.cpp - one thread of a warp, as 32-bit code -------------===//

#include "WarpBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn {

Value WarpBuilder::c(int64_t value) {
  return arith::ConstantIntOp::create(builder, loc, value, 32);
}
Value WarpBuilder::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value WarpBuilder::sub(Value a, Value b) {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value WarpBuilder::mul(Value a, int64_t b) {
  return b == 1 ? a : builder.createOrFold<arith::MulIOp>(loc, a, c(b));
}
Value WarpBuilder::andi(Value a, int64_t b) {
  return builder.createOrFold<arith::AndIOp>(loc, a, c(b));
}
Value WarpBuilder::xori(Value a, Value b) {
  return builder.createOrFold<arith::XOrIOp>(loc, a, b);
}
Value WarpBuilder::maskedXor(Value a, Value mask, Value bits) {
  return LLVM::InlineAsmOp::create(
             builder, loc, i32(), ValueRange{a, mask, bits},
             "lop3.b32 $0, $1, $2, $3, 0x6a;", "=r,r,r,r",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}
Value WarpBuilder::shr(Value a, int64_t bits) {
  return builder.createOrFold<arith::ShRUIOp>(loc, a, c(bits));
}
Value WarpBuilder::div(Value a, Value b) {
  return builder.createOrFold<arith::DivUIOp>(loc, a, b);
}
Value WarpBuilder::rem(Value a, Value b) {
  return builder.createOrFold<arith::RemUIOp>(loc, a, b);
}
Value WarpBuilder::min(Value a, Value b) {
  return builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value WarpBuilder::max(Value a, Value b) {
  return builder.createOrFold<arith::MaxSIOp>(loc, a, b);
}
Value WarpBuilder::less(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, a,
                                             b);
}
Value WarpBuilder::equal(Value a, Value b) {
  return builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, a,
                                             b);
}
Value WarpBuilder::both(Value a, Value b) {
  return builder.createOrFold<arith::AndIOp>(loc, a, b);
}
Value WarpBuilder::either(Value a, Value b) {
  return builder.createOrFold<arith::OrIOp>(loc, a, b);
}
Value WarpBuilder::select(Value condition, Value a, Value b) {
  return builder.createOrFold<arith::SelectOp>(loc, condition, a, b);
}
Value WarpBuilder::toIndex(Value value) {
  return builder.createOrFold<arith::IndexCastOp>(loc, builder.getIndexType(),
                                                  value);
}
Value WarpBuilder::toInt(Value index) {
  return builder.createOrFold<arith::IndexCastOp>(loc, i32(), index);
}

Value WarpBuilder::f(double value, Type type) {
  type = type ? type : f32();
  return arith::ConstantOp::create(builder, loc,
                                   builder.getFloatAttr(type, value));
}
Value WarpBuilder::fadd(Value a, Value b) {
  return arith::AddFOp::create(builder, loc, a, b);
}
Value WarpBuilder::fsub(Value a, Value b) {
  return arith::SubFOp::create(builder, loc, a, b);
}
Value WarpBuilder::fmul(Value a, Value b) {
  return arith::MulFOp::create(builder, loc, a, b);
}
Value WarpBuilder::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(builder, loc, a, b, c);
}
Value WarpBuilder::fmax(Value a, Value b) {
  // As one instruction: arith.maxnumf would become a comparison and a select.
  return LLVM::MaxNumOp::create(builder, loc, a, b);
}
Value WarpBuilder::isEqual(Value a, Value b) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
}

Value WarpBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(builder, loc, result,
                                       builder.getStringAttr(name), operands)
      .getResult(0);
}
Value WarpBuilder::exp2(Value a) {
  if (!a.getType().isF32()) {
    return math::Exp2Op::create(builder, loc, a);
  }
  return intrinsic("llvm.nvvm.ex2.approx.ftz", f32(), a);
}
Value WarpBuilder::exp2OnFMA(Value a) {
  // a = n + r: adding 1.5 * 2^23 leaves n in the low bits.
  Value bound = fmax(a, f(-126)), shift = f(12582912.0);
  Value shifted = fadd(bound, shift);
  Value rest = fsub(bound, fsub(shifted, shift));
  Value power = f(0.009582854894400231);
  for (double factor :
       {0.055906437843000485, 0.2402409865975345, 0.6931241918754643, 1.0}) {
    power = fma(power, rest, f(factor));
  }
  auto bits = [&](Value value) -> Value {
    return LLVM::BitcastOp::create(builder, loc, i32(), value);
  };
  Value exponent = arith::ShLIOp::create(builder, loc, bits(shifted), c(23));
  return LLVM::BitcastOp::create(builder, loc, f32(),
                                 add(bits(power), exponent));
}
Value WarpBuilder::log2(Value a) {
  if (!a.getType().isF32()) {
    return math::Log2Op::create(builder, loc, a);
  }
  return intrinsic("llvm.nvvm.lg2.approx.f", f32(), a);
}
Value WarpBuilder::rcp(Value a) {
  if (!a.getType().isF32()) {
    return arith::DivFOp::create(builder, loc, f(1, a.getType()), a);
  }
  return intrinsic("llvm.nvvm.rcp.approx.ftz.f", f32(), a);
}
Value WarpBuilder::convert(Value a, Type type) {
  unsigned from = a.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (a.getType() == type) {
    return a;
  }
  return from < to ? arith::ExtFOp::create(builder, loc, type, a).getResult()
                   : arith::TruncFOp::create(builder, loc, type, a).getResult();
}
Value WarpBuilder::pack(Value low, Value high, Type type) {
  Value both = intrinsic(type.isBF16() ? "llvm.nvvm.ff2bf16x2.rn"
                                       : "llvm.nvvm.ff2f16x2.rn",
                         VectorType::get(2, type), {high, low});
  return LLVM::BitcastOp::create(builder, loc, i32(), both);
}

Value WarpBuilder::fmaPair(Value a, Value b, Value c) {
  bool half = cast<VectorType>(a.getType()).getElementType().isF16();
  return intrinsic(half ? "llvm.nvvm.fma.rn.f16x2" : "llvm.nvvm.fma.rn.bf16x2",
                   a.getType(), {a, b, c});
}
Value WarpBuilder::twice(double value, FloatType type) {
  bool losesInfo = false;
  APFloat number(value);
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  uint64_t bits = number.bitcastToAPInt().getZExtValue();
  return c(static_cast<int32_t>(static_cast<uint32_t>(bits << 16 | bits)));
}
Value WarpBuilder::fromE4M3(Value codes) {
  Value low =
      arith::TruncIOp::create(builder, loc, builder.getI16Type(), codes);
  return intrinsic("llvm.nvvm.e4m3x2.to.f16x2.rn",
                   VectorType::get(2, builder.getF16Type()), low);
}
Value WarpBuilder::toBF16(Value pair) {
  std::array<Value, 2> wide;
  for (int64_t i = 0; i < 2; ++i) {
    Value half = LLVM::ExtractElementOp::create(builder, loc, pair, c(i));
    wide[i] = convert(half, f32());
  }
  Type type = builder.getBF16Type();
  return LLVM::BitcastOp::create(builder, loc, VectorType::get(2, type),
                                 pack(wide[0], wide[1], type));
}
Value WarpBuilder::permute(Value a, Value b, int64_t selector) {
  return intrinsic("llvm.nvvm.prmt", i32(), {a, b, c(selector)});
}

void WarpBuilder::guarded(Value condition, llvm::function_ref<void()> body) {
  auto choice = scf::IfOp::create(builder, loc, condition);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(choice.thenBlock()->getTerminator());
  body();
}

Value WarpBuilder::thread() {
  return NVVM::ThreadIdXOp::create(builder, loc, i32());
}
Value WarpBuilder::block() {
  return NVVM::BlockIdXOp::create(builder, loc, i32());
}
void WarpBuilder::barrier() { NVVM::BarrierOp::create(builder, loc); }
void WarpBuilder::warpBarrier() {
  NVVM::SyncWarpOp::create(builder, loc, c(-1));
}
Value WarpBuilder::shuffle(Value value, int64_t mask) {
  return NVVM::ShflOp::create(builder, loc, value.getType(), c(-1), value,
                              c(mask), c(31), NVVM::ShflKind::bfly, UnitAttr());
}
Value WarpBuilder::broadcast(Value value, Value lane) {
  return NVVM::ShflOp::create(builder, loc, value.getType(), c(-1), value, lane,
                              c(31), NVVM::ShflKind::idx, UnitAttr());
}
Value WarpBuilder::any(Value condition) {
  return NVVM::VoteSyncOp::create(builder, loc, builder.getI1Type(), c(-1),
                                  condition, NVVM::VoteSyncKind::any);
}

Value WarpBuilder::sharedAddress(Value bytes, int64_t constant) {
  Value start =
      LLVM::AddressOfOp::create(builder, loc, shared(), kSharedSymbol);
  if (bytes) {
    start = LLVM::GEPOp::create(builder, loc, shared(), builder.getI8Type(),
                                start, ValueRange{bytes});
  }
  if (constant) {
    start = LLVM::GEPOp::create(
        builder, loc, shared(), builder.getI8Type(), start,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(constant)});
  }
  return start;
}
Value WarpBuilder::load(Type type, Value pointer, unsigned alignment,
                        bool invariant) {
  return LLVM::LoadOp::create(builder, loc, type, pointer, alignment,
                              /*isVolatile=*/false, /*isNonTemporal=*/false,
                              invariant);
}
void WarpBuilder::store(Value value, Value pointer, unsigned alignment) {
  LLVM::StoreOp::create(builder, loc, value, pointer, alignment);
}
Value WarpBuilder::globalAddress(Value pointer, Value elements, Type type) {
  Value wide =
      arith::IndexCastOp::create(builder, loc, builder.getI64Type(), elements);
  return LLVM::GEPOp::create(builder, loc, global(), type, pointer,
                             ValueRange{wide});
}
void WarpBuilder::copyAsync(Value shared, Value global, unsigned bytes,
                            Value bytesRead) {
  // Only whole 16 bytes can pass by L1.
  NVVM::CpAsyncOp::create(builder, loc, shared, global, bytes,
                          bytes == 16 ? NVVM::LoadCacheModifierKind::CG
                                      : NVVM::LoadCacheModifierKind::CA,
                          bytesRead);
}
void WarpBuilder::commitCopies() {
  NVVM::CpAsyncCommitGroupOp::create(builder, loc);
}
void WarpBuilder::waitCopies(unsigned groupsLeft) {
  NVVM::CpAsyncWaitGroupOp::create(builder, loc, groupsLeft);
}

std::array<Value, 4> WarpBuilder::loadMatrix(Value address, bool transposed) {
  Type result = LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                                 SmallVector<Type>(4, i32()));
  Value loaded = NVVM::LdMatrixOp::create(
      builder, loc, result, address, 4,
      transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(builder.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  std::array<Value, 4> parts;
  for (int64_t i = 0; i < 4; ++i) {
    parts[i] = LLVM::ExtractValueOp::create(builder, loc, loaded, i);
  }
  return parts;
}

Value WarpBuilder::transposeMatrix(Value pairs) {
  return LLVM::InlineAsmOp::create(
             builder, loc, i32(), pairs,
             "movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;", "=r,r",
             /*has_side_effects=*/true, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value WarpBuilder::toTF32(Value a) {
  if (!a.getType().isF32()) {
    a = LLVM::BitcastOp::create(builder, loc, f32(), a);
  }
  return intrinsic("llvm.nvvm.f2tf32.rna", i32(), a);
}

WarpBuilder::Fragment WarpBuilder::mma(const Fragment &a, Value b0, Value b1,
                                       const Fragment &c, Type type) {
  bool half = type.isF16();
  auto operand = [&](Value value) -> Value {
    return half ? LLVM::BitcastOp::create(builder, loc,
                                          VectorType::get(2, type), value)
                      .getResult()
                : value;
  };
  SmallVector<Value> left =
      llvm::map_to_vector(a, [&](Value value) { return operand(value); });
  SmallVector<Value> right = {operand(b0), operand(b1)};
  Type result = LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                                 SmallVector<Type>(4, f32()));
  bool wide = type.isF32();
  NVVM::MMATypes kind = half   ? NVVM::MMATypes::f16
                        : wide ? NVVM::MMATypes::tf32
                               : NVVM::MMATypes::bf16;
  Value made = NVVM::MmaOp::create(
      builder, loc, result, left, right, ArrayRef<Value>(c.data(), 4),
      ArrayRef<int64_t>{16, 8, wide ? 8 : 16}, std::nullopt, std::nullopt,
      std::array<NVVM::MMATypes, 2>{kind, kind},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                     NVVM::MMALayout::col});
  Fragment parts;
  for (int64_t i = 0; i < 4; ++i) {
    parts[i] = LLVM::ExtractValueOp::create(builder, loc, made, i);
  }
  return parts;
}

} // namespace attn
