//===- TileHeads.cpp - recurrences of heads into chunks of tokens ---------===//
// attn.ssd, attn.linear_attention and the Mamba-2 step: a task is one head of
// one sequence, which walks its chunks with the state in a workspace.
//===----------------------------------------------------------------------===//

#include "RecurrenceTiler.h"
#include "attn/Target/ScanModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {

/// What an op makes of a chunk.
struct ScanInputs {
  Value q, k, v, decay, write, beta;
};

class HeadTiler : public RecurrenceTiler {
protected:
  using RecurrenceTiler::RecurrenceTiler;

  Layout layout = Layout::BSHD;
  Value q, k, v, out, state, norm; ///< norm is null without one
  Value cuSeqlens, seqIds, slots;
  bool normalized = false;
  bool valuesFirst = false; ///< the state is V x K in memory
  double epsilon = 0;
  ScanSchedule schedule = ScanSchedule::Sequential;
  int64_t chunk = 64;
  int64_t keys = 0, values = 0; ///< K and V

  virtual ScanInputs inputs(const TokenChunk &chunk) = 0;
  /// Whether `output` does anything, and what.
  virtual bool hasOutput() { return false; }
  virtual Value output(const TokenChunk &chunk, Value read, Value into) {
    return read;
  }
  /// Workspaces of a task.
  virtual void prepare(const TokenChunk &chunk) {}

  unsigned seqDim() {
    return layout == Layout::BHSD ? 2 : layout == Layout::BSHD ? 1 : 0;
  }
  unsigned headDim() { return layout == Layout::BSHD ? 2 : 1; }
  unsigned rowRank() { return layout == Layout::THD ? 2 : 3; }

  LogicalResult check() {
    keys = cast<ShapedType>(k.getType()).getShape().back();
    values = cast<ShapedType>(v.getType()).getShape().back();
    if (!isa<TensorType>(v.getType())) {
      return op->emitOpError("expected tensors: wrap memrefs first "
                             "(attn-wrap-memrefs)");
    }
    if (ShapedType::isDynamic(keys) || ShapedType::isDynamic(values)) {
      return op->emitOpError("expected static sizes of heads and states for "
                             "tiling");
    }
    return success();
  }

  void choose() {
    ScanChoice choice = chooseScan(op);
    schedule = choice.schedule;
    chunk = choice.chunk;
    op->emitRemark("schedule ") << stringifyScanSchedule(schedule) << ", "
                                << chunk << " tokens at a time: " << choice.why;
  }

  // The rows of `head` of a chunk's tokens.
  Value rows(Value from, const TokenChunk &at, Value head) {
    auto type = cast<RankedTensorType>(from.getType());
    Sizes offsets(type.getRank(), zero()), sizes(type.getRank(), one());
    if (layout != Layout::THD) {
      offsets[0] = at.batch;
    }
    offsets[headDim()] = head;
    offsets[seqDim()] = at.first;
    sizes[seqDim()] = getAsOpFoldResult(at.count);
    SmallVector<unsigned> kept{seqDim()};
    if (type.getRank() > rowRank()) {
      sizes.back() = b.getIndexAttr(type.getShape().back());
      kept.push_back(type.getRank() - 1);
    }
    return slice(from, offsets, sizes, kept).tensor;
  }

  Slice stateSlice(Value from, Value sequence, Value head) {
    ArrayRef<int64_t> shape = cast<ShapedType>(from.getType()).getShape();
    Sizes offsets(shape.size(), zero()), sizes{one(), one()};
    offsets[0] = sequence;
    offsets[1] = head;
    SmallVector<unsigned> kept;
    for (unsigned d = 2; d < shape.size(); ++d) {
      sizes.push_back(b.getIndexAttr(shape[d]));
      kept.push_back(d);
    }
    return slice(from, offsets, sizes, kept);
  }

  bool isTransposed() {
    return valuesFirst && schedule == ScanSchedule::Sequential;
  }
  AffineMap stateMap(int64_t rank) {
    AffineMap map = b.getMultiDimIdentityMap(rank);
    return rank == 2 && valuesFirst && !isTransposed()
               ? AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0},
                                              b.getContext())
               : map;
  }
  // What the chunks carry of `part`, a part of the state; zeros without one.
  Value load(Value part, ArrayRef<int64_t> shape) {
    if (!part) {
      return zeros(workspace(shape));
    }
    auto partType = cast<RankedTensorType>(part.getType());
    if (partType.getElementType() == type &&
        stateMap(partType.getRank()).isIdentity()) {
      return part;
    }
    return copy(part, stateMap(partType.getRank()), workspace(shape));
  }
  Value store(Value carried, Value part) {
    auto partType = cast<RankedTensorType>(part.getType());
    AffineMap map = stateMap(partType.getRank());
    return partType.getElementType() == type && map.isIdentity()
               ? carried
               : copy(carried, map, part);
  }

  Values scanChunk(const TokenChunk &at, ValueRange carried, Value read) {
    SmallVector<int64_t> shape{ShapedType::kDynamic, values};
    Slice part = slice(
        carried[0], {getAsOpFoldResult(index.sub(at.first, at.begin)), zero()},
        {getAsOpFoldResult(at.count), b.getIndexAttr(values)}, {0, 1});
    ScanInputs in = inputs(at);
    Values outs{hasOutput() ? rowsOf(read, at.count) : part.tensor};
    llvm::append_range(outs, carried.drop_front());
    auto scan = ScanChunkOp::create(
        b, ValueRange(outs).getTypes(), in.q, in.k, in.v, in.decay,
        /*rates=*/Value(), /*factors=*/Value(), /*keep=*/Value(), in.write,
        in.beta, /*pairs=*/Value(), outs, schedule, isTransposed(),
        /*fixed=*/false, /*zoh=*/false, /*complex=*/false,
        llvm::APFloat(epsilon), chunk);
    Value result = scan.getResult(0);
    if (hasOutput()) {
      result = output(at, result, part.tensor);
    }
    Values next{insert(result, carried[0], part)};
    llvm::append_range(next, scan.getResults().drop_front());
    return next;
  }

  // The chunks of one head: the new values of its part of out, state and norm.
  Values scanHead(TokenChunk at, Value end, ArrayRef<Value> parts) {
    prepare(at);
    Value read = hasOutput() ? workspace({chunk, values}) : Value();
    SmallVector<int64_t> shape{keys, values};
    if (isTransposed()) {
      std::swap(shape[0], shape[1]);
    }
    Values carried{parts[0],
                   load(parts.size() > 1 ? parts[1] : Value(), shape)};
    if (normalized) {
      carried.push_back(load(parts.size() > 2 ? parts[2] : Value(), keys));
    }
    carried = chunks(at.begin, end, chunk, carried,
                     [&](Value first, Value count, ValueRange now) {
                       at.first = first;
                       at.count = count;
                       return scanChunk(at, now, read);
                     });
    Values results{carried[0]};
    for (size_t n = 1; n < parts.size(); ++n) {
      results.push_back(store(carried[n], parts[n]));
    }
    return results;
  }

  Values tile() {
    Value tokens = tensor::DimOp::create(b, v, index.constant(seqDim()));
    Value heads = tensor::DimOp::create(b, v, index.constant(headDim()));
    Value groups = tensor::DimOp::create(b, k, index.constant(headDim()));
    Value share = index.div(heads, groups);
    Value sequences = tensor::DimOp::create(b, v, index.constant(0));
    if (cuSeqlens) {
      sequences =
          index.add(tensor::DimOp::create(b, cuSeqlens, index.constant(0)), -1);
    }
    Values outs{out};
    for (Value extra : {state, norm}) {
      if (extra) {
        outs.push_back(extra);
      }
    }
    return forall(
        {getAsOpFoldResult(sequences), getAsOpFoldResult(heads)}, outs,
        [&](ValueRange ivs, ValueRange dest, SmallVectorImpl<Slice> &slices,
            Values &results) {
          auto bounds = range(cuSeqlens, ivs[0], tokens);
          TokenChunk at{ivs[0],
                        cuSeqlens ? index.constant(0) : Value(ivs[0]),
                        ivs[1],
                        index.div(ivs[1], share),
                        bounds.first,
                        bounds.first,
                        index.sub(bounds.second, bounds.first)};
          slices.push_back(headSlice(dest[0], at));
          Value exists, place = at.sequence;
          if (slots) {
            std::tie(exists, place) = slotOf(slots, ivs[0], dest[1]);
          }
          for (Value extra : dest.drop_front()) {
            slices.push_back(stateSlice(extra, place, at.head));
          }
          Values parts;
          for (Slice &part : slices) {
            parts.push_back(part.tensor);
          }
          auto scan = [&] { return scanHead(at, bounds.second, parts); };
          results = slots ? inSlot(exists, parts, scan) : scan();
        });
  }

  Slice headSlice(Value from, const TokenChunk &at) {
    Sizes offsets(rowRank() + 1, zero()), sizes(rowRank() + 1, one());
    if (layout != Layout::THD) {
      offsets[0] = at.batch;
    }
    offsets[headDim()] = at.head;
    offsets[seqDim()] = at.first;
    sizes[seqDim()] = getAsOpFoldResult(at.count);
    sizes.back() = b.getIndexAttr(values);
    return slice(from, offsets, sizes, {seqDim(), rowRank()});
  }
};

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
    rate = scalar(a, at.head);
    biasOfHead = bias ? scalar(bias, at.head) : Value();
    if (d && cast<ShapedType>(d.getType()).getRank() == 1) {
      skip = scalar(d, at.head);
    } else if (d) {
      skip = slice(d, {at.head, zero()}, {one(), b.getIndexAttr(values)}, 1)
                 .tensor;
    }
  }

  ScanInputs inputs(const TokenChunk &at) override {
    Value write =
        elementwise(rows(dt, at, at.head), rowsOf(writes, at.count),
                    [&](ElementBuilder &e, ValueRange args) {
                      return e.stepSize(args[0], biasOfHead, softplus, limit);
                    });
    Value decay = elementwise(write, rowsOf(decays, at.count),
                              [&](ElementBuilder &e, ValueRange args) {
                                return e.mul(args[0], rate);
                              });
    if (seqIds) {
      decay = clearedDecay(decay, seqIds, at);
    }
    return {rows(q, at, at.group),
            rows(k, at, at.group),
            rows(v, at, at.head),
            decay,
            write,
            Value()};
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
    if (op.getFavor()) {
      return op.emitOpError("with 'favor' has no tiles");
    }
    if (failed(check())) {
      return failure();
    }
    choose();
    op->replaceAllUsesWith(tile());
    op.erase();
    return success();
  }

private:
  LinearAttentionOp op;
  Value decay;
  Value decays, queries, features, ofHead; // of a task

  bool decayOfHead() {
    return decay && cast<ShapedType>(decay.getType()).getRank() == 1;
  }

  void prepare(const TokenChunk &at) override {
    if (op.hasKeyDecay()) {
      decays = workspace({chunk, keys});
    } else if (decay || seqIds) {
      decays = workspace(chunk);
    }
    if (decayOfHead()) {
      ofHead = scalar(decay, at.head);
    }
    if (op.getElu1()) {
      queries = workspace({chunk, keys});
      features = workspace({chunk, keys});
    }
  }

  Value elu1(Value x, Value into) {
    return elementwise(x, into, [](ElementBuilder &e, ValueRange args) {
      Value x = args[0];
      return e.select(e.isAbove(x, 0.0), e.add(x, e.number(1.0)),
                      e.exp(e.min(x, e.number(0.0))));
    });
  }

  ScanInputs inputs(const TokenChunk &at) override {
    ScanInputs in;
    in.q = rows(q, at, at.group);
    in.k = rows(k, at, at.group);
    if (op.getElu1()) {
      in.q = elu1(in.q, rowsOf(queries, at.count));
      in.k = elu1(in.k, rowsOf(features, at.count));
    }
    in.v = rows(v, at, at.head);
    in.beta = op.getBeta() ? rows(op.getBeta(), at, at.head) : Value();
    if (!decays) {
      return in;
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
    return in;
  }

  bool hasOutput() override { return static_cast<bool>(op.getScale()); }

  Value output(const TokenChunk &at, Value read, Value into) override {
    return elementwise(read, into, [&](ElementBuilder &e, ValueRange args) {
      return e.mul(args[0], e.number(op.getScale()->convertToDouble()));
    });
  }
};

} // namespace

LogicalResult tileSSD(SSDOp op) { return SSDTiler(op).run(op); }

LogicalResult tileHeadStep(SSMStepOp op) { return SSDTiler(op).run(op); }

LogicalResult tileLinearAttention(LinearAttentionOp op) {
  return LinearTiler(op).run();
}

} // namespace attn
