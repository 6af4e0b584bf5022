//===- LowerRecurrence.cpp - vectors, fetches and written tiles to nvvm ---===//
// Thread l of a warp has of 16 x 16 elements what ldmatrix gives it, which is
// what wgmma takes as A and what stmatrix writes.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

namespace {

using Ring = SharedLayout::Ring;

struct ReserveLowering : WarpgroupPattern<ReserveOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ReserveOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    auto [stage, parity] = stageOf(warp, ring, adaptor.getPosition().front());
    // The first round waits for nobody.
    waitAt(warp, barrierOf(warp, ring.empty, stage),
           warp.xori(parity, warp.c(1)));
    rewriter.eraseOp(op);
    return success();
  }
};

struct PublishLowering : WarpgroupPattern<PublishOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(PublishOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    if (!op.getRing().getType().getElement().isF32()) {
      fenceProducts(warp);
    }
    warp.warpBarrier();
    arriveAt(warp, barrierOf(warp, ring.full, stage));
    rewriter.eraseOp(op);
    return success();
  }
};

// The start of row `row` of a stage: of a vector, or of 128 bytes of panels.
Value vectorAt(WarpBuilder &warp, const Ring &ring, RingType type,
               Value position, Value row) {
  Value stage = stageOf(warp, ring, position).first;
  int64_t rowBytes =
      type.getElement().isF32() ? type.getShape()[2] * 4 : kPanelBytes;
  Value start =
      warp.add(warp.mul(stage, ring.stageBytes), warp.mul(row, rowBytes));
  return warp.sharedAddress(start, ring.tiles);
}

struct AddressLowering : WarpgroupPattern<AddressOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(AddressOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    rewriter.replaceOp(op, vectorAt(warp, lowering.layout.of(op.getRing()),
                                    op.getRing().getType(),
                                    adaptor.getPosition().front(),
                                    adaptor.getRow().front()));
    return success();
  }
};

struct VectorLowering : WarpgroupPattern<VectorOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(VectorOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Value start =
        vectorAt(warp, lowering.layout.of(op.getRing()), op.getRing().getType(),
                 adaptor.getPosition().front(), adaptor.getRow().front());
    auto at = [&](Value bytes, int64_t constant) -> Value {
      Value moved =
          LLVM::GEPOp::create(rewriter, op.getLoc(), warp.shared(),
                              rewriter.getI8Type(), start, ValueRange{bytes});
      return LLVM::GEPOp::create(
          rewriter, op.getLoc(), warp.shared(), rewriter.getI8Type(), moved,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(constant)});
    };
    SmallVector<Value> out;
    auto columns = dyn_cast<ColumnsType>(op.getResult().getType());
    if (columns) {
      Value first = warp.mul(warp.andi(laneOf(warp), 3), 8);
      Type pair = VectorType::get(2, warp.f32());
      for (int64_t j = 0; j < columns.getShape()[0] / 8; ++j) {
        Value two = warp.load(pair, at(first, 32 * j), 8);
        for (int64_t i = 0; i < 2; ++i) {
          out.push_back(LLVM::ExtractElementOp::create(rewriter, op.getLoc(),
                                                       two, warp.c(i)));
        }
      }
    } else {
      Value row =
          warp.add(warp.mul(warpOf(warp), 16), warp.shr(laneOf(warp), 2));
      for (int64_t half = 0; half < 2; ++half) {
        out.push_back(warp.load(warp.f32(), at(warp.mul(row, 4), 32 * half)));
      }
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
    return success();
  }
};

struct ChunkScanLowering : WarpgroupPattern<ChunkScanOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ChunkScanOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Value second = adaptor.getSecond().front();
    Value sum = warp.fadd(adaptor.getFirst().front(), second);
    Value lane = laneOf(warp);
    for (int64_t step = 1; step < 32; step *= 2) {
      Value below = NVVM::ShflOp::create(
          rewriter, op.getLoc(), sum.getType(), warp.c(-1), sum, warp.c(step),
          warp.c(0), NVVM::ShflKind::up, UnitAttr());
      sum = warp.select(warp.less(lane, warp.c(step)), sum,
                        warp.fadd(sum, below));
    }
    // Of the first token: without the second.
    rewriter.replaceOp(
        op, {warp.fsub(sum, second), sum, warp.broadcast(sum, warp.c(31))});
    return success();
  }
};

// Byte offset of what this lane reads or writes of the 16 x 16 elements that a
// warp has of block `k` along the columns of its fragment, in a tile of 128
// bytes a row: rows of the fragment are rows of the tile, or its columns.
Value laneOffset(WarpBuilder &warp, int64_t k, bool transposed) {
  Value lane = laneOf(warp), low = warp.andi(lane, 7);
  Value row, chunk;
  if (transposed) {
    row = warp.add(low, warp.mul(warp.shr(lane, 4), 8));
    chunk =
        warp.add(warp.mul(warpOf(warp), 2), warp.andi(warp.shr(lane, 3), 1));
  } else {
    row = warp.add(warp.mul(warpOf(warp), 16), warp.andi(lane, 15));
    chunk = warp.add(warp.shr(lane, 4), 2 * k);
  }
  Value at =
      warp.add(warp.mul(row, kPanelBytes), warp.mul(warp.xori(chunk, low), 16));
  return transposed ? warp.add(at, k * 16 * kPanelBytes) : at;
}

struct FetchLowering : WarpgroupPattern<FetchOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(FetchOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    SmallVector<Value> out;
    for (int64_t k = 0; k < 4; ++k) {
      Value at = warp.add(adaptor.getTile().front(),
                          laneOffset(warp, k, op.getTransposed()));
      Value pointer =
          LLVM::IntToPtrOp::create(rewriter, op.getLoc(), warp.shared(), at);
      llvm::append_range(out, warp.loadMatrix(pointer, op.getTransposed()));
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
    return success();
  }
};

struct WriteLowering : WarpgroupPattern<WriteOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(WriteOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    RingType type = op.getRing().getType();
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    Value start =
        warp.add(warp.mul(stage, ring.stageBytes),
                 warp.mul(adaptor.getPanel().front(), bytesOfPanel(type)));
    ValueRange in = adaptor.getFragment();
    bool isPacked = isa<OperandType>(op.getFragment().getType());
    for (int64_t k = 0; k < 4; ++k) {
      SmallVector<Value> parts;
      for (int64_t i = 0; i < 4; ++i) {
        parts.push_back(isPacked ? in[4 * k + i]
                                 : warp.pack(in[8 * k + 2 * i],
                                             in[8 * k + 2 * i + 1],
                                             type.getElement()));
      }
      Value at = warp.sharedAddress(
          warp.add(start, laneOffset(warp, k, op.getTransposed())), ring.tiles);
      NVVM::StMatrixOp::create(
          rewriter, op.getLoc(), at, parts,
          op.getTransposed() ? NVVM::MMALayout::col : NVVM::MMALayout::row,
          NVVM::LdStMatrixShapeAttr::get(rewriter.getContext(), 8, 8),
          NVVM::LdStMatrixEltType::B16);
    }
    rewriter.eraseOp(op);
    return success();
  }
};

struct UnpackLowering : WarpgroupPattern<UnpackOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(UnpackOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Type element = op.getOperand().getType().getElement();
    SmallVector<Value> out;
    for (Value pair : adaptor.getOperand()) {
      if (element.isBF16()) {
        // The upper half of an f32.
        for (Value bits :
             {warp.mul(pair, 1 << 16), warp.andi(pair, ~int64_t(0xffff))}) {
          out.push_back(
              LLVM::BitcastOp::create(rewriter, op.getLoc(), warp.f32(), bits));
        }
        continue;
      }
      Value two = LLVM::BitcastOp::create(rewriter, op.getLoc(),
                                          VectorType::get(2, element), pair);
      for (int64_t i = 0; i < 2; ++i) {
        out.push_back(warp.convert(LLVM::ExtractElementOp::create(
                                       rewriter, op.getLoc(), two, warp.c(i)),
                                   warp.f32()));
      }
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
    return success();
  }
};

// Of 32 rows and 16 columns a lane gets two neighbours of a row from each 8
// rows; of each row of the transpose they are 4 neighbours, once the bytes of
// two of them are told apart.
struct TransposeLowering : WarpgroupPattern<TransposeOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(TransposeOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    RingType fromType = op.getFrom().getType(), toType = op.getTo().getType();
    const Ring &from = lowering.layout.of(op.getFrom());
    const Ring &to = lowering.layout.of(op.getTo());
    auto start = [&](const Ring &ring, Value position) {
      Value stage = stageOf(warp, ring, position).first;
      return warp.add(warp.mul(stage, ring.stageBytes), warp.c(ring.tiles));
    };
    Value lane = laneOf(warp), low = warp.andi(lane, 7);
    Value readAt = warp.add(start(from, adaptor.getFromPosition().front()),
                            warp.mul(lane, kPanelBytes));
    Value writeAt = warp.add(start(to, adaptor.getToPosition().front()),
                             warp.mul(warp.andi(lane, 15), kPanelBytes));
    int64_t count = toType.getShape()[1] / 16; // columns of `from` by 16
    int64_t perPanel = kPanelBytes / 16;
    for (int64_t first = 0; first < count; first += 4) {
      Value chunk = warp.add(warpOf(warp), first);
      auto body = [&] {
        Value panel =
            warp.mul(warp.c(first / perPanel), bytesOfPanel(fromType));
        Value inPanel = warp.add(warpOf(warp), first % perPanel);
        Value source = warp.add(warp.add(readAt, panel),
                                warp.mul(warp.xori(inPanel, low), 16));
        Value target = warp.add(writeAt, warp.mul(chunk, 16 * kPanelBytes));
        // All reads first: nothing moves one over a write.
        SmallVector<std::array<Value, 4>> read;
        for (int64_t rows = 0; rows < fromType.getShape()[1]; rows += 32) {
          read.push_back(warp.loadMatrix(
              warp.sharedAddress(source, rows * kPanelBytes), true));
        }
        for (auto [number, in] : llvm::enumerate(read)) {
          SmallVector<Value> out;
          for (int64_t half : {0, 2}) {
            for (int64_t select : {0x6420, 0x7531}) {
              out.push_back(NVVM::PermuteOp::create(
                  rewriter, op.getLoc(), warp.i32(), in[half], in[half + 1],
                  warp.c(select), NVVM::PermuteMode::DEFAULT));
            }
          }
          // 16 bytes of a row of `to`: chunk `place` or the next.
          int64_t place = 2 * number;
          Value at =
              warp.xori(warp.add(warp.shr(lane, 4), place % perPanel), low);
          Value address =
              warp.sharedAddress(warp.add(target, warp.mul(at, 16)),
                                 place / perPanel * bytesOfPanel(toType));
          NVVM::StMatrixOp::create(
              rewriter, op.getLoc(), address, out, NVVM::MMALayout::row,
              NVVM::LdStMatrixShapeAttr::get(rewriter.getContext(), 8, 8),
              NVVM::LdStMatrixEltType::B16);
        }
      };
      if (first + 4 <= count) {
        body();
      } else {
        warp.guarded(warp.less(chunk, warp.c(count)), body);
      }
    }
    rewriter.eraseOp(op);
    return success();
  }
};

struct ScaleLowering : WarpgroupPattern<ScaleOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ScaleOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Type element = op.getOperand().getType().getElement();
    Type pair = VectorType::get(2, element);
    ValueRange factors = adaptor.getFactors();
    auto toPair = [&](Value bits) -> Value {
      return LLVM::BitcastOp::create(rewriter, op.getLoc(), pair, bits);
    };
    SmallVector<Value> rounded, out;
    for (size_t i = 0; i < factors.size(); i += 2) {
      rounded.push_back(toPair(warp.pack(factors[i], factors[i + 1], element)));
    }
    for (auto [i, value] : llvm::enumerate(adaptor.getOperand())) {
      Value product = LLVM::FMulOp::create(rewriter, op.getLoc(), toPair(value),
                                           rounded[i / 2]);
      out.push_back(
          LLVM::BitcastOp::create(rewriter, op.getLoc(), warp.i32(), product));
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
    return success();
  }
};

// Behind the barriers of the turns.
void warpgroupBarrier(WarpBuilder &warp, const LoweringContext &lowering,
                      Value warpgroup) {
  Value id = warp.add(warpgroup, 1 + lowering.consumers);
  NVVM::BarrierOp::create(warp.builder, warp.loc, TypeRange(), id, warp.c(128),
                          NVVM::BarrierReductionAttr(), Value());
}

struct ShareLowering : WarpgroupPattern<ShareOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ShareOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    fenceProducts(warp);
    warpgroupBarrier(warp, lowering, adaptor.getWarpgroup().front());
    rewriter.eraseOp(op);
    return success();
  }
};

struct SendLowering : WarpgroupPattern<SendOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(SendOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    RingType type = op.getRing().getType();
    const Ring &ring = lowering.layout.of(op.getRing());
    Value stage = stageOf(warp, ring, adaptor.getPosition().front()).first;
    Value isFirst = warp.equal(warp.andi(warp.thread(), 127), warp.c(0));
    fenceProducts(warp);
    warp.guarded(isFirst, [&] {
      NVVM::CpAsyncBulkWaitGroupOp::create(rewriter, op.getLoc(), 0,
                                           rewriter.getUnitAttr());
    });
    warpgroupBarrier(warp, lowering, adaptor.getWarpgroup().front());
    warp.guarded(isFirst, [&] {
      SmallVector<Value> to;
      for (ValueRange coordinate : adaptor.getCoordinates()) {
        to.push_back(coordinate.front());
      }
      Value start =
          warp.add(warp.mul(stage, ring.stageBytes),
                   warp.mul(adaptor.getPanel().front(), bytesOfPanel(type)));
      NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
          rewriter, op.getLoc(), adaptor.getMap().front(),
          warp.sharedAddress(start, ring.tiles), to, Value(),
          NVVM::TMAStoreMode::TILE, Value());
      NVVM::CpAsyncBulkCommitGroupOp::create(rewriter, op.getLoc());
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void populateRecurrencePatterns(RewritePatternSet &patterns,
                                const TypeConverter &converter,
                                const LoweringContext &lowering) {
  patterns
      .add<ReserveLowering, PublishLowering, AddressLowering, VectorLowering,
           ChunkScanLowering, FetchLowering, WriteLowering, UnpackLowering,
           TransposeLowering, ScaleLowering, ShareLowering, SendLowering>(
          converter, patterns.getContext(), lowering);
}

} // namespace attn
