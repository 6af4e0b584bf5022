//===- Interpreter.cpp - integers of a program, at given sizes ------------===//
// Integers are sign-extended, i1 is 0 or 1.
//===----------------------------------------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

int64_t IntegerTensor::at(ArrayRef<int64_t> indices) const {
  int64_t offset = 0;
  for (auto [index, size] : llvm::zip_equal(indices, shape)) {
    offset = offset * size + std::clamp<int64_t>(index, 0, size - 1);
  }
  return elements[offset];
}

namespace {

enum class Code {
  Add,
  Sub,
  Mul,
  DivS,
  DivU,
  RemS,
  RemU,
  FloorDiv,
  CeilDiv,
  And,
  Or,
  Xor,
  Shl,
  ShrS,
  ShrU,
  MinS,
  MinU,
  MaxS,
  MaxU,
  Compare,
  Select,
  SignExtend,
  ZeroExtend,
  Extract,
  For,
  If
};

unsigned bitsOf(Type type) {
  return type.isIndex() ? 64 : cast<IntegerType>(type).getWidth();
}

// As the type holds it.
int64_t wrap(int64_t value, unsigned bits) {
  return bits == 1    ? value & 1
         : bits >= 64 ? value
                      : llvm::SignExtend64(static_cast<uint64_t>(value), bits);
}

uint64_t withoutSign(int64_t value, unsigned bits) {
  return static_cast<uint64_t>(value) &
         llvm::maskTrailingOnes<uint64_t>(std::min(bits, 64u));
}

// Sign extension keeps the order of unsigned numbers too.
bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  return arith::applyCmpPredicate(predicate, APInt(64, a, true),
                                  APInt(64, b, true));
}

} // namespace

struct Instruction {
  Code code;
  unsigned bits = 64; // of the operands
  unsigned outBits = 64;
  arith::CmpIPredicate predicate = arith::CmpIPredicate::eq;
  SmallVector<unsigned, 4> in, out;
  std::shared_ptr<const IntegerTensor> table;
  // For: the induction variable and what is carried; If: nothing.
  SmallVector<unsigned, 4> arguments;
  std::vector<Instruction> then, otherwise;
  SmallVector<unsigned, 4> thenYields, otherwiseYields;
};

Program::Program() = default;
Program::~Program() = default;
Program::Program(Program &&) = default;

int64_t Program::run(ArrayRef<int64_t> values) {
  for (auto [slot, value] : llvm::zip_equal(arguments, values)) {
    slots[slot] = value;
  }
  execute(code);
  return slots[results.front()];
}

void Program::execute(ArrayRef<Instruction> code) {
  for (const Instruction &next : code) {
    auto in = [&](unsigned n) { return slots[next.in[n]]; };
    auto bits = [&](unsigned n) { return static_cast<uint64_t>(in(n)); };
    auto natural = [&](unsigned n) { return withoutSign(in(n), next.bits); };
    auto copy = [&](ArrayRef<unsigned> from, ArrayRef<unsigned> to) {
      SmallVector<int64_t, 4> values;
      for (unsigned slot : from) {
        values.push_back(slots[slot]);
      }
      for (auto [slot, value] : llvm::zip_equal(to, values)) {
        slots[slot] = value;
      }
    };
    auto value = [&]() -> int64_t {
      switch (next.code) {
      // Modulo 2^64, which C++ has for unsigned numbers alone.
      case Code::Add:
        return bits(0) + bits(1);
      case Code::Sub:
        return bits(0) - bits(1);
      case Code::Mul:
        return bits(0) * bits(1);
      // A division by zero is undefined: any value does. By -1 it may overflow.
      case Code::DivS:
        return in(1) == 0 ? 0 : in(1) == -1 ? 0 - bits(0) : in(0) / in(1);
      case Code::DivU:
        return in(1) == 0 ? 0 : natural(0) / natural(1);
      case Code::RemS:
        return in(1) == 0 || in(1) == -1 ? 0 : in(0) % in(1);
      case Code::RemU:
        return in(1) == 0 ? 0 : natural(0) % natural(1);
      case Code::FloorDiv:
        return in(1) == 0    ? 0
               : in(1) == -1 ? 0 - bits(0)
                             : llvm::divideFloorSigned(in(0), in(1));
      case Code::CeilDiv:
        return in(1) == 0    ? 0
               : in(1) == -1 ? 0 - bits(0)
                             : llvm::divideCeilSigned(in(0), in(1));
      case Code::And:
        return in(0) & in(1);
      case Code::Or:
        return in(0) | in(1);
      case Code::Xor:
        return in(0) ^ in(1);
      case Code::Shl:
        return natural(1) < 64 ? natural(0) << natural(1) : 0;
      case Code::ShrS:
        return in(0) >> std::min<uint64_t>(natural(1), 63);
      case Code::ShrU:
        return natural(1) < 64 ? natural(0) >> natural(1) : 0;
      case Code::MinS:
        return std::min(in(0), in(1));
      case Code::MaxS:
        return std::max(in(0), in(1));
      case Code::MinU:
        return natural(0) < natural(1) ? in(0) : in(1);
      case Code::MaxU:
        return natural(0) < natural(1) ? in(1) : in(0);
      case Code::Compare:
        return compare(next.predicate, in(0), in(1));
      case Code::Select:
        return in(0) ? in(1) : in(2);
      case Code::SignExtend:
        return next.bits == 1 ? -in(0) : in(0);
      case Code::ZeroExtend:
        return natural(0);
      case Code::Extract: {
        SmallVector<int64_t, 4> indices;
        for (unsigned slot : next.in) {
          indices.push_back(slots[slot]);
        }
        return next.table->at(indices);
      }
      case Code::For:
      case Code::If:
        return 0;
      }
      return 0;
    };
    if (next.code == Code::For) {
      ArrayRef<unsigned> carried = ArrayRef(next.arguments).drop_front();
      copy(ArrayRef(next.in).drop_front(3), carried);
      int64_t to = in(1), by = std::max<int64_t>(in(2), 1);
      for (int64_t at = in(0); at < to && !isExhausted(); at += by) {
        ++executed;
        slots[next.arguments.front()] = at;
        execute(next.then);
        copy(next.thenYields, carried);
      }
      copy(carried, next.out);
    } else if (next.code == Code::If) {
      bool holds = in(0);
      execute(holds ? next.then : next.otherwise);
      copy(holds ? next.thenYields : next.otherwiseYields, next.out);
    } else {
      slots[next.out.front()] = wrap(value(), next.outBits);
    }
  }
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

struct Interpreter::Compiler {
  Compiler(Interpreter &interpreter, Program &program)
      : interpreter(interpreter), program(program) {}

  Interpreter &interpreter;
  Program &program;
  llvm::DenseMap<Value, unsigned> slots;

  unsigned slot(Value value) {
    auto [entry, isNew] = slots.try_emplace(value, program.slots.size());
    if (isNew) {
      program.slots.push_back(0);
    }
    return entry->second;
  }

  // What is from above has its value at once.
  std::optional<unsigned> use(Value value) {
    auto found = slots.find(value);
    if (found != slots.end()) {
      return found->second;
    }
    std::optional<int64_t> number = interpreter.scalar(value);
    if (!number) {
      return std::nullopt;
    }
    unsigned at = slot(value);
    program.slots[at] = *number;
    return at;
  }

  bool uses(ValueRange values, SmallVectorImpl<unsigned> &into) {
    for (Value value : values) {
      std::optional<unsigned> at = use(value);
      if (!at) {
        return false;
      }
      into.push_back(*at);
    }
    return true;
  }

  static std::optional<Code> codeOf(Operation &op) {
    return llvm::TypeSwitch<Operation *, std::optional<Code>>(&op)
        .Case([](arith::AddIOp) { return Code::Add; })
        .Case([](arith::SubIOp) { return Code::Sub; })
        .Case([](arith::MulIOp) { return Code::Mul; })
        .Case([](arith::DivSIOp) { return Code::DivS; })
        .Case([](arith::DivUIOp) { return Code::DivU; })
        .Case([](arith::RemSIOp) { return Code::RemS; })
        .Case([](arith::RemUIOp) { return Code::RemU; })
        .Case([](arith::FloorDivSIOp) { return Code::FloorDiv; })
        .Case([](arith::CeilDivSIOp) { return Code::CeilDiv; })
        .Case([](arith::AndIOp) { return Code::And; })
        .Case([](arith::OrIOp) { return Code::Or; })
        .Case([](arith::XOrIOp) { return Code::Xor; })
        .Case([](arith::ShLIOp) { return Code::Shl; })
        .Case([](arith::ShRSIOp) { return Code::ShrS; })
        .Case([](arith::ShRUIOp) { return Code::ShrU; })
        .Case([](arith::MinSIOp) { return Code::MinS; })
        .Case([](arith::MinUIOp) { return Code::MinU; })
        .Case([](arith::MaxSIOp) { return Code::MaxS; })
        .Case([](arith::MaxUIOp) { return Code::MaxU; })
        .Case([](arith::CmpIOp) { return Code::Compare; })
        .Case([](arith::SelectOp) { return Code::Select; })
        .Case<arith::ExtSIOp, arith::TruncIOp, arith::IndexCastOp>(
            [](Operation *) { return Code::SignExtend; })
        .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
            [](Operation *) { return Code::ZeroExtend; })
        .Case([](tensor::ExtractOp) { return Code::Extract; })
        .Case([](scf::ForOp) { return Code::For; })
        .Case([](scf::IfOp) { return Code::If; })
        .Default([](Operation *) { return std::nullopt; });
  }

  bool compile(Operation &op, std::vector<Instruction> &code) {
    if (op.getNumResults() == 0) {
      return false;
    }
    if (op.hasTrait<OpTrait::ConstantLike>() || isa<tensor::DimOp>(op)) {
      return use(op.getResult(0)).has_value();
    }
    std::optional<Code> kind = codeOf(op);
    if (!kind || !llvm::all_of(op.getResultTypes(),
                               [](Type type) { return type.isIntOrIndex(); })) {
      return false;
    }
    Instruction next;
    next.code = *kind;
    ValueRange operands = op.getOperands();
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      next.table = interpreter.tensor(extract.getTensor());
      operands = extract.getIndices();
      if (!next.table) {
        return false;
      }
    } else if (!operands.front().getType().isIntOrIndex()) {
      return false;
    } else {
      next.bits = bitsOf(operands.front().getType());
    }
    if (!uses(operands, next.in)) {
      return false;
    }
    if (auto test = dyn_cast<arith::CmpIOp>(op)) {
      next.predicate = test.getPredicate();
    }
    next.outBits = bitsOf(op.getResult(0).getType());
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      for (Value argument : loop.getBody()->getArguments()) {
        next.arguments.push_back(slot(argument));
      }
      if (!compile(*loop.getBody(), next.then, next.thenYields)) {
        return false;
      }
    } else if (auto choice = dyn_cast<scf::IfOp>(op)) {
      if (!compile(*choice.thenBlock(), next.then, next.thenYields) ||
          !compile(*choice.elseBlock(), next.otherwise, next.otherwiseYields)) {
        return false;
      }
    }
    for (Value result : op.getResults()) {
      next.out.push_back(slot(result));
    }
    code.push_back(std::move(next));
    return true;
  }

  bool compile(Block &block, std::vector<Instruction> &code,
               SmallVectorImpl<unsigned> &yields) {
    for (Operation &op : block.without_terminator()) {
      if (!compile(op, code)) {
        return false;
      }
    }
    return uses(block.getTerminator()->getOperands(), yields);
  }
};

std::optional<Program> Interpreter::compile(Region &region) {
  Program program;
  Compiler compiler(*this, program);
  for (Value argument : region.front().getArguments()) {
    if (!argument.getType().isIntOrIndex()) {
      return std::nullopt;
    }
    program.arguments.push_back(compiler.slot(argument));
  }
  SmallVector<unsigned> results;
  if (!compiler.compile(region.front(), program.code, results)) {
    return std::nullopt;
  }
  program.results.assign(results.begin(), results.end());
  return program;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::optional<int64_t> Interpreter::scalar(Value value) {
  auto [entry, isNew] = scalars.try_emplace(value, std::nullopt);
  if (!isNew) {
    return entry->second;
  }
  auto find = [&]() -> std::optional<int64_t> {
    Operation *def = value.getDefiningOp();
    if (!def) {
      return environment.scalar(value);
    }
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant))) {
      return wrap(constant.getSExtValue(), bitsOf(value.getType()));
    }
    if (auto size = dyn_cast<tensor::DimOp>(def)) {
      std::optional<int64_t> dim = scalar(size.getIndex());
      if (!dim) {
        return std::nullopt;
      }
      if (std::optional<int64_t> known =
              environment.size(size.getSource(), *dim)) {
        return known;
      }
      std::shared_ptr<const IntegerTensor> table = tensor(size.getSource());
      return table ? std::optional<int64_t>(table->shape[*dim]) : std::nullopt;
    }
    Program program;
    Compiler compiler(*this, program);
    if (!compiler.compile(*def, program.code)) {
      return std::nullopt;
    }
    program.execute(program.code);
    return program.isExhausted()
               ? std::nullopt
               : std::optional<int64_t>(
                     program.slots[compiler.slots.lookup(value)]);
  };
  std::optional<int64_t> found = find();
  scalars[value] = found;
  return found;
}

std::optional<IntegerTensor> Interpreter::makeTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  Operation *def = value.getDefiningOp();
  if (!type || !def || !type.getElementType().isIntOrIndex()) {
    return std::nullopt;
  }
  IntegerTensor table;
  unsigned bits = bitsOf(type.getElementType());
  DenseIntElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant))) {
    table.shape = type.getShape();
    for (const APInt &element : constant.getValues<APInt>()) {
      table.elements.push_back(wrap(element.getSExtValue(), bits));
    }
    return table;
  }
  if (isa<tensor::CastOp>(def)) {
    std::shared_ptr<const IntegerTensor> source = tensor(def->getOperand(0));
    return source ? std::optional(*source) : std::nullopt;
  }
  auto generate = dyn_cast<tensor::GenerateOp>(def);
  if (!generate) {
    return std::nullopt;
  }
  int64_t count = 1;
  ValueRange dynamic = generate.getDynamicExtents();
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size)) {
      std::optional<int64_t> known = scalar(dynamic.front());
      dynamic = dynamic.drop_front();
      if (!known || *known < 0) {
        return std::nullopt;
      }
      size = *known;
    }
    table.shape.push_back(size);
    if (size > 0 && count > kMostElements / size) {
      return std::nullopt;
    }
    count *= size;
  }
  std::optional<Program> program = compile(generate.getBody());
  if (!program) {
    return std::nullopt;
  }
  std::vector<int64_t> at(table.shape.size(), 0);
  for (int64_t n = 0; n < count; ++n) {
    table.elements.push_back(program->run(at));
    if (program->isExhausted()) {
      return std::nullopt;
    }
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < table.shape[d]) {
        break;
      }
      at[d] = 0;
    }
  }
  return table;
}

std::shared_ptr<const IntegerTensor> Interpreter::tensor(Value value) {
  auto [entry, isNew] = tensors.try_emplace(value, nullptr);
  if (!isNew) {
    return entry->second;
  }
  if (std::optional<IntegerTensor> table = makeTensor(value)) {
    tensors[value] = std::make_shared<const IntegerTensor>(std::move(*table));
  }
  return tensors[value];
}

} // namespace attn
