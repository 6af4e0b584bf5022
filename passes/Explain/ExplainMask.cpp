//===- ExplainMask.cpp - tell what is known of masks ----------------------===//

#include "../PassTarget.h"
#include "Explanation.h"
#include "attn/Passes/Passes.h"
#include "attn/Passes/RaiseMask.h"
#include "attn/Target/GPUCostModel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPLAINMASKPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct ExplainMaskPass
    : public attn::impl::ExplainMaskPassBase<ExplainMaskPass> {
  using ExplainMaskPassBase::ExplainMaskPassBase;

  // `name=value`, or a complaint.
  LogicalResult readSizes(ExplainOptions &options) {
    for (const std::string &text : sizes) {
      auto [name, number] = StringRef(text).split('=');
      int64_t value;
      if (name.empty() || number.getAsInteger(10, value)) {
        return getOperation().emitError("expected sizes as name=number, but "
                                        "got '")
               << text << "'";
      }
      options.sizes[name.str()] = value;
    }
    return success();
  }

  ExplainOptions optionsOf(AttentionOp op, ExplainOptions options,
                           const TargetDescription &description) {
    AttentionShape shape = AttentionShape::of(op);
    if (shape.headSize < 0 || shape.valueSize < 0) {
      // Without head sizes there is no choice to explain.
      options.rows = rows > 0 ? rows : 128;
      options.keys = keys > 0 ? keys : 128;
      return options;
    }
    AttentionTiles tiles = description.gpu
                               ? chooseGPUTiles(shape, *description.gpu)
                               : chooseTiles(shape, description);
    tiles.useMask(op);
    tiles.useOptions(rows, keys, /*split=*/0);
    options.rows = tiles.prefill.rows;
    options.keys = tiles.prefill.keys;
    options.panel = tiles.prefill.lanes;
    return options;
  }

  void print(llvm::raw_ostream &os, ArrayRef<Explanation> explanations) {
    if (format == "svg") {
      printSVG(os, explanations);
    } else if (format == "json") {
      printJSON(os, explanations);
    } else {
      llvm::interleave(
          explanations,
          [&](const Explanation &explanation) { printText(os, explanation); },
          [&] { os << "\n"; });
    }
  }

  void runOnOperation() override {
    ExplainOptions options;
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target, PassTargets::kAll);
    if (!description || failed(readSizes(options))) {
      return signalPassFailure();
    }
    if (format != "text" && format != "svg" && format != "json") {
      getOperation().emitError("expected format text, svg or json, but got '")
          << format << "'";
      return signalPassFailure();
    }
    if (rows < 0 || keys < 0 || head < 0) {
      getOperation().emitError("expected rows, keys and head of 0 or more");
      return signalPassFailure();
    }
    options.head = head;
    // What the pipeline raises is explained as it will be.
    OwningOpRef<ModuleOp> raised = getOperation().clone();
    std::vector<Explanation> explanations;
    raised->walk([&](AttentionOp op) {
      raiseMask(op);
      explanations.push_back(explain(op, optionsOf(op, options, *description)));
      for (const std::string &finding : explanations.back().facts) {
        emitWarning(op.getLoc()) << finding;
      }
    });
    if (output.empty()) {
      print(llvm::errs(), explanations);
    } else {
      std::string error;
      std::unique_ptr<llvm::ToolOutputFile> file =
          openOutputFile(output, &error);
      if (!file) {
        getOperation().emitError(error);
        return signalPassFailure();
      }
      print(file->os(), explanations);
      file->keep();
    }
    markAllAnalysesPreserved();
  }
};

} // namespace
