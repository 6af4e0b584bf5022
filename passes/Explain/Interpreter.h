//===- Interpreter.h - integers of a program, at given sizes --------------===//
// Enough of arith, scf and tensor to know the tables that a mask region reads,
// and what it yields for a pair, without compiling anything. What it does not
// know has no value, and neither has what depends on that.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_EXPLAIN_INTERPRETER_H
#define ATTN_PASSES_EXPLAIN_INTERPRETER_H

#include "mlir/IR/Region.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <memory>
#include <optional>
#include <vector>

namespace attn {

/// A tensor of integers; elements in row-major order.
struct IntegerTensor {
  std::vector<int64_t> shape, elements;
  /// Indices past an end read the last element.
  int64_t at(llvm::ArrayRef<int64_t> indices) const;
};

struct Instruction;

/// A region as instructions on numbered slots.
class Program {
public:
  ~Program();
  Program(Program &&);

  /// What the terminator yields, for values of the arguments.
  int64_t run(llvm::ArrayRef<int64_t> arguments);
  /// Whether its loops took so long that they were left: values are wrong.
  bool isExhausted() const { return executed > kMostIterations; }

private:
  friend class Interpreter;
  Program();
  void execute(llvm::ArrayRef<Instruction> code);

  std::vector<Instruction> code;
  std::vector<unsigned> arguments, results;
  std::vector<int64_t> slots;
  static constexpr int64_t kMostIterations = int64_t(1) << 26;
  int64_t executed = 0; // iterations of loops
};

class Interpreter {
public:
  /// Values of scalar arguments, and sizes of dimensions; nothing for unknown
  /// ones.
  struct Environment {
    std::function<std::optional<int64_t>(mlir::Value)> scalar;
    std::function<std::optional<int64_t>(mlir::Value, int64_t)> size;
  };
  explicit Interpreter(Environment environment)
      : environment(std::move(environment)) {}

  std::optional<int64_t> scalar(mlir::Value value);
  /// Null where it is not known.
  std::shared_ptr<const IntegerTensor> tensor(mlir::Value value);
  std::optional<Program> compile(mlir::Region &region);

private:
  struct Compiler;
  /// Larger tables are not computed.
  static constexpr int64_t kMostElements = int64_t(1) << 24;

  std::optional<IntegerTensor> makeTensor(mlir::Value value);

  Environment environment;
  llvm::DenseMap<mlir::Value, std::optional<int64_t>> scalars;
  llvm::DenseMap<mlir::Value, std::shared_ptr<const IntegerTensor>> tensors;
};

} // namespace attn

#endif // ATTN_PASSES_EXPLAIN_INTERPRETER_H
