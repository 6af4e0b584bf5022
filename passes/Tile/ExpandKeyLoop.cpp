//===- ExpandKeyLoop.cpp - expand key loops to one scf.for a segment ------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDKEYLOOPPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct ExpandKeyLoopPass
    : public attn::impl::ExpandKeyLoopPassBase<ExpandKeyLoopPass> {

  static Value loadTile(OpBuilder &b, Location loc, Value list, Value entry) {
    Value tile =
        isa<TensorType>(list.getType())
            ? tensor::ExtractOp::create(b, loc, list, entry).getResult()
            : memref::LoadOp::create(b, loc, list, entry).getResult();
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), tile);
  }

  LogicalResult expand(KeyLoopOp op) {
    bool tiles = op.getSource() == KeySource::Tiles;
    if (!tiles && op.getSource() != KeySource::Slice) {
      return op.emitOpError("has source ")
             << stringifyKeySource(op.getSource())
             << ", which has no lowering to loops; only slice and tiles have";
    }
    IRRewriter rewriter(op);
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    SmallVector<Value> carried = llvm::to_vector(op.getInits());
    for (unsigned segment = 0; segment < op.getLower().size(); ++segment) {
      Value lower = op.getLower()[segment], upper = op.getUpper()[segment];
      if (lower == upper) {
        continue;
      }
      auto loop = scf::ForOp::create(
          rewriter, loc, lower, upper,
          tiles ? index.constant(1) : Value(op.getStep()), carried);
      OpBuilder::InsertionGuard guard(rewriter);
      if (carried.empty()) {
        rewriter.setInsertionPoint(loop.getBody()->getTerminator());
      } else {
        rewriter.setInsertionPointToStart(loop.getBody());
      }
      IRMapping mapping;
      Value key = loop.getInductionVar(), limit = upper;
      if (tiles) {
        key =
            index.mul(loadTile(rewriter, loc, op.getList(), key), op.getStep());
        limit = op.getLimit();
      }
      mapping.map(op.getKeyIndex(), key);
      mapping.map(op.getKeyCount(),
                  index.min(op.getStep(), index.sub(limit, key)));
      mapping.map(op.getCarried(), loop.getRegionIterArgs());
      for (Operation &inner : op.getBody().front().without_terminator()) {
        Operation *clone = rewriter.clone(inner, mapping);
        auto online = dyn_cast<OnlineAttentionOp>(clone);
        if (online && online.isMasked() &&
            op.getKind(segment) == SegmentKind::Full) {
          online.dropMask();
          ++numMasksDropped;
        }
      }
      if (!carried.empty()) {
        SmallVector<Value> yielded;
        for (Value value : op.getYield().getValues()) {
          yielded.push_back(mapping.lookupOrDefault(value));
        }
        scf::YieldOp::create(rewriter, loc, yielded);
      }
      carried.assign(loop->result_begin(), loop->result_end());
    }
    rewriter.replaceOp(op, carried);
    return success();
  }

  void runOnOperation() override {
    SmallVector<KeyLoopOp> ops;
    getOperation()->walk([&](KeyLoopOp op) { ops.push_back(op); });
    for (KeyLoopOp op : ops) {
      if (failed(expand(op))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
