//===- TimeStep.cpp - the discrete time step of a state space -------------===//

#include "TimeStep.h"

using namespace mlir;

namespace attn {

// softplus(v) = log(1 + e^v); for small e^v by its series, which loses nothing.
static Value softplusOf(WarpBuilder &warp, Value v) {
  Value e = warp.exp2(warp.fmul(v, warp.f(kLog2e)));
  Value log = warp.fmul(warp.log2(warp.fadd(e, warp.f(1))), warp.f(1 / kLog2e));
  Value third = warp.fma(e, warp.f(1.0 / 3), warp.f(-0.5));
  Value series = warp.fmul(e, warp.fma(e, third, warp.f(1)));
  auto below = [&](Value a, double b) -> Value {
    return arith::CmpFOp::create(warp.builder, warp.loc,
                                 arith::CmpFPredicate::OLT, a, warp.f(b));
  };
  Value result = warp.select(below(e, 0.01), series, log);
  return warp.select(below(v, 20), result, v);
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

} // namespace attn
