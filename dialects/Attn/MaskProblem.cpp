//===- MaskProblem.cpp - the mask of an attention, with named sizes -------===//

#include "attn/Dialect/Attn/MaskProblem.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace attn {

static FunctionOpInterface functionOf(BlockArgument argument) {
  Block *block = argument.getOwner();
  return block->isEntryBlock()
             ? dyn_cast_or_null<FunctionOpInterface>(block->getParentOp())
             : FunctionOpInterface();
}

std::string argumentName(BlockArgument argument) {
  unsigned number = argument.getArgNumber();
  if (FunctionOpInterface function = functionOf(argument)) {
    if (auto name =
            function.getArgAttrOfType<StringAttr>(number, "attn.name")) {
      return name.str();
    }
  }
  if (auto named = dyn_cast<NameLoc>(argument.getLoc())) {
    return named.getName().str();
  }
  return "arg" + std::to_string(number);
}

std::string sizeName(BlockArgument argument, int64_t dim) {
  if (FunctionOpInterface function = functionOf(argument)) {
    auto dims = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                     "attn.dims");
    if (dims && dim < static_cast<int64_t>(dims.size())) {
      if (auto text = dyn_cast<StringAttr>(dims[dim])) {
        return text.str();
      }
    }
  }
  return argumentName(argument) + "_" + std::to_string(dim);
}

namespace {

class Builder {
public:
  explicit Builder(AttentionOp op) : op(op), context(op.getContext()) {}
  MaskProblem run();

private:
  LinearForm unknown(std::string name, Value value, bool isSize);
  LinearForm sizeOf(Value shaped, int64_t dim, const char *name);
  LinearForm formOf(Value index);
  LinearForm dim(unsigned d) {
    return LinearForm::of(getAffineDimExpr(d, context));
  }
  /// first <= dim < first + count.
  void bound(unsigned d, const LinearForm &first, const LinearForm &count) {
    problem.facts.push_back(dim(d) - first);
    problem.facts.push_back((first + count).add(LinearForm(-1)) - dim(d));
  }

  AttentionOp op;
  MLIRContext *context;
  MaskProblem problem;
};

// The one of that name, or of that value.
LinearForm Builder::unknown(std::string name, Value value, bool isSize) {
  auto &unknowns = problem.unknowns;
  auto it = llvm::find_if(unknowns, [&](const MaskUnknown &other) {
    return value ? other.value == value : !other.value && other.name == name;
  });
  if (it == unknowns.end()) {
    std::string unique = name;
    for (int n = 1; llvm::any_of(
             unknowns,
             [&](const MaskUnknown &other) { return other.name == unique; });
         ++n) {
      unique = name + "_" + std::to_string(n);
    }
    unknowns.push_back({std::move(unique), value, isSize});
    it = std::prev(unknowns.end());
  }
  return LinearForm::of(getAffineSymbolExpr(it - unknowns.begin(), context));
}

// `name` is for sizes that nothing is known of.
LinearForm Builder::sizeOf(Value shaped, int64_t dim, const char *name) {
  int64_t size = cast<ShapedType>(shaped.getType()).getDimSize(dim);
  if (!ShapedType::isDynamic(size)) {
    return LinearForm(size);
  }
  if (auto argument = dyn_cast<BlockArgument>(shaped)) {
    return functionOf(argument)
               ? unknown(sizeName(argument, dim), {}, /*isSize=*/true)
               : unknown(name, {}, /*isSize=*/true);
  }
  Operation *def = shaped.getDefiningOp();
  if (isa<tensor::CastOp, memref::CastOp, bufferization::ToTensorOp>(def)) {
    return sizeOf(def->getOperand(0), dim, name);
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(def)) {
    return formOf(empty.getDynamicSize(dim));
  }
  if (auto slice = dyn_cast<OffsetSizeAndStrideOpInterface>(def);
      slice && isa<tensor::ExtractSliceOp, memref::SubViewOp>(def)) {
    llvm::SmallBitVector dropped =
        isa<tensor::ExtractSliceOp>(def)
            ? cast<tensor::ExtractSliceOp>(def).getDroppedDims()
            : cast<memref::SubViewOp>(def).getDroppedDims();
    SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
    for (auto [d, size] : llvm::enumerate(sizes)) {
      if (!dropped[d] && dim-- == 0) {
        auto value = dyn_cast<Value>(size);
        return value ? formOf(value) : LinearForm(*getConstantIntValue(size));
      }
    }
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(def)) {
    LinearForm sum;
    for (Value part : concat.getInputs()) {
      LinearForm size = sizeOf(part, dim, name);
      if (concat.getDim() != static_cast<uint64_t>(dim)) {
        return size;
      }
      sum.add(size);
    }
    return sum;
  }
  return unknown(name, {}, /*isSize=*/true);
}

LinearForm Builder::formOf(Value index) {
  if (std::optional<int64_t> constant = getConstantIntValue(index)) {
    return LinearForm(*constant);
  }
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    return unknown(argumentName(argument), index, /*isSize=*/false);
  }
  Operation *def = index.getDefiningOp();
  if (isa<tensor::DimOp, memref::DimOp>(def)) {
    if (std::optional<int64_t> dim = getConstantIntValue(def->getOperand(1))) {
      return sizeOf(def->getOperand(0), *dim, "size");
    }
  }
  if (isa<arith::IndexCastOp>(def)) {
    return formOf(def->getOperand(0));
  }
  if (isa<arith::AddIOp, arith::SubIOp>(def)) {
    return formOf(def->getOperand(0))
        .add(formOf(def->getOperand(1)), isa<arith::AddIOp>(def) ? 1 : -1);
  }
  if (isa<arith::MulIOp>(def)) {
    LinearForm x = formOf(def->getOperand(0)), y = formOf(def->getOperand(1));
    if (x.isConstant() || y.isConstant()) {
      return LinearForm().add(x.isConstant() ? y : x,
                              x.isConstant() ? x.constant : y.constant);
    }
  }
  return unknown("value", index, /*isSize=*/false);
}

MaskProblem Builder::run() {
  if (MaskAttrInterface mask = op.getMaskAttr()) {
    problem.set = mask.getMaskSet();
  }
  problem.set.context = context;
  if (op.getLayout() == Layout::THD) {
    problem.queries = unknown("sq", {}, /*isSize=*/true);
    problem.keys = op.getCuSeqlensQ() == op.getCuSeqlensK()
                       ? problem.queries
                       : unknown("sk", {}, /*isSize=*/true);
  } else {
    problem.queries = sizeOf(op.getQ(), op.getSeqDim(), "sq");
    problem.keys = op.getKvLens() ? unknown("kv_len", {}, /*isSize=*/true)
                                  : sizeOf(op.getK(), op.getSeqDim(), "sk");
  }
  problem.offset =
      op.getOffset() ? formOf(op.getOffset()) : problem.keys - problem.queries;
  auto sizeOrZero = [&](int64_t d, unsigned maskDim, const char *name) {
    bool isKnown =
        d >= 0 && !cast<ShapedType>(op.getQ().getType()).isDynamicDim(d);
    bool isUsed = problem.set.usesDim(maskDim);
    if (!isKnown && !isUsed) {
      return LinearForm();
    }
    LinearForm size =
        d < 0 ? unknown(name, {}, /*isSize=*/true) : sizeOf(op.getQ(), d, name);
    if (isUsed) {
      bound(maskDim, LinearForm(), size);
    }
    return size;
  };
  problem.batches = sizeOrZero(op.getBatchDim(), BatchDim, "batch");
  problem.heads = sizeOrZero(op.getHeadDim(), HeadDim, "heads");
  bound(QueryDim, problem.offset, problem.queries);
  bound(KeyDim, LinearForm(), problem.keys);

  SmallVector<AffineExpr> symbols;
  for (Value symbol : op.getMaskSymbols()) {
    problem.maskSymbols.push_back(formOf(symbol));
    symbols.push_back(problem.maskSymbols.back().expr(context));
  }
  for (auto [n, unknown] : llvm::enumerate(problem.unknowns)) {
    if (unknown.isSize) {
      problem.facts.push_back(
          LinearForm::of(getAffineSymbolExpr(n, context)).add(LinearForm(-1)));
    }
  }
  if (op.getKvLens() && op.getLayout() != Layout::THD && !op.isPaged()) {
    LinearForm most = sizeOf(op.getK(), op.getSeqDim(), "sk");
    problem.facts.push_back(most - problem.keys);
  }
  problem.set = problem.set.replaceSymbols(symbols, problem.unknowns.size());
  return std::move(problem);
}

} // namespace

MaskProblem MaskProblem::of(AttentionOp op) { return Builder(op).run(); }

} // namespace attn
