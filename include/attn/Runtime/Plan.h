//===- Plan.h - what a GPU function does, step by step ----------*- C++ -*-===//
// A compiled GPU function is a list of steps over buffers, with every size,
// grid and offset an expression over symbols. The compiler writes it into the
// manifest (`functions[i].plan`), the executor of runtime/Cuda resolves it once
// per set of shapes. There is nothing of a driver in here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_PLAN_H
#define ATTN_RUNTIME_PLAN_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Expr.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace attn::rt {

/// A name for a number that is known at a call. Symbols are defined in order.
struct PlanSymbol {
  enum class Source {
    kSize,   ///< size `dim` of tensor argument `argument`
    kStride, ///< its stride, in elements
    kScalar, ///< the value of an integer scalar argument
    kDevice, ///< `property` of the device, see below
    kExpr,   ///< `expr` over earlier symbols
  };
  std::string name;
  Source source = Source::kSize;
  int64_t argument = 0;
  int64_t dim = 0;
  /// "multiprocessors", "shared_bytes" (a block, opt-in), "l2_bytes",
  /// "capability" (90 for sm_90).
  std::string property;
  Expr expr;
};

/// `lhs compare rhs`.
struct Condition {
  enum class Compare { kEq, kNe, kLt, kLe, kGt, kGe };
  Expr lhs;
  Compare compare = Compare::kEq;
  Expr rhs;
};

/// What must hold for the plan to run at all; `message` is for the caller.
struct Guard {
  Condition condition;
  std::string message;
};

/// A buffer on the device.
struct BufferRef {
  enum class Kind { kArgument, kResult, kTemporary, kConstant };
  Kind kind = Kind::kArgument;
  int64_t index = 0;
};

/// Memory that lives from its first to its last step. All temporaries share
/// one workspace; those with disjoint lives may overlap.
struct Temporary {
  std::string name;
  Expr bytes;
};

/// Bytes that the package holds, an object of kind "data"; uploaded on load.
struct Constant {
  std::string object;
};

/// A result: rows of `shape`, contiguous. With `argument` it lies in the buffer
/// of that (donated) argument, of the same size, and is not allocated.
struct PlanResult {
  std::vector<Expr> shape;
  std::optional<int64_t> argument;
};

/// `buffer` from byte `offset` on.
struct Address {
  BufferRef buffer;
  Expr offset;
};

/// The box of a TMA copy, as cuTensorMapEncodeTiled wants it: the innermost
/// dimension first.
struct TensorMapInfo {
  Address base;
  DType dtype = DType::kBF16;
  std::vector<Expr> dims;
  std::vector<Expr> strides;  ///< bytes, of dims[1] on
  std::vector<Expr> box;      ///< as many as dims
  std::vector<int64_t> steps; ///< every n-th element; as many as dims, or none
  int64_t swizzle = 0;        ///< 0, 32, 64 or 128 bytes
  int64_t l2Promotion = 0;    ///< 0, 64, 128 or 256 bytes
  bool fillNaN = false;       ///< beyond the bounds; else zeros
};

struct PointerArg {
  Address address;
};
/// i32 (`bits` 32) or i64 of an expression.
struct IntArg {
  int64_t bits = 64;
  Expr value;
};
/// f32 (`bits` 32) or f64 constant.
struct FloatArg {
  int64_t bits = 32;
  double value = 0;
};
/// The bytes of scalar argument `argument`, in its dtype.
struct ScalarArg {
  int64_t argument = 0;
};
/// 128 bytes by value (`const __grid_constant__ CUtensorMap`).
struct TensorMapArg {
  TensorMapInfo map;
};
using KernelArg =
    std::variant<PointerArg, IntArg, FloatArg, ScalarArg, TensorMapArg>;

struct KernelStep {
  std::string module; ///< `ObjectInfo::module` of the code
  std::string symbol; ///< of the `.entry`
  std::array<Expr, 3> grid = {Expr(1), Expr(1), Expr(1)};
  std::array<Expr, 3> block = {Expr(1), Expr(1), Expr(1)};
  std::array<Expr, 3> cluster = {Expr(1), Expr(1), Expr(1)};
  Expr sharedBytes; ///< dynamic
  /// Its blocks may start before the kernel in front of it has ended, for which
  /// they wait themselves (griddepcontrol).
  bool overlaps = false;
  std::vector<KernelArg> args;
};

/// `bytes` bytes from `to` on become `value`.
struct MemsetStep {
  Address to;
  Expr bytes;
  uint8_t value = 0;
};

struct CopyStep {
  Address to, from;
  Expr bytes;
};

/// A row-major matrix of a library call, or a batch of them. `leading` is the
/// distance of rows as stored, in elements.
struct GemmOperand {
  Address address;
  DType dtype = DType::kBF16;
  Expr leading;
  Expr batchStride;
  bool transposed = false; ///< stored as its transpose; not for `d`
};

/// d[i, j] = alpha sum_l a[i, l] b[l, j] + beta d[i, j], by cuBLASLt; sums in
/// f32 (f64 for f64 operands).
struct GemmStep {
  GemmOperand a, b, d;
  Expr m, n, k;
  Expr batch = Expr(1);
  double alpha = 1, beta = 0;
  bool tf32 = false; ///< of f32 operands: products in tf32
};

struct PlanStep {
  std::string name;            ///< for messages
  std::vector<Condition> when; ///< runs if all hold: variants of a plan
  std::variant<KernelStep, MemsetStep, CopyStep, GemmStep> action;
};

/// A launch of a kernel whose grid has a size of 0, and copies of 0 bytes, do
/// nothing. Arguments without a kStride symbol must be contiguous.
struct Plan {
  std::vector<PlanSymbol> symbols;
  std::vector<Guard> guards;
  std::vector<Temporary> temporaries;
  std::vector<Constant> constants;
  std::vector<PlanResult> results; ///< as many as the function has
  std::vector<PlanStep> steps;
};

/// What checkPlan needs to know of an argument of the function.
struct PlanArgument {
  bool isTensor = true;
  DType dtype = DType::kF32;
  int64_t rank = 0;
  bool donated = false;
};

/// Whether all references of `plan` lead somewhere: indices, names, symbols
/// before their use, ranks. Empty on success, else what is wrong.
std::string checkPlan(const Plan &plan,
                      const std::vector<PlanArgument> &arguments);

/// JSON, as in the manifest. Errors: kUsage for names that are not UTF-8.
Result<std::string> printPlan(const Plan &plan);
/// Errors: kBadInput, naming the field. References are not checked.
Result<Plan> parsePlan(std::string_view json);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PLAN_H
