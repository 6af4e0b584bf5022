//===- CostModel.cpp - tile sizes and predicted cost of attention ---------===//
// The rules behind the numbers:
// - Queries are lanes, so a register tile is MR keys (or values) by NV vectors
//   of lanes: MR * NV accumulators, NV operand vectors and one broadcast must
//   fit the registers, and FMAs over loads is best where MR * NV / (MR + NV) is
//   largest.
// - A panel of queries (D x lanes) is read once a key, so it should keep to two
//   thirds of L1.
// - K and V come from beyond L2 once a row tile, so it has up to 256 rows: as
//   many as keep all that it holds, with a block of K and V, to three quarters
//   of L2. Fewer keys a block go first, down to 64.
//===----------------------------------------------------------------------===//

#include "attn/Target/CostModel.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace attn {

int64_t registerTile(int64_t vectors, const TargetDescription &target) {
  // FMA latency times ports is about 8 accumulators in flight; past 28 the
  // allocator has nothing left for addresses of spilled broadcasts.
  int64_t fit = (target.vectorRegisters - vectors - 1) / vectors;
  return std::max<int64_t>(1, std::min(fit, 28 / vectors));
}

bool usesDots(bool bf16, int64_t headSize, const TargetDescription &target) {
  return target.bf16Dot && bf16 && headSize % 2 == 0;
}

int64_t panelRowBytes(int64_t headSize, int64_t valueSize, bool dots,
                      int64_t accumulatorBits) {
  return std::max<int64_t>({headSize, valueSize, 1}) *
         (dots ? 2 : accumulatorBits / 8);
}

static int64_t panelVectors(const AttentionShape &shape,
                            const TargetDescription &target) {
  bool dots = usesDots(shape.bf16, shape.headSize, target);
  return panelVectors(panelRowBytes(shape.headSize, shape.valueSize, dots,
                                    shape.accumulatorBits),
                      target, shape.accumulatorBits);
}

int64_t panelVectors(int64_t rowBytes, const TargetDescription &target,
                     int64_t accumulatorBits) {
  int64_t best = 1;
  double bestReuse = 0;
  int64_t lanes = target.lanes(accumulatorBits);
  for (int64_t vectors : {1, 2, 4}) {
    int64_t panel = vectors * lanes * rowBytes;
    if (vectors > 1 && panel > target.l1Bytes * 2 / 3) {
      break;
    }
    int64_t keys = registerTile(vectors, target);
    double reuse = static_cast<double>(keys * vectors) / (keys + vectors);
    if (reuse > bestReuse) {
      best = vectors;
      bestReuse = reuse;
    }
  }
  return best;
}

int64_t rowFormLimit(const TargetDescription &target, int64_t elementBits) {
  // From half a vector of rows on, lanes are no longer mostly padding.
  return target.lanes(elementBits) / 2;
}

static TileChoice choosePrefillTiles(const AttentionShape &shape,
                                     const TargetDescription &target) {
  TileChoice choice;
  int64_t bytes = shape.accumulatorBits / 8;
  int64_t size = std::max<int64_t>({shape.headSize, shape.valueSize, 1});
  choice.dots = usesDots(shape.bf16, shape.headSize, target);
  int64_t panelRow = panelRowBytes(shape.headSize, shape.valueSize, choice.dots,
                                   shape.accumulatorBits);
  choice.vectors = panelVectors(shape, target);
  choice.lanes = choice.vectors * target.lanes(shape.accumulatorBits);
  choice.registerTile = registerTile(choice.vectors, target);
  choice.keys = 128;
  constexpr int64_t kMostRows = 256;
  choice.rows = static_cast<int64_t>(
      llvm::alignTo(std::max(kMostRows, choice.lanes), choice.lanes));
  auto held = [&](int64_t rows) {
    return (2 * rows * size + rows * choice.keys + 2 * choice.keys * size) *
           bytes;
  };
  int64_t room = target.l2Bytes * 3 / 4;
  if (held(choice.rows) > room) {
    choice.keys = 64;
  }
  while (choice.rows > choice.lanes && held(choice.rows) > room) {
    choice.rows -= choice.lanes;
  }
  if (held(choice.rows) > room) {
    choice.keys = 32;
  }
  if (shape.queries > 0) {
    choice.rows = std::min<int64_t>(choice.rows,
                                    llvm::alignTo(shape.queries, choice.lanes));
    // Few tiles: smaller ones so that every core has some.
    if (shape.batch > 0 && shape.queryHeads > 0) {
      auto tasks = [&](int64_t rows) {
        return shape.batch * shape.queryHeads *
               static_cast<int64_t>(llvm::divideCeil(shape.queries, rows));
      };
      while (choice.rows > choice.lanes &&
             tasks(choice.rows) < 4 * target.cores) {
        choice.rows -= choice.lanes;
      }
    }
  }
  choice.reason =
      llvm::formatv("{8} rows x {9} keys; {0} x {1} register tile ({2} "
                    "accumulators of {3}), query panel {4} KiB of {5} KiB L1, "
                    "row tile and key block {6} KiB of {7} KiB L2",
                    choice.registerTile, choice.vectors,
                    choice.registerTile * choice.vectors,
                    target.vectorRegisters, choice.lanes * panelRow / 1024,
                    target.l1Bytes / 1024, held(choice.rows) / 1024,
                    target.l2Bytes / 1024, choice.rows, choice.keys)
          .str();
  return choice;
}

int64_t decodeRowLimit(const AttentionShape &shape,
                       const TargetDescription &target) {
  int64_t lanes = target.lanes(shape.accumulatorBits);
  // With a known number of rows the panel is made as wide as they need; else
  // it has one vector, which must hold them.
  return shape.queries > 0 ? lanes * panelVectors(shape, target) : lanes;
}

// `rows`: queries times heads of a group, or a bound of it.
static TileChoice chooseDecodeTiles(const AttentionShape &shape, int64_t rows,
                                    const TargetDescription &target) {
  TileChoice choice;
  int64_t bytes = shape.elementBits / 8;
  int64_t lanes = target.lanes(shape.accumulatorBits);
  int64_t size = std::max<int64_t>(shape.headSize + shape.valueSize, 1);
  bool asRows = rows <= rowFormLimit(target, shape.accumulatorBits);
  choice.rows = std::max<int64_t>(rows, 1);
  choice.dots = usesDots(shape.bf16, shape.headSize, target);
  choice.vectors = asRows              ? 1
                   : rows <= lanes     ? 1
                   : rows <= 2 * lanes ? 2
                                       : panelVectors(shape, target);
  choice.lanes = choice.vectors * lanes;
  choice.registerTile = asRows ? lanes : registerTile(choice.vectors, target);
  // As rows, K and V of a tile and the next tile of K stay in half of L1
  // between their prefetch and their use; as lanes they are walked several
  // times, from L2.
  int64_t fit = target.l1Bytes / 2 / (size * bytes * 3 / 2);
  choice.keys = asRows ? std::clamp<int64_t>(llvm::bit_floor<uint64_t>(
                                                 std::max<int64_t>(fit, 1)),
                                             lanes, 128)
                       : 64;
  // A chunk is long enough that its merge is noise and short enough that one
  // long sequence feeds many cores. It depends on sizes alone, never on the
  // number of threads, so that results do not either.
  choice.split = std::clamp<int64_t>(
      llvm::PowerOf2Ceil(static_cast<uint64_t>((2 << 20) / (size * bytes))),
      512, 8192);
  choice.reason =
      llvm::formatv("{0} rows, all heads of a group, as {1}, so that K and V "
                    "are read once; tiles of {2} keys ({3} KiB), chunks of {4}",
                    choice.rows, asRows ? "rows" : "lanes", choice.keys,
                    choice.keys * size * bytes / 1024, choice.split)
          .str();
  return choice;
}

AttentionTiles chooseTiles(const AttentionShape &shape,
                           const TargetDescription &target) {
  AttentionTiles tiles;
  int64_t group = shape.queryHeads > 0 && shape.keyHeads > 0
                      ? std::max<int64_t>(1, shape.queryHeads / shape.keyHeads)
                      : 1;
  tiles.prefill = choosePrefillTiles(shape, target);
  tiles.fewRows =
      chooseDecodeTiles(shape, target.lanes(shape.accumulatorBits), target);
  tiles.decode = chooseDecodeTiles(
      shape, (shape.queries > 0 ? shape.queries : 1) * group, target);
  return tiles;
}

double PredictedTime::total() const {
  return std::max(products + softmax + tiles, memory);
}

PredictedTime predictTime(const AttentionWork &work, double flopsPerSecond,
                          double bytesPerSecond) {
  // In slots of a multiply-add, from profiles of the AVX2 and AVX-512 forms.
  // Products: address arithmetic, starts and ends of register tiles, lines that
  // come late.
  constexpr double kProducts = 1 / 0.94;
  // A score: scale, maximum and store; subtraction, exp, sum and store.
  constexpr double kScore = 24;
  // An element of the accumulator: loaded, scaled and stored once a step.
  constexpr double kRescale = 4;
  // An element of K or V: loaded, widened and stored once a row tile. With few
  // rows it stays in a register. Of pairs, V alone is touched.
  double convert = !work.narrow ? 0 : work.fewRows ? 2 : 4;
  double widened = work.valueSize + (work.dots ? 0 : work.headSize);
  // What a walk over K and V in turn, with arithmetic in between, gets of the
  // bandwidth of plain reads.
  constexpr double kWalk = 0.76;
  PredictedTime time;
  if (flopsPerSecond > 0) {
    double slot = 2 / flopsPerSecond;
    auto each = [](double count, int64_t among) {
      return among > 0 ? count / static_cast<double>(among) : 0;
    };
    double scores = work.exps;
    // Pairs go through at twice the rate; P of few rows stays f32.
    double rate = !work.dots ? 1 : work.fewRows ? 4.0 / 3 : 2;
    time.products = work.flops / flopsPerSecond / rate * kProducts;
    time.softmax = scores * kScore * slot;
    time.tiles = scores * slot *
                 (each(kRescale * work.valueSize, work.keys) +
                  each(convert * widened, work.rows));
  }
  if (bytesPerSecond > 0) {
    time.memory = work.bytes / bytesPerSecond / (work.fewRows ? kWalk : 1);
  }
  return time;
}

static void useOption(TileChoice &choice, int64_t rows, int64_t keys,
                      int64_t split) {
  std::string given;
  auto take = [&](int64_t TileChoice::*size, int64_t option, const char *name) {
    if (option > 0) {
      choice.*size = option;
      given +=
          (given.empty() ? "" : ", ") + std::to_string(option) + " " + name;
    }
  };
  take(&TileChoice::rows, rows, "rows");
  take(&TileChoice::keys, keys, "keys");
  take(&TileChoice::split, split, "keys a chunk");
  if (!given.empty()) {
    choice.reason = "by option " + given + ", in place of " + choice.reason;
  }
}

void AttentionTiles::useOptions(int64_t rows, int64_t keys, int64_t split) {
  useOption(prefill, rows, keys, 0);
  useOption(fewRows, 0, keys, split);
  useOption(decode, 0, keys, split);
  if (split > 0) {
    fewRows.chunks = decode.chunks = 0;
    fewRows.blocks = decode.blocks = 0;
    fewRows.finest = decode.finest = 0;
  }
}

} // namespace attn
