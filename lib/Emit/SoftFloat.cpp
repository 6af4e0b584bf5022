//===- SoftFloat.cpp - conversions of 16-bit floats as code ---------------===//
// LLVM calls support routines for conversions that a CPU has no instruction
// for; `double` to bf16 has none anywhere. A compiler's support library holds
// them, but a process that loads our code need not: libgcc_s of gcc 12 has none
// for bf16. So they come along, in LLVM IR. Each rounds once, to nearest even.
//===----------------------------------------------------------------------===//

#include "SoftFloat.h"
#include "attn/Emit/ObjectCode.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;

namespace {

constexpr llvm::StringLiteral kSymbols[] = {"__truncdfbf2", "__truncsfbf2",
                                            "__truncdfhf2", "__truncsfhf2",
                                            "__extendhfsf2"};

constexpr llvm::StringLiteral kCode = R"IR(
; The double %x in a format with %m bits of fraction and exponent bias %bias.
define internal i16 @narrow(double %x, i64 %m, i64 %bias) alwaysinline {
  %bits = bitcast double %x to i64
  %top = lshr i64 %bits, 48
  %sign = and i64 %top, 32768
  %a = and i64 %bits, 9223372036854775807
  %drop = sub i64 52, %m
  %twice = shl i64 %bias, 1
  %ones = add i64 %twice, 1
  %inf = shl i64 %ones, %m

  ; A normal number has an exponent of at least 1; below, more bits drop off.
  %raw = lshr i64 %a, 52
  %moved = sub i64 %raw, 1023
  %e = add i64 %moved, %bias
  %short = sub i64 1, %e
  %less = call i64 @llvm.smax.i64(i64 %short, i64 0)
  %long = add i64 %drop, %less
  %shift = call i64 @llvm.smin.i64(i64 %long, i64 63)
  %fraction = and i64 %a, 4503599627370495
  %whole = or i64 %fraction, 4503599627370496
  %kept = lshr i64 %whole, %shift
  %lost.hi = shl i64 %kept, %shift
  %lost = sub i64 %whole, %lost.hi
  %before = sub i64 %shift, 1
  %half = shl i64 1, %before
  %more = icmp ugt i64 %lost, %half
  %tie = icmp eq i64 %lost, %half
  %odd.bit = and i64 %kept, 1
  %odd = icmp ne i64 %odd.bit, 0
  %tie.up = and i1 %tie, %odd
  %up = or i1 %more, %tie.up
  %one = zext i1 %up to i64
  %rounded = add i64 %kept, %one
  ; The leading bit of %rounded carries into the exponent.
  %e.1 = call i64 @llvm.smax.i64(i64 %e, i64 1)
  %e.0 = sub i64 %e.1, 1
  %base = shl i64 %e.0, %m
  %sum = add i64 %base, %rounded
  %finite = call i64 @llvm.umin.i64(i64 %sum, i64 %inf)

  %payload = lshr i64 %fraction, %drop
  %m.1 = sub i64 %m, 1
  %quiet = shl i64 1, %m.1
  %nan.0 = or i64 %inf, %quiet
  %nan = or i64 %nan.0, %payload
  %is.nan = fcmp uno double %x, %x
  %abs = select i1 %is.nan, i64 %nan, i64 %finite
  %all = or i64 %sign, %abs
  %result = trunc i64 %all to i16
  ret i16 %result
}

define hidden bfloat @__truncdfbf2(double %x) {
  %bits = call i16 @narrow(double %x, i64 7, i64 127)
  %result = bitcast i16 %bits to bfloat
  ret bfloat %result
}

define hidden bfloat @__truncsfbf2(float %x) {
  %wide = fpext float %x to double
  %bits = call i16 @narrow(double %wide, i64 7, i64 127)
  %result = bitcast i16 %bits to bfloat
  ret bfloat %result
}

define hidden half @__truncdfhf2(double %x) {
  %bits = call i16 @narrow(double %x, i64 10, i64 15)
  %result = bitcast i16 %bits to half
  ret half %result
}

define hidden half @__truncsfhf2(float %x) {
  %wide = fpext float %x to double
  %bits = call i16 @narrow(double %wide, i64 10, i64 15)
  %result = bitcast i16 %bits to half
  ret half %result
}

define hidden float @__extendhfsf2(half %x) {
  %short = bitcast half %x to i16
  %bits = zext i16 %short to i32
  %sign.bit = and i32 %bits, 32768
  %sign = shl i32 %sign.bit, 16
  %a = and i32 %bits, 32767
  %moved = shl i32 %a, 13
  ; Infinity and NaN keep an exponent of all ones.
  %special = icmp uge i32 %a, 31744
  %bias = select i1 %special, i32 1879048192, i32 939524096
  %normal = add i32 %moved, %bias
  %integer = uitofp i32 %a to float
  %tiny = fmul float %integer, 0x3E70000000000000
  %tiny.bits = bitcast float %tiny to i32
  %subnormal = icmp ult i32 %a, 1024
  %abs = select i1 %subnormal, i32 %tiny.bits, i32 %normal
  %all = or i32 %sign, %abs
  %result = bitcast i32 %all to float
  ret float %result
}

declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
)IR";

} // namespace

bool attn::isSoftFloatSymbol(llvm::StringRef symbol) {
  return llvm::is_contained(kSymbols, symbol);
}

rt::Result<std::string> attn::softFloatObject(const TargetDescription &target) {
  rt::Result<LLVMModule> module = LLVMModule::parse(kCode, target);
  if (!module) {
    return module.status();
  }
  module->optimize(Loops::kVector);
  return module->toObject();
}
