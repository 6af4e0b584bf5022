//===- PlanJson.cpp - a launch plan as a JSON value -----------------------===//
// Expressions are strings, constants among them numbers; buffers are strings
// such as "argument:0"; addresses {"buffer", "offset"}. An argument of a kernel
// is an object with one key that tells its kind.
//===----------------------------------------------------------------------===//

#include "PlanJson.h"

#include <cmath>
#include <cstdlib>

using namespace attn::rt;

namespace {

using Source = PlanSymbol::Source;
using Compare = Condition::Compare;
using Kind = BufferRef::Kind;

template <typename T> struct Spelling {
  T value;
  const char *name;
};

constexpr Spelling<Source> kSources[] = {{Source::kSize, "size"},
                                         {Source::kStride, "stride"},
                                         {Source::kScalar, "scalar"},
                                         {Source::kDevice, "device"},
                                         {Source::kExpr, "expr"}};
constexpr Spelling<Compare> kCompares[] = {
    {Compare::kEq, "=="}, {Compare::kNe, "!="}, {Compare::kLt, "<"},
    {Compare::kLe, "<="}, {Compare::kGt, ">"},  {Compare::kGe, ">="}};
constexpr Spelling<Kind> kKinds[] = {{Kind::kArgument, "argument"},
                                     {Kind::kResult, "result"},
                                     {Kind::kTemporary, "temporary"},
                                     {Kind::kConstant, "constant"}};

template <typename T, size_t N>
const char *spell(const Spelling<T> (&table)[N], T value) {
  for (const Spelling<T> &entry : table) {
    if (entry.value == value) {
      return entry.name;
    }
  }
  return "";
}

template <typename T, size_t N>
T unspell(const Spelling<T> (&table)[N], const std::string &name,
          Reader &reader, const char *field) {
  for (const Spelling<T> &entry : table) {
    if (name == entry.name) {
      return entry.value;
    }
  }
  reader.fail(field, "unknown value '" + name + "'");
  return table[0].value;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Json write(const Expr &expr) {
  int64_t constant = 0;
  return expr.isConstant(&constant) ? Json(constant) : Json(expr.str());
}

template <typename Range> Json writeExprs(const Range &exprs) {
  Json array = Json::array();
  for (const Expr &expr : exprs) {
    array.push_back(write(expr));
  }
  return array;
}

Json write(const Condition &condition) {
  return Json::array({write(condition.lhs), spell(kCompares, condition.compare),
                      write(condition.rhs)});
}

Json write(const Address &address) {
  return Json{{"buffer", std::string(spell(kKinds, address.buffer.kind)) + ":" +
                             std::to_string(address.buffer.index)},
              {"offset", write(address.offset)}};
}

Json write(const PlanSymbol &symbol) {
  Json json{{"name", symbol.name}, {"source", spell(kSources, symbol.source)}};
  switch (symbol.source) {
  case Source::kSize:
  case Source::kStride:
    json["dim"] = symbol.dim;
    [[fallthrough]];
  case Source::kScalar:
    json["argument"] = symbol.argument;
    break;
  case Source::kDevice:
    json["property"] = symbol.property;
    break;
  case Source::kExpr:
    json["expr"] = write(symbol.expr);
    break;
  }
  return json;
}

Json write(const TensorMapInfo &map) {
  Json json = {
      {"base", write(map.base)},         {"dtype", nameOf(map.dtype)},
      {"dims", writeExprs(map.dims)},    {"strides", writeExprs(map.strides)},
      {"box", writeExprs(map.box)},      {"swizzle", map.swizzle},
      {"l2_promotion", map.l2Promotion}, {"fill_nan", map.fillNaN}};
  if (!map.steps.empty()) {
    json["steps"] = map.steps;
  }
  return json;
}

struct WriteArg {
  Json operator()(const PointerArg &arg) const {
    return Json{{"pointer", write(arg.address)}};
  }
  Json operator()(const IntArg &arg) const {
    return Json{{arg.bits == 32 ? "i32" : "i64", write(arg.value)}};
  }
  Json operator()(const FloatArg &arg) const {
    // JSON has no infinities.
    Json value = arg.value;
    if (!std::isfinite(arg.value)) {
      value = std::isnan(arg.value) ? "nan" : arg.value > 0 ? "inf" : "-inf";
    }
    return Json{{arg.bits == 32 ? "f32" : "f64", std::move(value)}};
  }
  Json operator()(const ScalarArg &arg) const {
    return Json{{"scalar", arg.argument}};
  }
  Json operator()(const TensorMapArg &arg) const {
    return Json{{"tensor_map", write(arg.map)}};
  }
};

Json write(const GemmOperand &operand) {
  return Json{{"address", write(operand.address)},
              {"dtype", nameOf(operand.dtype)},
              {"leading", write(operand.leading)},
              {"batch_stride", write(operand.batchStride)},
              {"transposed", operand.transposed}};
}

struct WriteAction {
  Json operator()(const KernelStep &step) const {
    Json args = Json::array();
    for (const KernelArg &arg : step.args) {
      args.push_back(std::visit(WriteArg(), arg));
    }
    return Json{{"kind", "kernel"},
                {"module", step.module},
                {"symbol", step.symbol},
                {"grid", writeExprs(step.grid)},
                {"block", writeExprs(step.block)},
                {"cluster", writeExprs(step.cluster)},
                {"shared_bytes", write(step.sharedBytes)},
                {"overlaps", step.overlaps},
                {"args", std::move(args)}};
  }
  Json operator()(const MemsetStep &step) const {
    return Json{{"kind", "memset"},
                {"to", write(step.to)},
                {"bytes", write(step.bytes)},
                {"value", step.value}};
  }
  Json operator()(const CopyStep &step) const {
    return Json{{"kind", "copy"},
                {"to", write(step.to)},
                {"from", write(step.from)},
                {"bytes", write(step.bytes)}};
  }
  Json operator()(const GemmStep &step) const {
    return Json{{"kind", "gemm"},      {"a", write(step.a)},
                {"b", write(step.b)},  {"d", write(step.d)},
                {"m", write(step.m)},  {"n", write(step.n)},
                {"k", write(step.k)},  {"batch", write(step.batch)},
                {"alpha", step.alpha}, {"beta", step.beta},
                {"tf32", step.tf32}};
  }
};

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Expr readExpr(const Json &json, Reader &reader, const char *field) {
  int64_t value = 0;
  if (Reader::toInteger(json, value)) {
    return Expr(value);
  }
  if (!json.is_string()) {
    reader.fail(field, "expected an integer or an expression");
    return Expr();
  }
  Result<Expr> expr = Expr::parse(json.get_ref<const std::string &>());
  if (!expr) {
    reader.fail(field, expr.message());
    return Expr();
  }
  return *std::move(expr);
}

Expr getExpr(Reader &reader, const char *field) {
  const Json *found = reader.find(field);
  return found ? readExpr(*found, reader, field) : Expr();
}

std::vector<Expr> getExprs(Reader &reader, const char *field) {
  std::vector<Expr> exprs;
  reader.forEach(field, [&](const Json &element, const std::string &) {
    exprs.push_back(readExpr(element, reader, field));
  });
  return exprs;
}

std::array<Expr, 3> getTriple(Reader &reader, const char *field) {
  std::vector<Expr> exprs = getExprs(reader, field);
  if (exprs.size() != 3) {
    reader.fail(field, "expected three expressions");
    exprs.resize(3);
  }
  return {exprs[0], exprs[1], exprs[2]};
}

DType getDType(Reader &reader, const char *field) {
  std::string name = reader.getString(field);
  std::optional<DType> type = parseDType(name);
  if (!type) {
    reader.fail(field, "unknown dtype '" + name + "'");
  }
  return type.value_or(DType::kF32);
}

double getNumber(Reader &reader, const char *field) {
  const Json *found = reader.find(field);
  if (!found) {
    return 0;
  }
  if (found->is_string()) {
    const auto &text = found->get_ref<const std::string &>();
    if (text == "nan" || text == "inf" || text == "-inf") {
      return std::strtod(text.c_str(), nullptr);
    }
  }
  if (!found->is_number()) {
    reader.fail(field, "expected a number");
    return 0;
  }
  return found->get<double>();
}

Condition readCondition(const Json &json, Reader &reader, const char *field) {
  Condition condition;
  if (!json.is_array() || json.size() != 3 || !json[1].is_string()) {
    reader.fail(field, "expected [lhs, comparison, rhs]");
    return condition;
  }
  condition.lhs = readExpr(json[0], reader, field);
  condition.compare =
      unspell(kCompares, json[1].get<std::string>(), reader, field);
  condition.rhs = readExpr(json[2], reader, field);
  return condition;
}

Address readAddress(const Json &json, const std::string &path,
                    std::string &wrong) {
  Reader reader(json, path, wrong);
  Address address;
  std::string text = reader.getString("buffer");
  size_t colon = text.find(':');
  std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (digits.empty() || digits.size() > 6 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    reader.fail("buffer", "expected kind:index, but got '" + text + "'");
    return address;
  }
  address.buffer.kind =
      unspell(kKinds, text.substr(0, colon), reader, "buffer");
  address.buffer.index = std::atoll(digits.c_str());
  address.offset = getExpr(reader, "offset");
  return address;
}

Address getAddress(Reader &reader, const char *field, std::string &wrong) {
  const Json *found = reader.find(field);
  return found ? readAddress(*found, reader.join(field), wrong) : Address();
}

PlanSymbol readSymbol(const Json &json, const std::string &path,
                      std::string &wrong) {
  Reader reader(json, path, wrong);
  PlanSymbol symbol;
  symbol.name = reader.getString("name");
  symbol.source =
      unspell(kSources, reader.getString("source"), reader, "source");
  switch (symbol.source) {
  case Source::kSize:
  case Source::kStride:
    symbol.dim = reader.getInteger("dim");
    [[fallthrough]];
  case Source::kScalar:
    symbol.argument = reader.getInteger("argument");
    break;
  case Source::kDevice:
    symbol.property = reader.getString("property");
    break;
  case Source::kExpr:
    symbol.expr = getExpr(reader, "expr");
    break;
  }
  return symbol;
}

TensorMapInfo readTensorMap(const Json &json, const std::string &path,
                            std::string &wrong) {
  Reader reader(json, path, wrong);
  TensorMapInfo map;
  map.base = getAddress(reader, "base", wrong);
  map.dtype = getDType(reader, "dtype");
  map.dims = getExprs(reader, "dims");
  map.strides = getExprs(reader, "strides");
  map.box = getExprs(reader, "box");
  map.swizzle = reader.getInteger("swizzle");
  map.l2Promotion = reader.getInteger("l2_promotion");
  map.fillNaN = reader.getBool("fill_nan");
  if (reader.findOptional("steps")) {
    reader.forEach("steps", [&](const Json &element, const std::string &) {
      int64_t step = 0;
      if (!Reader::toInteger(element, step)) {
        reader.fail("steps", "expected integers");
      }
      map.steps.push_back(step);
    });
  }
  return map;
}

KernelArg readArg(const Json &json, const std::string &path,
                  std::string &wrong) {
  Reader reader(json, path, wrong);
  if (reader.findOptional("pointer")) {
    return PointerArg{getAddress(reader, "pointer", wrong)};
  }
  for (int64_t bits : {32, 64}) {
    const char *integer = bits == 32 ? "i32" : "i64";
    const char *number = bits == 32 ? "f32" : "f64";
    if (reader.findOptional(integer)) {
      return IntArg{bits, getExpr(reader, integer)};
    }
    if (reader.findOptional(number)) {
      return FloatArg{bits, getNumber(reader, number)};
    }
  }
  if (reader.findOptional("scalar")) {
    return ScalarArg{reader.getInteger("scalar")};
  }
  if (const Json *map = reader.findOptional("tensor_map")) {
    return TensorMapArg{readTensorMap(*map, reader.join("tensor_map"), wrong)};
  }
  reader.fail("", "expected pointer, i32, i64, f32, f64, scalar or tensor_map");
  return IntArg();
}

GemmOperand getOperand(Reader &reader, const char *field, std::string &wrong) {
  GemmOperand operand;
  const Json *found = reader.find(field);
  if (!found) {
    return operand;
  }
  Reader fields(*found, reader.join(field), wrong);
  operand.address = getAddress(fields, "address", wrong);
  operand.dtype = getDType(fields, "dtype");
  operand.leading = getExpr(fields, "leading");
  operand.batchStride = getExpr(fields, "batch_stride");
  operand.transposed = fields.getBool("transposed");
  return operand;
}

PlanStep readStep(const Json &json, const std::string &path,
                  std::string &wrong) {
  Reader reader(json, path, wrong);
  PlanStep step;
  step.name = reader.getString("name");
  reader.forEach("when", [&](const Json &element, const std::string &) {
    step.when.push_back(readCondition(element, reader, "when"));
  });
  std::string kind = reader.getString("kind");
  if (kind == "kernel") {
    KernelStep kernel;
    kernel.module = reader.getString("module");
    kernel.symbol = reader.getString("symbol");
    kernel.grid = getTriple(reader, "grid");
    kernel.block = getTriple(reader, "block");
    kernel.cluster = getTriple(reader, "cluster");
    kernel.sharedBytes = getExpr(reader, "shared_bytes");
    kernel.overlaps = reader.getBool("overlaps");
    reader.forEach("args", [&](const Json &element, const std::string &at) {
      kernel.args.push_back(readArg(element, at, wrong));
    });
    step.action = std::move(kernel);
  } else if (kind == "memset") {
    MemsetStep memset;
    memset.to = getAddress(reader, "to", wrong);
    memset.bytes = getExpr(reader, "bytes");
    int64_t value = reader.getInteger("value");
    if (value < 0 || value > 255) {
      reader.fail("value", "expected a byte");
    }
    memset.value = static_cast<uint8_t>(value);
    step.action = std::move(memset);
  } else if (kind == "copy") {
    CopyStep copy;
    copy.to = getAddress(reader, "to", wrong);
    copy.from = getAddress(reader, "from", wrong);
    copy.bytes = getExpr(reader, "bytes");
    step.action = std::move(copy);
  } else if (kind == "gemm") {
    GemmStep gemm;
    gemm.a = getOperand(reader, "a", wrong);
    gemm.b = getOperand(reader, "b", wrong);
    gemm.d = getOperand(reader, "d", wrong);
    gemm.m = getExpr(reader, "m");
    gemm.n = getExpr(reader, "n");
    gemm.k = getExpr(reader, "k");
    gemm.batch = getExpr(reader, "batch");
    gemm.alpha = getNumber(reader, "alpha");
    gemm.beta = getNumber(reader, "beta");
    gemm.tf32 = reader.getBool("tf32");
    step.action = std::move(gemm);
  } else {
    reader.fail("kind", "unknown step '" + kind + "'");
  }
  return step;
}

} // namespace

Json attn::rt::writePlan(const Plan &plan) {
  Json json;
  json["symbols"] = Json::array();
  for (const PlanSymbol &symbol : plan.symbols) {
    json["symbols"].push_back(write(symbol));
  }
  json["guards"] = Json::array();
  for (const Guard &guard : plan.guards) {
    json["guards"].push_back(Json{{"condition", write(guard.condition)},
                                  {"message", guard.message}});
  }
  json["temporaries"] = Json::array();
  for (const Temporary &temporary : plan.temporaries) {
    json["temporaries"].push_back(
        Json{{"name", temporary.name}, {"bytes", write(temporary.bytes)}});
  }
  json["constants"] = Json::array();
  for (const Constant &constant : plan.constants) {
    json["constants"].push_back(Json{{"object", constant.object}});
  }
  json["results"] = Json::array();
  for (const PlanResult &result : plan.results) {
    Json entry{{"shape", writeExprs(result.shape)}};
    if (result.argument) {
      entry["argument"] = *result.argument;
    }
    json["results"].push_back(std::move(entry));
  }
  json["steps"] = Json::array();
  for (const PlanStep &step : plan.steps) {
    Json entry = std::visit(WriteAction(), step.action);
    entry["name"] = step.name;
    entry["when"] = Json::array();
    for (const Condition &condition : step.when) {
      entry["when"].push_back(write(condition));
    }
    json["steps"].push_back(std::move(entry));
  }
  return json;
}

Plan attn::rt::readPlan(const Json &json, const std::string &path,
                        std::string &wrong) {
  Reader reader(json, path, wrong);
  Plan plan;
  reader.forEach("symbols", [&](const Json &element, const std::string &at) {
    plan.symbols.push_back(readSymbol(element, at, wrong));
  });
  reader.forEach("guards", [&](const Json &element, const std::string &at) {
    Reader fields(element, at, wrong);
    Guard guard;
    if (const Json *condition = fields.find("condition")) {
      guard.condition = readCondition(*condition, fields, "condition");
    }
    guard.message = fields.getString("message");
    plan.guards.push_back(std::move(guard));
  });
  reader.forEach("temporaries",
                 [&](const Json &element, const std::string &at) {
                   Reader fields(element, at, wrong);
                   Temporary temporary;
                   temporary.name = fields.getString("name");
                   temporary.bytes = getExpr(fields, "bytes");
                   plan.temporaries.push_back(std::move(temporary));
                 });
  reader.forEach("constants", [&](const Json &element, const std::string &at) {
    Reader fields(element, at, wrong);
    plan.constants.push_back({fields.getString("object")});
  });
  reader.forEach("results", [&](const Json &element, const std::string &at) {
    Reader fields(element, at, wrong);
    PlanResult result;
    result.shape = getExprs(fields, "shape");
    if (fields.findOptional("argument")) {
      result.argument = fields.getInteger("argument");
    }
    plan.results.push_back(std::move(result));
  });
  reader.forEach("steps", [&](const Json &element, const std::string &at) {
    plan.steps.push_back(readStep(element, at, wrong));
  });
  return plan;
}

Result<std::string> attn::rt::printPlan(const Plan &plan) {
  return printJson(writePlan(plan), 2);
}

Result<Plan> attn::rt::parsePlan(std::string_view text) {
  Result<Json> json = parseJson(text);
  if (!json) {
    return json.status().withContext("plan");
  }
  std::string wrong;
  Plan plan = readPlan(*json, "", wrong);
  if (!wrong.empty()) {
    return Status::badInput("plan: " + wrong);
  }
  return plan;
}
