//===- TimeStep.cpp - the discrete time step of a state space -------------===//

#include "TimeStep.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace attn {

// log(1 + e^v) = max(v, 0) + log(1 + t), t = e^-|v|: t times a polynomial in t
// (2^-25), which loses nothing where t is small, and no second function.
static Value softplusOf(WarpBuilder &warp, Value v) {
  Value size = math::AbsFOp::create(warp.builder, warp.loc, v);
  Value t = warp.exp2(warp.fmul(size, warp.f(-kLog2e)));
  Value sum = warp.f(0.0052255808534434345);
  for (double factor :
       {-0.029476624284550616, 0.07817915836131893, -0.1365925826750554,
        0.19104122979427499, -0.24842498711171995, 0.333190358935858,
        -0.49999490230082677, 0.9999999696605301}) {
    sum = warp.fma(sum, t, warp.f(factor));
  }
  return warp.fma(t, sum, warp.fmax(v, warp.f(0)));
}

Value emitTimeStep(WarpBuilder &warp, Value raw, Value bias, bool softplus,
                   std::optional<std::pair<double, double>> limit) {
  Value value = bias ? warp.fadd(raw, bias) : raw;
  if (softplus) {
    value = softplusOf(warp, value);
  }
  if (limit) {
    value = warp.fmax(value, warp.f(limit->first));
    value = LLVM::MinNumOp::create(warp.builder, warp.loc, value,
                                   warp.f(limit->second));
  }
  return value;
}

Value emitGate(WarpBuilder &warp, Value value, Value gate) {
  // z / (1 + e^-z)
  Value e = warp.exp2(warp.fmul(gate, warp.f(-kLog2e)));
  Value sigmoid = warp.rcp(warp.fadd(e, warp.f(1)));
  return warp.fmul(value, warp.fmul(gate, sigmoid));
}

Value emitExpM1(WarpBuilder &warp, Value v) {
  Value large = warp.fsub(warp.exp2(warp.fmul(v, warp.f(kLog2e))), warp.f(1));
  Value series = warp.f(1);
  for (int64_t n = 6; n > 1; --n) {
    series = warp.fma(warp.fmul(v, warp.f(1.0 / n)), series, warp.f(1));
  }
  Value size = math::AbsFOp::create(warp.builder, warp.loc, v);
  Value isSmall = arith::CmpFOp::create(
      warp.builder, warp.loc, arith::CmpFPredicate::OLT, size, warp.f(0.25));
  return warp.select(isSmall, warp.fmul(v, series), large);
}

} // namespace attn
