//===- CostModelTest.cpp - what tile sizes keep to on every target --------===//

#include "attn/Target/CostModel.h"
#include "attn/Target/GPUCostModel.h"
#include "attn/Target/WarpgroupModel.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

using namespace attn;

namespace {

std::vector<std::string> targetNames() {
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86()) {
    return {"host"};
  }
  return {"host",      "x86-64", "x86-64-v2",     "x86-64-v3",
          "x86-64-v4", "znver4", "sapphirerapids"};
}

TargetDescription getTarget(const std::string &name) {
  llvm::Expected<TargetDescription> target = TargetDescription::get(name);
  if (!target) {
    ADD_FAILURE() << llvm::toString(target.takeError());
    return TargetDescription();
  }
  return *target;
}

std::string print(const AttentionShape &shape) {
  auto text = [](int64_t n) { return std::to_string(n) + " "; };
  return "batch " + text(shape.batch) + "heads " + text(shape.queryHeads) +
         text(shape.keyHeads) + "queries " + text(shape.queries) + "keys " +
         text(shape.keys) + "sizes " + text(shape.headSize) +
         text(shape.valueSize) + "bits " + text(shape.elementBits) +
         text(shape.accumulatorBits);
}

/// Calls `body` for many shapes on each target, with what it fails on printed.
void forEach(
    std::function<void(const AttentionShape &, const TargetDescription &)>
        body) {
  for (const std::string &name : targetNames()) {
    TargetDescription target = getTarget(name);
    for (int64_t queries : {-1, 1, 2, 3, 7, 16, 33, 512, 4096}) {
      for (int64_t headSize : {1, 32, 80, 128, 256, 576}) {
        for (int64_t valueSize : {int64_t{1}, int64_t{64}, headSize}) {
          for (int64_t keyHeads : {-1, 1, 4, 32}) {
            for (int64_t bits : {16, 32, 64}) {
              AttentionShape shape;
              shape.batch = queries == 7 ? -1 : 2;
              shape.queryHeads = 32;
              shape.keyHeads = keyHeads;
              shape.queries = queries;
              shape.headSize = headSize;
              shape.valueSize = valueSize;
              shape.elementBits = bits;
              shape.accumulatorBits = bits == 64 ? 64 : 32;
              SCOPED_TRACE(name + ", " + print(shape));
              body(shape, target);
              if (testing::Test::HasFailure()) {
                return;
              }
            }
          }
        }
      }
    }
  }
}

TEST(TargetDescriptionTest, Names) {
  for (const std::string &name : targetNames()) {
    SCOPED_TRACE(name);
    TargetDescription target = getTarget(name);
    EXPECT_FALSE(target.triple.empty());
    EXPECT_FALSE(target.cpu.empty());
    EXPECT_GT(target.cores, 0);
    EXPECT_GT(target.l1Bytes, 0);
    EXPECT_GT(target.l2Bytes, 0);
    EXPECT_GE(target.vectorRegisters, 16);
    EXPECT_EQ(target.avx512, target.vectorBits == 512);
    EXPECT_EQ(target.lanes(32), target.vectorBits / 32);
    EXPECT_GT(target.peakGflops(32), target.peakGflops(64));
  }
  if (targetNames().size() > 1) {
    EXPECT_EQ(getTarget("x86-64").vectorBits, 128);
    EXPECT_EQ(getTarget("x86-64-v2").vectorBits, 128);
    EXPECT_EQ(getTarget("x86-64-v3").vectorBits, 256);
    EXPECT_EQ(getTarget("x86-64-v4").vectorBits, 512);
    EXPECT_FALSE(getTarget("x86-64-v4").bf16Dot);
    // What a machine must have is in the manifest.
    EXPECT_NE(getTarget("x86-64-v4").features.find("+avx512vl"),
              std::string::npos);
    EXPECT_TRUE(getTarget("znver4").bf16Dot);
    EXPECT_FALSE(getTarget("sapphirerapids").bf16Dot);
  }
}

TEST(TargetDescriptionTest, UnknownNameIsAnError) {
  for (const char *name : {"pentium-9", "i386", "sm_90a", "x86-64-v9"}) {
    llvm::Expected<TargetDescription> target = TargetDescription::get(name);
    ASSERT_FALSE(static_cast<bool>(target)) << name;
    std::string message = llvm::toString(target.takeError());
    EXPECT_NE(message.find("'" + std::string(name) + "'"), std::string::npos)
        << message;
  }
}

void checkRegisters(const TileChoice &choice, const TargetDescription &target) {
  EXPECT_GE(choice.registerTile, 1);
  // Accumulators, the vectors of one operand, and one broadcast.
  EXPECT_LE((choice.registerTile + 1) * choice.vectors + 1,
            target.vectorRegisters);
}

TEST(CostModelTest, PrefillTiles) {
  forEach([](const AttentionShape &shape, const TargetDescription &target) {
    TileChoice choice = chooseTiles(shape, target).prefill;
    EXPECT_GT(choice.vectors, 0);
    EXPECT_EQ(choice.lanes,
              choice.vectors * target.lanes(shape.accumulatorBits));
    EXPECT_GT(choice.rows, 0);
    EXPECT_EQ(choice.rows % choice.lanes, 0);
    EXPECT_GT(choice.keys, 0);
    EXPECT_EQ(choice.split, 0);
    EXPECT_FALSE(choice.reason.empty());
    checkRegisters(choice, target);
    // No row tile is all padding.
    if (shape.queries > 0) {
      EXPECT_LT(choice.rows - choice.lanes, shape.queries);
    }
  });
}

TEST(CostModelTest, DecodeTiles) {
  forEach([](const AttentionShape &shape, const TargetDescription &target) {
    AttentionTiles tiles = chooseTiles(shape, target);
    int64_t limit = decodeRowLimit(shape, target);
    EXPECT_EQ(tiles.fewRows.rows, target.lanes(shape.accumulatorBits));
    EXPECT_GE(limit, tiles.fewRows.rows);
    for (const TileChoice *choice : {&tiles.fewRows, &tiles.decode}) {
      EXPECT_GT(choice->rows, 0);
      EXPECT_GT(choice->keys, 0);
      EXPECT_GE(choice->split, 512);
      EXPECT_LE(choice->split, 8192);
      EXPECT_EQ(choice->split % choice->keys, 0);
      EXPECT_FALSE(choice->reason.empty());
      EXPECT_EQ(choice->lanes,
                choice->vectors * target.lanes(shape.accumulatorBits));
      // Where the form is used, one panel holds the rows.
      if (choice->rows <= limit) {
        EXPECT_LE(choice->rows, choice->lanes);
      }
      if (choice->rows > rowFormLimit(target, shape.accumulatorBits)) {
        checkRegisters(*choice, target);
      }
    }
  });
}

// Otherwise results would depend on the machine's number of cores.
TEST(CostModelTest, ChunksDoNotDependOnCores) {
  forEach([](const AttentionShape &shape, const TargetDescription &target) {
    TargetDescription other = target;
    other.cores = target.cores * 8;
    AttentionTiles here = chooseTiles(shape, target);
    AttentionTiles there = chooseTiles(shape, other);
    EXPECT_EQ(here.decode.split, there.decode.split);
    EXPECT_EQ(here.decode.keys, there.decode.keys);
    EXPECT_EQ(here.fewRows.split, there.fewRows.split);
    EXPECT_EQ(here.prefill.keys, there.prefill.keys);
  });
}

// Every chip has a kernel for every head size, which fits it.
TEST(GPUCostModelTest, KernelsFit) {
  for (llvm::StringRef chip : GPUDescription::chips()) {
    GPUDescription gpu = *GPUDescription::get(chip);
    for (int64_t size = 1; size <= 256; ++size) {
      for (int64_t rows : {0, 1, 16, 40, 64}) {
        for (int64_t bytes : {2, 4}) {
          if (bytes == 4 && rows > 32) {
            continue; // small chips have no room: see gpuDecodeRowLimit
          }
          KeyForms forms;
          forms.elementBytes = bytes;
          std::optional<MMAKernel> kernel =
              chooseMMAKernel(size, size, rows, /*keys=*/0, gpu, forms);
          ASSERT_TRUE(kernel) << chip.str() << " " << size << " " << rows;
          EXPECT_GE(kernel->rows(), rows);
          EXPECT_LE(kernel->sharedBytes, gpu.blockSharedBytes);
          EXPECT_EQ(kernel->warpKeys() % 16, 0);
          EXPECT_LE(kernel->threads(), 1024);
        }
      }
    }
  }
}

TEST(CostModelTest, PredictedTimeIsOfArithmeticOrMemory) {
  AttentionWork work;
  work.flops = 4e9;
  work.exps = 1e7;
  work.bytes = 1e6;
  work.headSize = work.valueSize = 100;
  work.rows = 256;
  work.keys = 100;
  PredictedTime time = predictTime(work, 1e11, 1e10);
  // 0.94 of the peak in products; 24 multiply-adds a score; 4 for each element
  // of the accumulator, once in 100 keys.
  EXPECT_NEAR(time.products, 0.04 / 0.94, 1e-9);
  EXPECT_NEAR(time.softmax, 24 * 1e7 * 2e-11, 1e-9);
  EXPECT_NEAR(time.tiles, 4 * 1e7 * 2e-11, 1e-9);
  EXPECT_DOUBLE_EQ(time.total(), time.products + time.softmax + time.tiles);
  work.narrow = true;
  PredictedTime widened = predictTime(work, 1e11, 1e10);
  EXPECT_GT(widened.tiles, time.tiles);
  work.dots = true;
  PredictedTime dots = predictTime(work, 1e11, 1e10);
  EXPECT_DOUBLE_EQ(dots.products, time.products / 2);
  EXPECT_LT(dots.tiles, widened.tiles);
  work.bytes = 1e10;
  EXPECT_DOUBLE_EQ(predictTime(work, 1e11, 1e10).total(), 1.0);
  work.fewRows = true;
  EXPECT_GT(predictTime(work, 1e11, 1e10).memory, 1.0);
}

// The lowering asks again with the sizes that tiling got, and must get the
// same.
TEST(GPUCostModelTest, SameKernelAgain) {
  for (llvm::StringRef chip : GPUDescription::chips()) {
    GPUDescription gpu = *GPUDescription::get(chip);
    for (int64_t size : {16, 64, 80, 128, 192, 256}) {
      std::optional<MMAKernel> first = chooseMMAKernel(size, size, 0, 0, gpu);
      ASSERT_TRUE(first);
      std::optional<MMAKernel> again =
          chooseMMAKernel(size, size, first->rows(), first->keys, gpu);
      ASSERT_TRUE(again);
      EXPECT_EQ(again->rows(), first->rows());
      EXPECT_EQ(again->keys, first->keys);
    }
  }
}

// The kernels that were the fastest of those tried on an H100.
TEST(GPUCostModelTest, PrefillOnHopper) {
  GPUDescription gpu = *GPUDescription::get("sm_90");
  for (int64_t size : {64, 128}) {
    std::optional<MMAKernel> kernel = chooseMMAKernel(size, size, 0, 0, gpu);
    ASSERT_TRUE(kernel);
    EXPECT_EQ(kernel->rowWarps, 4) << size;
    EXPECT_EQ(kernel->rowBlocks, 2) << size;
    EXPECT_EQ(kernel->keys, 64) << size;
    EXPECT_EQ(kernel->blocksPerProcessor, 2) << size;
    EXPECT_EQ(kernel->queriesInRegisters, size == 64) << size;
  }
}

TEST(GPUCostModelTest, Warpgroups) {
  GPUDescription gpu = *GPUDescription::get("sm_90");
  struct Case {
    int64_t head, value, rows, keys, queryStages;
  };
  for (Case c : {Case{64, 64, 192, 128, 2}, Case{80, 80, 192, 112, 2},
                 Case{96, 96, 192, 112, 2}, Case{112, 112, 192, 96, 2},
                 Case{128, 128, 128, 128, 2}, Case{192, 128, 128, 128, 1},
                 Case{160, 160, 128, 112, 2}, Case{144, 144, 128, 112, 1},
                 Case{256, 256, 128, 80, 1}}) {
    std::optional<WarpgroupKernel> kernel =
        chooseWarpgroupKernel(c.head, c.value, 0, 0, gpu);
    ASSERT_TRUE(kernel) << c.head;
    EXPECT_EQ(kernel->rows(), c.rows) << c.head;
    EXPECT_EQ(kernel->keys, c.keys) << c.head;
    EXPECT_EQ(kernel->queryStages, c.queryStages) << c.head;
    EXPECT_LE(kernel->sharedBytes, gpu.blockSharedBytes) << c.head;
  }
  EXPECT_FALSE(chooseWarpgroupKernel(576, 512, 0, 0, gpu));
  // As many tiles on their way as there is room for.
  EXPECT_EQ(chooseWarpgroupKernel(64, 64, 0, 0, gpu)->stages, 4);
  EXPECT_EQ(chooseWarpgroupKernel(128, 128, 0, 0, gpu)->stages, 2);
  // Wide panels, but where narrow ones make room for a second stage of Q.
  for (auto [size, columns, panelBytes] : {std::array<int64_t, 3>{80, 128, 128},
                                           {144, 192, 128},
                                           {160, 160, 64}}) {
    std::optional<WarpgroupKernel> kernel =
        chooseWarpgroupKernel(size, size, 0, 0, gpu);
    ASSERT_TRUE(kernel) << size;
    EXPECT_EQ(kernel->headColumns, columns) << size;
    EXPECT_EQ(kernel->panelBytes(kernel->headColumns), panelBytes) << size;
  }
}

// Elements of 8 bits have a warpgroup more, which turns V, and two
// accumulators.
TEST(GPUCostModelTest, NarrowWarpgroups) {
  GPUDescription gpu = *GPUDescription::get("sm_90");
  for (int64_t size : {64, 96, 128}) {
    std::optional<WarpgroupKernel> kernel =
        chooseWarpgroupKernel(size, size, 0, 0, gpu, /*elementBytes=*/1);
    ASSERT_TRUE(kernel) << size;
    EXPECT_EQ(kernel->rows(), 128) << size;
    EXPECT_EQ(kernel->keys, 128) << size;
    EXPECT_EQ(kernel->threads(), 512) << size;
    EXPECT_FALSE(kernel->stagesResults()) << size;
    EXPECT_LE(kernel->sharedBytes, gpu.blockSharedBytes) << size;
  }
  EXPECT_FALSE(chooseWarpgroupKernel(256, 256, 0, 0, gpu, /*elementBytes=*/1));
}

TEST(GPUCostModelTest, LatentKernels) {
  GPUDescription gpu = *GPUDescription::get("sm_90");
  struct Case {
    int64_t head, value, stages;
  };
  for (Case c : {Case{576, 512, 2}, Case{320, 256, 4}, Case{512, 512, 2}}) {
    std::optional<WarpgroupKernel> kernel =
        chooseLatentKernel(c.head, c.value, gpu);
    ASSERT_TRUE(kernel) << c.head;
    EXPECT_EQ(kernel->rows(), 64) << c.head;
    EXPECT_EQ(kernel->keys, 64) << c.head;
    EXPECT_EQ(kernel->stages, c.stages) << c.head;
    EXPECT_EQ(kernel->threads(), 384) << c.head;
    EXPECT_LE(kernel->sharedBytes, gpu.blockSharedBytes) << c.head;
  }
  EXPECT_FALSE(chooseLatentKernel(576, 576, gpu)); // no two halves of panels
  EXPECT_FALSE(chooseLatentKernel(576, 512, *GPUDescription::get("sm_80")));
}

TEST(GPUCostModelTest, DecodeOfLatentCaches) {
  AttentionShape shape;
  shape.queryHeads = 128;
  shape.keyHeads = shape.queries = 1;
  shape.headSize = 576;
  shape.valueSize = 512;
  shape.elementBits = 16;
  shape.valuesInKeys = shape.latentTiles = true;
  GPUDescription gpu = *GPUDescription::get("sm_90");
  TileChoice decode = chooseGPUTiles(shape, gpu).decode;
  EXPECT_TRUE(decode.warpgroups);
  EXPECT_EQ(decode.blocks, gpu.processors);
  shape.latentTiles = false; // small pages
  EXPECT_FALSE(chooseGPUTiles(shape, gpu).decode.warpgroups);
}

} // namespace
