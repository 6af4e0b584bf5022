//===- LowerProducts.cpp - products to wgmma ------------------------------===//
// A group is one piece of inline PTX: nvvm.wgmma.mma_async has no form with A
// in registers, and one piece keeps the instructions of a group together.
// Registers of results are tied to those of operands, so that nothing moves.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

namespace {

// Fields of a descriptor of shared memory, in units of 16 bytes.
constexpr int64_t leadingField(int64_t bytes) { return (bytes >> 4) << 16; }
constexpr int64_t strideField(int64_t bytes) { return (bytes >> 4) << 32; }
// Of eight rows of a panel, whose swizzle is 1 (128 bytes), 2 or 3 (32).
int64_t panelFields(int64_t panelBytes) {
  uint64_t swizzle = panelBytes == 128 ? 1 : panelBytes == 64 ? 2 : 3;
  return static_cast<int64_t>(swizzle << 62) | strideField(8 * panelBytes);
}

Value descriptor(WarpBuilder &warp, Value address, int64_t fields) {
  OpBuilder &builder = warp.builder;
  Value start = warp.andi(warp.shr(address, 4), 0x3fff);
  start =
      arith::ExtUIOp::create(builder, warp.loc, builder.getI64Type(), start);
  return arith::OrIOp::create(
      builder, warp.loc, start,
      arith::ConstantIntOp::create(builder, warp.loc, fields, 64));
}

// Columns run along the contraction (Q, K): a step of 16, or 32 of 8 bits, is
// 32 bytes further, until a panel ends.
int64_t alongOffset(int64_t k, TileType tile) {
  int64_t pitch = tile.getShape()[0], bytes = tile.getPanelBytes();
  return 32 * k / bytes * pitch * bytes + 32 * k % bytes;
}

// Inline PTX on registers: `inOut` are read and written in place, `in` read.
// With `fresh` f32 results instead of `inOut`.
SmallVector<Value> inlinePtx(WarpBuilder &warp, StringRef text, int64_t fresh,
                             ValueRange inOut, ValueRange in) {
  OpBuilder &builder = warp.builder;
  auto letter = [](Type type) {
    return type.isF32() ? "f" : type.isInteger(64) ? "l" : "r";
  };
  std::string constraints;
  SmallVector<Type> types(fresh, warp.f32());
  for (int64_t i = 0; i < fresh; ++i) {
    constraints += "=&f,";
  }
  for (Value value : inOut) {
    constraints += std::string("=") + letter(value.getType()) + ",";
    types.push_back(value.getType());
  }
  for (size_t i = 0; i < inOut.size(); ++i) {
    constraints += std::to_string(fresh + i) + ",";
  }
  for (Value value : in) {
    constraints += std::string(letter(value.getType())) + ",";
  }
  constraints += "~{memory}";
  SmallVector<Value> operands(inOut);
  operands.append(in.begin(), in.end());
  Type result =
      types.size() == 1
          ? types.front()
          : LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
  Value all = LLVM::InlineAsmOp::create(
                  builder, warp.loc, result, operands, text, constraints,
                  /*has_side_effects=*/true, /*is_align_stack=*/false,
                  LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
                  .getResult(0);
  SmallVector<Value> results;
  for (size_t i = 0; i < types.size(); ++i) {
    results.push_back(types.size() == 1 ? all
                                        : LLVM::ExtractValueOp::create(
                                              builder, warp.loc, all, i));
  }
  return results;
}

struct MmaLowering : WarpgroupPattern<MmaAsyncOp> {
  using WarpgroupPattern::WarpgroupPattern;

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    int64_t columns = op.getResult().getType().getShape()[1];
    int64_t registers = columns / 2;
    TileType b = op.getB().getType();
    int64_t steps = (op.getTransposed() ? b.getShape()[2] : b.getShape()[1]) /
                    productDepth(b.getElement());
    bool narrow = b.getElement().getIntOrFloatBitWidth() == 8;
    auto tileA = dyn_cast<TileType>(op.getA().getType());

    ValueRange accumulator;
    if (op.getAcc()) {
      accumulator = adaptor.getAcc();
    }
    int64_t fresh = accumulator.empty() ? registers : 0;
    SmallVector<Value> in;
    if (tileA) {
      in.push_back(
          descriptor(warp, adaptor.getA().front(),
                     panelFields(tileA.getPanelBytes()) | leadingField(16)));
    } else {
      llvm::append_range(in, adaptor.getA());
    }
    // Rows run along the contraction (V): panels lie `pitch` rows apart.
    int64_t fields =
        panelFields(b.getPanelBytes()) |
        leadingField(op.getTransposed() ? 16
                                        : b.getShape()[0] * b.getPanelBytes());
    in.push_back(descriptor(warp, adaptor.getB().front(), fields));

    int64_t firstIn = fresh + 2 * accumulator.size();
    auto number = [](int64_t i) { return "$" + std::to_string(i); };
    std::string d = "{";
    for (int64_t i = 0; i < registers; ++i) {
      d += (i ? "," : "") + number(i);
    }
    d += "}";
    std::string type = narrow                   ? "e4m3"
                       : b.getElement().isF16() ? "f16"
                                                : "bf16";
    std::string text = "{\n.reg .pred p;\n.reg .b64 da, db;\n"
                       "wgmma.fence.sync.aligned;\n";
    for (int64_t k = 0; k < steps; ++k) {
      std::string a;
      if (tileA) {
        a = "da";
        text += "add.s64 da, " + number(firstIn) + ", " +
                std::to_string(alongOffset(k, tileA) >> 4) + ";\n";
      } else {
        a = "{";
        for (int64_t i = 0; i < 4; ++i) {
          a += (i ? "," : "") + number(firstIn + 4 * k + i);
        }
        a += "}";
      }
      int64_t offset =
          op.getTransposed() ? alongOffset(k, b) : k * 16 * b.getPanelBytes();
      text += "add.s64 db, " + number(firstIn + in.size() - 1) + ", " +
              std::to_string(offset >> 4) + ";\n";
      bool adds = !accumulator.empty() || k > 0;
      text += "setp.ne.b32 p, " + std::to_string(adds) + ", 0;\n";
      text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) +
              (narrow ? "k32.f32." : "k16.f32.") + type + "." + type + " " + d +
              ", " + a + ", db, p, 1, 1";
      // Of 16 bits each operand in shared memory may lie either way.
      if (!narrow) {
        text += std::string(tileA ? ", 0" : "") +
                (op.getTransposed() ? ", 0" : ", 1");
      }
      text += ";\n";
    }
    text += "wgmma.commit_group.sync.aligned;\n}";
    rewriter.replaceOpWithMultiple(
        op, ArrayRef<SmallVector<Value>>{
                inlinePtx(warp, text, fresh, accumulator, in)});
    return success();
  }
};

struct WaitLowering : WarpgroupPattern<WaitOp> {
  using WarpgroupPattern::WarpgroupPattern;
  LogicalResult
  matchAndRewrite(WaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    WarpBuilder warp(rewriter, op.getLoc());
    SmallVector<Value> all;
    for (ValueRange registers : adaptor.getPending()) {
      llvm::append_range(all, registers);
    }
    SmallVector<Value> after = inlinePtx(
        warp,
        "wgmma.wait_group.sync.aligned " + std::to_string(op.getGroups()) + ";",
        0, all, ValueRange());
    SmallVector<SmallVector<Value>> results;
    size_t at = 0;
    for (ValueRange registers : adaptor.getPending()) {
      results.emplace_back(ArrayRef<Value>(after).slice(at, registers.size()));
      at += registers.size();
    }
    rewriter.replaceOpWithMultiple(op, std::move(results));
    return success();
  }
};

} // namespace

void populateProductPatterns(RewritePatternSet &patterns,
                             const TypeConverter &converter,
                             const LoweringContext &lowering) {
  patterns.add<MmaLowering, WaitLowering>(converter, patterns.getContext(),
                                          lowering);
}

} // namespace attn
