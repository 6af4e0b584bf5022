//===- Compiler.cpp - from a module to a package in memory ----------------===//

#include "attn/Emit/Compiler.h"
#include "attn/Emit/Cubin.h"
#include "attn/Emit/EmitManifest.h"
#include "attn/Emit/EmitPlan.h"
#include "attn/Emit/ObjectCode.h"
#include "attn/Emit/PTX.h"
#include "attn/Emit/Report.h"
#include "attn/Emit/SharedObject.h"
#include "attn/Passes/Passes.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Hash.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;
using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

/// Collects what MLIR says while it is in scope.
class Diagnostics {
public:
  explicit Diagnostics(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          std::string text = format(diagnostic);
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error) {
            remarks.push_back(std::move(text));
          } else if (firstError.empty()) {
            firstError = std::move(text);
          }
        }) {}

  /// The first error, or `fallback` if there is none.
  Status status(const std::string &fallback) const {
    return Status::compile(firstError.empty() ? fallback : firstError);
  }

  std::vector<std::string> remarks;

private:
  /// "file:line:column: message", on one line.
  static std::string format(Diagnostic &diagnostic) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    Location loc = diagnostic.getLocation();
    if (auto file = loc->findInstanceOf<FileLineColLoc>()) {
      stream << file.getFilename().getValue() << ':' << file.getLine() << ':'
             << file.getColumn() << ": ";
    }
    std::string all = diagnostic.str();
    llvm::SmallVector<llvm::StringRef> lines;
    llvm::StringRef(all).trim().split(lines, '\n');
    stream << llvm::join(lines, " ");
    return text;
  }

  std::string firstError;
  ScopedDiagnosticHandler handler;
};

class PhaseTimer {
public:
  explicit PhaseTimer(std::vector<PhaseTime> &times) : times(times) {}

  /// Ends a phase that began with the end of the one before.
  void end(const char *phase) {
    auto now = std::chrono::steady_clock::now();
    times.push_back(
        {phase, std::chrono::duration<double>(now - start).count()});
    start = now;
  }

private:
  std::vector<PhaseTime> &times;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

Result<TargetDescription> findTarget(const CompileOptions &options) {
  llvm::Expected<TargetDescription> target =
      TargetDescription::get(options.target);
  // The oracle runs here, whatever it is compared with.
  if (target && target->gpu && options.form == Form::kReference) {
    return TargetDescription::host();
  }
  if (!target) {
    return Status::usage(llvm::toString(target.takeError()));
  }
  return std::move(*target);
}

bool isGPU(const CompileOptions &options) {
  return options.form == Form::kOptimized &&
         GPUDescription::get(options.target).has_value();
}

void addGPUPipeline(PassManager &pm, const CPUPipelineOptions &options,
                    Level level) {
  buildAttnGraphPipeline(pm);
  if (level >= Level::kTile) {
    buildAttnTilePipeline(pm, options);
  }
  if (level >= Level::kBufferized) {
    buildAttnGPUOutlinePipeline(pm);
  }
  if (level >= Level::kVector) {
    buildAttnGPUKernelsPipeline(pm, options);
  }
  if (level >= Level::kLLVMDialect) {
    buildAttnGPUToNVVMPipeline(pm);
  }
}

void addPipeline(PassManager &pm, const CompileOptions &options, Level level) {
  if (options.form == Form::kReference) {
    buildAttnReferencePipeline(pm);
    return;
  }
  CPUPipelineOptions cpu;
  cpu.target = options.target;
  cpu.rows = options.rows;
  cpu.keys = options.keys;
  cpu.split = options.split;
  cpu.openmp = options.openmp;
  if (isGPU(options)) {
    addGPUPipeline(pm, cpu, level);
    return;
  }
  if (level >= Level::kLLVMDialect) {
    buildAttnToCPUPipeline(pm, cpu);
    return;
  }
  buildAttnGraphPipeline(pm);
  if (level >= Level::kTile) {
    buildAttnTilePipeline(pm, cpu);
  }
  if (level >= Level::kBufferized) {
    buildAttnCPUBufferizePipeline(pm, cpu);
  }
  if (level >= Level::kVector) {
    buildAttnCPUVectorPipeline(pm, cpu);
  }
}

/// A copy of `module` taken down to `level`, which is at most the LLVM dialect.
Result<OwningOpRef<ModuleOp>> lower(ModuleOp module,
                                    const CompileOptions &options, Level level,
                                    std::vector<std::string> &remarks) {
  OwningOpRef<ModuleOp> copy(module.clone());
  for (auto function : copy->getOps<func::FuncOp>()) {
    if (function.isPublic() && !function.isExternal()) {
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                        UnitAttr::get(module.getContext()));
    }
  }
  Diagnostics diagnostics(*module.getContext());
  PassManager pm(module.getContext());
  // Verifying after each pass takes as long as the passes; tests do that.
  pm.enableVerifier(false);
  addPipeline(pm, options, level);
  if (failed(pm.run(*copy)) || failed(verify(*copy))) {
    return diagnostics.status("the pipeline failed without saying why");
  }
  remarks = std::move(diagnostics.remarks);
  return copy;
}

/// The functions as `options.form` has them: the oracle returns results
/// unrounded, so their types are those after its first pass.
Result<std::vector<rt::FunctionInfo>>
describeForm(ModuleOp module, const CompileOptions &options) {
  if (options.form != Form::kReference) {
    return describeFunctions(module);
  }
  OwningOpRef<ModuleOp> copy(module.clone());
  Diagnostics diagnostics(*module.getContext());
  PassManager pm(module.getContext());
  pm.addNestedPass<func::FuncOp>(createWrapMemrefsPass());
  pm.addPass(createDecomposeReferencePass());
  if (failed(pm.run(*copy))) {
    return diagnostics.status("the reference has no form");
  }
  return describeFunctions(*copy);
}

Loops loopsOf(const CompileOptions &options) {
  return options.form == Form::kReference ? Loops::kScalar : Loops::kVector;
}

Result<LLVMModule> translate(ModuleOp lowered,
                             const TargetDescription &target) {
  Diagnostics diagnostics(*lowered.getContext());
  Result<LLVMModule> code = LLVMModule::create(lowered, target);
  if (!code) {
    return diagnostics.status(code.message());
  }
  return code;
}

void addObject(rt::Package &package, rt::ObjectInfo info, std::string bytes) {
  info.sha256 = rt::sha256Hex(bytes);
  package.manifest.objects.push_back(std::move(info));
  package.objects.push_back(std::move(bytes));
}

/// The plans of the functions, their kernels, and their constants.
Status addKernels(rt::Package &package, ModuleOp lowered,
                  const TargetDescription &target) {
  constexpr char kModule[] = "kernels";
  std::vector<PlanData> data;
  for (rt::FunctionInfo &function : package.manifest.functions) {
    auto host = lowered.lookupSymbol<func::FuncOp>(function.name);
    if (!host) {
      return Status::compile("function '" + function.name + "' has no plan");
    }
    Result<rt::Plan> plan = emitPlan(host, kModule, data);
    if (!plan) {
      return plan.status();
    }
    function.plan = *std::move(plan);
  }
  Diagnostics diagnostics(*lowered.getContext());
  Result<std::string> ptx = emitPTX(lowered, target);
  if (!ptx) {
    return diagnostics.status(ptx.message());
  }
  // Machine code loads at once; PTX is for later chips, and where nothing here
  // assembles it.
  rt::ObjectInfo code;
  code.module = kModule;
  code.chip = target.cpu;
  if (std::optional<std::string> ptxas = findPtxas()) {
    Result<std::string> cubin = assembleCubin(*ptxas, *ptx, target.cpu);
    if (!cubin) {
      return cubin.status();
    }
    code.name = "kernels.cubin";
    code.kind = "cubin";
    addObject(package, code, *std::move(cubin));
  }
  code.name = "kernels.ptx";
  code.kind = "ptx";
  addObject(package, std::move(code), *std::move(ptx));
  for (PlanData &constant : data) {
    rt::ObjectInfo info;
    info.name = constant.object;
    info.kind = "data";
    addObject(package, std::move(info), std::move(constant.bytes));
  }
  return {};
}

/// Whether `name` can stand as the name of an argument: SSA names that are
/// numbers say nothing.
bool isTelling(llvm::StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front());
}

/// Names the arguments of functions as their source does.
void nameArguments(ModuleOp module, const AsmParserState &state) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal()) {
      continue;
    }
    const AsmParserState::BlockDefinition *block =
        state.getBlockDef(&function.getBody().front());
    if (!block) {
      continue;
    }
    for (auto [index, definition] : llvm::enumerate(block->arguments)) {
      llvm::SMRange range = definition.loc;
      if (index >= function.getNumArguments() || !range.isValid() ||
          function.getArgAttr(index, kNameAttr)) {
        continue;
      }
      llvm::StringRef name(range.Start.getPointer(),
                           range.End.getPointer() - range.Start.getPointer());
      name.consume_front("%");
      if (isTelling(name)) {
        function.setArgAttr(index, kNameAttr,
                            StringAttr::get(module.getContext(), name));
      }
    }
  }
}

} // namespace

double CompileResult::seconds() const {
  double sum = 0;
  for (const PhaseTime &phase : times) {
    sum += phase.seconds;
  }
  return sum;
}

const DialectRegistry &attn::compilerRegistry() {
  // Passes and pipelines may be registered only once a process.
  static const DialectRegistry *registry = [] {
    auto *made = new DialectRegistry;
    // Sources may be in any upstream dialect; registered is not loaded.
    registerAllDialects(*made);
    registerAllExtensions(*made);
    registerAll(*made);
    registerLLVMTranslations(*made);
    registerPTXTranslations(*made);
    return made;
  }();
  return *registry;
}

std::unique_ptr<MLIRContext> attn::makeCompilerContext() {
  return std::make_unique<MLIRContext>(compilerRegistry(),
                                       MLIRContext::Threading::DISABLED);
}

Result<OwningOpRef<ModuleOp>> attn::parseModule(std::string_view text,
                                                const std::string &name,
                                                MLIRContext &context) {
  Diagnostics diagnostics(context);
  llvm::StringRef bytes(text.data(), text.size());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(bytes, name),
                             llvm::SMLoc());
  ParserConfig config(&context);
  Block block;
  AsmParserState state;
  const llvm::MemoryBuffer *buffer =
      sources.getMemoryBuffer(sources.getMainFileID());
  LogicalResult parsed =
      isBytecode(*buffer)
          ? readBytecodeFile(buffer->getMemBufferRef(), &block, config)
          : parseAsmSourceFile(sources, &block, config, &state);
  if (failed(parsed)) {
    return diagnostics.status("'" + name + "' does not parse");
  }
  // A file holds one module, written out or not.
  OwningOpRef<ModuleOp> module;
  if (llvm::hasSingleElement(block) && isa<ModuleOp>(block.front())) {
    module = cast<ModuleOp>(block.front());
    module->getOperation()->remove();
  } else {
    module = ModuleOp::create(FileLineColLoc::get(&context, name, 1, 1));
    module->getBody()->getOperations().splice(module->getBody()->begin(),
                                              block.getOperations());
    if (failed(verify(*module))) {
      return diagnostics.status("'" + name + "' is not a module");
    }
  }
  nameArguments(*module, state);
  return module;
}

Result<CompileResult> attn::compileModule(ModuleOp module,
                                          const CompileOptions &options) {
  Result<TargetDescription> target = findTarget(options);
  if (!target) {
    return target.status();
  }
  CompileResult result;
  PhaseTimer timer(result.times);
  rt::Manifest &manifest = result.package.manifest;
  Result<std::vector<rt::FunctionInfo>> functions =
      describeForm(module, options);
  if (!functions) {
    return functions.status();
  }
  if (functions->empty()) {
    return Status::compile("the module has no public function with a body");
  }
  manifest.functions = *std::move(functions);
  manifest.compilerVersion = compilerVersion();
  manifest.target = {"cpu", target->triple, target->cpu, target->features};
  manifest.contentHash = options.contentHash;
  if (manifest.contentHash.empty()) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    Result<std::string> key = cacheKey(text, options);
    if (!key) {
      return key.status();
    }
    manifest.contentHash = *std::move(key);
  }
  if (isGPU(options)) {
    manifest.target.kind = "cuda";
  }
  llvm::raw_string_ostream report(manifest.report = "");
  report << llvm::json::Value(buildReport(module, *target, options));
  timer.end("describe");

  Result<OwningOpRef<ModuleOp>> lowered =
      lower(module, options, Level::kLLVMDialect, result.remarks);
  if (!lowered) {
    return lowered.status();
  }
  timer.end("pipeline");
  if (isGPU(options)) {
    Status status = addKernels(result.package, **lowered, *target);
    timer.end("codegen");
    return status.ok() ? Result<CompileResult>(std::move(result)) : status;
  }
  Result<LLVMModule> code = translate(**lowered, *target);
  if (!code) {
    return code.status();
  }
  timer.end("translate");
  code->optimize(loopsOf(options));
  manifest.openmp = code->needsOpenMP();
  manifest.libraries = code->neededLibraries();
  timer.end("optimize");
  Result<std::string> object = code->toObject();
  if (!object) {
    return object.status();
  }
  timer.end("codegen");
  Result<std::string> shared = linkSharedObject(*object, *target);
  if (!shared) {
    return shared.status();
  }
  timer.end("link");
  rt::ObjectInfo info;
  info.name = "code.so";
  info.sha256 = rt::sha256Hex(*shared);
  manifest.objects.push_back(std::move(info));
  result.package.objects.push_back(*std::move(shared));
  return result;
}

Result<CompileResult> attn::compileText(std::string_view text,
                                        const std::string &name,
                                        const CompileOptions &options) {
  auto start = std::chrono::steady_clock::now();
  std::unique_ptr<MLIRContext> context = makeCompilerContext();
  Result<OwningOpRef<ModuleOp>> module = parseModule(text, name, *context);
  if (!module) {
    return module.status();
  }
  double parse =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  Result<CompileResult> result = compileModule(**module, options);
  if (result) {
    result->times.insert(result->times.begin(), {"parse", parse});
  }
  return result;
}

Result<std::string> attn::emitText(ModuleOp module,
                                   const CompileOptions &options, Level level) {
  std::vector<std::string> remarks;
  Result<OwningOpRef<ModuleOp>> lowered =
      lower(module, options, std::min(level, Level::kLLVMDialect), remarks);
  if (!lowered) {
    return lowered.status();
  }
  if (level <= Level::kLLVMDialect) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    (*lowered)->print(stream);
    stream << '\n';
    return text;
  }
  Result<TargetDescription> target = findTarget(options);
  if (!target) {
    return target.status();
  }
  if (isGPU(options)) {
    Diagnostics diagnostics(*module.getContext());
    Result<std::string> text =
        emitPTX(**lowered, *target,
                level == Level::kLLVM ? PTXLevel::kLLVM : PTXLevel::kPTX);
    return text ? text : diagnostics.status(text.message());
  }
  Result<LLVMModule> code = translate(**lowered, *target);
  if (!code) {
    return code.status();
  }
  code->optimize(loopsOf(options));
  return level == Level::kLLVM ? code->toText() : code->toAssembly();
}
