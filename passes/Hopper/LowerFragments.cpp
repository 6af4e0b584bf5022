//===- LowerFragments.cpp - fragments to registers ------------------------===//
// Register i of a fragment is column 8 (i / 4) + 2 (lane mod 4) + i mod 2 of
// row lane / 4, or that plus 8 where i mod 4 is 2 or 3: as in mma.sync.
//===----------------------------------------------------------------------===//

#include "ColumnForms.h"
#include "Lowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

namespace {

int64_t halfOf(int64_t i) { return i % 4 / 2; }

int64_t registersOf(Type type) {
  if (auto fragment = dyn_cast<FragmentType>(type)) {
    return fragment.getShape()[1] / 2;
  }
  if (auto columns = dyn_cast<ColumnsType>(type)) {
    return columns.getShape()[0] / 4;
  }
  return 2;
}

// Of the registers of `type`, the one that belongs to register i of a fragment.
int64_t registerOf(Type type, int64_t i, int64_t half) {
  return isa<FragmentType>(type)  ? i
         : isa<ColumnsType>(type) ? 2 * (i / 4) + i % 2
                                  : half;
}

// The number of the thread, read anew: what follows from it is not kept in
// registers from one use to the next, across a whole loop.
Value rereadThread(WarpBuilder &warp) {
  return LLVM::InlineAsmOp::create(
             warp.builder, warp.loc, warp.i32(), ValueRange(),
             "mov.u32 $0, %tid.x;", "=r", /*has_side_effects=*/true,
             /*is_align_stack=*/false, LLVM::TailCallKind::None,
             LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value rowOf(WarpBuilder &warp, Value thread, int64_t half) {
  Value number = warp.andi(warp.shr(thread, 5), 3);
  Value row =
      warp.add(warp.mul(number, 16), warp.shr(warp.andi(thread, 31), 2));
  return warp.add(row, 8 * half);
}

// The column of register 0; that of register i is 8 (i / 4) + i mod 2 more.
Value firstColumn(WarpBuilder &warp, Value thread) {
  return warp.mul(warp.andi(thread, 3), 2);
}

struct SplatLowering : WarpgroupPattern<SplatOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(SplatOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> all(registersOf(op.getResult().getType()),
                           adaptor.getValue().front());
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{all});
    return success();
  }
};

struct ElementsLowering : WarpgroupPattern<ElementsOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ElementsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    bool columns = op.getColumns() > 0;
    int64_t count = columns ? op.getColumns() / 2 : 2;
    Block &body = op.getBody().front();
    SmallVector<Value> varying;
    for (auto [argument, input] :
         llvm::zip(body.getArguments(), op.getInputs())) {
      if (isa<FragmentType, ColumnsType>(input.getType())) {
        varying.push_back(argument);
      }
    }
    Value thread =
        columns && op.getNumResults() == 0 ? rereadThread(warp) : warp.thread();
    Value first = columns ? firstColumn(warp, thread) : warp.c(0);
    ColumnForms forms(warp, body, first, op.getColumns(), varying);
    SmallVector<SmallVector<Value>> results(op.getNumResults(),
                                            SmallVector<Value>(count));
    // Of a row, what is the same for all of its columns once.
    for (int64_t half : {0, 1}) {
      SmallVector<Value> arguments;
      for (auto [input, registers] :
           llvm::zip_equal(op.getInputs(), adaptor.getInputs())) {
        arguments.push_back(registers[registerOf(input.getType(), 0, half)]);
      }
      arguments.push_back(rowOf(warp, thread, half));
      forms.startRow(arguments);
      for (int64_t i = 0; i < count; ++i) {
        if (half != (columns ? halfOf(i) : i)) {
          continue;
        }
        SmallVector<Value> elements;
        for (auto [input, registers] :
             llvm::zip_equal(op.getInputs(), adaptor.getInputs())) {
          if (isa<FragmentType, ColumnsType>(input.getType())) {
            elements.push_back(registers[registerOf(input.getType(), i, half)]);
          }
        }
        int64_t offset = columns ? 8 * (i / 4) + i % 2 : 0;
        for (auto [result, made] :
             llvm::zip_equal(results, forms.emit(elements, offset))) {
          result[i] = made;
        }
      }
    }
    if (op.getNumResults() == 0) {
      rewriter.eraseOp(op);
    } else {
      rewriter.replaceOpWithMultiple(op, std::move(results));
    }
    return success();
  }
};

Value join(WarpBuilder &warp, ReductionKind kind, Value a, Value b) {
  return kind == ReductionKind::Max ? warp.fmax(a, b) : warp.fadd(a, b);
}

struct ReduceLowering : WarpgroupPattern<ReduceOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(ReduceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    // Two chains a row: as much as one warp has use for.
    Value chains[2][2];
    for (auto [i, value] : llvm::enumerate(adaptor.getFragment())) {
      Value &chain = chains[halfOf(i)][i % 2];
      chain = chain ? join(warp, op.getKind(), chain, value) : value;
    }
    SmallVector<Value> rows;
    for (auto &chain : chains) {
      rows.push_back(join(warp, op.getKind(), chain[0], chain[1]));
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{rows});
    return success();
  }
};

struct JoinLowering : WarpgroupPattern<JoinOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(JoinOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    SmallVector<Value> rows;
    for (Value value : adaptor.getPartial()) {
      for (int64_t mask : {1, 2}) {
        value = join(warp, op.getKind(), value, warp.shuffle(value, mask));
      }
      rows.push_back(value);
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{rows});
    return success();
  }
};

struct AnyLowering : WarpgroupPattern<AnyOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(AnyOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    ValueRange rows = adaptor.getRows();
    rewriter.replaceOp(op, warp.any(warp.either(rows[0], rows[1])));
    return success();
  }
};

// Four f32 as e4m3, the first in the lowest byte; large ones become 448.
Value packBytes(WarpBuilder &warp, ArrayRef<Value> four) {
  return LLVM::InlineAsmOp::create(warp.builder, warp.loc, warp.i32(), four,
                                   "{\n.reg .b16 low, high;\n"
                                   "cvt.rn.satfinite.e4m3x2.f32 low, $2, $1;\n"
                                   "cvt.rn.satfinite.e4m3x2.f32 high, $4, $3;\n"
                                   "mov.b32 $0, {low, high};\n}",
                                   "=r,f,f,f,f", /*has_side_effects=*/false,
                                   /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

struct PackLowering : WarpgroupPattern<PackOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(PackOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    ValueRange in = adaptor.getFragment();
    SmallVector<Value> out;
    if (op.getResult().getType().getElement().getIntOrFloatBitWidth() == 8) {
      // Rows t / 4 and that plus 8 of 16 columns, twice.
      for (size_t i = 0; i < in.size(); i += 8) {
        for (size_t j : {i, i + 2}) {
          out.push_back(
              packBytes(warp, {in[j], in[j + 1], in[j + 4], in[j + 5]}));
        }
      }
      rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
      return success();
    }
    for (size_t i = 0; i < in.size(); i += 2) {
      out.push_back(
          warp.pack(in[i], in[i + 1], op.getResult().getType().getElement()));
    }
    rewriter.replaceOpWithMultiple(op, ArrayRef<SmallVector<Value>>{out});
    return success();
  }
};

struct StoreLowering : WarpgroupPattern<StoreOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    MLIRContext *context = rewriter.getContext();
    RingType type = op.getRing().getType();
    const SharedLayout::Ring &ring = lowering.layout.of(op.getRing());
    int64_t rowBytes = type.getPanelBytes(), panelBytes = bytesOfPanel(type);
    Value stage = warp.rem(adaptor.getPosition().front(), ring.stages);
    Value warpRow =
        warp.add(adaptor.getRow().front(), warp.mul(warpOf(warp), 16));
    Value start =
        warp.add(warp.mul(stage, ring.stageBytes), warp.mul(warpRow, rowBytes));
    // Lane l writes 16 bytes of row l mod 16; chunks of a row are permuted by
    // the row, as the copy engine expects.
    Value lane = laneOf(warp);
    Value row = warp.mul(warp.andi(lane, 15), rowBytes);
    Value high = warp.shr(lane, 4);
    Value swizzle = warp.andi(warp.shr(row, 7), rowBytes / kChunkBytes - 1);
    int64_t perPanel = rowBytes / 32; // blocks of 16 columns
    ValueRange in = adaptor.getFragment();
    int64_t blocks = in.size() / 8;
    for (int64_t k = 0; k < blocks; ++k) {
      Value chunk = warp.xori(warp.add(high, 2 * (k % perPanel)), swizzle);
      Value at = warp.sharedAddress(
          warp.add(warp.add(start, row), warp.mul(chunk, 16)),
          ring.tiles + k / perPanel * panelBytes);
      SmallVector<Value> parts;
      for (int64_t i = 0; i < 4; ++i) {
        parts.push_back(warp.pack(in[8 * k + 2 * i], in[8 * k + 2 * i + 1],
                                  type.getElement()));
      }
      NVVM::StMatrixOp::create(rewriter, op.getLoc(), at, parts,
                               NVVM::MMALayout::row,
                               NVVM::LdStMatrixShapeAttr::get(context, 8, 8),
                               NVVM::LdStMatrixEltType::B16);
    }
    NVVM::FenceProxyOp::create(
        rewriter, op.getLoc(), NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(context, NVVM::SharedSpace::shared_cta));
    warp.warpBarrier();
    warp.guarded(firstLane(warp), [&] {
      int64_t width = panelColumns(type.getElement(), rowBytes);
      int64_t columns = 2 * in.size();
      for (int64_t panel = 0; panel * width < columns; ++panel) {
        SmallVector<Value> to;
        for (ValueRange coordinate : adaptor.getCoordinates()) {
          to.push_back(coordinate.front());
        }
        to[0] = warp.add(to[0], panel * width);
        to[1] = warp.add(to[1], warp.mul(warpOf(warp), 16));
        NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(
            rewriter, op.getLoc(), adaptor.getMap().front(),
            warp.sharedAddress(start, ring.tiles + panel * panelBytes), to,
            Value(), NVVM::TMAStoreMode::TILE, Value());
      }
      NVVM::CpAsyncBulkCommitGroupOp::create(rewriter, op.getLoc());
    });
    rewriter.eraseOp(op);
    return success();
  }
};

// Two of eight columns a thread become four: the even thread of two takes the
// first eight of 16, the odd one the others. Each is stored as soon as it is
// made, since the accumulator leaves no registers for more.
struct WriteRowsLowering : WarpgroupPattern<WriteRowsOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(WriteRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    Type element = op.getElement(), word = rewriter.getI64Type();
    ValueRange in = adaptor.getFragment();
    Value lane = laneOf(warp);
    Value isOdd = warp.equal(warp.andi(lane, 1), warp.c(1));
    Value isEven = warp.equal(warp.andi(lane, 1), warp.c(0));
    bool interleaved = op.getInterleaved();
    Value column = element.isF32() ? firstColumn(warp, lane)
                   : interleaved
                       ? warp.mul(warp.andi(lane, 3), 4)
                       : warp.add(warp.mul(warp.andi(lane, 1), 8),
                                  warp.mul(warp.andi(warp.shr(lane, 1), 1), 4));
    auto widen = [&](Value value, bool isSigned) -> Value {
      return isSigned
                 ? arith::ExtSIOp::create(rewriter, op.getLoc(), word, value)
                       .getResult()
                 : arith::ExtUIOp::create(rewriter, op.getLoc(), word, value)
                       .getResult();
    };
    Value start = adaptor.getStart().front();
    Value bits = arith::ConstantIntOp::create(rewriter, op.getLoc(), 32, 64);
    for (int64_t half = 0; half < 2; ++half) {
      Value row = rowOf(warp, warp.thread(), half);
      Value isThere = warp.less(row, adaptor.getRows().front());
      Value at = arith::MulIOp::create(rewriter, op.getLoc(), widen(row, true),
                                       adaptor.getPitch().front());
      at =
          arith::AddIOp::create(rewriter, op.getLoc(), at, widen(column, true));
      Value pointer =
          LLVM::GEPOp::create(rewriter, op.getLoc(), start.getType(), element,
                              start, ArrayRef<LLVM::GEPArg>{at});
      int64_t registers = op.getColumns() / 2;
      if (element.isF32()) {
        writePairs(warp, pointer, in.take_front(registers), half, isThere);
        continue;
      }
      for (int64_t i = 2 * half; i < registers; i += 8) {
        Value low, high;
        if (interleaved) {
          low = warp.pack(in[i], in[i + 4], element);
          high = warp.pack(in[i + 1], in[i + 5], element);
        } else {
          Value first = warp.pack(in[i], in[i + 1], element);
          Value second = warp.pack(in[i + 4], in[i + 5], element);
          Value other = warp.shuffle(warp.select(isOdd, first, second), 1);
          low = warp.select(isOdd, other, first);
          high = warp.select(isOdd, second, other);
        }
        low = widen(low, false);
        high = widen(high, false);
        high = arith::ShLIOp::create(rewriter, op.getLoc(), high, bits);
        Value both = arith::OrIOp::create(rewriter, op.getLoc(), low, high);
        std::string text =
            "st.global.b64 [{$r0}+" + std::to_string(i / 8 * 32) + "], {$r1};";
        // The last 16 columns may be 8.
        Value writes = i + 4 < registers ? isThere : warp.both(isThere, isEven);
        NVVM::InlinePtxOp::create(rewriter, op.getLoc(), TypeRange(),
                                  ValueRange{pointer, both}, ValueRange(), text,
                                  writes);
      }
    }
    rewriter.eraseOp(op);
    return success();
  }

private:
  // Two neighbours as they are.
  static void writePairs(WarpBuilder &warp, Value pointer, ValueRange in,
                         int64_t half, Value isThere) {
    for (size_t i = 2 * half; i < in.size(); i += 4) {
      std::string text = "st.global.v2.f32 [{$r0}+" +
                         std::to_string(i / 4 * 32) + "], {{$r1}, {$r2}};";
      NVVM::InlinePtxOp::create(warp.builder, warp.loc, TypeRange(),
                                ValueRange{pointer, in[i], in[i + 1]},
                                ValueRange(), text, isThere);
    }
  }
};

struct DrainLowering : WarpgroupPattern<DrainOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(DrainOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    warp.guarded(firstLane(warp), [&] {
      NVVM::CpAsyncBulkWaitGroupOp::create(
          rewriter, op.getLoc(), 0,
          op.getAll() ? UnitAttr() : rewriter.getUnitAttr());
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void addWarpgroupTypes(TypeConverter &converter) {
  converter.addConversion([](Type type) { return type; });
  auto many = [](SmallVectorImpl<Type> &out, int64_t count, Type type) {
    out.append(count, type);
    return success();
  };
  converter.addConversion(
      [many](FragmentType type, SmallVectorImpl<Type> &out) {
        return many(out, type.getShape()[1] / 2, type.getElement());
      });
  converter.addConversion([many](PendingType type, SmallVectorImpl<Type> &out) {
    return many(out, type.getShape()[1] / 2, type.getElement());
  });
  converter.addConversion([many](OperandType type, SmallVectorImpl<Type> &out) {
    unsigned bits = type.getElement().getIntOrFloatBitWidth();
    return many(out, type.getShape()[1] * bits / 64,
                IntegerType::get(type.getContext(), 32));
  });
  converter.addConversion([many](ColumnsType type, SmallVectorImpl<Type> &out) {
    return many(out, type.getShape()[0] / 4, type.getElement());
  });
  converter.addConversion([many](RowsType type, SmallVectorImpl<Type> &out) {
    return many(out, 2, type.getElement());
  });
  converter.addConversion(
      [many](PartialRowsType type, SmallVectorImpl<Type> &out) {
        return many(out, 2, type.getElement());
      });
  converter.addConversion([](RingType type, SmallVectorImpl<Type> &) {
    return success(); // known at compile time
  });
  converter.addConversion([](TileType type) -> Type {
    return IntegerType::get(type.getContext(), 32);
  });
  converter.addConversion([](TensorMapType type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
}

void populateFragmentPatterns(RewritePatternSet &patterns,
                              const TypeConverter &converter,
                              const LoweringContext &lowering) {
  patterns.add<SplatLowering, ElementsLowering, ReduceLowering, JoinLowering,
               AnyLowering, PackLowering, StoreLowering, WriteRowsLowering,
               DrainLowering>(converter, patterns.getContext(), lowering);
}

} // namespace attn
