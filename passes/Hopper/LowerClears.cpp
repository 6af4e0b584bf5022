//===- LowerClears.cpp - zeros over values that nothing sees --------------===//
// 16 bytes a thread and turn; panels of a tile lie one after the other.
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

namespace {

constexpr int64_t kWarpgroup = 128;

/// A stage of a ring, as a warpgroup writes to it.
class Stage {
public:
  Stage(OpBuilder &builder, Location loc, const LoweringContext &lowering,
        TypedValue<RingType> ring, Value position, Value warpgroup)
      : warp(builder, loc), loc(loc), ring(lowering.layout.of(ring)),
        rows(ring.getType().getShape()[1]),
        rowChunks(ring.getType().getPanelBytes() / kChunkBytes),
        count(panels(ring.getType())), panelBytes(bytesOfPanel(ring.getType())),
        thread(warp.andi(warp.thread(), kWarpgroup - 1)),
        start(warp.mul(warp.rem(position, this->ring.stages),
                       this->ring.stageBytes)),
        // Behind the barriers of the turns.
        barrierId(warp.add(warpgroup, 1 + lowering.consumers)) {}

  WarpBuilder warp;
  Location loc;
  const SharedLayout::Ring &ring;
  int64_t rows, rowChunks;   // of a panel, of a row of it
  int64_t count, panelBytes; // of panels
  Value thread;              // in the warpgroup

  /// The address of chunk `chunk` of a panel.
  Value address(Value chunk, int64_t panel) {
    return warp.sharedAddress(warp.add(start, warp.mul(chunk, kChunkBytes)),
                              ring.tiles + panel * panelBytes);
  }
  void clear(Value chunk) {
    Value zero = arith::ConstantOp::create(
        warp.builder, loc,
        DenseElementsAttr::get(cast<ShapedType>(chunkType()),
                               warp.builder.getI32IntegerAttr(0)));
    for (int64_t panel = 0; panel < count; ++panel) {
      warp.store(zero, address(chunk, panel), kChunkBytes);
    }
  }
  Type chunkType() { return VectorType::get(4, warp.i32()); }

  /// Code for each of the chunks [from, to) in steps, in a loop.
  void forChunks(Value from, int64_t to, int64_t step,
                 llvm::function_ref<void(Value)> body) {
    auto loop =
        scf::ForOp::create(warp.builder, loc, from, warp.c(to), warp.c(step));
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
    body(loop.getInductionVar());
  }

  /// What was written in front of it is seen by products behind it.
  void fence() {
    NVVM::FenceProxyOp::create(
        warp.builder, loc, NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(warp.builder.getContext(),
                                   NVVM::SharedSpace::shared_cta));
  }
  void barrier() {
    NVVM::BarrierOp::create(warp.builder, loc, TypeRange(), barrierId,
                            warp.c(kWarpgroup), NVVM::BarrierReductionAttr(),
                            Value());
  }
  /// Whether `word` is not 0 on some thread of the warpgroup.
  Value any(Value word) {
    Value zero = warp.c(0);
    Value found = arith::CmpIOp::create(warp.builder, loc,
                                        arith::CmpIPredicate::ne, word, zero);
    return LLVM::CallIntrinsicOp::create(
               warp.builder, loc, warp.builder.getI1Type(),
               warp.builder.getStringAttr(
                   "llvm.nvvm.barrier.cta.red.or.aligned.count"),
               ValueRange{barrierId, warp.c(kWarpgroup), found})
        .getResult(0);
  }

private:
  Value start, barrierId;
};

struct ClearRowsLowering : WarpgroupPattern<ClearRowsOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ClearRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stage stage(rewriter, op.getLoc(), lowering, op.getRing(),
                adaptor.getPosition().front(), adaptor.getWarpgroup().front());
    WarpBuilder &warp = stage.warp;
    Value from = warp.mul(adaptor.getFrom().front(), stage.rowChunks);
    stage.forChunks(warp.add(from, stage.thread), stage.rows * stage.rowChunks,
                    kWarpgroup, [&](Value chunk) { stage.clear(chunk); });
    stage.fence();
    stage.barrier();
    rewriter.eraseOp(op);
    return success();
  }
};

struct ClearHiddenLowering : WarpgroupPattern<ClearHiddenOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ClearHiddenOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Stage stage(rewriter, op.getLoc(), lowering, op.getRing(),
                adaptor.getPosition().front(), adaptor.getWarpgroup().front());
    WarpBuilder &warp = stage.warp;
    Queries queries{op.getSeen().front(), adaptor.getQueries().front(),
                    adaptor.getDiagonal().front()};
    // What a thread decides of its rows; 1 where it found nobody.
    Value open = warp.c(0);
    for (int64_t from = 0; from < stage.rows; from += kWarpgroup) {
      Value row = warp.add(stage.thread, from);
      Value found = warp.either(warp.less(warp.c(stage.rows - 1), row),
                                queries.likely(warp, row));
      open = warp.either(open, warp.select(found, warp.c(0), warp.c(1)));
    }
    auto look = [&](Value word, llvm::function_ref<void()> body) {
      auto choice = scf::IfOp::create(rewriter, op.getLoc(), stage.any(word));
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPoint(choice.thenBlock()->getTerminator());
      body();
    };
    look(open, [&] {
      look(findSpecial(stage, op.getRing().getType().getElement()), [&] {
        for (int64_t from = 0; from < stage.rows; from += kWarpgroup) {
          clearUnseen(stage, queries, warp.add(stage.thread, from));
        }
        stage.fence();
        stage.barrier();
      });
      // What another warpgroup has cleared since the look above.
      stage.fence();
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Who may see a row.
  struct Queries {
    Block &body;
    Value count, diagonal;

    Value see(WarpBuilder &warp, Value row, Value query) {
      IRMapping mapping;
      mapping.map(body.getArgument(0), row);
      mapping.map(body.getArgument(1), query);
      for (Operation &inner : body.without_terminator()) {
        warp.builder.clone(inner, mapping);
      }
      return mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
    }
    Value likely(WarpBuilder &warp, Value row) {
      Value zero = warp.c(0), last = warp.max(warp.sub(count, warp.c(1)), zero);
      Value beside = warp.min(warp.max(warp.add(row, diagonal), zero), last);
      return warp.either(
          see(warp, row, beside),
          warp.either(see(warp, row, last), see(warp, row, zero)));
    }
    Value any(WarpBuilder &warp, Value row) {
      Value none = arith::ConstantIntOp::create(warp.builder, warp.loc, 0, 1);
      auto loop = scf::ForOp::create(warp.builder, warp.loc, warp.c(0), count,
                                     warp.c(1), none);
      OpBuilder::InsertionGuard guard(warp.builder);
      warp.builder.setInsertionPointToStart(loop.getBody());
      Value seen = see(warp, row, loop.getInductionVar());
      scf::YieldOp::create(
          warp.builder, warp.loc,
          Value(warp.either(loop.getRegionIterArgs().front(), seen)));
      return loop.getResult(0);
    }
  };

  // A word that is not 0 where the thread's part of the stage has an infinity
  // or NaN: all bits of the exponent of one of two elements are set, so that
  // adding its lowest bit carries.
  static Value findSpecial(Stage &stage, Type element) {
    WarpBuilder &warp = stage.warp;
    bool half = element.isF16();
    int64_t exponent = half ? 0x7c007c00 : 0x7f807f80;
    int64_t lowest = half ? 0x04000400 : 0x00800080;
    Value found = warp.c(0);
    for (int64_t first = 0; first < stage.rows * stage.rowChunks;
         first += kWarpgroup) {
      for (int64_t panel = 0; panel < stage.count; ++panel) {
        Value chunk = warp.load(
            stage.chunkType(),
            stage.address(warp.add(stage.thread, first), panel), kChunkBytes);
        for (int64_t i = 0; i < 4; ++i) {
          Value word = vectorWord(warp, chunk, i);
          found = warp.either(
              found, warp.add(warp.andi(word, exponent), warp.c(lowest)));
        }
      }
    }
    return warp.andi(found, static_cast<int32_t>(0x80008000));
  }

  static Value vectorWord(WarpBuilder &warp, Value chunk, int64_t i) {
    return LLVM::ExtractElementOp::create(warp.builder, warp.loc, chunk,
                                          warp.c(i));
  }

  // Row `row` of the stage, one a thread.
  static void clearUnseen(Stage &stage, Queries &queries, Value row) {
    WarpBuilder &warp = stage.warp;
    Value seen = queries.any(warp, row);
    Value yes = arith::ConstantIntOp::create(warp.builder, warp.loc, 1, 1);
    Value unseen = arith::XOrIOp::create(warp.builder, warp.loc, seen, yes);
    unseen = warp.both(unseen, warp.less(row, warp.c(stage.rows)));
    warp.guarded(unseen, [&] {
      stage.forChunks(warp.c(0), stage.rowChunks, 1, [&](Value chunk) {
        stage.clear(warp.add(warp.mul(row, stage.rowChunks), chunk));
      });
    });
  }
};

} // namespace

void populateClearPatterns(RewritePatternSet &patterns,
                           const TypeConverter &converter,
                           const LoweringContext &lowering) {
  patterns.add<ClearRowsLowering, ClearHiddenLowering>(
      converter, patterns.getContext(), lowering);
}

} // namespace attn
