//===- TimeStep.h - the discrete time step of a state space ---------------===//

#ifndef ATTN_PASSES_NVGPU_TIMESTEP_H
#define ATTN_PASSES_NVGPU_TIMESTEP_H

#include "WarpBuilder.h"

#include <optional>

namespace attn {

inline constexpr double kLog2e = 1.4426950408889634;

/// clamp(softplus(raw + bias)), without what is not there.
mlir::Value emitTimeStep(WarpBuilder &warp, mlir::Value raw, mlir::Value bias,
                         bool softplus,
                         std::optional<std::pair<double, double>> limit);
/// e^v - 1, as exact for small v.
mlir::Value emitExpM1(WarpBuilder &warp, mlir::Value v);
/// value * silu(gate).
mlir::Value emitGate(WarpBuilder &warp, mlir::Value value, mlir::Value gate);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_TIMESTEP_H
