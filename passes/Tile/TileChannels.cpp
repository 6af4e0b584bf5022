//===- TileChannels.cpp - scans of channels into blocks and chunks --------===//
// attn.ssm_scan and the Mamba-1 step: a task is a block of channels of one
// sequence. Channels are the columns of the state, so that vectors of them
// share B and C; where the bits of a step count, the state stays as it lies in
// memory, N numbers a channel. Of complex numbers the real parts come first, in
// rows of their own. Decays that are the same for all tokens are made once.
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
    complex = op.getComplex();
    transposed = op.getExact() && !complex && !zoh;
    takeParameters(op);
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
    transposed = true;
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
  bool zoh = false, complex = false, softplus = false;
  bool transposed = false; ///< the state as it lies in memory
  std::optional<ArrayRef<double>> limit;
  int64_t states = 0, rows = 0; // N, and rows of the state: 2 N if complex
  int64_t block = 0, chunk = 1; // channels a task, tokens
  // Of a task: parameters of its channels, and workspaces.
  Value rates, factors, fixedK, fixedQ, biases, skips, deltas;
  Value steps, inputs, reads, keeps, tokenK, tokenQ;

  template <typename OpTy> void takeParameters(OpTy op) {
    bias = op.getDtBias(), skip = op.getSkip(), state = op.getState();
    softplus = op.getSoftplus(), limit = op.getDtLimit();
  }

  static int64_t rankOf(Value value) {
    return cast<ShapedType>(value.getType()).getRank();
  }
  bool isFixed() { return rankOf(k) == (complex ? 3 : 2); }
  // Whether decays are the same for all tokens, and made once.
  bool isInvariant() {
    return rankOf(delta) == 1 && !transposed && (isFixed() || !zoh);
  }
  unsigned seqDim() { return cuSeqlens ? 0 : 1; }

  LogicalResult check() {
    int64_t channels = cast<ShapedType>(u.getType()).getShape().back();
    states = cast<ShapedType>(a.getType()).getDimSize(1);
    int64_t groups =
        isFixed() ? 1 : cast<ShapedType>(k.getType()).getDimSize(seqDim() + 1);
    if (!isa<TensorType>(u.getType())) {
      return op->emitOpError("expected tensors: wrap memrefs first "
                             "(attn-wrap-memrefs)");
    }
    if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(states) ||
        ShapedType::isDynamic(groups)) {
      return op->emitOpError("expected static numbers of channels, groups and "
                             "states for tiling");
    }
    rows = complex ? 2 * states : states;
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
  // B or C of the group; of complex numbers in `into`.
  Value groupRows(Value from, const TokenChunk &at, Value into) {
    Sizes offsets{getAsOpFoldResult(at.first), at.group, zero()};
    Sizes sizes{getAsOpFoldResult(at.count), one(), b.getIndexAttr(states)};
    SmallVector<unsigned> kept{0, 2};
    if (!cuSeqlens) {
      offsets.insert(offsets.begin(), at.batch);
      sizes.insert(sizes.begin(), one());
      kept = {1, 3};
    }
    if (!complex) {
      return slice(from, offsets, sizes, kept).tensor;
    }
    offsets.push_back(zero());
    sizes.push_back(b.getIndexAttr(2));
    kept.push_back(sizes.size() - 1);
    Value numbers = slice(from, offsets, sizes, kept).tensor;
    Value apart = copy(numbers, permutation({0, 2, 1}), rowsOf(into, at.count));
    return tensor::CollapseShapeOp::create(
        b, RankedTensorType::get({ShapedType::kDynamic, rows}, type), apart,
        ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  }
  AffineMap permutation(ArrayRef<unsigned> order) {
    return AffineMap::getPermutationMap(order, b.getContext());
  }
  Value channelsOf(Value from, const TokenChunk &at) {
    return slice(from, {at.head}, {b.getIndexAttr(block)}, 0u).tensor;
  }
  // Rows of the block's channels of a D x N (x 2) tensor, as the state is.
  Slice parameterSlice(Value from, const TokenChunk &at) {
    Sizes offsets{at.head, zero()};
    Sizes sizes{b.getIndexAttr(block), b.getIndexAttr(states)};
    SmallVector<unsigned> kept{0, 1};
    if (complex) {
      offsets.push_back(zero());
      sizes.push_back(b.getIndexAttr(2));
      kept.push_back(2);
    }
    return slice(from, offsets, sizes, kept);
  }
  SmallVector<int64_t> stateShape() {
    return transposed ? SmallVector<int64_t>{block, states}
                      : SmallVector<int64_t>{rows, block};
  }
  // The last two dimensions of complex numbers and channels; else the map from
  // what is carried to what lies in memory.
  AffineMap stateMap() {
    return complex      ? permutation({2, 1, 0})
           : transposed ? b.getMultiDimIdentityMap(2)
                        : permutation({1, 0});
  }
  SmallVector<ReassociationIndices> planes() { return {{0, 1}, {2}}; }

  Value oriented(Value part) {
    auto partType = cast<RankedTensorType>(part.getType());
    if (transposed && partType.getElementType() == type) {
      return part;
    }
    if (!complex) {
      return copy(part, stateMap(), workspace(stateShape()));
    }
    Value apart = copy(part, stateMap(), workspace({2, states, block}));
    return tensor::CollapseShapeOp::create(
        b, RankedTensorType::get(stateShape(), type), apart, planes());
  }
  // `carried` as `part` lies in memory.
  Value restored(Value carried, Value part) {
    auto partType = cast<RankedTensorType>(part.getType());
    if (transposed && partType.getElementType() == type) {
      return carried;
    }
    if (complex) {
      carried = tensor::ExpandShapeOp::create(
          b, RankedTensorType::get({2, states, block}, type), carried,
          planes());
    }
    return copy(carried, stateMap(), part);
  }

  void prepare(const TokenChunk &at) {
    rates = oriented(parameterSlice(a, at).tensor);
    steps = workspace({chunk, block});
    inputs = workspace({chunk, block});
    reads = workspace({chunk, block});
    keeps = seqIds ? workspace(chunk) : Value();
    biases = bias ? channelsOf(bias, at) : Value();
    skips = skip ? channelsOf(skip, at) : Value();
    deltas = rankOf(delta) == 1 ? channelsOf(delta, at) : Value();
    if (isFixed()) {
      fixedQ = oriented(parameterSlice(q, at).tensor);
      fixedK = oriented(parameterSlice(k, at).tensor);
    } else if (complex) {
      tokenK = workspace({chunk, 2, states});
      tokenQ = workspace({chunk, 2, states});
    }
    factors = Value();
    if (isInvariant()) {
      factors = ofRates({}, [](ElementBuilder &e, Complex exponent, Complex) {
        return e.exp(exponent);
      });
    }
    if (isInvariant() && zoh) {
      fixedK = ofRates(fixedK,
                       [](ElementBuilder &e, Complex exponent, Complex other) {
                         return e.mul(e.held(exponent), other);
                       });
    }
  }

  using Complex = ElementBuilder::Complex;

  // A matrix like the rates, of delta a and the elements of `other`.
  Value
  ofRates(Value other,
          function_ref<Complex(ElementBuilder &, Complex, Complex)> body) {
    AffineMap same = b.getMultiDimIdentityMap(2);
    auto plane = [&](Value of, int64_t part) {
      return slice(of, {b.getIndexAttr(part * states), zero()},
                   {b.getIndexAttr(states), b.getIndexAttr(block)}, {0, 1});
    };
    int64_t parts = complex ? 2 : 1;
    Values ins;
    for (Value of : {rates, other}) {
      for (int64_t part = 0; of && part < parts; ++part) {
        ins.push_back(plane(of, part).tensor);
      }
    }
    SmallVector<AffineMap> maps(ins.size(), same);
    ins.push_back(deltas);
    if (bias) {
      ins.push_back(biases);
    }
    maps.resize(ins.size(), same.getSubMap(1));
    Value result = workspace(stateShape());
    for (int64_t part = 0; part < parts; ++part) {
      Slice into = plane(result, part);
      Value made = elementwise(
          ins, maps, into.tensor, [&](ElementBuilder &e, ValueRange args) {
            Value dt =
                e.stepSize(args[bias ? args.size() - 2 : args.size() - 1],
                           bias ? args.back() : Value(), softplus, limit);
            auto number = [&](int64_t first) {
              return Complex{args[first], complex ? args[first + 1] : Value()};
            };
            Complex exponent = number(0), second;
            exponent = {e.mul(exponent.re, dt),
                        complex ? e.mul(exponent.im, dt) : Value()};
            if (other) {
              second = number(parts);
            }
            Complex made = body(e, exponent, second);
            return part == 0 ? made.re : made.im;
          });
      result = insert(made, result, into);
    }
    return result;
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
    Value v = elementwise({step, x}, rowsOf(inputs, at.count),
                          [](ElementBuilder &e, ValueRange args) {
                            return e.mul(args[0], args[1]);
                          });
    Value keep =
        seqIds ? keptTokens(rowsOf(keeps, at.count), seqIds, at) : Value();
    Slice part = slice(
        carried[0], {getAsOpFoldResult(index.sub(at.first, at.begin)), zero()},
        {getAsOpFoldResult(at.count), b.getIndexAttr(block)}, {0, 1});
    bool hasOutput = skip || z;
    Values outs{hasOutput ? rowsOf(reads, at.count) : part.tensor, carried[1]};
    bool ofTokens = !factors;
    auto scan = ScanChunkOp::create(
        b, ValueRange(outs).getTypes(),
        isFixed() ? fixedQ : groupRows(q, at, tokenQ),
        isFixed() ? fixedK : groupRows(k, at, tokenK), v,
        ofTokens ? step : Value(), ofTokens ? rates : Value(), factors, keep,
        /*write=*/Value(), /*beta=*/Value(), /*pairs=*/Value(), outs,
        ScanSchedule::Sequential, transposed, isFixed(),
        /*zoh=*/zoh && ofTokens, complex, llvm::APFloat(0.0), chunk);
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
    return {carried[0], restored(carried[1], parts[1])};
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
            Sizes offsets{place, at.head, zero()};
            Sizes sizes{one(), b.getIndexAttr(block), b.getIndexAttr(states)};
            SmallVector<unsigned> kept{1, 2};
            if (complex) {
              offsets.push_back(zero());
              sizes.push_back(b.getIndexAttr(2));
              kept.push_back(3);
            }
            slices.push_back(slice(dest[1], offsets, sizes, kept));
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
