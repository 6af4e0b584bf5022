//===- Work.h - the work of an attention op at actual sizes ---------------===//
// Evaluates the report of a package (attn/Emit/Report.h) for the arguments of a
// call: sizes, visible pairs, FLOPs, exps and bytes.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_WORK_H
#define ATTN_TOOLS_ATTN_RUN_WORK_H

#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Manifest.h"

#include "llvm/Support/JSON.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attn::run {

/// How one form of an op is tiled.
struct Tiles {
  int64_t rows = 0, keys = 0, lanes = 0, vectors = 0, split = 0, blocks = 0;
  bool dots = false;       // products of pairs of bf16
  bool warpgroups = false; // tiles of them
  std::string why;
};

/// One attention op, or a recurrence. Byte counts are for the whole op.
struct Work {
  std::string op, location, layout;
  rt::DType element = rt::DType::kF32;
  bool tf32 = false;   ///< f32 is rounded to it
  bool known = false;  ///< false when some size is computed by the program
  bool exact = true;   ///< false when lengths or offsets are computed by it
  std::string unknown; ///< what is not known

  int64_t batch = 0, queryHeads = 0, keyHeads = 0, queries = 0, keys = 0;
  int64_t headSize = 0, valueSize = 0;
  std::string schedule;            ///< of a recurrence; else empty
  int64_t pageSize = 0, pages = 0; ///< of a paged cache; 0: none
  bool hasMask = false, hasScore = false, hasLse = false;
  bool hasMaskRegion = false; ///< which hides pairs that are counted here

  bool isDecode = false; ///< which form runs at these sizes
  Tiles tiles;

  int64_t pairs = 0;    ///< visible (q, k) pairs, all heads
  int64_t allPairs = 0; ///< those of the materialised form
  double flops = 0, exps = 0;
  double keyBytes = 0;   ///< of a key and its value, of one head
  double floorBytes = 0; ///< every operand read and every result written once
  double scheduleBytes = 0; ///< with keys and values read once a row tile
  double naiveBytes = 0;    ///< floor, and scores and weights through memory
};

/// The machine of the report.
struct Machine {
  int64_t cores = 1, vectorBits = 0;
  double gigahertz = 0, peakF32 = 0, peakF64 = 0; // GFLOP/s of one core
  double readGBs = 0;                             // one core
  std::string gpu;                                ///< a chip, if it is one
};

/// Parses the report. Null where it has none.
llvm::json::Value parseReport(const rt::Manifest &manifest);

Machine describeMachine(const llvm::json::Value &report);

/// The ops of `function` at the sizes of `arguments`.
std::vector<Work> measureWork(const llvm::json::Value &report,
                              const rt::FunctionInfo &function,
                              const rt::Arguments &arguments);

/// What became of the rotary positions of `function`, a line each.
std::vector<std::string> positionNotes(const llvm::json::Value &report,
                                       const rt::FunctionInfo &function);

/// A role of integer arguments, which decides what they may hold.
enum class Role {
  kOther,
  kOffset,
  kKvLens,
  kCuSeqlensQ,
  kCuSeqlensK,
  kBlockTables
};

struct ArgumentRole {
  Role role = Role::kOther;
  const llvm::json::Object *op = nullptr; ///< of the report
};

/// What argument `index` of `function` is to an attention op.
ArgumentRole roleOf(const llvm::json::Value &report,
                    const rt::FunctionInfo &function, int64_t index);

/// A size of the report at the shapes of `arguments`, those that are null not
/// being known yet. Nothing when it follows from neither.
std::optional<int64_t> evaluateSize(const llvm::json::Value *size,
                                    const rt::Arguments &arguments);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_WORK_H
