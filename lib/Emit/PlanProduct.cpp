//===- PlanProduct.cpp - a contraction as a step of a launch plan ---------===//
// Loops are of four kinds: batches (in both factors and the result), rows (in
// the first factor and the result), columns (in the second and the result), and
// sums (in both factors). Each kind must be one dimension of memory, or none;
// a second dimension of rows or columns may stand for the batch.
//===----------------------------------------------------------------------===//

#include "PlanProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using attn::rt::Expr;
using attn::rt::Result;
using attn::rt::Status;

namespace attn {

namespace {

/// Loops that lie together, outermost first.
using Group = SmallVector<unsigned>;

class ProductBuilder {
public:
  ProductBuilder(linalg::LinalgOp op,
                 llvm::function_ref<PlanBuffer(Value)> bufferOf)
      : op(op), bufferOf(bufferOf) {}

  Result<rt::GemmStep> run() {
    if (const char *reason = checkTypes()) {
      return Status::compile(reason);
    }
    if (const char *reason = readOperands()) {
      return Status::compile(reason);
    }
    Group batch, rows, columns, sum;
    if (const char *reason = group(batch, rows, columns, sum)) {
      return Status::compile(reason);
    }
    // The library wants the result row-major: else its transpose is computed.
    unsigned first = 0, second = 1;
    const Operand &d = operands[2];
    if (!d.loops.empty() && llvm::is_contained(rows, d.loops.back())) {
      std::swap(first, second);
      std::swap(rows, columns);
    }
    rt::GemmStep step;
    bool fits = describe(operands[first], rows, sum, batch, step.a) &&
                describe(operands[second], sum, columns, batch, step.b) &&
                describe(d, rows, columns, batch, step.d) && !step.d.transposed;
    if (!fits) {
      return Status::compile("rows of an operand do not lie together");
    }
    step.m = count(rows);
    step.n = count(columns);
    step.k = count(sum);
    step.batch = count(batch);
    step.beta = op->hasAttr("attn.overwrites") ? 0 : 1;
    return step;
  }

private:
  struct Operand {
    rt::BufferRef buffer;
    rt::DType dtype = rt::DType::kF32;
    SmallVector<unsigned> loops; // of its dimensions; sizes of 1 have none
    std::vector<Expr> strides;   // of `loops`
  };

  linalg::LinalgOp op;
  llvm::function_ref<PlanBuffer(Value)> bufferOf;
  Operand operands[3];
  llvm::DenseMap<unsigned, Expr> sizes; // of loops

  static std::optional<rt::DType> dtypeOf(Type type) {
    return type.isBF16()  ? std::optional(rt::DType::kBF16)
           : type.isF16() ? std::optional(rt::DType::kF16)
           : type.isF32() ? std::optional(rt::DType::kF32)
           : type.isF64() ? std::optional(rt::DType::kF64)
                          : std::nullopt;
  }

  const char *checkTypes() {
    for (Operation &inner : op.getBlock()->without_terminator()) {
      if (!isa<arith::MulFOp, arith::AddFOp, arith::ExtFOp>(inner)) {
        return "its elements are not sums of products of floats";
      }
    }
    for (auto [n, operand] : llvm::enumerate(op->getOperands())) {
      std::optional<rt::DType> dtype =
          dtypeOf(cast<ShapedType>(operand.getType()).getElementType());
      if (!dtype) {
        return "its elements are of no type of floats that there is";
      }
      operands[n].dtype = *dtype;
    }
    rt::DType factor = operands[0].dtype, result = operands[2].dtype;
    bool narrow = factor == rt::DType::kBF16 || factor == rt::DType::kF16;
    if (operands[1].dtype != factor ||
        (result != factor && !(narrow && result == rt::DType::kF32))) {
      return "its factors differ in type, or the result is of another one";
    }
    return nullptr;
  }

  const char *readOperands() {
    for (auto [n, value] : llvm::enumerate(op->getOperands())) {
      AffineMap map = op.getIndexingMapsArray()[n];
      if (!map.isProjectedPermutation()) {
        return "an operand is no permutation of loops";
      }
      auto shape = cast<ShapedType>(value.getType()).getShape();
      auto [buffer, extents] = bufferOf(value);
      operands[n].buffer = buffer;
      Expr stride(1);
      for (int64_t d = shape.size() - 1; d >= 0; --d) {
        unsigned loop = map.getDimPosition(d);
        if (shape[d] != 1) {
          operands[n].loops.insert(operands[n].loops.begin(), loop);
          operands[n].strides.insert(operands[n].strides.begin(), stride);
          sizes.try_emplace(loop, extents[d]);
        }
        stride = stride * extents[d];
      }
    }
    return nullptr;
  }

  static std::optional<size_t> placeOf(const Operand &operand, unsigned loop) {
    const auto *found = llvm::find(operand.loops, loop);
    return found == operand.loops.end()
               ? std::nullopt
               : std::optional<size_t>(found - operand.loops.begin());
  }

  // Whether `inner` is next to `outer` wherever one of them is.
  bool lieTogether(unsigned outer, unsigned inner) const {
    return llvm::all_of(operands, [&](const Operand &operand) {
      std::optional<size_t> x = placeOf(operand, outer),
                            y = placeOf(operand, inner);
      return x.has_value() == y.has_value() && (!x || *x + 1 == *y);
    });
  }

  const char *group(Group &batch, Group &rows, Group &columns, Group &sum) {
    SmallVector<Group> kinds[4];
    auto add = [&](const Operand &operand) {
      for (unsigned loop : operand.loops) {
        bool a = placeOf(operands[0], loop).has_value(),
             b = placeOf(operands[1], loop).has_value(),
             d = placeOf(operands[2], loop).has_value();
        SmallVector<Group> &kind = kinds[a && b && d ? 0
                                         : a && d    ? 1
                                         : b && d    ? 2
                                                     : 3];
        if (a + b + d < 2) {
          return false;
        }
        if (llvm::any_of(kind, [&](const Group &group) {
              return llvm::is_contained(group, loop);
            })) {
          continue;
        }
        if (!kind.empty() && lieTogether(kind.back().back(), loop)) {
          kind.back().push_back(loop);
        } else {
          kind.push_back({loop});
        }
      }
      return true;
    };
    if (!add(operands[2]) || !add(operands[0]) || !add(operands[1])) {
      return "a loop is in one operand alone";
    }
    // One of rows or columns can be the batch of a factor that has none.
    for (int kind : {1, 2}) {
      if (kinds[0].empty() && kinds[kind].size() == 2) {
        kinds[0].push_back(kinds[kind].front());
        kinds[kind].erase(kinds[kind].begin());
      }
    }
    Group *groups[] = {&batch, &rows, &columns, &sum};
    for (int kind = 0; kind < 4; ++kind) {
      if (kinds[kind].size() > 1) {
        return "it is no product of matrices whose dimensions lie together";
      }
      if (!kinds[kind].empty()) {
        *groups[kind] = kinds[kind].front();
      }
    }
    return nullptr;
  }

  Expr count(const Group &group) const {
    Expr product(1);
    for (unsigned loop : group) {
      product = product * sizes.lookup(loop);
    }
    return product;
  }

  // A matrix of `rows` and `columns`; false where neither is innermost.
  bool describe(const Operand &operand, const Group &rows, const Group &columns,
                const Group &batch, rt::GemmOperand &made) const {
    made.address = {operand.buffer, Expr(0)};
    made.dtype = operand.dtype;
    auto strideOf = [&](const Group &group) -> std::optional<Expr> {
      std::optional<size_t> place =
          group.empty() ? std::nullopt : placeOf(operand, group.back());
      return place ? std::optional(operand.strides[*place]) : std::nullopt;
    };
    auto isInnermost = [&](const Group &group) {
      return !group.empty() && !operand.loops.empty() &&
             group.back() == operand.loops.back();
    };
    made.batchStride = strideOf(batch).value_or(Expr(0));
    made.transposed = isInnermost(rows);
    const Group &inner = made.transposed ? rows : columns;
    const Group &outer = made.transposed ? columns : rows;
    made.leading = strideOf(outer).value_or(count(inner));
    return isInnermost(inner) || operand.loops.empty() ||
           (inner.empty() && outer.empty());
  }
};

} // namespace

Result<rt::GemmStep>
productStep(linalg::LinalgOp op,
            llvm::function_ref<PlanBuffer(Value)> bufferOf) {
  return ProductBuilder(op, bufferOf).run();
}

} // namespace attn
