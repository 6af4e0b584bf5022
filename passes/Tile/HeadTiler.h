//===- HeadTiler.h - recurrences of heads into chunks of tokens -----------===//
// A task is one head of one sequence, which walks its chunks with the state in
// a workspace; or a few heads of one group, chunked, which share the products
// of queries and keys.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_TILE_HEADTILER_H
#define ATTN_PASSES_TILE_HEADTILER_H

#include "RecurrenceTiler.h"
#include "attn/Target/ScanModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

namespace attn {

using namespace mlir;

/// What an op makes of a chunk.
struct ScanInputs {
  Value q, k, v, decay, write, beta, pairs;
};

class HeadTiler : public RecurrenceTiler {
protected:
  using RecurrenceTiler::RecurrenceTiler;

  Layout layout = Layout::BSHD;
  Value q, k, v, out, state, norm; ///< norm is null without one
  Value most;                      ///< the largest exponents of features
  Value cuSeqlens, seqIds, slots;
  bool normalized = false, hasMost = false;
  bool valuesFirst = false; ///< the state is V x K in memory
  double epsilon = 0;
  ScanSchedule schedule = ScanSchedule::Sequential;
  int64_t chunk = 64;
  int64_t keys = 0, values = 0; ///< K and V
  int64_t heads = 1;            ///< of a task

  /// Queries and keys, which the heads of a group share.
  virtual ScanInputs groupInputs(const TokenChunk &chunk) {
    ScanInputs in;
    in.q = rows(q, chunk, chunk.group);
    in.k = rows(k, chunk, chunk.group);
    return in;
  }
  /// The rest of them. `most` is what is carried of the largest exponent, and
  /// becomes the next.
  virtual void headInputs(const TokenChunk &chunk, ScanInputs &in,
                          Value &most) = 0;
  /// Whether `output` does anything, and what.
  virtual bool hasOutput() { return false; }
  virtual Value output(const TokenChunk &chunk, Value read, Value into) {
    return read;
  }
  /// Workspaces of a task, and parameters of a head.
  virtual void prepare(const TokenChunk &chunk) {}
  virtual void prepareHead(const TokenChunk &chunk) {}

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
    heads = sharedHeads();
  }

  // Heads of a group that are one task: enough of them to pay for the products
  // of a chunk, few enough to leave tasks for all threads.
  int64_t sharedHeads() {
    constexpr int64_t kMost = 8;
    int64_t all = cast<ShapedType>(v.getType()).getDimSize(headDim());
    int64_t groups = cast<ShapedType>(k.getType()).getDimSize(headDim());
    if (schedule != ScanSchedule::Chunked || hasMost || groups == 0 ||
        ShapedType::isDynamic(all) || ShapedType::isDynamic(groups)) {
      return 1;
    }
    int64_t number = std::max<int64_t>(std::min(kMost, all / groups), 1);
    while (all / groups % number != 0) {
      --number;
    }
    return number;
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
    Sizes offsets(shape.size(), zero()), sizes{one(), b.getIndexAttr(heads)};
    offsets[0] = sequence;
    offsets[1] = head;
    SmallVector<unsigned> kept;
    if (heads > 1 || shape.size() == 2) {
      kept.push_back(1); // of a maximum it is one number
    }
    for (unsigned d = 2; d < shape.size(); ++d) {
      sizes.push_back(b.getIndexAttr(shape[d]));
      kept.push_back(d);
    }
    return slice(from, offsets, sizes, kept);
  }

  bool isTransposed() {
    return valuesFirst && schedule == ScanSchedule::Sequential;
  }
  // Of a state, or the states of some heads; norms and maxima have lower ranks.
  AffineMap stateMap(int64_t rank) {
    SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(rank));
    if (rank == (heads > 1 ? 3 : 2) && valuesFirst && !isTransposed()) {
      std::swap(order[rank - 2], order[rank - 1]);
    }
    return AffineMap::getPermutationMap(order, b.getContext());
  }
  // A state, or the states of some heads. Under products a row is a cache line
  // longer, so that columns are not in few sets of the cache.
  Value stateWorkspace(SmallVector<int64_t> shape) {
    if (shape.size() < 2 || schedule == ScanSchedule::Sequential) {
      return workspace(shape);
    }
    Sizes sizes;
    for (int64_t size : shape) {
      sizes.push_back(b.getIndexAttr(size));
    }
    shape.back() += 512 / type.getWidth();
    return slice(workspace(shape), Sizes(shape.size(), zero()), sizes,
                 llvm::to_vector(llvm::seq<unsigned>(shape.size())))
        .tensor;
  }
  // What the chunks carry of `part`, a part of the state; zeros without one.
  Value load(Value part, ArrayRef<int64_t> shape) {
    if (!part) {
      return zeros(stateWorkspace(llvm::to_vector(shape)));
    }
    auto partType = cast<RankedTensorType>(part.getType());
    if (partType.getElementType() == type &&
        stateMap(partType.getRank()).isIdentity()) {
      return part;
    }
    return copy(part, stateMap(partType.getRank()),
                stateWorkspace(llvm::to_vector(shape)));
  }
  Value noMaximum(Value into) {
    return elementwise({}, into, [](ElementBuilder &e, ValueRange) {
      return e.number(-std::numeric_limits<double>::infinity());
    });
  }
  Value store(Value carried, Value part) {
    auto partType = cast<RankedTensorType>(part.getType());
    AffineMap map = stateMap(partType.getRank());
    return partType.getElementType() == type && map.isIdentity()
               ? carried
               : copy(carried, map, part);
  }

  // One head of a chunk: its rows of the output, in `into`, and what `carried`,
  // its state and norm, becomes.
  Values scanTokens(const TokenChunk &at, const ScanInputs &in, Value into,
                    ValueRange carried, Value read) {
    Values outs{read ? rowsOf(read, at.count) : into};
    llvm::append_range(outs, carried);
    auto scan = ScanChunkOp::create(
        b, ValueRange(outs).getTypes(), in.q, in.k, in.v, in.decay,
        /*rates=*/Value(), /*factors=*/Value(), /*keep=*/Value(), in.write,
        in.beta, in.pairs, outs, schedule, isTransposed(), /*fixed=*/false,
        /*zoh=*/false, /*complex=*/false, llvm::APFloat(epsilon), chunk);
    Values results(scan.getResults());
    if (hasOutput()) {
      results[0] = output(at, results[0], read ? into : results[0]);
    }
    return results;
  }

  Values scanChunk(const TokenChunk &at, ValueRange carried, Value read) {
    Slice part = slice(
        carried[0], {getAsOpFoldResult(index.sub(at.first, at.begin)), zero()},
        {getAsOpFoldResult(at.count), b.getIndexAttr(values)}, {0, 1});
    Value most = hasMost ? carried.back() : Value();
    ScanInputs in = groupInputs(at);
    in.v = rows(v, at, at.head);
    headInputs(at, in, most);
    Values next = scanTokens(at, in, part.tensor,
                             carried.drop_front().drop_back(hasMost), read);
    next[0] = insert(next[0], carried[0], part);
    if (hasMost) {
      next.push_back(most);
    }
    return next;
  }

  // The same of all heads of the task, one after the other.
  Values scanHeads(TokenChunk at, ValueRange carried, Value read, Value pairs) {
    ScanInputs shared = groupInputs(at);
    shared.pairs = PairProductsOp::create(b, TypeRange{pairs.getType()},
                                          shared.q, shared.k, pairs)
                       .getResult(0);
    Value first = at.head;
    auto loop = scf::ForOp::create(b, index.constant(0), index.constant(heads),
                                   index.constant(1), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value head = loop.getInductionVar();
    at.head = index.add(first, head);
    prepareHead(at);
    ValueRange now = loop.getRegionIterArgs();
    SmallVector<Slice> slices{
        tokensOfHead(now[0], index.sub(at.first, at.begin), at.count, head)};
    for (Value state : now.drop_front()) {
      ArrayRef<int64_t> shape = cast<ShapedType>(state.getType()).getShape();
      Sizes offsets(shape.size(), zero()), sizes{one()};
      offsets[0] = head;
      SmallVector<unsigned> kept;
      for (unsigned d = 1; d < shape.size(); ++d) {
        sizes.push_back(b.getIndexAttr(shape[d]));
        kept.push_back(d);
      }
      slices.push_back(slice(state, offsets, sizes, kept));
    }
    ScanInputs in = shared;
    in.v = rows(v, at, at.head);
    Value none;
    headInputs(at, in, none);
    Values states;
    for (const Slice &part : ArrayRef(slices).drop_front()) {
      states.push_back(part.tensor);
    }
    Values next = scanTokens(at, in, slices[0].tensor, states, read);
    for (auto [value, into, part] : llvm::zip_equal(next, now, slices)) {
      value = insert(value, into, part);
    }
    scf::YieldOp::create(b, next);
    return Values(loop.getResults());
  }

  // Tokens [first, first + count) of a head of the block of the task.
  Slice tokensOfHead(Value block, Value first, Value count, Value head) {
    bool headsFirst = layout == Layout::BHSD;
    Sizes offsets{first, head, zero()};
    Sizes sizes{getAsOpFoldResult(count), one(), b.getIndexAttr(values)};
    if (headsFirst) {
      std::swap(offsets[0], offsets[1]);
      std::swap(sizes[0], sizes[1]);
    }
    return slice(block, offsets, sizes, {headsFirst ? 1u : 0u, 2});
  }

  // The chunks of a task: the new values of its part of out, state and norm.
  Values scanTask(TokenChunk at, Value end, ArrayRef<Value> parts) {
    prepare(at);
    // Outputs are finished in place, unless that would round them twice.
    bool inPlace =
        cast<ShapedType>(parts[0].getType()).getElementType() == type;
    Value read = hasOutput() && !inPlace ? workspace({chunk, values}) : Value();
    Value pairs = heads > 1 ? workspace({chunk, chunk}) : Value();
    if (heads == 1) {
      prepareHead(at);
    }
    SmallVector<int64_t> shape{keys, values}, ofNorm{keys};
    if (isTransposed()) {
      std::swap(shape[0], shape[1]);
    }
    if (heads > 1) {
      shape.insert(shape.begin(), heads);
      ofNorm.insert(ofNorm.begin(), heads);
    }
    Values carried{parts[0],
                   load(parts.size() > 1 ? parts[1] : Value(), shape)};
    if (normalized) {
      carried.push_back(load(parts.size() > 2 ? parts[2] : Value(), ofNorm));
    }
    if (hasMost) {
      carried.push_back(parts.size() > 1 ? load(parts.back(), 1)
                                         : noMaximum(workspace(1)));
    }
    carried = chunks(at.begin, end, chunk, carried,
                     [&](Value first, Value count, ValueRange now) {
                       at.first = first;
                       at.count = count;
                       return heads > 1 ? scanHeads(at, now, read, pairs)
                                        : scanChunk(at, now, read);
                     });
    Values results{carried[0]};
    for (size_t n = 1; n < parts.size(); ++n) {
      results.push_back(store(carried[n], parts[n]));
    }
    return results;
  }

  Values tile() {
    Value tokens = tensor::DimOp::create(b, v, index.constant(seqDim()));
    Value all = tensor::DimOp::create(b, v, index.constant(headDim()));
    Value groups = tensor::DimOp::create(b, k, index.constant(headDim()));
    Value share = index.div(all, groups);
    Value sequences = tensor::DimOp::create(b, v, index.constant(0));
    if (cuSeqlens) {
      sequences =
          index.add(tensor::DimOp::create(b, cuSeqlens, index.constant(0)), -1);
    }
    Values outs{out};
    for (Value extra : {state, norm, most}) {
      if (extra) {
        outs.push_back(extra);
      }
    }
    return forall({getAsOpFoldResult(sequences),
                   getAsOpFoldResult(index.div(all, heads))},
                  outs,
                  [&](ValueRange ivs, ValueRange dest,
                      SmallVectorImpl<Slice> &slices, Values &results) {
                    auto bounds = range(cuSeqlens, ivs[0], tokens);
                    Value head = index.mul(ivs[1], heads);
                    TokenChunk at{ivs[0],
                                  cuSeqlens ? index.constant(0) : Value(ivs[0]),
                                  head,
                                  index.div(head, share),
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
                    auto scan = [&] {
                      return scanTask(at, bounds.second, parts);
                    };
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
    sizes[headDim()] = b.getIndexAttr(heads);
    sizes[seqDim()] = getAsOpFoldResult(at.count);
    sizes.back() = b.getIndexAttr(values);
    SmallVector<unsigned> kept{seqDim(), rowRank()};
    if (heads > 1) {
      kept = {std::min(seqDim(), headDim()), std::max(seqDim(), headDim()),
              rowRank()};
    }
    return slice(from, offsets, sizes, kept);
  }
};

} // namespace attn

#endif // ATTN_PASSES_TILE_HEADTILER_H
