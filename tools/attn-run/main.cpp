//===- main.cpp - attn-run: run, check, time and explain a module ---------===//

#include "Ceilings.h"
#include "Check.h"
#include "Execute.h"
#include "GpuReport.h"
#include "Inputs.h"
#include "Options.h"
#include "Outputs.h"
#include "Program.h"
#include "Report.h"
#include "Work.h"

#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

int fail(const Status &status) {
  std::fprintf(stderr, "attn-run: error: %s\n", status.message().c_str());
  return rt::exitCode(status.code());
}

/// LLVM ends the process on what it calls fatal; that is one line too.
void onFatalError(void *, const char *reason, bool) {
  std::fprintf(stderr, "attn-run: error: in LLVM: %s\n", reason);
  std::_Exit(rt::exitCode(rt::Code::kCompile));
}

void print(const std::string &text) { std::fputs(text.c_str(), stdout); }

/// Runs the oracle on `arguments` and compares. Errors: kMismatch, and those of
/// compiling and running it.
Status check(const Source &source, const Options &options,
             std::vector<Tensor> &arguments, const std::vector<Output> &outputs,
             const std::vector<Work> &work, bool onGPU) {
  if (source.isPackage()) {
    return Status::usage("--check needs the module, not a package of it");
  }
  Options reference = options;
  reference.compile.form = Form::kReference;
  Result<Program> program = loadProgram(source, reference);
  if (!program) {
    return program.status().withContext("the reference");
  }
  note("reference " + program->how);
  Result<const rt::FunctionInfo *> function =
      findEntry(program->package.manifest, options.entry);
  if (!function) {
    return function.status();
  }
  Result<rt::Library> library = rt::Library::load(program->package);
  if (!library) {
    return library.status().withContext("the reference");
  }
  auto start = std::chrono::steady_clock::now();
  Result<std::vector<Tensor>> results =
      execute(*library, **function, arguments, options);
  if (!results) {
    return results.status().withContext("the reference");
  }
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  char text[64];
  std::snprintf(text, sizeof(text), "reference ran in %.3f s", time.count());
  note(text);

  std::vector<Output> expected = listOutputs(**function, arguments, *results);
  int64_t keys = 0;
  Weights weights = Weights::kExact;
  for (const Work &op : work) {
    keys = std::max(keys, op.keys);
    weights = op.tf32 ? Weights::kTF32 : weights;
    // CPUs decode operands that are codes, GPUs have products of them.
    if (onGPU && op.element == rt::DType::kF8E4M3FN) {
      weights = Weights::kE4M3;
    }
  }
  std::string bad;
  for (size_t i = 0; i < outputs.size(); ++i) {
    Comparison comparison =
        compare(outputs[i].name, *outputs[i].tensor, *expected[i].tensor, keys,
                options.tolerance, weights);
    print("check " + comparison.text + "\n");
    if (options.trace) {
      print("trace " +
            traceNumerics(outputs[i].name, *outputs[i].tensor,
                          *expected[i].tensor, comparison, work) +
            "\n");
    }
    if (!comparison.ok && bad.empty()) {
      bad = outputs[i].name;
    }
  }
  return bad.empty()
             ? Status()
             : Status(rt::Code::kMismatch,
                      "result '" + bad + "' differs from the reference");
}

Status explainOnly(const Program &program, const rt::FunctionInfo &function,
                   const Options &options) {
  llvm::json::Value report = parseReport(program.package.manifest);
  Result<std::vector<Tensor>> shapes = makeShapes(function, report, options);
  if (!shapes) {
    return shapes.status();
  }
  print(explain(measureWork(report, function, pointersTo(*shapes)),
                describeMachine(report), positionNotes(report, function)));
  return {};
}

// Writes the files that are asked for and prints a line for each output.
Status deliver(const std::vector<Output> &outputs, const Options &options) {
  if (Status status = writeOutputs(outputs, options); !status.ok()) {
    return status;
  }
  for (const Output &output : outputs) {
    print(summarize(output) + "\n");
  }
  return {};
}

/// A function of a GPU: calls it, writes results, checks and times it.
Status runOnGpu(const Source &source, const Program &program,
                const rt::FunctionInfo &function, const Options &options) {
  Result<rt::cuda::GpuPtr> gpu = rt::cuda::Gpu::open();
  if (!gpu) {
    return gpu.status();
  }
  llvm::json::Value report = parseReport(program.package.manifest);
  Result<std::vector<Tensor>> arguments =
      makeArguments(function, report, options);
  if (!arguments) {
    return arguments.status();
  }
  std::vector<Work> work =
      measureWork(report, function, pointersTo(*arguments));
  // The function may write to arguments, which the oracle needs as they were.
  Result<std::vector<Tensor>> kept = cloneTensors(*arguments);
  if (!kept) {
    return kept.status();
  }
  auto package = std::make_shared<const rt::Package>(program.package);
  Result<std::unique_ptr<GpuCall>> call =
      GpuCall::create(*gpu, package, function, pointersTo(*arguments));
  if (!call) {
    return call.status();
  }
  if (Status status = (*call)->start(); !status.ok()) {
    return status;
  }
  Result<std::vector<Tensor>> results = (*call)->takeResults();
  if (!results) {
    return results.status();
  }
  if (options.report) {
    print(explain(work, describeMachine(report),
                  positionNotes(report, function)));
  }
  std::vector<Output> outputs = listOutputs(function, *arguments, *results);
  if (Status status = deliver(outputs, options); !status.ok()) {
    return status;
  }
  // A mismatch is told at the end: times are wanted nevertheless.
  Status checked;
  if (options.check) {
    checked = check(source, options, *kept, outputs, work, /*onGPU=*/true);
    if (!checked.ok() && checked.code() != rt::Code::kMismatch) {
      return checked;
    }
  }
  if (!options.bench) {
    return checked;
  }
  Result<GpuCall::Times> times = (*call)->bench(*options.bench);
  if (!times) {
    return times.status();
  }
  Result<GpuCeilings> ceilings = measureGpuCeilings(*gpu);
  if (!ceilings) {
    return ceilings.status();
  }
  print(describeGpuTiming(*times, work, *ceilings));
  return checked;
}

Status runFunction(const Source &source, const Program &program,
                   const rt::FunctionInfo &function, const Options &options) {
  llvm::json::Value report = parseReport(program.package.manifest);
  Result<std::vector<Tensor>> arguments =
      makeArguments(function, report, options);
  if (!arguments) {
    return arguments.status();
  }
  Result<rt::Library> library = rt::Library::load(program.package);
  if (!library) {
    return library.status();
  }
  std::vector<Work> work =
      measureWork(report, function, pointersTo(*arguments));
  // The function may write to arguments, which the oracle needs as they were.
  std::vector<Tensor> kept;
  if (options.check) {
    Result<std::vector<Tensor>> copies = cloneTensors(*arguments);
    if (!copies) {
      return copies.status();
    }
    kept = *std::move(copies);
  }
  Result<std::vector<Tensor>> results =
      execute(*library, function, *arguments, options);
  if (!results) {
    return results.status();
  }
  std::vector<Output> outputs = listOutputs(function, *arguments, *results);
  if (Status status = deliver(outputs, options); !status.ok()) {
    return status;
  }
  if (options.report) {
    print(explain(work, describeMachine(report),
                  positionNotes(report, function)));
  }
  // A mismatch is told at the end: times are wanted nevertheless.
  Status checked;
  if (options.check) {
    checked = check(source, options, kept, outputs, work, /*onGPU=*/false);
    if (!checked.ok() && checked.code() != rt::Code::kMismatch) {
      return checked;
    }
  }
  if (options.bench) {
    bool isDouble = !work.empty() && work.front().element == rt::DType::kF64;
    Result<Timing> timing =
        bench(*library, function, *arguments, *options.bench);
    if (!timing) {
      return timing.status();
    }
    double bytes = 0;
    for (const Work &op : work) {
      bytes += op.floorBytes;
    }
    print(describeTiming(
        *timing, work,
        measureCeilings(isDouble ? 64 : 32, static_cast<int64_t>(bytes))));
  }
  return checked;
}

Status process(const Options &options) {
  Result<Source> source = readSource(options);
  if (!source) {
    return source.status();
  }
  if (options.emit != Emit::kNone) {
    return emitSource(*source, options);
  }
  if (options.bench) {
    keepMemory();
  }
  Result<Program> program = loadProgram(*source, options);
  if (!program) {
    return program.status();
  }
  note(program->how);
  Result<const rt::FunctionInfo *> function =
      findEntry(program->package.manifest, options.entry);
  if (!function) {
    return function.status();
  }
  for (const Status &status :
       {checkOutputs(**function, options), checkCarry(**function, options)}) {
    if (!status.ok()) {
      return status;
    }
  }
  if (program->package.manifest.target.kind == "cuda") {
    if (options.repeat > 1) {
      return Status::usage("--repeat needs a function of a CPU");
    }
    if (options.runs()) {
      return runOnGpu(*source, *program, **function, options);
    }
  }
  return options.runs() ? runFunction(*source, *program, **function, options)
                        : explainOnly(*program, **function, options);
}

} // namespace

int main(int argc, char **argv) {
  llvm::install_fatal_error_handler(onFatalError);
  Result<Options> options = parseOptions(argc, argv);
  if (!options) {
    return fail(options.status());
  }
  Status status = process(*options);
  if (std::fflush(stdout) != 0 && status.ok()) {
    status = Status::runtime("cannot write to standard output");
  }
  return status.ok() ? 0 : fail(status);
}
