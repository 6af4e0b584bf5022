//===- ObjectCode.cpp - machine code from the LLVM dialect ----------------===//

#include "attn/Emit/ObjectCode.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

/// MLIR's prefix of the C interface of a function.
constexpr char kCIfacePrefix[] = "_mlir_ciface_";

/// For code that is vectors in unrolled tiles already, what O3 does beyond this
/// changes nothing that can be measured, and takes six times as long.
constexpr char kVectorPipeline[] =
    "function<eager-inv>(sroa<modify-cfg>,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(licm),gvn,dse,"
    "instcombine<no-verify-fixpoint>,simplifycfg),globaldce";

/// A memref descriptor starts with two pointers; a struct of several results
/// never does, since no result is a bare pointer.
bool isDescriptor(llvm::Type *type) {
  auto *structure = llvm::dyn_cast<llvm::StructType>(type);
  return structure && structure->getNumElements() >= 3 &&
         structure->getElementType(0)->isPointerTy() &&
         structure->getElementType(1)->isPointerTy();
}

/// The form of a scalar in its slot: i1 is a byte.
llvm::Type *slotType(llvm::Type *type) {
  return type->isIntegerTy(1) ? llvm::Type::getInt8Ty(type->getContext())
                              : type;
}

/// Adds `void attn_call_f(void **args)` around `ciface`, the C interface of
/// `function`.
void addCall(llvm::Module &module, llvm::Function &function,
             llvm::Function &ciface) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  auto *call = llvm::Function::Create(
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false),
      llvm::GlobalValue::ExternalLinkage, callSymbol(function.getName()),
      module);
  llvm::Argument *args = call->getArg(0);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "entry", call));
  unsigned slot = 0;
  auto nextSlot = [&] {
    llvm::Value *at = builder.CreateConstGEP1_64(pointer, args, slot++);
    return builder.CreateLoad(pointer, at);
  };

  // Results in a struct come through a pointer that is the first argument.
  llvm::Type *returned = function.getReturnType();
  llvm::SmallVector<llvm::Value *> operands;
  llvm::Value *buffer = nullptr;
  if (returned->isStructTy()) {
    buffer = builder.CreateAlloca(returned);
    operands.push_back(buffer);
  }
  for (unsigned i = operands.size(), e = ciface.arg_size(); i < e; ++i) {
    llvm::Type *type = ciface.getArg(i)->getType();
    llvm::Value *value = nextSlot();
    if (!type->isPointerTy()) {
      value = builder.CreateLoad(slotType(type), value);
      if (value->getType() != type) {
        value = builder.CreateTrunc(value, type);
      }
    }
    operands.push_back(value);
  }
  llvm::Value *result = builder.CreateCall(&ciface, operands);

  auto store = [&](llvm::Value *value) {
    llvm::Type *type = slotType(value->getType());
    if (type != value->getType()) {
      value = builder.CreateZExt(value, type);
    }
    builder.CreateStore(value, nextSlot());
  };
  if (buffer) {
    llvm::Value *all = builder.CreateLoad(returned, buffer);
    if (isDescriptor(returned)) {
      store(all);
    } else {
      for (unsigned i = 0, e = returned->getStructNumElements(); i < e; ++i) {
        store(builder.CreateExtractValue(all, i));
      }
    }
  } else if (!returned->isVoidTy()) {
    store(result);
  }
  builder.CreateRetVoid();
}

/// Exports what has a C interface, hides the rest.
void addExports(llvm::Module &module) {
  llvm::SmallVector<std::pair<llvm::Function *, llvm::Function *>> entries;
  for (llvm::Function &ciface : module) {
    llvm::StringRef name = ciface.getName();
    if (!name.consume_front(kCIfacePrefix) || ciface.isDeclaration()) {
      continue;
    }
    llvm::Function *function = module.getFunction(name);
    if (function && !function->isDeclaration()) {
      entries.push_back({function, &ciface});
    }
  }
  for (llvm::GlobalObject &object : module.global_objects()) {
    if (!object.isDeclaration()) {
      object.setLinkage(llvm::GlobalValue::InternalLinkage);
    }
  }
  for (auto [function, ciface] : entries) {
    addCall(module, *function, *ciface);
  }
}

/// The linkage of a comdat member may not be changed alone, so they go first.
void dropComdats(llvm::Module &module) {
  for (llvm::GlobalObject &object : module.global_objects()) {
    object.setComdat(nullptr);
  }
}

} // namespace

struct LLVMModule::State {
  std::unique_ptr<llvm::LLVMContext> context =
      std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;

  Status prepare(const TargetDescription &target);
  Result<std::string> emit(llvm::CodeGenFileType type);
};

LLVMModule::LLVMModule(std::unique_ptr<State> state)
    : state(std::move(state)) {}
LLVMModule::LLVMModule(LLVMModule &&) noexcept = default;
LLVMModule &LLVMModule::operator=(LLVMModule &&) noexcept = default;
LLVMModule::~LLVMModule() = default;

std::string attn::callSymbol(llvm::StringRef name) {
  return ("attn_call_" + name).str();
}

void attn::registerLLVMTranslations(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::registerOpenMPDialectTranslation(registry);
}

/// Gives every function and the module itself the target.
Status LLVMModule::State::prepare(const TargetDescription &target) {
  static const bool initialized = [] {
    return !llvm::InitializeNativeTarget() &&
           !llvm::InitializeNativeTargetAsmPrinter();
  }();
  if (!initialized) {
    return Status::compile("LLVM has no code generator for this machine");
  }
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    return Status::compile("target '" + target.triple + "': " + error);
  }
  llvm::TargetOptions options;
  machine.reset(backend->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
  if (!machine) {
    return Status::compile("LLVM cannot generate code for target '" +
                           target.triple + "'");
  }
  module->setTargetTriple(triple);
  module->setDataLayout(machine->createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : *module) {
    if (function.isDeclaration()) {
      continue;
    }
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty()) {
      function.addFnAttr("target-features", target.features);
    }
    // LLVM would keep to 256 bits on CPUs that once clocked down.
    if (target.avx512) {
      function.addFnAttr("prefer-vector-width", "512");
    }
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  return {};
}

Result<LLVMModule> LLVMModule::create(mlir::ModuleOp module,
                                      const TargetDescription &target) {
  auto state = std::make_unique<State>();
  state->module =
      mlir::translateModuleToLLVMIR(module, *state->context, "attn");
  if (!state->module) {
    return Status::compile("the module does not translate to LLVM IR");
  }
  dropComdats(*state->module);
  addExports(*state->module);
  if (Status status = state->prepare(target); !status.ok()) {
    return status;
  }
  return LLVMModule(std::move(state));
}

Result<LLVMModule> LLVMModule::parse(llvm::StringRef ir,
                                     const TargetDescription &target) {
  auto state = std::make_unique<State>();
  llvm::SMDiagnostic diagnostic;
  state->module = llvm::parseAssemblyString(ir, diagnostic, *state->context);
  if (!state->module) {
    return Status::compile("LLVM IR: " + diagnostic.getMessage().str());
  }
  if (Status status = state->prepare(target); !status.ok()) {
    return status;
  }
  return LLVMModule(std::move(state));
}

void LLVMModule::optimize(Loops loopKind) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder passes(state->machine.get());
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(sccs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::ModulePassManager pipeline;
  if (loopKind == Loops::kScalar) {
    pipeline =
        passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3);
  } else {
    llvm::cantFail(passes.parsePassPipeline(pipeline, kVectorPipeline));
  }
  pipeline.run(*state->module, modules);
}

std::string LLVMModule::toText() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  state->module->print(stream, nullptr);
  return text;
}

Result<std::string> LLVMModule::State::emit(llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type)) {
    return Status::compile("LLVM cannot emit this kind of file for target '" +
                           machine->getTargetTriple().str() + "'");
  }
  passes.run(*module);
  return std::string(bytes.begin(), bytes.end());
}

Result<std::string> LLVMModule::toAssembly() {
  return state->emit(llvm::CodeGenFileType::AssemblyFile);
}

Result<std::string> LLVMModule::toObject() {
  return state->emit(llvm::CodeGenFileType::ObjectFile);
}

bool LLVMModule::needsOpenMP() const {
  for (const llvm::Function &function : *state->module) {
    if (function.isDeclaration() &&
        (function.getName().starts_with("__kmpc_") ||
         function.getName().starts_with("omp_"))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> LLVMModule::neededLibraries() const {
  std::vector<std::string> names;
  for (llvm::StringRef name : {"fftw", "fftwf"}) {
    bool isCalled = llvm::any_of(*state->module, [&](const llvm::Function &f) {
      return f.isDeclaration() && f.getName().starts_with((name + "_").str());
    });
    if (isCalled) {
      names.push_back(name.str());
    }
  }
  return names;
}
