//===- TileLinearAttention.cpp - linear attention into tiles --------------===//

#include "HeadTiler.h"

using namespace mlir;

namespace attn {

namespace {

class LinearTiler : public HeadTiler {
public:
  LinearTiler(LinearAttentionOp op) : HeadTiler(op), op(op) {}

  LogicalResult run() {
    layout = op.getLayout();
    q = op.getQ(), k = op.getK(), v = op.getV(), out = op.getOut();
    cuSeqlens = op.getCuSeqlens(), seqIds = op.getSeqIds();
    state = op.getState(), norm = op.getNorm(), decay = op.getDecay();
    normalized = op.getNormalized();
    epsilon = normalized ? op.getEpsilon().convertToDouble() : 0;
    most = op.getMax(), hasMost = static_cast<bool>(op.getFavor());
    if (failed(check())) {
      return failure();
    }
    if (hasMost) {
      size = keys;
      keys = cast<ShapedType>(op.getFavor().getType()).getDimSize(0);
      if (ShapedType::isDynamic(keys)) {
        return op.emitOpError("expected a static number of features for "
                              "tiling");
      }
    }
    choose();
    op->replaceAllUsesWith(tile());
    op.erase();
    return success();
  }

private:
  LinearAttentionOp op;
  Value decay;
  int64_t size = 0;                                    // D, of random features
  Value decays, queries, features, projection, ofHead; // of a task

  bool decayOfHead() {
    return decay && cast<ShapedType>(decay.getType()).getRank() == 1;
  }

  void prepare(const TokenChunk &at) override {
    if (op.hasKeyDecay()) {
      decays = workspace({chunk, keys});
    } else if (decay || seqIds || hasMost) {
      decays = workspace(chunk);
    }
    if (op.getElu1() || hasMost) {
      queries = workspace({chunk, keys});
      features = workspace({chunk, keys});
    }
    if (hasMost) {
      AffineMap columns = AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0},
                                                       b.getContext());
      projection = copy(op.getFavor(), columns, workspace({size, keys}));
    }
  }

  void prepareHead(const TokenChunk &at) override {
    if (decayOfHead()) {
      ofHead = scalar(decay, at.head);
    }
  }

  Value elu1(Value x, Value into) {
    return elementwise(x, into, [](ElementBuilder &e, ValueRange args) {
      Value x = args[0];
      return e.select(e.isAbove(x, 0.0), e.add(x, e.number(1.0)),
                      e.exp(e.min(x, e.number(0.0))));
    });
  }

  // Positive random features of the queries, and of the keys, whose largest
  // exponent decays what came before when it grows.
  void favor(const TokenChunk &at, ScanInputs &in, Value &carried) {
    auto create = [&](Value x, ValueRange outs) {
      return FavorFeaturesOp::create(b, outs.getTypes(), x, projection, outs,
                                     op.getFeatureEpsilon(), chunk);
    };
    in.q = create(in.q, rowsOf(queries, at.count)).getResult(0);
    auto ofKeys = create(in.k, {rowsOf(features, at.count), in.decay, carried});
    in.k = ofKeys.getResult(0);
    in.decay = ofKeys.getResult(1);
    carried = ofKeys.getResult(2);
  }

  ScanInputs groupInputs(const TokenChunk &at) override {
    ScanInputs in = HeadTiler::groupInputs(at);
    if (op.getElu1()) {
      in.q = elu1(in.q, rowsOf(queries, at.count));
      in.k = elu1(in.k, rowsOf(features, at.count));
    }
    return in;
  }

  void headInputs(const TokenChunk &at, ScanInputs &in,
                  Value &carried) override {
    in.beta = op.getBeta() ? rows(op.getBeta(), at, at.head) : Value();
    if (!decays) {
      return;
    }
    Value into = rowsOf(decays, at.count);
    if (!decay || decayOfHead()) {
      in.decay = elementwise({}, into, [&](ElementBuilder &e, ValueRange) {
        return decay ? ofHead : e.number(0.0);
      });
    } else {
      in.decay = elementwise(
          rows(decay, at, at.head), into,
          [](ElementBuilder &, ValueRange args) { return args[0]; });
    }
    if (seqIds) {
      in.decay = clearedDecay(in.decay, seqIds, at);
    }
    if (hasMost) {
      favor(at, in, carried);
    }
  }

  bool hasOutput() override { return static_cast<bool>(op.getScale()); }

  Value output(const TokenChunk &at, Value read, Value into) override {
    return elementwise(read, into, [&](ElementBuilder &e, ValueRange args) {
      return e.mul(args[0], e.number(op.getScale()->convertToDouble()));
    });
  }
};

} // namespace

LogicalResult tileLinearAttention(LinearAttentionOp op) {
  return LinearTiler(op).run();
}

} // namespace attn
