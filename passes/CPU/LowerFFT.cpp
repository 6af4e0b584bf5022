//===- LowerFFT.cpp - long convolutions by FFTW ---------------------------===//
// A task is a vector of channels: filters and inputs lie in rows of their own,
// are transformed in place, and their products transformed back.
//===----------------------------------------------------------------------===//

#include "../PassTarget.h"
#include "LaneBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LOWERFFTPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// The functions of FFTW for one type, declared in the module.
class FFTW {
public:
  FFTW(OpBuilder &b, Location loc, ModuleOp module, FloatType type)
      : b(b), loc(loc), module(module),
        prefix(type.isF64() ? "fftw_" : "fftwf_"),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  /// The plan of `n` real numbers at `data`, in place; nothing there is
  /// changed.
  Value plan(StringRef direction, Value n, Value data) {
    constexpr int32_t kEstimate = 64; // plan without measuring
    Type i32 = b.getI32Type();
    Value size = arith::IndexCastOp::create(b, loc, i32, n);
    Value flags =
        arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(kEstimate));
    return call(("plan_dft_" + direction + "_1d").str(), pointer,
                {size, data, data, flags});
  }
  void execute(StringRef direction, Value plan, Value data) {
    call(("execute_dft_" + direction).str(), Type(), {plan, data, data});
  }
  void destroy(Value plan) { call("destroy_plan", Type(), plan); }

  /// The address of element `offset` of `memref`.
  Value address(Value memref, Value offset, int64_t bytes,
                IndexBuilder &index) {
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, memref);
    Value at = index.add(base, index.mul(offset, bytes));
    Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), at);
    return LLVM::IntToPtrOp::create(b, loc, pointer, ValueRange(number));
  }

private:
  OpBuilder &b;
  Location loc;
  ModuleOp module;
  std::string prefix;
  Type pointer;

  Value call(const std::string &name, Type result, ValueRange arguments) {
    std::string symbol = prefix + name;
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
    if (!function) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(module.getBody());
      Type none = LLVM::LLVMVoidType::get(b.getContext());
      auto type = LLVM::LLVMFunctionType::get(
          result ? result : none, llvm::to_vector(arguments.getTypes()));
      function = LLVM::LLVMFuncOp::create(b, module.getLoc(), symbol, type);
    }
    auto made = LLVM::CallOp::create(b, loc, function, arguments);
    return result ? made.getResult() : Value();
  }
};

class ConvLowering {
public:
  ConvLowering(FFTConvOp op, ModuleOp module, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, recurrenceType(op)),
        fftw(builder, op.getLoc(), module, lb.type) {
    zero = lb.index.constant(0);
    batch = sizeOf(op.getU(), 0);
    tokens = sizeOf(op.getU(), 1);
    channels = sizeOf(op.getU(), 2);
    taps = lb.index.min(sizeOf(op.getK(), 1), tokens);
    n = length(lb.index.max(lb.index.add(lb.index.add(tokens, taps), -1),
                            lb.index.constant(1)));
    // Rows start at cache lines of different sets.
    row = lb.index.add(n, 2 * lb.lanes);
  }

  void run() {
    Value any = rows(1);
    forward = fftw.plan("r2c", n, at(any, zero));
    backward = fftw.plan("c2r", n, at(any, zero));
    auto forall =
        scf::ForallOp::create(lb.b, lb.loc,
                              ArrayRef<OpFoldResult>{getAsOpFoldResult(
                                  lb.index.ceilDiv(channels, lb.lanes))},
                              ValueRange(), std::nullopt);
    {
      OpBuilder::InsertionGuard guard(lb.b);
      lb.b.setInsertionPointToStart(forall.getBody());
      task(lb.index.mul(forall.getInductionVar(0), lb.lanes));
    }
    fftw.destroy(forward);
    fftw.destroy(backward);
    memref::DeallocOp::create(lb.b, lb.loc, any);
    op.erase();
  }

private:
  FFTConvOp op;
  OpBuilder builder;
  LaneBuilder lb;
  FFTW fftw;
  Value zero, batch, tokens, channels, taps;
  Value n, row; ///< length of a transform, and of a row
  Value forward, backward;
  Value first, part; ///< of a task; null: a whole vector of channels

  Value sizeOf(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }

  // The least multiple of an eighth of a power of two, and of 32: products of
  // small primes.
  Value length(Value least) {
    Type i64 = lb.b.getI64Type();
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(lb.b, lb.loc,
                                       lb.b.getI64IntegerAttr(value));
    };
    Value wide = arith::IndexCastOp::create(lb.b, lb.loc, i64, least);
    Value zeros =
        math::CountLeadingZerosOp::create(lb.b, lb.loc, wide).getResult();
    Value shift = arith::SubIOp::create(lb.b, lb.loc, number(60), zeros);
    shift = arith::MaxSIOp::create(lb.b, lb.loc, shift, number(5));
    Value step = arith::IndexCastOp::create(
        lb.b, lb.loc, lb.b.getIndexType(),
        arith::ShLIOp::create(lb.b, lb.loc, number(1), shift));
    Value count =
        lb.index.div(lb.index.add(lb.index.add(least, step), -1), step);
    return lb.index.mul(count, step);
  }

  Value rows(int64_t number) {
    auto type = MemRefType::get({number, ShapedType::kDynamic}, lb.type);
    return memref::AllocOp::create(lb.b, lb.loc, type, row,
                                   lb.b.getI64IntegerAttr(64));
  }
  Value at(Value rows, Value c) {
    return fftw.address(rows, lb.index.mul(c, row), lb.type.getWidth() / 8,
                        lb.index);
  }
  void clear(Value rows, Value c, Value from) {
    lb.loop(from, row, 1, [&](Value i) { store(zeroOf(), rows, {c, i}); });
  }
  Value zeroOf() {
    return arith::ConstantOp::create(lb.b, lb.loc, lb.b.getZeroAttr(lb.type));
  }
  void store(Value value, Value memref, ValueRange indices) {
    memref::StoreOp::create(lb.b, lb.loc, value, memref, indices);
  }

  void task(Value channel) {
    first = channel;
    Value count = lb.index.min(lb.index.sub(channels, first),
                               lb.index.constant(lb.lanes));
    bool whole = getConstantIntValue(channels).value_or(1) % lb.lanes == 0;
    part = whole ? Value() : count;
    Value filters = rows(lb.lanes), inputs = rows(lb.lanes);
    lb.loop(zero, count, 1, [&](Value c) { transformFilter(filters, c); });
    lb.loop(zero, batch, 1, [&](Value b) {
      read(b, inputs);
      lb.loop(zero, count, 1, [&](Value c) {
        clear(inputs, c, tokens);
        fftw.execute("r2c", forward, at(inputs, c));
        multiply(inputs, filters, c);
        fftw.execute("c2r", backward, at(inputs, c));
      });
      write(b, inputs);
    });
    memref::DeallocOp::create(lb.b, lb.loc, filters);
    memref::DeallocOp::create(lb.b, lb.loc, inputs);
  }

  // The filter over n, since transforms there and back multiply by it.
  void transformFilter(Value filters, Value c) {
    Value length = arith::SIToFPOp::create(
        lb.b, lb.loc, lb.type,
        arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI64Type(), n));
    lb.loop(zero, taps, 1, [&](Value l) {
      Value tap = lb.loadScalar(op.getK(), {lb.index.add(first, c), l});
      store(arith::DivFOp::create(lb.b, lb.loc, tap, length), filters, {c, l});
    });
    clear(filters, c, taps);
    fftw.execute("r2c", forward, at(filters, c));
  }

  // (a + bi) (c + di), pairs side by side.
  void multiply(Value inputs, Value filters, Value c) {
    SmallVector<int64_t> reals, imaginaries, swapped;
    SmallVector<Attribute> signs;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      reals.push_back(l & ~1);
      imaginaries.push_back(l | 1);
      swapped.push_back(l ^ 1);
      signs.push_back(lb.b.getFloatAttr(lb.type, l % 2 == 0 ? -1 : 1));
    }
    Value sign = arith::ConstantOp::create(
        lb.b, lb.loc, DenseElementsAttr::get(lb.vector, signs));
    lb.loop(zero, lb.index.add(n, 2), lb.lanes, [&](Value i) {
      Value x = lb.load(inputs, {c, i}), h = lb.load(filters, {c, i});
      Value turned = lb.mul(lb.shuffle(x, swapped),
                            lb.mul(lb.shuffle(h, imaginaries), sign));
      lb.store(lb.fma(x, lb.shuffle(h, reals), turned), inputs, {c, i});
    });
  }

  SmallVector<Value> tokenAt(Value b, Value t) { return {b, t, first}; }
  Value load(Value memref, ValueRange indices) {
    return part ? lb.loadPart(memref, indices, part) : lb.load(memref, indices);
  }

  // body(t, whether it is `lanes` tokens from t on, or one).
  void eachTile(function_ref<void(Value, bool)> body) {
    Value whole = lb.index.mul(lb.index.div(tokens, lb.lanes), lb.lanes);
    lb.loop(zero, whole, lb.lanes, [&](Value t) { body(t, true); });
    lb.loop(whole, tokens, 1, [&](Value t) { body(t, false); });
  }

  void read(Value b, Value inputs) {
    eachTile([&](Value t, bool many) {
      if (!many) {
        Value x = load(op.getU(), tokenAt(b, t));
        for (int64_t c = 0; c < lb.lanes; ++c) {
          store(lb.extract(x, c), inputs, {lb.index.constant(c), t});
        }
        return;
      }
      SmallVector<Value> x;
      for (int64_t r = 0; r < lb.lanes; ++r) {
        x.push_back(load(op.getU(), tokenAt(b, lb.index.add(t, r))));
      }
      x = lb.transpose(x);
      for (int64_t c = 0; c < lb.lanes; ++c) {
        lb.store(x[c], inputs, {lb.index.constant(c), t});
      }
    });
  }

  void write(Value b, Value inputs) {
    Value skip = op.getSkip() ? load(op.getSkip(), first) : Value();
    auto finish = [&](Value y, Value t) {
      SmallVector<Value> indices = tokenAt(b, t);
      if (skip) {
        y = lb.fma(skip, load(op.getU(), indices), y);
      }
      if (part) {
        lb.storePart(y, op.getOut(), indices, part);
      } else {
        lb.store(y, op.getOut(), indices);
      }
    };
    eachTile([&](Value t, bool many) {
      if (!many) {
        Value y = lb.constant(0.0);
        for (int64_t c = 0; c < lb.lanes; ++c) {
          Value element = lb.loadScalar(inputs, {lb.index.constant(c), t});
          y = vector::InsertOp::create(lb.b, lb.loc, element, y, c);
        }
        finish(y, t);
        return;
      }
      SmallVector<Value> y;
      for (int64_t c = 0; c < lb.lanes; ++c) {
        y.push_back(lb.load(inputs, {lb.index.constant(c), t}));
      }
      y = lb.transpose(y);
      for (int64_t r = 0; r < lb.lanes; ++r) {
        finish(y[r], lb.index.add(t, r));
      }
    });
  }
};

struct LowerFFTPass : public attn::impl::LowerFFTPassBase<LowerFFTPass> {
  using LowerFFTPassBase::LowerFFTPassBase;

  void runOnOperation() override {
    SmallVector<FFTConvOp> ops;
    getOperation()->walk([&](FFTConvOp op) { ops.push_back(op); });
    if (ops.empty()) {
      return;
    }
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target);
    if (!description) {
      return signalPassFailure();
    }
    for (FFTConvOp op : ops) {
      if (op->getNumResults() != 0 || !isUnitStride(op.getU(), 2) ||
          !isUnitStride(op.getOut(), 2)) {
        op.emitOpError("expected memrefs whose channels lie side by side");
        return signalPassFailure();
      }
      ConvLowering(op, getOperation(), *description).run();
    }
  }
};

} // namespace
