//===- TileChannels.cpp - scans of channels into blocks and chunks --------===//
// attn.ssm_scan and the Mamba-1 step: a task is a block of channels of one
// sequence. Channels are the columns of the state, so that vectors of them
// share B and C; where the bits of a step count, the state stays as it lies in
// memory, N numbers a channel.
//===----------------------------------------------------------------------===//

#include "RecurrenceTiler.h"
#include "attn/Target/ScanModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {

class ChannelTiler : public RecurrenceTiler {
public:
  using RecurrenceTiler::RecurrenceTiler;

  LogicalResult run(SSMScanOp op) {
    u = op.getU(), delta = op.getDelta(), a = op.getA(), k = op.getB();
    q = op.getC(), z = op.getZ(), out = op.getOut();
    cuSeqlens = op.getCuSeqlens(), seqIds = op.getSeqIds(), zoh = op.getZoh();
    exact = op.getExact();
    takeParameters(op);
    if (op.getComplex()) {
      return op.emitOpError("of complex numbers has no tiles");
    }
    if (zoh && (!isFixed() || rankOf(delta) != 1)) {
      return op.emitOpError("with 'zoh' has tiles for parameters that are the "
                            "same for all tokens alone");
    }
    if (failed(check())) {
      return failure();
    }
    ScanChoice choice = chooseScan(op);
    chunk = choice.chunk;
    op.emitRemark("schedule sequential, blocks of ")
        << block << " channels, " << chunk
        << " tokens at a time: " << choice.why;
    op->replaceAllUsesWith(tile());
    op.erase();
    return success();
  }

  LogicalResult run(SSMStepOp op) {
    u = withToken(op.getX()), delta = withToken(op.getDt()), a = op.getA();
    k = withToken(op.getB()), q = withToken(op.getC());
    z = op.getZ() ? withToken(op.getZ()) : Value();
    out = withToken(op.getOut()), slots = op.getSlots();
    exact = true;
    takeParameters(op);
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
  Value u, delta, a, k, q, z, out, state, bias, skip;
  Value cuSeqlens, seqIds, slots;
  bool zoh = false, exact = false, softplus = false;
  std::optional<ArrayRef<double>> limit;
  int64_t rows = 0, block = 0, chunk = 1; // N, channels a task, tokens
  // Of a task: parameters of its channels, and workspaces.
  Value rates, fixedK, fixedQ, steps, inputs, biases, skips, reads, deltas;

  template <typename OpTy> void takeParameters(OpTy op) {
    bias = op.getDtBias(), skip = op.getSkip(), state = op.getState();
    softplus = op.getSoftplus(), limit = op.getDtLimit();
  }

  static int64_t rankOf(Value value) {
    return cast<ShapedType>(value.getType()).getRank();
  }
  bool isFixed() { return rankOf(k) == 2; }
  unsigned seqDim() { return cuSeqlens ? 0 : 1; }

  LogicalResult check() {
    int64_t channels = cast<ShapedType>(u.getType()).getShape().back();
    rows = cast<ShapedType>(a.getType()).getDimSize(1);
    int64_t groups =
        isFixed() ? 1 : cast<ShapedType>(k.getType()).getDimSize(seqDim() + 1);
    if (!isa<TensorType>(u.getType())) {
      return op->emitOpError("expected tensors: wrap memrefs first "
                             "(attn-wrap-memrefs)");
    }
    if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(rows) ||
        ShapedType::isDynamic(groups)) {
      return op->emitOpError("expected static numbers of channels, groups and "
                             "states for tiling");
    }
    // Whole blocks of one group: the largest divisor that is not too large.
    constexpr int64_t kMost = 64, kFew = 16;
    int64_t share =
        std::max<int64_t>(channels / std::max<int64_t>(groups, 1), 1);
    for (block = std::min(kMost, share); share % block != 0;) {
      --block;
    }
    if (block < kFew && share <= 4 * kMost) {
      block = share;
    }
    return success();
  }

  // Channels [first, first + block) of a chunk's tokens.
  Slice tokens(Value from, const TokenChunk &at) {
    Sizes offsets{getAsOpFoldResult(at.first), at.head};
    Sizes sizes{getAsOpFoldResult(at.count), b.getIndexAttr(block)};
    SmallVector<unsigned> kept{0, 1};
    if (!cuSeqlens) {
      offsets.insert(offsets.begin(), at.batch);
      sizes.insert(sizes.begin(), one());
      kept = {1, 2};
    }
    return slice(from, offsets, sizes, kept);
  }
  // B or C of the group.
  Value groupRows(Value from, const TokenChunk &at) {
    Sizes offsets{getAsOpFoldResult(at.first), at.group, zero()};
    Sizes sizes{getAsOpFoldResult(at.count), one(), b.getIndexAttr(rows)};
    SmallVector<unsigned> kept{0, 2};
    if (!cuSeqlens) {
      offsets.insert(offsets.begin(), at.batch);
      sizes.insert(sizes.begin(), one());
      kept = {1, 3};
    }
    return slice(from, offsets, sizes, kept).tensor;
  }
  Value channelsOf(Value from, const TokenChunk &at) {
    return slice(from, {at.head}, {b.getIndexAttr(block)}, 0u).tensor;
  }
  // Rows of the block's channels of a D x N tensor, as the state is.
  Slice parameterSlice(Value from, const TokenChunk &at) {
    return slice(from, {at.head, zero()},
                 {b.getIndexAttr(block), b.getIndexAttr(rows)}, {0, 1});
  }
  AffineMap stateMap() {
    return exact ? b.getMultiDimIdentityMap(2)
                 : AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0},
                                                b.getContext());
  }
  SmallVector<int64_t> stateShape() {
    return exact ? SmallVector<int64_t>{block, rows}
                 : SmallVector<int64_t>{rows, block};
  }
  Value oriented(Value part) {
    auto partType = cast<RankedTensorType>(part.getType());
    return exact && partType.getElementType() == type
               ? part
               : copy(part, stateMap(), workspace(stateShape()));
  }

  void prepare(const TokenChunk &at) {
    rates = oriented(parameterSlice(a, at).tensor);
    steps = workspace({chunk, block});
    inputs = workspace({chunk, block});
    reads = workspace({chunk, block});
    biases = bias ? channelsOf(bias, at) : Value();
    skips = skip ? channelsOf(skip, at) : Value();
    deltas = rankOf(delta) == 1 ? channelsOf(delta, at) : Value();
    if (!isFixed()) {
      return;
    }
    fixedQ = oriented(parameterSlice(q, at).tensor);
    fixedK = oriented(parameterSlice(k, at).tensor);
    if (zoh) {
      fixedK = heldInput(at);
    }
  }

  // b (e^(delta a) - 1) / a, delta b for a = 0.
  Value heldInput(const TokenChunk &at) {
    AffineMap same = b.getMultiDimIdentityMap(2);
    AffineMap channel = same.getSubMap(exact ? 0 : 1);
    Values ins{fixedK, rates, deltas};
    SmallVector<AffineMap> maps{same, same, channel};
    if (bias) {
      ins.push_back(biases);
      maps.push_back(channel);
    }
    return elementwise(
        ins, maps, workspace(stateShape()),
        [&](ElementBuilder &e, ValueRange args) {
          Value dt =
              e.stepSize(args[2], bias ? args[3] : Value(), softplus, limit);
          Value isZero = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ,
                                               args[1], e.number(0.0));
          Value held = e.div(e.expm1(e.mul(dt, args[1])), args[1]);
          return e.mul(args[0], e.select(isZero, dt, held));
        });
  }

  // The time steps of a chunk.
  Value stepsOf(const TokenChunk &at) {
    AffineMap same = b.getMultiDimIdentityMap(2), channel = same.getSubMap(1);
    Values ins{deltas ? deltas : tokens(delta, at).tensor};
    SmallVector<AffineMap> maps{deltas ? channel : same};
    if (bias) {
      ins.push_back(biases);
      maps.push_back(channel);
    }
    return elementwise(ins, maps, rowsOf(steps, at.count),
                       [&](ElementBuilder &e, ValueRange args) {
                         return e.stepSize(args[0], bias ? args[1] : Value(),
                                           softplus, limit);
                       });
  }

  Values scanChunk(const TokenChunk &at, ValueRange carried) {
    Value x = tokens(u, at).tensor;
    Value step = stepsOf(at);
    Value v = x;
    if (!zoh) {
      v = elementwise({step, x}, rowsOf(inputs, at.count),
                      [](ElementBuilder &e, ValueRange args) {
                        return e.mul(args[0], args[1]);
                      });
    }
    if (seqIds) {
      // Rates are negative as a rule, so an infinite step would do; but a
      // channel may have rate 0.
      step = clearedDecay(step, seqIds, at);
    }
    Slice part = slice(
        carried[0], {getAsOpFoldResult(index.sub(at.first, at.begin)), zero()},
        {getAsOpFoldResult(at.count), b.getIndexAttr(block)}, {0, 1});
    bool hasOutput = skip || z;
    Values outs{hasOutput ? rowsOf(reads, at.count) : part.tensor, carried[1]};
    auto scan = ScanChunkOp::create(
        b, ValueRange(outs).getTypes(), isFixed() ? fixedQ : groupRows(q, at),
        isFixed() ? fixedK : groupRows(k, at), v, step, rates,
        /*factors=*/Value(), /*keep=*/Value(), /*write=*/Value(),
        /*beta=*/Value(), /*pairs=*/Value(), outs, ScanSchedule::Sequential,
        /*transposed=*/exact, isFixed(), /*zoh=*/false, /*complex=*/false,
        llvm::APFloat(0.0), chunk);
    Value result = scan.getResult(0);
    if (hasOutput) {
      result = output(at, result, x, part.tensor);
    }
    return {insert(result, carried[0], part), scan.getResult(1)};
  }

  Value output(const TokenChunk &at, Value read, Value x, Value into) {
    AffineMap same = b.getMultiDimIdentityMap(2);
    Values ins{read};
    SmallVector<AffineMap> maps{same};
    if (skip) {
      ins.append({x, skips});
      maps.append({same, same.getSubMap(1)});
    }
    if (z) {
      ins.push_back(tokens(z, at).tensor);
      maps.push_back(same);
    }
    return elementwise(
        ins, maps, into, [&](ElementBuilder &e, ValueRange args) {
          Value y = skip ? e.add(args[0], e.mul(args[1], args[2])) : args[0];
          return z ? e.mul(y, e.silu(args.back())) : y;
        });
  }

  // The new values of the block's part of out and state.
  Values scanBlock(TokenChunk at, Value end, ArrayRef<Value> parts) {
    prepare(at);
    Value start =
        parts.size() > 1 ? oriented(parts[1]) : zeros(workspace(stateShape()));
    Values carried = chunks(at.begin, end, chunk, {parts[0], start},
                            [&](Value first, Value count, ValueRange now) {
                              at.first = first;
                              at.count = count;
                              return scanChunk(at, now);
                            });
    if (parts.size() == 1) {
      return {carried[0]};
    }
    auto partType = cast<RankedTensorType>(parts[1].getType());
    bool inPlace = exact && partType.getElementType() == type;
    return {carried[0],
            inPlace ? carried[1] : copy(carried[1], stateMap(), parts[1])};
  }

  Values tile() {
    int64_t channels = cast<ShapedType>(u.getType()).getShape().back();
    Value count = tensor::DimOp::create(b, u, index.constant(seqDim()));
    Value sequences = tensor::DimOp::create(b, u, index.constant(0));
    if (cuSeqlens) {
      sequences =
          index.add(tensor::DimOp::create(b, cuSeqlens, index.constant(0)), -1);
    }
    int64_t groups =
        isFixed() ? 1 : cast<ShapedType>(k.getType()).getDimSize(seqDim() + 1);
    Values outs{out};
    if (state) {
      outs.push_back(state);
    }
    return forall(
        {getAsOpFoldResult(sequences), b.getIndexAttr(channels / block)}, outs,
        [&](ValueRange ivs, ValueRange dest, SmallVectorImpl<Slice> &slices,
            Values &results) {
          auto bounds = range(cuSeqlens, ivs[0], count);
          Value first = index.mul(ivs[1], block);
          TokenChunk at{ivs[0],
                        cuSeqlens ? index.constant(0) : Value(ivs[0]),
                        first,
                        index.div(first, channels / groups),
                        bounds.first,
                        bounds.first,
                        index.sub(bounds.second, bounds.first)};
          slices.push_back(tokens(dest[0], at));
          Value exists, place = at.sequence;
          if (slots) {
            std::tie(exists, place) = slotOf(slots, ivs[0], dest[1]);
          }
          if (state) {
            slices.push_back(slice(
                dest[1], {place, at.head, zero()},
                {one(), b.getIndexAttr(block), b.getIndexAttr(rows)}, {1, 2}));
          }
          Values parts;
          for (Slice &part : slices) {
            parts.push_back(part.tensor);
          }
          auto scan = [&] { return scanBlock(at, bounds.second, parts); };
          results = slots ? inSlot(exists, parts, scan) : scan();
        });
  }
};

} // namespace

LogicalResult tileChannelScan(SSMScanOp op) { return ChannelTiler(op).run(op); }

LogicalResult tileChannelStep(SSMStepOp op) { return ChannelTiler(op).run(op); }

} // namespace attn
