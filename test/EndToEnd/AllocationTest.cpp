//===- AllocationTest.cpp - what compiled attention allocates -------------===//
// On the buffers that the pipelines leave: no copy, nothing allocated in a loop
// over keys, and in total O(S) bytes and never O(S^2). All sizes are static, so
// that the types tell the bytes.
//===----------------------------------------------------------------------===//

#include "Case.h"

#include "attn/Emit/Compiler.h"

#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Pipelines/Pipelines.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;

namespace {

struct Buffers {
  int64_t bytes = 0;
  std::string complaint; ///< empty: as it should be
};

std::string textOf(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().skipRegions());
  return text;
}

Buffers inspect(ModuleOp module) {
  Buffers found;
  auto complain = [&](const std::string &what, Operation *op) {
    found.complaint += what + ": " + textOf(op) + "\n";
  };
  module.walk([&](Operation *op) {
    if (isa<memref::CopyOp, linalg::CopyOp>(op)) {
      complain("a copy", op);
    }
    if (!isa<memref::AllocOp, memref::AllocaOp>(op)) {
      return;
    }
    auto type = cast<MemRefType>(op->getResult(0).getType());
    if (!type.hasStaticShape()) {
      complain("an allocation of unknown size", op);
      return;
    }
    if (op->getParentOfType<scf::ForOp>() ||
        op->getParentOfType<scf::WhileOp>()) {
      complain("an allocation in a loop", op);
    }
    found.bytes += type.getNumElements() *
                   llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  });
  return found;
}

/// The buffers of `c` after the stages up to bufferization, or up to vectors.
Buffers lower(const Case &c, bool toVectors) {
  std::unique_ptr<MLIRContext> context = attn::makeCompilerContext();
  auto module = attn::parseModule(moduleText(c), "case.mlir", *context);
  if (!module) {
    return {0, module.message()};
  }
  attn::CPUPipelineOptions options;
  PassManager pm(context.get());
  attn::buildAttnGraphPipeline(pm);
  attn::buildAttnTilePipeline(pm, options);
  attn::buildAttnCPUBufferizePipeline(pm, options);
  if (toVectors) {
    attn::buildAttnCPUVectorPipeline(pm, options);
  }
  if (failed(pm.run(**module))) {
    return {0, "the pipeline fails"};
  }
  return inspect(**module);
}

struct NamedCase {
  const char *name;
  Case c;
};

std::vector<NamedCase> cases() {
  Case base;
  base.heads = 4;
  base.keyHeads = 2;
  base.mask = "#attn.causal";
  std::vector<NamedCase> all;
  auto add = [&](const char *name, auto change) {
    Case c = base;
    change(c);
    c.outType = c.dtype;
    all.push_back({name, c});
  };
  add("Causal", [](Case &) {});
  add("Full", [](Case &c) { c.mask = ""; });
  add("BFloat", [](Case &c) { c.dtype = DType::kBF16; });
  add("Half", [](Case &c) { c.dtype = DType::kF16; });
  add("Double", [](Case &c) { c.dtype = DType::kF64; });
  add("SinkAndWindow",
      [](Case &c) { c.mask = "#attn.or<#attn.sink<4>, #attn.window<31, 0>>"; });
  add("Interleaved", [](Case &c) { c.layout = Layout::kBshd; });
  add("Ragged", [](Case &c) { c.layout = Layout::kThd; });
  add("Lengths", [](Case &c) { c.kvLens = KvLens::kSome; });
  add("SoftCap", [](Case &c) { c.score = Score::kSoftCap; });
  add("Bias", [](Case &c) { c.score = Score::kRelative; });
  add("Sinks", [](Case &c) { c.sinks = Sinks::kFinite; });
  add("Donated", [](Case &c) { c.outs = Outs::kDonated; });
  add("Memref", [](Case &c) { c.outs = Outs::kMemref; });
  add("Packed", [](Case &c) { c.inputs = Inputs::kPackedHeads; });
  add("PackedMemref", [](Case &c) {
    c.inputs = Inputs::kPackedHeads;
    c.outs = Outs::kMemref;
  });
  add("LatentKeys", [](Case &c) {
    c.inputs = Inputs::kValueInKey;
    c.size = 576;
    c.valueSize = 512;
    c.keyHeads = 1;
  });
  return all;
}

void PrintTo(const NamedCase &named, std::ostream *stream) {
  *stream << named.name;
}

class Allocation : public testing::TestWithParam<NamedCase> {
protected:
  /// `queries` 0: as many as keys.
  static void expectLinear(Case c, int64_t queries) {
    constexpr int64_t kKeys = 2048;
    for (bool toVectors : {false, true}) {
      int64_t bytes[2] = {0, 0};
      for (int64_t factor : {1, 4}) {
        int64_t keys = kKeys * factor;
        c.launches = {{{queries ? queries : keys}, {keys}}};
        Buffers buffers = lower(c, toVectors);
        EXPECT_EQ(buffers.complaint, "") << moduleText(c);
        bytes[factor == 4] = buffers.bytes;
      }
      EXPECT_LE(bytes[1], 4 * bytes[0]) << moduleText(c);
      // Far from the scores of one head.
      EXPECT_LT(bytes[1], 4 * kKeys * 4 * kKeys * 4) << moduleText(c);
    }
  }
};

TEST_P(Allocation, PrefillIsLinear) { expectLinear(GetParam().c, 0); }

TEST_P(Allocation, DecodeIsLinear) {
  Case c = GetParam().c;
  if (c.inputs == Inputs::kPackedHeads) {
    GTEST_SKIP() << "packed q, k and v have one length";
  }
  expectLinear(c, 1);
}

INSTANTIATE_TEST_SUITE_P(Pipelines, Allocation, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<NamedCase> &info) {
                           return info.param.name;
                         });

} // namespace
