//===- LowerRings.cpp - roles, rings and copies to nvvm -------------------===//

#include "Lowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

// How long a wait may suspend a warp before it looks again, in nanoseconds.
constexpr int64_t kSuspend = 10000000;

Value laneOf(WarpBuilder &warp) { return warp.andi(warp.thread(), 31); }
Value warpOf(WarpBuilder &warp) {
  return warp.andi(warp.shr(warp.thread(), 5), 3);
}
Value firstLane(WarpBuilder &warp) {
  return warp.equal(laneOf(warp), warp.c(0));
}

std::pair<Value, Value>
stageOf(WarpBuilder &warp, const SharedLayout::Ring &ring, Value position) {
  Value stage = warp.rem(position, ring.stages);
  Value round = warp.div(position, ring.stages);
  return {stage, warp.andi(round, 1)};
}
Value barrierOf(WarpBuilder &warp, int64_t start, Value stage) {
  return warp.sharedAddress(warp.mul(stage, 8), start);
}
void waitAt(WarpBuilder &warp, Value address, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(warp.builder, warp.loc, address, parity,
                                        warp.c(kSuspend));
}
// Without a branch.
void arriveAt(WarpBuilder &warp, Value address) {
  NVVM::InlinePtxOp::create(
      warp.builder, warp.loc, TypeRange(), ValueRange{address}, ValueRange(),
      "mbarrier.arrive.shared::cta.b64 _, [{$r0}];", firstLane(warp));
}
void fenceProducts(WarpBuilder &warp) {
  NVVM::FenceProxyOp::create(
      warp.builder, warp.loc, NVVM::ProxyKind::async_shared,
      NVVM::SharedSpaceAttr::get(warp.builder.getContext(),
                                 NVVM::SharedSpace::shared_cta));
}

namespace {

using Ring = SharedLayout::Ring;

struct RingLowering : WarpgroupPattern<RingOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(RingOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(op, ArrayRef<ValueRange>{ValueRange()});
    return success();
  }
};

void setRegisters(WarpBuilder &warp, int64_t count,
                  NVVM::SetMaxRegisterAction action) {
  NVVM::SetMaxRegisterOp::create(warp.builder, warp.loc, count, action);
}

struct RolesLowering : WarpgroupPattern<RolesOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(RolesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Value thread = warp.thread();
    warp.guarded(warp.equal(thread, warp.c(0)), [&] {
      for (const auto &[value, ring] : lowering.layout.all()) {
        for (int64_t stage = 0; stage < ring.stages; ++stage) {
          auto init = [&](int64_t start, int64_t count) {
            NVVM::MBarrierInitOp::create(rewriter, op.getLoc(),
                                         barrierOf(warp, start, warp.c(stage)),
                                         warp.c(count), Value());
          };
          init(ring.full, ring.writers);
          init(ring.empty, 4 * ring.consumers);
        }
      }
      NVVM::FenceMbarrierInitOp::create(rewriter, op.getLoc());
    });
    warp.barrier();
    // The same in all threads of a warp, and known to be.
    Value number = warp.broadcast(warp.shr(thread, 5), warp.c(0));
    Value group = warp.shr(number, 2);
    auto choice =
        scf::IfOp::create(rewriter, op.getLoc(), warp.equal(group, warp.c(0)),
                          /*withElseRegion=*/true);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    setRegisters(warp, op.getProducerRegisters(),
                 NVVM::SetMaxRegisterAction::decrease);
    warp.guarded(warp.equal(number, warp.c(0)), [&] {
      Value one = NVVM::ElectSyncOp::create(rewriter, op.getLoc(),
                                            rewriter.getI1Type(), Value());
      auto elected = scf::IfOp::create(rewriter, op.getLoc(), one);
      rewriter.inlineBlockBefore(&op.getProducer().front(),
                                 elected.thenBlock()->getTerminator());
    });
    if (!op.getPrepare().empty()) {
      auto prepares = scf::IfOp::create(rewriter, op.getLoc(),
                                        warp.equal(number, warp.c(1)));
      rewriter.inlineBlockBefore(&op.getPrepare().front(),
                                 prepares.thenBlock()->getTerminator());
    }
    rewriter.setInsertionPointToStart(choice.elseBlock());
    int64_t others = 1;
    if (!op.getAssist().empty()) {
      others = 2;
      auto assists =
          scf::IfOp::create(rewriter, op.getLoc(), warp.equal(group, warp.c(1)),
                            /*withElseRegion=*/true);
      rewriter.setInsertionPointToStart(assists.thenBlock());
      // Of the registers of a multiprocessor, in units of 8.
      int64_t threads = 128 * (2 + op.getConsumers());
      int64_t atStart = 65536 / threads / 8 * 8;
      int64_t assist = op.getAssistRegisters();
      setRegisters(warp, assist,
                   assist > atStart ? NVVM::SetMaxRegisterAction::increase
                                    : NVVM::SetMaxRegisterAction::decrease);
      rewriter.inlineBlockBefore(&op.getAssist().front(),
                                 assists.thenBlock()->getTerminator());
      rewriter.setInsertionPointToStart(assists.elseBlock());
    }
    Operation *end = rewriter.getInsertionBlock()->getTerminator();
    setRegisters(warp, op.getConsumerRegisters(),
                 NVVM::SetMaxRegisterAction::increase);
    Value consumer = warp.sub(group, warp.c(others));
    rewriter.inlineBlockBefore(&op.getConsumer().front(), end,
                               ValueRange{consumer});
    rewriter.eraseOp(op);
    return success();
  }
};

struct AcquireLowering : WarpgroupPattern<AcquireOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(AcquireOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    auto [stage, parity] = stageOf(warp, ring, adaptor.getPosition().front());
    // The first round waits for nobody.
    waitAt(warp, barrierOf(warp, ring.empty, stage),
           warp.xori(parity, warp.c(1)));
    for (auto [i, tag] : llvm::enumerate(adaptor.getTags())) {
      warp.store(tag.front(), warp.sharedAddress(warp.mul(stage, ring.tagBytes),
                                                 ring.tags + 4 * i));
    }
    int64_t bytes = op.getEmpty() ? 0 : stageBytes(op.getRing().getType());
    NVVM::MBarrierArriveExpectTxOp::create(
        rewriter, op.getLoc(), Type(), barrierOf(warp, ring.full, stage),
        warp.c(bytes), NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
    rewriter.eraseOp(op);
    return success();
  }
};

struct LoadLowering : WarpgroupPattern<LoadOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(LoadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    int64_t panel = bytesOfPanel(op.getRing().getType());
    Value to = warp.sharedAddress(
        warp.mul(stage, ring.stageBytes),
        ring.tiles + op.getPanel() * panel +
            op.getRange().first * op.getRing().getType().getPanelBytes());
    to = LLVM::AddrSpaceCastOp::create(
        rewriter, op.getLoc(),
        LLVM::LLVMPointerType::get(rewriter.getContext(), 7), to);
    SmallVector<Value> at;
    for (ValueRange coordinate : adaptor.getCoordinates()) {
      at.push_back(coordinate.front());
    }
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        rewriter, op.getLoc(), to, adaptor.getMap().front(), at,
        barrierOf(warp, ring.full, stage), ValueRange(), Value(), Value(),
        NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(),
        Value());
    rewriter.eraseOp(op);
    return success();
  }
};

struct AwaitLowering : WarpgroupPattern<AwaitOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(AwaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    auto [stage, parity] = stageOf(warp, ring, adaptor.getPosition().front());
    waitAt(warp, barrierOf(warp, ring.full, stage), parity);
    rewriter.eraseOp(op);
    return success();
  }
};

struct ReleaseLowering : WarpgroupPattern<ReleaseOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ReleaseOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    arriveAt(warp, barrierOf(warp, ring.empty, stage));
    rewriter.eraseOp(op);
    return success();
  }
};

struct TagLowering : WarpgroupPattern<TagOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(TagOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    Value tag = warp.load(warp.i32(),
                          warp.sharedAddress(warp.mul(stage, ring.tagBytes),
                                             ring.tags + 4 * op.getIndex()));
    // ptxas must know that all threads have the same: positions of rings are in
    // uniform registers where loops are uniform.
    rewriter.replaceOp(op, warp.broadcast(tag, warp.c(0)));
    return success();
  }
};

// The address of a tile, in bytes of shared memory.
struct TileLowering : WarpgroupPattern<TileOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(TileOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    Value start = LLVM::PtrToIntOp::create(
        rewriter, op.getLoc(), warp.i32(),
        warp.sharedAddress(warp.mul(stage, ring.stageBytes), ring.tiles));
    if (!adaptor.getRow().empty()) {
      start = warp.add(start, warp.mul(adaptor.getRow().front(),
                                       op.getRing().getType().getPanelBytes()));
    }
    if (!adaptor.getPanel().empty()) {
      start = warp.add(start, warp.mul(adaptor.getPanel().front(),
                                       bytesOfPanel(op.getRing().getType())));
    }
    rewriter.replaceOp(op, start);
    return success();
  }
};

struct TakeTurnLowering : WarpgroupPattern<TakeTurnOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(TakeTurnOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    NVVM::BarrierOp::create(rewriter, op.getLoc(), TypeRange(),
                            warp.add(adaptor.getWarpgroup().front(), 1),
                            warp.c(256), NVVM::BarrierReductionAttr(), Value());
    rewriter.eraseOp(op);
    return success();
  }
};

struct PassTurnLowering : WarpgroupPattern<PassTurnOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(PassTurnOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Value number = adaptor.getWarpgroup().front();
    Value isLast = warp.equal(number, warp.c(lowering.consumers - 1));
    auto arriveAt = [&](Value id) {
      NVVM::BarrierArriveOp::create(rewriter, op.getLoc(), id, warp.c(256));
    };
    if (op.getFirst()) {
      warp.guarded(isLast, [&] { arriveAt(warp.c(1)); });
    } else {
      arriveAt(warp.select(isLast, warp.c(1), warp.add(number, 2)));
    }
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void populateRingPatterns(RewritePatternSet &patterns,
                          const TypeConverter &converter,
                          const LoweringContext &lowering) {
  patterns.add<RingLowering, RolesLowering, AcquireLowering, LoadLowering,
               AwaitLowering, ReleaseLowering, TagLowering, TileLowering,
               TakeTurnLowering, PassTurnLowering>(
      converter, patterns.getContext(), lowering);
}

} // namespace attn
