//===- TileSSD.cpp - Mamba-2 into tiles -----------------------------------===//

#include "HeadTiler.h"

using namespace mlir;

namespace attn {

namespace {

/// Mamba-2: sequences of tokens, or one token of each.
class SSDTiler : public HeadTiler {
public:
  SSDTiler(Operation *op) : HeadTiler(op) { valuesFirst = true; }

  LogicalResult run(SSDOp op) {
    layout = op.getLayout();
    v = op.getX(), dt = op.getDt(), a = op.getA(), k = op.getB(), q = op.getC();
    z = op.getZ(), out = op.getOut(), cuSeqlens = op.getCuSeqlens();
    seqIds = op.getSeqIds();
    takeParameters(op, op.getD());
    if (failed(check())) {
      return failure();
    }
    choose();
    op->replaceAllUsesWith(tile());
    op.erase();
    return success();
  }

  LogicalResult run(SSMStepOp op) {
    v = withToken(op.getX()), dt = withToken(op.getDt()), a = op.getA();
    k = withToken(op.getB()), q = withToken(op.getC());
    z = op.getZ() ? withToken(op.getZ()) : Value();
    out = withToken(op.getOut()), slots = op.getSlots();
    takeParameters(op, op.getSkip());
    if (failed(check())) {
      return failure();
    }
    chunk = 1;
    Values results = tile();
    results[0] = withoutToken(results[0], op.getOut().getType());
    op->replaceAllUsesWith(results);
    op.erase();
    return success();
  }

private:
  Value dt, a, bias, d, z;
  bool softplus = false;
  std::optional<ArrayRef<double>> limit;
  Value writes, decays, rate, biasOfHead, skip; // of a task

  template <typename OpTy> void takeParameters(OpTy op, Value skip) {
    bias = op.getDtBias(), d = skip, state = op.getState();
    softplus = op.getSoftplus(), limit = op.getDtLimit();
  }

  void prepare(const TokenChunk &at) override {
    writes = workspace(chunk);
    decays = workspace(chunk);
  }

  void prepareHead(const TokenChunk &at) override {
    rate = scalar(a, at.head);
    biasOfHead = bias ? scalar(bias, at.head) : Value();
    if (d && cast<ShapedType>(d.getType()).getRank() == 1) {
      skip = scalar(d, at.head);
    } else if (d) {
      skip = slice(d, {at.head, zero()}, {one(), b.getIndexAttr(values)}, 1)
                 .tensor;
    }
  }

  void headInputs(const TokenChunk &at, ScanInputs &in, Value &) override {
    // Side by side first, so that the logarithms are taken of whole vectors.
    Value steps = copy(rows(dt, at, at.head), b.getMultiDimIdentityMap(1),
                       rowsOf(writes, at.count));
    in.write =
        elementwise(steps, steps, [&](ElementBuilder &e, ValueRange args) {
          return e.stepSize(args[0], biasOfHead, softplus, limit);
        });
    in.decay = elementwise(in.write, rowsOf(decays, at.count),
                           [&](ElementBuilder &e, ValueRange args) {
                             return e.mul(args[0], rate);
                           });
    if (seqIds) {
      in.decay = clearedDecay(in.decay, seqIds, at);
    }
  }

  bool hasOutput() override { return d || z; }

  Value output(const TokenChunk &at, Value read, Value into) override {
    Values ins{read};
    AffineMap same = b.getMultiDimIdentityMap(2);
    SmallVector<AffineMap> maps{same};
    if (d) {
      ins.push_back(rows(v, at, at.head));
      maps.push_back(same);
    }
    if (z) {
      ins.push_back(rows(z, at, at.head));
      maps.push_back(same);
    }
    bool ofElement = d && isa<TensorType>(skip.getType());
    if (ofElement) {
      ins.push_back(skip);
      maps.push_back(same.getSubMap(1));
    }
    return elementwise(
        ins, maps, into, [&](ElementBuilder &e, ValueRange args) {
          Value y = args[0];
          if (d) {
            y = e.add(y, e.mul(ofElement ? args.back() : skip, args[1]));
          }
          return z ? e.mul(y, e.silu(args[d ? 2 : 1])) : y;
        });
  }
};

} // namespace

LogicalResult tileSSD(SSDOp op) { return SSDTiler(op).run(op); }

LogicalResult tileHeadStep(SSMStepOp op) { return SSDTiler(op).run(op); }

} // namespace attn
