//===- PTX.cpp - PTX from kernels in the LLVM dialect ---------------------===//

#include "attn/Emit/PTX.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

namespace {

/// Kernels are unrolled and in registers already; what is left is common
/// subexpressions and addresses.
constexpr char kKernelPipeline[] =
    "sroa<modify-cfg>,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(licm),gvn,"
    "instcombine<no-verify-fixpoint>,simplifycfg";

std::unique_ptr<llvm::TargetMachine>
makeMachine(const TargetDescription &target) {
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    return nullptr;
  }
  llvm::TargetOptions options;
  // As CUDA's own compiler does: scaled scores and what is added to them are
  // one instruction.
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, target.cpu, target.features, options, std::nullopt, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Of streams on warpgroups, whose order is their schedule: nothing that moves
/// code into branches or out of loops. What is rare needs no registers before
/// it happens.
constexpr char kStreamPipeline[] =
    "sroa<modify-cfg>,early-cse<memssa>,simplifycfg,instsimplify,"
    "early-cse<memssa>,dce";

/// Kernels with roles have setmaxnreg.
bool isStream(const llvm::Function &function) {
  for (const llvm::BasicBlock &block : function) {
    for (const llvm::Instruction &op : block) {
      auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&op);
      if (call && call->getIntrinsicID() ==
                      llvm::Intrinsic::nvvm_setmaxnreg_inc_sync_aligned_u32) {
        return true;
      }
    }
  }
  return false;
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::FunctionPassManager stream, kernel;
  llvm::cantFail(builder.parsePassPipeline(stream, kStreamPipeline));
  llvm::cantFail(builder.parsePassPipeline(kernel, kKernelPipeline));
  for (llvm::Function &function : module) {
    if (!function.isDeclaration()) {
      (isStream(function) ? stream : kernel).run(function, functions);
    }
  }
  llvm::ModulePassManager passes;
  llvm::cantFail(builder.parsePassPipeline(passes, "globaldce"));
  passes.run(module, modules);
}

} // namespace

void attn::registerPTXTranslations(mlir::DialectRegistry &registry) {
  mlir::registerGPUDialectTranslation(registry);
  mlir::registerNVVMDialectTranslation(registry);
}

Result<std::string> attn::emitPTX(mlir::ModuleOp module,
                                  const TargetDescription &target,
                                  PTXLevel level) {
  std::unique_ptr<llvm::TargetMachine> machine = makeMachine(target);
  if (!machine) {
    return Status::compile("LLVM cannot generate code for target '" +
                           target.cpu + "'");
  }
  llvm::LLVMContext context;
  llvm::Module all("attn", context);
  all.setTargetTriple(llvm::Triple(target.triple));
  all.setDataLayout(machine->createDataLayout());
  for (auto kernels : module.getOps<mlir::gpu::GPUModuleOp>()) {
    std::unique_ptr<llvm::Module> part =
        mlir::translateModuleToLLVMIR(kernels, context, "attn");
    if (!part) {
      return Status::compile("kernels do not translate to LLVM IR");
    }
    part->setTargetTriple(all.getTargetTriple());
    part->setDataLayout(all.getDataLayout());
    if (llvm::Linker::linkModules(all, std::move(part))) {
      return Status::compile("kernels of two functions do not link");
    }
  }
  for (llvm::Function &function : all) {
    if (!function.isDeclaration()) {
      function.addFnAttr("target-cpu", target.cpu);
      function.addFnAttr("target-features", target.features);
      function.addFnAttr("denormal-fp-math-f32", "preserve-sign,preserve-sign");
      function.addFnAttr(llvm::Attribute::NoUnwind);
    }
  }
  std::string error;
  llvm::raw_string_ostream errors(error);
  if (llvm::verifyModule(all, &errors)) {
    return Status::compile("invalid LLVM IR: " + error);
  }
  optimize(all, *machine);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  if (level == PTXLevel::kLLVM) {
    all.print(stream, nullptr);
    return text.str().str();
  }
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::AssemblyFile)) {
    return Status::compile("LLVM cannot write PTX");
  }
  passes.run(all);
  return text.str().str();
}
