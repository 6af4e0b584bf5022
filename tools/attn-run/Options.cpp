//===- Options.cpp - the command line of attn-run -------------------------===//

#include "Options.h"

#include "attn/Runtime/CudaDevice.h"
#include "attn/Target/GPUDescription.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <sys/mman.h>
#include <unistd.h>

namespace cl = llvm::cl;

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;

namespace {

constexpr int kDefaultBench = 10;

/// The flags, as LLVM's command line library holds them.
struct Flags {
  cl::OptionCategory category{"attn-run options"};

  cl::opt<std::string> input{cl::Positional,
                             cl::desc("<module.mlir, x.attnpkg, or - >"),
                             cl::cat(category)};
  cl::opt<std::string> entry{
      "entry", cl::desc("Function to run; needed when there are several"),
      cl::value_desc("name"), cl::cat(category)};
  cl::opt<std::string> target{
      "target",
      cl::desc("cpu (this machine), an LLVM CPU name, cuda (the first "
               "device), or a GPU such as sm_90"),
      cl::value_desc("name"), cl::init("cpu"), cl::cat(category)};
  cl::list<std::string> inputs{
      "inputs",
      cl::desc("Files with arguments: .safetensors by name, .npy in order, or "
               "name=x.npy"),
      cl::value_desc("file,..."), cl::CommaSeparated, cl::cat(category)};
  cl::opt<std::string> random{
      "random", cl::desc("Fill arguments that no file gives, from this seed"),
      cl::value_desc("seed"), cl::cat(category)};
  cl::list<std::string> shape{
      "shape", cl::desc("Shape of an argument, e.g. q=1x32x4096x128"),
      cl::value_desc("name=AxB..."), cl::CommaSeparated, cl::cat(category)};
  cl::list<std::string> set{
      "set", cl::desc("A size that attn.dims names, or a scalar argument"),
      cl::value_desc("name=n"), cl::CommaSeparated, cl::cat(category)};
  cl::list<std::string> outputs{
      "outputs",
      cl::desc("Where results go: x.safetensors, x.npy or name=x.npy"),
      cl::value_desc("file,..."), cl::CommaSeparated, cl::cat(category)};
  cl::opt<bool> check{"check",
                      cl::desc("Compare with the materialised form in f64"),
                      cl::cat(category)};
  cl::opt<double> tolerance{
      "tolerance", cl::desc("Factor on the bound of --check (default 1)"),
      cl::value_desc("x"), cl::init(1), cl::cat(category)};
  cl::opt<bool> trace{
      "trace-numerics",
      cl::desc("With --check: tell the first row and tile beyond the bound"),
      cl::cat(category)};
  cl::opt<std::string> bench{"bench", cl::desc("Time n calls (default 10)"),
                             cl::value_desc("n"), cl::ValueOptional,
                             cl::cat(category)};
  cl::opt<bool> report{
      "report", cl::desc("Explain: bytes, FLOPs, exps, the bound, tile sizes"),
      cl::cat(category)};
  cl::opt<std::string> emit{
      "emit",
      cl::desc(
          "Print graph, tile, bufferized, vector, llvm-dialect, llvm, asm, "
          "package, or reference (a package of the oracle) instead of "
          "running"),
      cl::value_desc("level"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("File for --emit"),
                              cl::value_desc("file"), cl::init("-"),
                              cl::cat(category)};
  cl::opt<int64_t> repeat{"repeat", cl::desc("Call n times in a row"),
                          cl::value_desc("n"), cl::init(1), cl::cat(category)};
  cl::list<std::string> carry{
      "carry",
      cl::desc("With --repeat: a result that is the argument of the next call"),
      cl::value_desc("result=argument"), cl::CommaSeparated, cl::cat(category)};
  cl::opt<bool> noCache{"no-cache", cl::desc("Compile, and store nothing"),
                        cl::cat(category)};
  cl::opt<std::string> cacheDir{"cache-dir",
                                cl::desc("Directory of compiled modules"),
                                cl::value_desc("path"), cl::cat(category)};
  cl::opt<int64_t> rows{"rows", cl::desc("Query rows a tile (0: cost model)"),
                        cl::value_desc("n"), cl::init(0), cl::cat(category)};
  cl::opt<int64_t> keys{"keys", cl::desc("Keys a step (0: cost model)"),
                        cl::value_desc("n"), cl::init(0), cl::cat(category)};
  cl::opt<int64_t> split{
      "split", cl::desc("Keys a chunk of a decode split (0: cost model)"),
      cl::value_desc("n"), cl::init(0), cl::cat(category)};
  cl::opt<bool> noOpenMP{"no-openmp", cl::desc("Compile for one thread"),
                         cl::cat(category)};
};

/// LLVM and MLIR register hundreds of flags of their own. They are no part of
/// this tool, and some carry names that it wants, so they go first.
void removeForeignFlags() {
  std::vector<cl::Option *> foreign;
  for (auto &entry : cl::getRegisteredOptions()) {
    llvm::StringRef name = entry.first;
    if (name != "help" && name != "version") {
      foreign.push_back(entry.second);
    }
  }
  for (cl::Option *option : foreign) {
    option->removeArgument();
  }
}

/// The number may stand apart: `--bench 3` becomes `--bench=3`.
std::vector<std::string> joinBench(int argc, char **argv) {
  std::vector<std::string> args;
  for (int i = 0; i < argc; ++i) {
    std::string arg = argv[i];
    if (i > 0 && (arg == "--bench" || arg == "-bench")) {
      llvm::StringRef next = i + 1 < argc ? argv[i + 1] : "";
      if (!next.empty() && llvm::all_of(next, llvm::isDigit)) {
        arg += "=" + next.str();
        ++i;
      }
    }
    args.push_back(std::move(arg));
  }
  return args;
}

/// Parses, and returns what the parser says on failure. Part of that goes to
/// standard error whatever stream it is given, so that is taken over meanwhile.
std::optional<std::string> parseFlags(const std::vector<const char *> &args) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  int file = memfd_create("attn-run", MFD_CLOEXEC);
  int saved = file < 0 ? -1 : dup(STDERR_FILENO);
  if (saved >= 0) {
    dup2(file, STDERR_FILENO);
  }
  bool ok = cl::ParseCommandLineOptions(
      static_cast<int>(args.size()), args.data(),
      "runs, checks, times and explains a module of the attn dialect\n",
      &stream);
  if (saved >= 0) {
    dup2(saved, STDERR_FILENO);
    close(saved);
  }
  char buffer[512];
  ssize_t count = file < 0 ? 0 : pread(file, buffer, sizeof(buffer), 0);
  if (file >= 0) {
    close(file);
  }
  if (ok) {
    return std::nullopt;
  }
  stream << llvm::StringRef(buffer, std::max<ssize_t>(count, 0));
  return text;
}

/// What the parser of flags says, in our form: its first sentence, without the
/// tool's name, in lower case.
std::string cleaned(llvm::StringRef text) {
  llvm::StringRef line = text.ltrim().split('\n').first;
  size_t colon = line.find(": ");
  if (line.take_front(colon).ends_with("attn-run")) {
    line = line.drop_front(colon + 2);
  }
  line = line.split("  Try:").first.rtrim(" .!");
  std::string result = line.str();
  if (!result.empty()) {
    result[0] = llvm::toLower(result[0]);
  }
  return result + "; try attn-run --help";
}

Result<rt::Shape> parseShape(const std::string &text) {
  rt::Shape shape;
  if (text == "scalar") {
    return shape;
  }
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(text).split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t size = 0;
    if (part.getAsInteger(10, size) || size < 0) {
      return Status::usage("--shape: '" + text +
                           "' is not a shape such as 1x32x4096x128");
    }
    shape.push_back(size);
  }
  return shape;
}

Status parseAssignments(const Flags &flags, Options &options) {
  for (const std::string &text : flags.shape) {
    auto pair = splitAssignment(text);
    if (!pair) {
      return Status::usage("--shape: expected name=AxB..., but got '" + text +
                           "'");
    }
    Result<rt::Shape> shape = parseShape(pair->second);
    if (!shape) {
      return shape.status();
    }
    if (!options.shapes.emplace(pair->first, *shape).second) {
      return Status::usage("--shape: '" + pair->first + "' is given twice");
    }
  }
  for (const std::string &text : flags.set) {
    auto pair = splitAssignment(text);
    int64_t value = 0;
    if (!pair || llvm::StringRef(pair->second).getAsInteger(10, value)) {
      return Status::usage("--set: expected name=number, but got '" + text +
                           "'");
    }
    if (!options.sizes.emplace(pair->first, value).second) {
      return Status::usage("--set: '" + pair->first + "' is given twice");
    }
  }
  for (const std::string &text : flags.carry) {
    auto pair = splitAssignment(text);
    if (!pair) {
      return Status::usage("--carry: expected result=argument, but got '" +
                           text + "'");
    }
    options.carry.push_back(*std::move(pair));
  }
  return {};
}

Status parseEmit(const std::string &text, Options &options) {
  static const std::map<std::string, Level> levels = {
      {"graph", Level::kGraph},
      {"tile", Level::kTile},
      {"bufferized", Level::kBufferized},
      {"vector", Level::kVector},
      {"llvm-dialect", Level::kLLVMDialect},
      {"llvm", Level::kLLVM},
      {"asm", Level::kAssembly}};
  if (auto level = levels.find(text); level != levels.end()) {
    options.emit = Emit::kLevel;
    options.level = level->second;
  } else if (text == "package") {
    options.emit = Emit::kPackage;
  } else if (text == "reference") {
    options.emit = Emit::kReference;
    options.compile.form = Form::kReference;
  } else if (text == "ptx") {
    options.emit = Emit::kPTX;
  } else {
    return Status::usage("--emit: unknown level '" + text +
                         "' (one of graph, tile, bufferized, vector, "
                         "llvm-dialect, llvm, ptx, asm, package, reference)");
  }
  return {};
}

Status parseNumbers(const Flags &flags, Options &options) {
  if (flags.random.getNumOccurrences()) {
    uint64_t seed = 0;
    if (llvm::StringRef(flags.random).getAsInteger(10, seed)) {
      return Status::usage("--random: expected a seed, but got '" +
                           flags.random + "'");
    }
    options.random = seed;
  }
  if (flags.bench.getNumOccurrences()) {
    int calls = kDefaultBench;
    if (!flags.bench.empty() &&
        (llvm::StringRef(flags.bench).getAsInteger(10, calls) || calls < 1)) {
      return Status::usage("--bench: expected a number of calls, but got '" +
                           flags.bench + "'");
    }
    options.bench = calls;
  }
  if (flags.repeat < 1) {
    return Status::usage("--repeat: expected at least 1");
  }
  if (!(flags.tolerance > 0) || std::isinf(flags.tolerance)) {
    return Status::usage("--tolerance: expected a positive number");
  }
  if (flags.rows < 0 || flags.keys < 0 || flags.split < 0) {
    return Status::usage("--rows, --keys and --split may not be negative");
  }
  options.repeat = flags.repeat;
  options.tolerance = flags.tolerance;
  options.compile.rows = flags.rows;
  options.compile.keys = flags.keys;
  options.compile.split = flags.split;
  return {};
}

/// The newest chip that is known and whose code the device runs.
Result<std::string> chipOfDevice() {
  Result<rt::cuda::GpuPtr> gpu = rt::cuda::Gpu::open();
  if (!gpu) {
    return gpu.status();
  }
  std::string best;
  for (llvm::StringRef chip : GPUDescription::chips()) {
    if (rt::cuda::runsOn(chip.str(), /*isPTX=*/true,
                         (*gpu)->info().capability)) {
      best = chip.str();
    }
  }
  if (best.empty()) {
    return Status::runtime("no chip of this build is like " +
                           (*gpu)->info().name);
  }
  return best;
}

Status parseTarget(std::string target, Options &options) {
  if (target == "cuda") {
    Result<std::string> chip = chipOfDevice();
    if (!chip) {
      return chip.status();
    }
    target = *chip;
  }
  if (!GPUDescription::get(target) &&
      llvm::StringRef(target).starts_with("sm_")) {
    return Status::runtime("target '" + target +
                           "' is not supported by this build");
  }
  options.compile.target = target == "cpu" ? "host" : target;
  return {};
}

} // namespace

std::optional<std::pair<std::string, std::string>>
attn::run::splitAssignment(const std::string &text) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    return std::nullopt;
  }
  return std::make_pair(text.substr(0, at), text.substr(at + 1));
}

Result<Options> attn::run::parseOptions(int argc, char **argv) {
  removeForeignFlags();
  // The library keeps pointers to flags, which lld walks over when it links.
  static const Flags &flags = *new Flags;
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &os) { os << compilerVersion() << '\n'; });
  std::vector<std::string> args = joinBench(argc, argv);
  std::vector<const char *> pointers;
  for (const std::string &arg : args) {
    pointers.push_back(arg.c_str());
  }
  if (std::optional<std::string> text = parseFlags(pointers)) {
    return Status::usage(cleaned(*text));
  }
  Options options;
  options.input = flags.input;
  options.entry = flags.entry;
  options.inputs = {flags.inputs.begin(), flags.inputs.end()};
  options.outputs = {flags.outputs.begin(), flags.outputs.end()};
  options.check = flags.check;
  options.trace = flags.trace;
  options.report = flags.report;
  options.emitTo = flags.output;
  options.useCache = !flags.noCache;
  options.cacheDir = flags.cacheDir;
  options.compile.openmp = !flags.noOpenMP;
  if (options.input.empty()) {
    return Status::usage("no module given; try attn-run --help");
  }
  if (flags.emit.getNumOccurrences()) {
    if (Status status = parseEmit(flags.emit, options); !status.ok()) {
      return status;
    }
  }
  for (Status status :
       {parseNumbers(flags, options), parseAssignments(flags, options),
        parseTarget(flags.target, options)}) {
    if (!status.ok()) {
      return status;
    }
  }
  if (options.trace && !options.check) {
    return Status::usage("--trace-numerics needs --check");
  }
  return options;
}
