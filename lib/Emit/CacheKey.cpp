//===- CacheKey.cpp - what the result of a compilation depends on ---------===//

#include "attn/Emit/Compiler.h"
#include "attn/Emit/Cubin.h"
#include "attn/Runtime/Hash.h"
#include "attn/Target/TargetDescription.h"

#include "llvm/Config/llvm-config.h"

#include <cstring>
#include <link.h>

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

struct ImageSearch {
  uintptr_t self;  // an address in this library
  std::string ids; // build ids found so far
};

/// Appends the build id of the image to `ids`, where it has one.
void appendBuildId(const dl_phdr_info &image, std::string &ids) {
  for (int i = 0; i < image.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = image.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) {
      continue;
    }
    const char *at =
        reinterpret_cast<const char *>(image.dlpi_addr + segment.p_vaddr);
    const char *end = at + segment.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof(note));
      size_t nameBytes = (note.n_namesz + 3) & ~size_t(3);
      size_t textBytes = (note.n_descsz + 3) & ~size_t(3);
      const char *text = at + sizeof(note) + nameBytes;
      if (note.n_type == NT_GNU_BUILD_ID && text + note.n_descsz <= end) {
        ids.append(text, note.n_descsz);
        ids.push_back('\n');
      }
      at = text + textBytes;
    }
  }
}

/// Takes the image that holds this code, MLIR and LLVM.
int visitImage(dl_phdr_info *image, size_t, void *data) {
  auto *search = static_cast<ImageSearch *>(data);
  bool wanted = std::strstr(image->dlpi_name, "libMLIR") ||
                std::strstr(image->dlpi_name, "libLLVM");
  for (int i = 0; i < image->dlpi_phnum && !wanted; ++i) {
    const ElfW(Phdr) &segment = image->dlpi_phdr[i];
    uintptr_t start = image->dlpi_addr + segment.p_vaddr;
    wanted = segment.p_type == PT_LOAD && search->self >= start &&
             search->self < start + segment.p_memsz;
  }
  if (wanted) {
    appendBuildId(*image, search->ids);
  }
  return 0;
}

const std::string &buildIds() {
  static const std::string ids = [] {
    ImageSearch search{reinterpret_cast<uintptr_t>(&visitImage), ""};
    dl_iterate_phdr(visitImage, &search);
    return search.ids;
  }();
  return ids;
}

} // namespace

std::string attn::compilerVersion() {
  return "attn " ATTN_VERSION " (LLVM " LLVM_VERSION_STRING ")";
}

Result<std::string> attn::cacheKey(std::string_view text,
                                   const CompileOptions &options) {
  llvm::Expected<TargetDescription> target =
      TargetDescription::get(options.target);
  if (!target) {
    return Status::usage(llvm::toString(target.takeError()));
  }
  rt::Sha256 hash;
  hash.updateField(compilerVersion());
  hash.updateField(buildIds());
  hash.updateField(options.form == Form::kReference ? "reference" : "cpu");
  for (int64_t number :
       {options.rows, options.keys, options.split, int64_t(options.openmp)}) {
    hash.updateField(std::to_string(number));
  }
  // The cost model sees more of a machine than LLVM's name for it.
  for (int64_t number : {target->vectorBits, target->vectorRegisters,
                         target->cores, target->l1Bytes, target->l2Bytes}) {
    hash.updateField(std::to_string(number));
  }
  hash.updateField(target->triple);
  hash.updateField(target->cpu);
  hash.updateField(target->features);
  // With an assembler a package holds machine code too.
  if (target->gpu) {
    hash.updateField(findPtxas().value_or(""));
  }
  hash.updateField(text);
  return hash.finish();
}
