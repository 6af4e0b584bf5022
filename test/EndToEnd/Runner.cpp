//===- Runner.cpp - compile a case and run it
//------------------------------===//

#include "Runner.h"

#include "attn/Emit/Compiler.h"

using namespace attn;
using namespace attn::sweep;

CompileOptions attn::sweep::compileOptions(const Schedule &schedule) {
  CompileOptions options;
  options.target = schedule.target;
  options.rows = schedule.rows;
  options.keys = schedule.keys;
  options.split = schedule.split;
  options.openmp = schedule.openmp;
  return options;
}

std::unique_ptr<Program> Program::make(const Case &c, std::string &error) {
  rt::Result<CompileResult> compiled =
      compileText(moduleText(c), "case.mlir", compileOptions(c.options));
  if (!compiled) {
    error = compiled.message();
    return nullptr;
  }
  // Code for a CPU that this one is not: that it compiles is all there is to
  // see.
  if (!rt::checkHost(compiled->package.manifest.target).ok()) {
    return nullptr;
  }
  rt::Result<rt::Library> library = rt::Library::load(compiled->package);
  if (!library) {
    error = library.message();
    return nullptr;
  }
  return std::unique_ptr<Program>(
      new Program(c, std::move(compiled->package), *std::move(library)));
}

std::string Program::run(const Data &data, Values &values) const {
  Launch launch(c, data);
  rt::Result<Values> got = run(launch);
  if (got) {
    values = *std::move(got);
  }
  return got ? "" : got.message();
}

rt::Result<Values> Program::run(Launch &launch) const {
  const rt::FunctionInfo *function = package.manifest.findFunction("f");
  if (!function) {
    return rt::Status::badInput("the package has no function 'f'");
  }
  rt::Result<rt::Arguments> arguments = launch.arguments(*function);
  if (!arguments) {
    return arguments.status();
  }
  rt::Result<std::vector<rt::Tensor>> results =
      rt::call(library, *function, *arguments);
  if (!results) {
    return results.status();
  }
  return launch.values(*results);
}

std::string attn::sweep::check(const Case &c) {
  std::string error;
  std::unique_ptr<Program> program = Program::make(c, error);
  if (!program) {
    return error.empty() ? "" : explainFailure(c, "does not compile: " + error);
  }
  return checkLaunches(c, [&](Launch &launch) { return program->run(launch); });
}
