//===- AnalysisTimeTest.cpp - what the analysis of a mask costs -----------===//

#include "attn/Mask/TileAnalysis.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace attn;
using namespace mlir;

TEST(AnalysisTimeTest, EachMaskTakesLessThanFiftyMilliseconds) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  MaskSet causal = MaskSet::band(&context, -1, 0);
  MaskSet window = MaskSet::band(&context, 1023, 0);
  MaskSet sinks = MaskSet::prefix(&context, 4);
  MaskSet prefix = MaskSet::prefix(&context, 2048);
  MaskSet near = MaskSet::band(&context, 256, 256);
  std::pair<const char *, MaskSet> masks[] = {
      {"causal", causal},
      {"causal and window", MaskSet::all({causal, window})},
      {"causal and window, or sinks",
       MaskSet::any({MaskSet::all({causal, window}), sinks})},
      {"prefix-LM", MaskSet::any({causal, prefix})},
      {"chunk 16 and causal",
       MaskSet::all({causal, MaskSet::chunk(&context, 16)})},
      {"chunk 384", MaskSet::chunk(&context, 384)},
      {"dilated 4", MaskSet::dilated(&context, 4)},
      {"dilated 4 and window",
       MaskSet::all({MaskSet::dilated(&context, 4), window})},
      {"window or global", MaskSet::any({near, MaskSet::global(&context, 64)})},
      {"not (window or global)", MaskSet::complement(MaskSet::any(
                                     {near, MaskSet::global(&context, 64)}))}};
  for (auto &[name, set] : masks) {
    auto start = std::chrono::steady_clock::now();
    TileSegments keys = analyzeTile(set, TileWalk::Keys, /*oneHead=*/true);
    TileSegments rows = analyzeTile(set, TileWalk::Queries, /*oneHead=*/true);
    auto time = std::chrono::steady_clock::now() - start;
    double ms = std::chrono::duration<double, std::milli>(time).count();
    std::printf("%-28s %8.3f ms, %zu segments of keys, %zu of queries%s\n",
                name, ms, keys.segments.size(), rows.segments.size(),
                keys.exact && rows.exact ? "" : ", not exact");
    EXPECT_LT(ms, 50.0) << name;
  }
}
