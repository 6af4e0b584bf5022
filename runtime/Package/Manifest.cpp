//===- Manifest.cpp - manifest.json to and from a struct ------------------===//

#include "attn/Runtime/Manifest.h"
#include "PlanJson.h"

#include <algorithm>
#include <set>

using namespace attn::rt;

namespace {

constexpr size_t kMaxRank = 32;

/// A file name that stays inside its directory.
bool isSafeName(const std::string &name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                  (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
         });
}

bool isHex(const std::string &text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

ValueInfo readValue(const Json &json, const std::string &path,
                    std::string &wrong) {
  ValueInfo value;
  Reader reader(json, path, wrong);
  value.name = reader.getString("name");
  std::string kind = reader.getString("kind");
  if (kind != "tensor" && kind != "scalar") {
    reader.fail("kind",
                "expected 'tensor' or 'scalar', but got '" + kind + "'");
  }
  value.kind = kind == "scalar" ? ValueKind::kScalar : ValueKind::kTensor;
  std::string dtype = reader.getString("dtype");
  std::optional<DType> parsed = parseDType(dtype);
  if (!parsed) {
    reader.fail("dtype", "unknown dtype '" + dtype + "'");
  }
  value.dtype = parsed.value_or(DType::kF32);
  reader.forEach("shape", [&](const Json &element, const std::string &) {
    int64_t size = 0;
    if (!Reader::toInteger(element, size) || size < kDynamic) {
      reader.fail("shape", "expected sizes >= 0, or -1 for a dynamic one");
    }
    value.shape.push_back(size);
  });
  reader.forEach("dims", [&](const Json &element, const std::string &) {
    if (!element.is_string()) {
      reader.fail("dims", "expected strings");
      return;
    }
    value.dims.push_back(element.get<std::string>());
  });
  value.donated = reader.getBool("donated");
  if (value.shape.size() > kMaxRank) {
    reader.fail("shape", "rank is more than " + std::to_string(kMaxRank));
  }
  if (value.kind == ValueKind::kScalar && !value.shape.empty()) {
    reader.fail("shape", "expected no sizes for a scalar");
  }
  if (!value.dims.empty() && value.dims.size() != value.shape.size()) {
    reader.fail("dims", "expected as many as sizes");
  }
  return value;
}

/// Whether the plan of `function` fits its arguments and results.
std::string checkFunctionPlan(const FunctionInfo &function) {
  std::vector<PlanArgument> arguments;
  for (const ValueInfo &value : function.arguments) {
    arguments.push_back({value.kind == ValueKind::kTensor, value.dtype,
                         static_cast<int64_t>(value.shape.size()),
                         value.donated});
  }
  bool fits = function.plan->results.size() == function.results.size();
  for (size_t i = 0; fits && i < function.results.size(); ++i) {
    fits = function.plan->results[i].shape.size() ==
           function.results[i].shape.size();
  }
  return fits ? checkPlan(*function.plan, arguments)
              : "its results are not those of the function";
}

FunctionInfo readFunction(const Json &json, const std::string &path,
                          std::string &wrong) {
  FunctionInfo function;
  Reader reader(json, path, wrong);
  function.name = reader.getString("name");
  function.symbol = reader.getString("symbol");
  if (function.symbol.empty() ||
      function.symbol.find('\0') != std::string::npos) {
    reader.fail("symbol", "expected the name of a symbol");
  }
  reader.forEach("arguments", [&](const Json &value, const std::string &at) {
    function.arguments.push_back(readValue(value, at, wrong));
  });
  reader.forEach("results", [&](const Json &value, const std::string &at) {
    function.results.push_back(readValue(value, at, wrong));
  });
  if (const Json *plan = reader.findOptional("plan")) {
    std::string at = reader.join("plan");
    function.plan = readPlan(*plan, at, wrong);
    if (std::string problem = checkFunctionPlan(function); !problem.empty()) {
      reader.fail("plan", problem);
    }
  }
  return function;
}

Json writeValue(const ValueInfo &value) {
  return Json{{"name", value.name},
              {"kind", value.kind == ValueKind::kTensor ? "tensor" : "scalar"},
              {"dtype", nameOf(value.dtype)},
              {"shape", value.shape},
              {"dims", value.dims},
              {"donated", value.donated}};
}

Json writeValues(const std::vector<ValueInfo> &values) {
  Json array = Json::array();
  for (const ValueInfo &value : values) {
    array.push_back(writeValue(value));
  }
  return array;
}

/// Functions of a GPU have plans, whose code and constants are there.
void checkPlans(const Manifest &manifest, Reader &reader) {
  auto has = [&](const std::string &name, bool isData) {
    return std::any_of(
        manifest.objects.begin(), manifest.objects.end(),
        [&](const ObjectInfo &object) {
          return isData ? object.kind == "data" && object.name == name
                        : object.module == name && object.kind != "data";
        });
  };
  for (const FunctionInfo &function : manifest.functions) {
    std::string who = "function '" + function.name + "' ";
    if (function.plan.has_value() != (manifest.target.kind == "cuda")) {
      reader.fail("functions",
                  who + (function.plan ? "has a" : "needs a") + " plan");
      continue;
    }
    if (!function.plan) {
      continue;
    }
    for (const PlanStep &step : function.plan->steps) {
      const auto *kernel = std::get_if<KernelStep>(&step.action);
      if (kernel && (kernel->module.empty() || !has(kernel->module, false))) {
        reader.fail("functions", who + "uses module '" + kernel->module +
                                     "', which is not there");
      }
    }
    for (const Constant &constant : function.plan->constants) {
      if (!has(constant.object, true)) {
        reader.fail("functions", who + "uses data '" + constant.object +
                                     "', which is not there");
      }
    }
  }
}

} // namespace

const FunctionInfo *Manifest::findFunction(std::string_view name) const {
  for (const FunctionInfo &function : functions) {
    if (function.name == name) {
      return &function;
    }
  }
  return nullptr;
}

Result<Manifest> attn::rt::parseManifest(std::string_view text) {
  Result<Json> json = parseJson(text);
  if (!json) {
    return json.status().withContext("manifest");
  }
  Manifest manifest;
  std::string wrong;
  Reader reader(*json, "", wrong);
  // First, since the other fields may differ between versions.
  int64_t version = reader.getInteger("version");
  if (wrong.empty() && version != kManifestVersion) {
    reader.fail("version", "expected " + std::to_string(kManifestVersion) +
                               ", but got " + std::to_string(version) +
                               ": made by another release");
  }
  manifest.compilerVersion = reader.getString("compiler_version");
  manifest.contentHash = reader.getString("content_hash");
  if (!isHex(manifest.contentHash)) {
    reader.fail("content_hash", "expected lower-case hex digits");
  }
  manifest.openmp = reader.getBool("openmp");
  if (reader.findOptional("libraries")) {
    reader.forEach("libraries", [&](const Json &value, const std::string &at) {
      if (!value.is_string() || (value != "fftw" && value != "fftwf")) {
        reader.fail(at, "expected \"fftw\" or \"fftwf\"");
        return;
      }
      manifest.libraries.push_back(value.get<std::string>());
    });
  }
  if (const Json *target = reader.find("target")) {
    Reader fields(*target, "target", wrong);
    manifest.target.kind = fields.getString("kind");
    if (manifest.target.kind != "cpu" && manifest.target.kind != "cuda") {
      fields.fail("kind", "target '" + manifest.target.kind +
                              "' is not supported by this runtime");
    }
    manifest.target.triple = fields.getString("triple");
    manifest.target.cpu = fields.getString("cpu");
    manifest.target.features = fields.getString("features");
  }
  std::set<std::string> names;
  reader.forEach("functions", [&](const Json &value, const std::string &at) {
    manifest.functions.push_back(readFunction(value, at, wrong));
    if (!names.insert(manifest.functions.back().name).second) {
      reader.fail("functions", "duplicate function '" +
                                   manifest.functions.back().name + "'");
    }
  });
  names.clear();
  reader.forEach("objects", [&](const Json &value, const std::string &at) {
    Reader fields(value, at, wrong);
    ObjectInfo object;
    object.name = fields.getString("name");
    object.kind = fields.getString("kind");
    object.sha256 = fields.getString("sha256");
    if (!isSafeName(object.name) || object.name == "manifest.json") {
      fields.fail("name", "'" + object.name + "' is not a safe file name");
    }
    if (!names.insert(object.name).second) {
      fields.fail("name", "duplicate object '" + object.name + "'");
    }
    if (fields.findOptional("module")) {
      object.module = fields.getString("module");
      object.chip = fields.getString("chip");
    }
    bool known = manifest.target.kind == "cuda"
                     ? object.kind == "ptx" || object.kind == "cubin" ||
                           object.kind == "data"
                     : object.kind == "shared-object";
    if (!known) {
      fields.fail("kind", "object kind '" + object.kind +
                              "' is not supported by this runtime");
    }
    if (!isHex(object.sha256) ||
        (!object.sha256.empty() && object.sha256.size() != 64)) {
      fields.fail("sha256", "expected 64 lower-case hex digits");
    }
    manifest.objects.push_back(std::move(object));
  });
  checkPlans(manifest, reader);
  if (const Json *report = reader.find("report")) {
    Result<std::string> text = printJson(*report);
    manifest.report = text ? *text : "null";
  }
  if (!wrong.empty()) {
    return Status::badInput("manifest: " + wrong);
  }
  return manifest;
}

Result<std::string> attn::rt::printManifest(const Manifest &manifest) {
  Result<Json> report = parseJson(manifest.report);
  if (!report) {
    return Status::usage("manifest: report: " + report.message());
  }
  Json functions = Json::array();
  for (const FunctionInfo &function : manifest.functions) {
    Json entry{{"name", function.name},
               {"symbol", function.symbol},
               {"arguments", writeValues(function.arguments)},
               {"results", writeValues(function.results)}};
    if (function.plan) {
      entry["plan"] = writePlan(*function.plan);
    }
    functions.push_back(std::move(entry));
  }
  Json objects = Json::array();
  for (const ObjectInfo &object : manifest.objects) {
    Json entry{{"name", object.name},
               {"kind", object.kind},
               {"sha256", object.sha256}};
    if (!object.module.empty()) {
      entry["module"] = object.module;
      entry["chip"] = object.chip;
    }
    objects.push_back(std::move(entry));
  }
  Json json{{"version", kManifestVersion},
            {"compiler_version", manifest.compilerVersion},
            {"content_hash", manifest.contentHash},
            {"target", Json{{"kind", manifest.target.kind},
                            {"triple", manifest.target.triple},
                            {"cpu", manifest.target.cpu},
                            {"features", manifest.target.features}}},
            {"openmp", manifest.openmp},
            {"functions", std::move(functions)},
            {"objects", std::move(objects)},
            {"report", std::move(*report)}};
  if (!manifest.libraries.empty()) {
    json["libraries"] = manifest.libraries;
  }
  Result<std::string> text = printJson(json, 2);
  if (!text) {
    return text.status().withContext("manifest");
  }
  // What was printed must load: a compiler learns of its mistake here, not the
  // user of the package.
  Result<Manifest> again = parseManifest(*text);
  if (!again) {
    return Status::usage(again.message());
  }
  return text;
}
