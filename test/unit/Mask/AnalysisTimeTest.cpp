//===- AnalysisTimeTest.cpp - what the analysis of a mask costs -----------===//

#include "attn/Mask/Count.h"
#include "attn/Mask/MaskFacts.h"
#include "attn/Mask/TileAnalysis.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace attn;
using namespace mlir;

static double millisecondsOf(llvm::function_ref<void()> work) {
  auto start = std::chrono::steady_clock::now();
  work();
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  return time.count();
}

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
  // Of s queries and s keys, s from 1 on.
  auto dim = [&](unsigned d) {
    return LinearForm::of(getAffineDimExpr(d, &context));
  };
  LinearForm last =
      LinearForm::of(getAffineSymbolExpr(0, &context)).add(LinearForm(-1));
  MaskTerm square = {dim(QueryDim), last - dim(QueryDim), dim(KeyDim),
                     last - dim(KeyDim), last};
  std::printf("%-28s %10s %10s %10s\n", "mask", "segments", "formula",
              "proofs");
  for (auto &[name, set] : masks) {
    TileSegments keys, rows;
    double segments = millisecondsOf([&] {
      keys = analyzeTile(set, TileWalk::Keys, /*oneHead=*/true);
      rows = analyzeTile(set, TileWalk::Queries, /*oneHead=*/true);
    });
    MaskSet sized = set.replaceSymbols({}, 1);
    std::optional<Count> count;
    double formula = millisecondsOf(
        [&] { count = countPoints(sized, square, {QueryDim, KeyDim}); });
    double proofs = millisecondsOf([&] {
      EXPECT_FALSE(hidesNothing(sized, square)) << name;
      EXPECT_FALSE(hidesEverything(sized, square)) << name;
      EXPECT_TRUE(hiddenRows(sized, square)) << name;
    });
    std::printf("%-28s %7.3f ms %7.3f ms %7.3f ms, %zu segments of keys, %zu "
                "of queries%s\n",
                name, segments, formula, proofs, keys.segments.size(),
                rows.segments.size(),
                keys.exact && rows.exact ? "" : ", not exact");
    EXPECT_TRUE(count) << name;
    EXPECT_LT(segments + formula + proofs, 50.0) << name;
  }
}
