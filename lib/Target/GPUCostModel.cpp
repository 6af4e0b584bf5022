//===- GPUCostModel.cpp - shapes of attention kernels on a GPU ------------===//
// The rules behind the numbers:
// - A warp holds 16 or 32 rows. With 32, each fragment of K and V that it loads
//   from shared memory serves two products, but the accumulator (32 x E / 32
//   registers a thread), the scores and Q must fit the registers.
// - The clocks of products, exponentials and shared memory overlap as far as a
//   scheduler has several warps; what does not is divided by their number.
// - K and V have at least two stages each, so that the next step is on its way
//   during this one.
//===----------------------------------------------------------------------===//

#include "attn/Target/GPUCostModel.h"
#include "attn/Target/WarpgroupModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

namespace attn {

// Registers of a thread beside fragments: addresses, positions, loop state.
constexpr int64_t kOtherRegisters = 50;
// More of them where each row of keys has an address of its own.
constexpr int64_t kPageRegisters = 12;
// And where scales of keys are on their way, and codes become elements.
constexpr int64_t kCodeRegisters = 20;
// A slice of V columns that a thread can accumulate with 16 rows a warp.
constexpr int64_t kMostValueColumns = 256;
// The parts of a step that no other warp hides: barriers and pipeline latency.
constexpr double kStepClocks = 300;
// What reads of shared memory cost beyond their bytes: they share the port with
// the copies of the next step.
constexpr double kSharedLoad = 2;

int64_t sharedRowBytes(int64_t columns) {
  int64_t chunks = columns / 8;
  return chunks % 8 == 0 ? chunks * 16 : (chunks | 1) * 16;
}

int64_t MMAKernel::keyTileBytes(int64_t columns, const CodeForm &form) const {
  return keys * sharedRowBytes(rowUnits(columns, form));
}

int64_t MMAKernel::stageBytes(int64_t headSize) const {
  int64_t columns = llvm::alignTo(headSize, forms.key.padding());
  return keyTileBytes(columns, forms.key) +
         keyTileBytes(valueSlice, forms.value) + pageBytes() +
         forms.key.tableBytes(keys) + forms.value.tableBytes(keys);
}

// Scales meet the columns of a product, a row of the fragments each.
bool MMAKernel::transposes(int64_t rows, int64_t keyWarps,
                           const KeyForms &forms) {
  const CodeForm &value = forms.value;
  return rows > 0 && rows <= kColumns && keyWarps == 4 &&
         forms.elementBytes == 2 &&
         (!forms.key.isCodes() || forms.key.grain != CodeForm::Grain::Groups) &&
         (!value.isCodes() || value.grain == CodeForm::Grain::Keys ||
          value.groups() <= 8);
}

// Fills in what follows from the layout of warps; false where it does not fit.
static bool complete(MMAKernel &kernel, int64_t headSize, int64_t valueSize,
                     const GPUDescription &gpu) {
  int64_t d = llvm::alignTo(headSize, kernel.forms.key.padding());
  int64_t e = llvm::alignTo(valueSize, kernel.forms.value.padding());
  kernel.valueSlice = std::min(e, kMostValueColumns);
  // Elements of 16 or 8 rows that a thread has of a column.
  int64_t share = kernel.transposed ? 4 : 2;
  int64_t accumulator = kernel.rowBlocks * kernel.valueSlice / share;
  int64_t scores = kernel.rowBlocks * kernel.warpKeys() / share;
  int64_t bytes = kernel.forms.elementBytes;
  int64_t queries = kernel.rowBlocks * d * bytes / 4 / share;
  bool scalesQueries = kernel.transposed && kernel.forms.key.isCodes() &&
                       kernel.forms.key.grain == CodeForm::Grain::Channels;
  // Past 128 elements a row has more addresses than a permutation; many scores
  // need more for their mask.
  int64_t held = accumulator + scores + scores / 16 + kOtherRegisters +
                 (d > 128 ? 8 : 0) + (kernel.forms.paged ? kPageRegisters : 0) +
                 (kernel.forms.areCodes() ? kCodeRegisters : 0) +
                 (scalesQueries ? queries : 0);
  kernel.queriesInRegisters = queries <= 32 && held + queries <= 216;
  int64_t used = held + (kernel.queriesInRegisters ? queries : 8);
  if (used > gpu.threadRegisters) {
    return false;
  }
  int64_t stage = kernel.stageBytes(d);
  int64_t merge = kernel.keyWarps == 1 ? 0
                                       : kernel.keyWarps * kernel.rows() *
                                             (kernel.valueSlice * 4 + 16);
  kernel.sharedBytes = kernel.rows() * sharedRowBytes(kernel.rowUnits(d)) +
                       std::max(kernel.stages * stage, merge) +
                       MMAKernel::kFlagBytes;
  if (kernel.sharedBytes > gpu.blockSharedBytes) {
    return false;
  }
  int64_t byShared = gpu.sharedBytes / (kernel.sharedBytes + 1024);
  // Each of the four schedulers has a quarter of the registers, for its warps.
  int64_t warpsByRegisters =
      4 * (gpu.registers / 4 / (32 * llvm::alignTo(used, 8)));
  int64_t byRegisters = warpsByRegisters / kernel.warps();
  kernel.blocksPerProcessor =
      std::max<int64_t>(1, std::min({byShared, byRegisters, int64_t(8)}));

  // Clocks a row and key.
  int64_t warps = kernel.blocksPerProcessor * kernel.warps();
  double slices = llvm::divideCeil(e, kernel.valueSlice);
  // tf32 has half the rate, and its operands are rounded, one conversion each.
  double width = static_cast<double>(bytes) / 2;
  double products = (d * slices + e) * width / gpu.mmaFMAs;
  double exps = slices / gpu.exps;
  double issue = slices * 6 / gpu.fmas + e / 64.0 / gpu.fmas;
  double rowsAWarp = 16.0 * kernel.rowBlocks;
  double keyBytes = (d * slices + e) * static_cast<double>(bytes);
  if (bytes == 4) {
    issue += (d * slices + e) / rowsAWarp / gpu.fmas;
  }
  double shared = keyBytes / rowsAWarp / gpu.sharedBandwidth;
  if (!kernel.queriesInRegisters) {
    shared += d * bytes * slices / kernel.warpKeys() / gpu.sharedBandwidth;
  }
  // K and V are written once a block and step.
  shared += keyBytes / kernel.rows() / gpu.sharedBandwidth;
  shared *= kSharedLoad;
  double all = products + exps + issue + shared;
  double bound = std::max({products, exps + issue, shared});
  double schedulers = std::max(1.0, warps / 4.0);
  kernel.cost = bound + (all - bound) / schedulers / 2 +
                kStepClocks / (kernel.rows() * kernel.blocksPerProcessor *
                               static_cast<double>(kernel.keys));
  return true;
}

std::optional<MMAKernel> chooseMMAKernel(int64_t headSize, int64_t valueSize,
                                         int64_t rows, int64_t keys,
                                         const GPUDescription &gpu,
                                         const KeyForms &forms) {
  std::optional<MMAKernel> best;
  auto consider = [&](int64_t rowWarps, int64_t keyWarps, int64_t rowBlocks,
                      int64_t step, int64_t stages) {
    MMAKernel kernel;
    kernel.rowWarps = rowWarps;
    kernel.keyWarps = keyWarps;
    kernel.rowBlocks = rowBlocks;
    kernel.keys = step;
    kernel.stages = stages;
    kernel.forms = forms;
    kernel.transposed = MMAKernel::transposes(rows, keyWarps, forms);
    if (kernel.warpKeys() % 16 != 0 || kernel.warpKeys() == 0 ||
        !complete(kernel, headSize, valueSize, gpu)) {
      return;
    }
    if (!best || kernel.cost < best->cost) {
      best = kernel;
    }
  };
  llvm::SmallVector<int64_t> steps = {128, 64, 32, 16};
  if (keys > 0) {
    steps = {keys};
  }
  for (int64_t step : steps) {
    if (rows > 0 && rows <= 64) {
      // Few rows: the warps share the keys, and memory is the bound, so the
      // more stages fit beside a second block the better.
      int64_t rowWarps = llvm::divideCeil(rows, 16);
      rowWarps = rowWarps == 3 ? 4 : rowWarps;
      // What codes cost is the same for any shape: the longest step.
      if (forms.areCodes() && best) {
        break;
      }
      int64_t most = 4 / rowWarps;
      // Steps too short for all warps are for where no longer one fits.
      bool transposes = MMAKernel::transposes(rows, most, forms);
      bool wide = forms.areCodes() || (transposes && step >= 16 * most);
      if (transposes && !wide && best) {
        continue;
      }
      int64_t least = wide ? most : 1;
      for (int64_t keyWarps = most; keyWarps >= least; keyWarps /= 2) {
        for (int64_t stages : {3, 2}) {
          consider(rowWarps, keyWarps, 1, step, stages);
        }
      }
      continue;
    }
    for (int64_t rowBlocks : {2, 1}) {
      // 192 rows are those of three warpgroups, where they turn out not to do.
      for (int64_t rowWarps : {12, 8, 6, 4, 2}) {
        int64_t made = rowWarps * rowBlocks * 16;
        if (rows > 0 ? made != rows : made > 128 || rowWarps % 6 == 0) {
          continue;
        }
        consider(rowWarps, 1, rowBlocks, step, 2);
      }
    }
  }
  return best;
}

static TileChoice tileOf(const MMAKernel &kernel, const GPUDescription &gpu) {
  TileChoice choice;
  choice.rows = kernel.rows();
  choice.keys = kernel.keys;
  choice.reason =
      llvm::formatv(
          "{0} rows x {1} keys; {2} x {3} warps of {4} rows, {5} stages of K "
          "and V, {6} KiB of {7} KiB shared memory, {8} blocks a "
          "multiprocessor, Q in {9}",
          kernel.rows(), kernel.keys, kernel.rowWarps, kernel.keyWarps,
          kernel.rows() / kernel.rowWarps, kernel.stages,
          kernel.sharedBytes >> 10, gpu.blockSharedBytes >> 10,
          kernel.blocksPerProcessor,
          kernel.queriesInRegisters ? "registers" : "shared memory")
          .str();
  return choice;
}

static TileChoice tileOf(const WarpgroupKernel &kernel,
                         const GPUDescription &gpu) {
  TileChoice choice;
  choice.rows = kernel.rows();
  choice.keys = kernel.keys;
  choice.warpgroups = true;
  if (kernel.latent) {
    choice.reason =
        llvm::formatv("{0} rows x {1} keys; two warpgroups with half of the "
                      "columns of V each, which lie in K, and a producer warp, "
                      "{2} stages, {3} KiB of {4} KiB shared memory, {5} "
                      "registers a thread",
                      kernel.rows(), kernel.keys, kernel.stages,
                      kernel.sharedBytes >> 10, gpu.blockSharedBytes >> 10,
                      kernel.consumerRegisters)
            .str();
    return choice;
  }
  choice.reason =
      llvm::formatv("{0} rows x {1} keys; {2} warpgroups of 64 rows and a "
                    "producer warp{8}, {3} stages of K and V, {4} of Q, {5} "
                    "KiB of {6} KiB shared memory, {7} registers a thread",
                    kernel.rows(), kernel.keys, kernel.consumers, kernel.stages,
                    kernel.queryStages, kernel.sharedBytes >> 10,
                    gpu.blockSharedBytes >> 10, kernel.consumerRegisters,
                    kernel.isNarrow() ? ", one that transposes V" : "")
          .str();
  return choice;
}

GPUTime predictGPUTime(const AttentionWork &work, int64_t tiles,
                       const GPUDescription &gpu) {
  // Of the peak, under a cap of power: what a long plain attention reaches.
  constexpr double kSustained = 0.75;
  // Where V lies in K nothing runs beside the softmax of a step.
  constexpr double kLatent = 0.55;
  // What starts and ends a tile takes, in steps.
  constexpr double kBoundary = 1;
  double clocks = gpu.gigahertz * 1e9 * static_cast<double>(gpu.processors);
  // wgmma has twice the rate of mma.sync, and tf32 half of it.
  double rate = work.fewRows && work.warpgroups   ? 2 * kLatent
                : gpu.warpgroups && !work.fewRows ? 2 * kSustained
                                                  : kSustained;
  double multiplies = work.narrow ? gpu.mmaFMAs * rate
                      : work.tf32 ? gpu.mmaFMAs / 2 * kSustained
                                  : gpu.fmas;
  if (work.codes) {
    multiplies *= 2;
  }
  GPUTime time;
  time.products = work.flops / 2 / work.filled / multiplies / clocks;
  time.exps = work.exps / gpu.exps / clocks;
  time.memory = work.bytes / (gpu.readGBs * 1e9);
  if (tiles > 0) {
    double count = static_cast<double>(tiles);
    double each = static_cast<double>(gpu.processors);
    double waves = std::ceil(count / each) / (count / each);
    double step = static_cast<double>(work.rows * work.keys *
                                      (work.headSize + work.valueSize)) /
                  multiplies / clocks;
    time.tail = (waves - 1) * time.longest() + count * step * kBoundary;
  }
  return time;
}

static std::optional<MMAKernel> chooseMMAKernel(const AttentionShape &shape,
                                                int64_t rows,
                                                const GPUDescription &gpu) {
  if (!shape.tensorCores()) {
    return std::nullopt;
  }
  return chooseMMAKernel(shape.headSize, shape.valueSize, rows, /*keys=*/0, gpu,
                         shape.forms);
}

int64_t gpuDecodeRowLimit(const AttentionShape &shape,
                          const GPUDescription &gpu) {
  if (shape.elementBits == 8) {
    return 0; // warpgroups alone
  }
  // Wide rows leave room for fewer of them.
  for (int64_t rows : {64, 32}) {
    if (chooseMMAKernel(shape, rows, gpu)) {
      return rows;
    }
  }
  return FMAKernel::kRows;
}

int64_t gpuDecodeHeads(int64_t group, int64_t limit) {
  int64_t parts = 1;
  while (group % parts != 0 || group / parts > limit) {
    ++parts;
  }
  return group / parts;
}

AttentionTiles chooseGPUTiles(const AttentionShape &shape,
                              const GPUDescription &gpu) {
  AttentionTiles tiles;
  int64_t group = shape.queryHeads > 0 && shape.keyHeads > 0
                      ? std::max<int64_t>(1, shape.queryHeads / shape.keyHeads)
                      : 1;
  int64_t limit = gpuDecodeRowLimit(shape, gpu);
  auto choose = [&](int64_t rows) {
    if (auto kernel = chooseMMAKernel(shape, rows, gpu)) {
      return tileOf(*kernel, gpu);
    }
    TileChoice choice;
    choice.rows = FMAKernel::kRows;
    choice.keys = FMAKernel::kKeys;
    choice.reason = llvm::formatv("{0} rows x {1} keys without tensor cores",
                                  choice.rows, choice.keys)
                        .str();
    return choice;
  };
  tiles.prefill = choose(0);
  std::string why =
      shape.elementBits > 16 ? "elements of more than 16 bits" : shape.notBoxes;
  std::optional<WarpgroupKernel> kernel;
  if (why.empty()) {
    // No step crosses a page.
    int64_t keys = shape.slots == 0 ? 0 : shape.slots % 128 == 0 ? 128 : 64;
    kernel = chooseWarpgroupKernel(shape.headSize, shape.valueSize, /*rows=*/0,
                                   keys, gpu, shape.elementBits / 8);
    why = "the head sizes do not fit a block of them";
  }
  std::optional<WarpgroupKernel> latent =
      shape.latentTiles
          ? chooseLatentKernel(shape.headSize, shape.valueSize, gpu)
          : std::nullopt;
  if (latent || kernel) {
    tiles.prefill = tileOf(latent ? *latent : *kernel, gpu);
  } else if (gpu.warpgroups) {
    tiles.prefill.reason += "; not on warpgroups: " + why;
  }
  tiles.prefill.sortsLists = true;
  if (limit == 0) {
    return tiles;
  }
  auto decode = [&](int64_t rows) {
    TileChoice choice = choose(std::max<int64_t>(1, rows));
    // Long enough that its merge is noise, short enough that one long sequence
    // feeds all multiprocessors; of codes as many bytes.
    const KeyForms &forms = shape.forms;
    choice.split = 1024 * 16 / std::max(forms.key.bits, forms.value.bits);
    choice.chunks = 256;
    choice.finest = 128;
    choice.leastBlocks = 2 * gpu.processors;
    // Codes of 4 bits are bound by instructions, too: no round of blocks may be
    // half empty, so that chunks are as long as makes them fill rounds.
    std::optional<MMAKernel> kernel =
        std::max(forms.key.bits, forms.value.bits) == 4
            ? chooseMMAKernel(shape, std::max<int64_t>(1, rows), gpu)
            : std::nullopt;
    std::string longer =
        llvm::formatv("where a sequence has more than {0}", choice.chunks);
    if (kernel && kernel->transposed) {
      choice.split = 1024;
      choice.blocks = gpu.processors * kernel->blocksPerProcessor;
      longer = llvm::formatv("that fill {0} blocks", choice.blocks);
    }
    choice.reason +=
        llvm::formatv(", chunks of {0} keys; shorter ones, down to {1}, where "
                      "there would be less than {2} blocks, and longer ones "
                      "{3}",
                      choice.split, choice.finest, choice.leastBlocks, longer)
            .str();
    return choice;
  };
  tiles.fewRows = decode(limit);
  tiles.decode = decode((shape.queries > 0 ? shape.queries : 1) *
                        gpuDecodeHeads(group, limit));
  int64_t part = gpuDecodeHeads(group, limit);
  bool isBox = shape.queries > 0 && latent &&
               latent->rows() % shape.queries == 0 &&
               shape.queries * part <= latent->rows();
  if (isBox) {
    // Chunks cost f32 results as wide as V for each head, so there are only as
    // many as fill the multiprocessors.
    tiles.decode = tileOf(*latent, gpu);
    tiles.decode.split = 256;
    tiles.decode.blocks = gpu.processors;
    tiles.decode.reason +=
        llvm::formatv(", chunks of 256 keys or a multiple, so that those of "
                      "all sequences fill {0} multiprocessors",
                      gpu.processors)
            .str();
  }
  return tiles;
}

} // namespace attn
