//===- ForallToOpenMP.cpp - parallel tiles as OpenMP loops ----------------===//
// omp.parallel { workspaces; omp.wsloop schedule(dynamic) over tiles }.
// Upstream goes through scf.parallel, which wraps the body in an alloca scope
// of one block, has a static schedule, and no place for buffers of a thread.
//===----------------------------------------------------------------------===//

#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_FORALLTOOPENMPPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// Buffers of the body whose sizes are known before it, with their one dealloc.
SmallVector<std::pair<memref::AllocOp, memref::DeallocOp>>
workspaces(scf::ForallOp op) {
  SmallVector<std::pair<memref::AllocOp, memref::DeallocOp>> result;
  for (auto alloc : op.getBody()->getOps<memref::AllocOp>()) {
    bool outside = llvm::all_of(alloc->getOperands(), [&](Value size) {
      return !op.getRegion().isAncestor(size.getParentRegion());
    });
    SmallVector<memref::DeallocOp> deallocs;
    for (Operation *user : alloc->getUsers()) {
      auto dealloc = dyn_cast<memref::DeallocOp>(user);
      if (dealloc && dealloc->getBlock() == op.getBody()) {
        deallocs.push_back(dealloc);
      }
    }
    if (outside && deallocs.size() == 1) {
      result.push_back({alloc, deallocs.front()});
    }
  }
  return result;
}

// The induction variables of tile `number`, last one fastest.
SmallVector<Value> delinearize(IndexBuilder &index, OpBuilder &builder,
                               Location loc, Value number,
                               ArrayRef<Value> counts) {
  SmallVector<Value> ivs(counts.size());
  for (int64_t d = static_cast<int64_t>(counts.size()) - 1; d > 0; --d) {
    ivs[d] = builder.createOrFold<arith::RemUIOp>(loc, number, counts[d]);
    number = index.div(number, counts[d]);
  }
  if (!ivs.empty()) {
    ivs[0] = number;
  }
  return ivs;
}

struct ForallToOpenMPPass
    : public attn::impl::ForallToOpenMPPassBase<ForallToOpenMPPass> {
  using ForallToOpenMPPassBase::ForallToOpenMPPassBase;

  LogicalResult convert(scf::ForallOp op) {
    if (op.getNumResults() != 0) {
      return op.emitOpError("expected memrefs: bufferize first");
    }
    IRRewriter rewriter(op);
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    SmallVector<Value> counts, lowers, steps;
    Value total = index.constant(1);
    for (auto [lower, upper, step] :
         llvm::zip_equal(op.getMixedLowerBound(), op.getMixedUpperBound(),
                         op.getMixedStep())) {
      lowers.push_back(index.value(lower));
      steps.push_back(index.value(step));
      Value span = index.sub(index.value(upper), lowers.back());
      Value count = index.max(
          rewriter.createOrFold<arith::CeilDivSIOp>(loc, span, steps.back()),
          index.constant(0));
      counts.push_back(count);
      total = index.mul(total, count);
    }
    bool parallel = openmp && !op->getParentOfType<scf::ForallOp>() &&
                    !op->getParentOfType<omp::ParallelOp>();
    Block *setup = rewriter.getInsertionBlock();
    if (parallel) {
      auto region = omp::ParallelOp::create(rewriter, loc);
      setup = rewriter.createBlock(&region.getRegion());
      omp::TerminatorOp::create(rewriter, loc);
      rewriter.setInsertionPoint(setup->getTerminator());
      ++numParallel;
    }
    Value zero = index.constant(0), one = index.constant(1);
    auto buffers = workspaces(op);
    for (auto [alloc, dealloc] : buffers) {
      rewriter.moveOpBefore(alloc, setup, rewriter.getInsertionPoint());
    }
    Block *body;
    Operation *loop;
    Value number;
    if (parallel) {
      omp::WsloopOperands clauses;
      clauses.scheduleKind = omp::ClauseScheduleKindAttr::get(
          op.getContext(), omp::ClauseScheduleKind::Dynamic);
      auto wsloop = omp::WsloopOp::create(rewriter, loc, clauses);
      loop = wsloop;
      rewriter.createBlock(&wsloop.getRegion());
      omp::LoopNestOperands nest;
      nest.loopLowerBounds = {zero};
      nest.loopUpperBounds = {total};
      nest.loopSteps = {one};
      auto loopNest = omp::LoopNestOp::create(rewriter, loc, nest);
      body = rewriter.createBlock(&loopNest.getRegion(), {},
                                  {rewriter.getIndexType()}, {loc});
      number = body->getArgument(0);
      omp::YieldOp::create(rewriter, loc);
    } else {
      auto serial = scf::ForOp::create(rewriter, loc, zero, total, one);
      loop = serial;
      body = serial.getBody();
      number = serial.getInductionVar();
    }
    rewriter.setInsertionPoint(body->getTerminator());
    SmallVector<Value> ivs = delinearize(index, rewriter, loc, number, counts);
    for (auto [d, iv] : llvm::enumerate(ivs)) {
      iv = index.add(index.mul(iv, steps[d]), lowers[d]);
    }
    rewriter.eraseOp(op.getTerminator());
    rewriter.inlineBlockBefore(op.getBody(), body->getTerminator(), ivs);
    for (auto [alloc, dealloc] : buffers) {
      rewriter.moveOpAfter(dealloc, loop);
    }
    rewriter.eraseOp(op);
    return success();
  }

  void runOnOperation() override {
    SmallVector<scf::ForallOp> ops;
    getOperation()->walk<WalkOrder::PreOrder>(
        [&](scf::ForallOp op) { ops.push_back(op); });
    for (scf::ForallOp op : ops) {
      if (failed(convert(op))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
