//===- EmitManifest.cpp - the manifest of a module at level 1 -------------===//

#include "attn/Emit/EmitManifest.h"
#include "attn/Emit/ObjectCode.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include <set>

using namespace mlir;
using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

std::optional<rt::DType> dtypeOf(Type type) {
  if (type.isIndex()) {
    return rt::DType::kI64;
  }
  std::string name;
  llvm::raw_string_ostream stream(name);
  if (auto integer = dyn_cast<IntegerType>(type);
      integer && integer.isSigned()) {
    stream << 'i' << integer.getWidth();
  } else {
    type.print(stream);
  }
  return rt::parseDType(name);
}

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  type.print(stream);
  return text;
}

/// Describes an argument or result: its type and its attributes.
Result<rt::ValueInfo> describe(Type type, DictionaryAttr attributes,
                               std::string name, const std::string &who) {
  rt::ValueInfo info;
  info.name = std::move(name);
  Type element = type;
  if (auto shaped = dyn_cast<ShapedType>(type)) {
    if (!isa<RankedTensorType, MemRefType>(type)) {
      return Status::compile(who + " has type '" + textOf(type) +
                             "', which cannot cross the boundary of a "
                             "compiled function");
    }
    element = shaped.getElementType();
    for (int64_t size : shaped.getShape()) {
      info.shape.push_back(ShapedType::isDynamic(size) ? rt::kDynamic : size);
    }
  } else {
    info.kind = rt::ValueKind::kScalar;
  }
  std::optional<rt::DType> dtype = dtypeOf(element);
  if (!dtype) {
    return Status::compile(who + " has type '" + textOf(type) +
                           "', which cannot cross the boundary of a compiled "
                           "function");
  }
  info.dtype = *dtype;
  if (!attributes) {
    return info;
  }
  if (Attribute dims = attributes.get(kDimsAttr)) {
    auto names = dyn_cast<ArrayAttr>(dims);
    if (!names || !llvm::all_of(names, llvm::IsaPred<StringAttr>)) {
      return Status::compile(who + ": expected '" + kDimsAttr +
                             "' to be an array of strings");
    }
    if (names.size() != info.shape.size()) {
      return Status::compile(who + ": expected '" + kDimsAttr + "' to have " +
                             std::to_string(info.shape.size()) +
                             " names, but got " + std::to_string(names.size()));
    }
    for (auto dim : names.getAsRange<StringAttr>()) {
      info.dims.push_back(dim.str());
    }
  }
  info.donated = attributes.contains(kDonatedAttr);
  return info;
}

/// The name that the source gives to a value.
Result<std::string> nameOf(DictionaryAttr attributes, Location loc,
                           const char *fallback, unsigned index) {
  if (Attribute name = attributes ? attributes.get(kNameAttr) : Attribute()) {
    auto text = dyn_cast<StringAttr>(name);
    if (!text || text.empty()) {
      return Status::compile("expected '" + std::string(kNameAttr) +
                             "' to be a string that is not empty");
    }
    return text.str();
  }
  if (auto named = dyn_cast<NameLoc>(loc)) {
    return named.getName().str();
  }
  return fallback + std::to_string(index);
}

Status addValue(std::vector<rt::ValueInfo> &values,
                std::set<std::string> &taken, Type type,
                DictionaryAttr attributes, Location loc,
                const std::string &function, const char *what,
                const char *fallback) {
  unsigned index = values.size();
  std::string who = std::string(what) + " " + std::to_string(index) +
                    " of function '" + function + "'";
  Result<std::string> name = nameOf(attributes, loc, fallback, index);
  if (!name) {
    return name.status().withContext(who);
  }
  if (!taken.insert(*name).second) {
    return Status::compile(who + ": the name '" + *name + "' is taken");
  }
  Result<rt::ValueInfo> info = describe(type, attributes, *name, who);
  if (!info) {
    return info.status();
  }
  values.push_back(*std::move(info));
  return {};
}

/// Whether some op writes to `buffer` or to part of it. One whose effects are
/// not known does.
bool isWritten(Value buffer) {
  return llvm::any_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<ViewLikeOpInterface>(user)) {
      return llvm::any_of(user->getResults(), isWritten);
    }
    if (user->hasTrait<OpTrait::IsTerminator>() ||
        isa<bufferization::ToTensorOp, memref::DimOp>(user)) {
      return false;
    }
    auto effects = dyn_cast<MemoryEffectOpInterface>(user);
    return !effects || hasEffect<MemoryEffects::Write>(user, buffer);
  });
}

Result<rt::FunctionInfo> describeFunction(func::FuncOp function) {
  rt::FunctionInfo info;
  info.name = function.getName().str();
  info.symbol = callSymbol(function.getName());
  std::set<std::string> arguments, results;
  for (auto [index, argument] : llvm::enumerate(function.getArguments())) {
    if (Status status =
            addValue(info.arguments, arguments, argument.getType(),
                     function.getArgAttrDict(index), argument.getLoc(),
                     info.name, "argument", "arg");
        !status.ok()) {
      return status;
    }
    // The caller sees what is written to its buffers.
    rt::ValueInfo &made = info.arguments.back();
    made.donated |= isa<MemRefType>(argument.getType()) && isWritten(argument);
  }
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    if (Status status = addValue(info.results, results, type,
                                 function.getResultAttrDict(index),
                                 UnknownLoc::get(function.getContext()),
                                 info.name, "result", "result");
        !status.ok()) {
      return status;
    }
  }
  return info;
}

} // namespace

Result<std::vector<rt::FunctionInfo>> attn::describeFunctions(ModuleOp module) {
  std::vector<rt::FunctionInfo> functions;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() && !function.symbolKnownUseEmpty(module)) {
      return Status::compile("function '" + function.getName().str() +
                             "' is called, but has no body");
    }
    if (!function.isPublic() || function.isExternal()) {
      continue;
    }
    Result<rt::FunctionInfo> info = describeFunction(function);
    if (!info) {
      return info.status();
    }
    functions.push_back(*std::move(info));
  }
  return functions;
}
