//===- ExpandKeyLoop.cpp - expand key loops to one scf.for a segment ------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

#include <array>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDKEYLOOPPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct ExpandKeyLoopPass
    : public attn::impl::ExpandKeyLoopPassBase<ExpandKeyLoopPass> {

  static Value loadTile(OpBuilder &b, Location loc, Value list, Value entry) {
    Value tile =
        isa<TensorType>(list.getType())
            ? tensor::ExtractOp::create(b, loc, list, entry).getResult()
            : memref::LoadOp::create(b, loc, list, entry).getResult();
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), tile);
  }

  void expand(KeyLoopOp op) {
    IRRewriter rewriter(op);
    SmallVector<Segment> segments;
    for (unsigned n = 0; n < op.getLower().size(); ++n) {
      if (op.getLower()[n] != op.getUpper()[n]) {
        segments.push_back({op.getKind(n), op.getLower()[n], op.getUpper()[n]});
      }
    }
    SmallVector<Value> carried = llvm::to_vector(op.getInits());
    if (segments.size() > kMostLoops) {
      carried = walkPairs(rewriter, op, segments, carried);
    } else {
      for (const Segment &segment : segments) {
        carried = walk(rewriter, op, segment, carried);
      }
    }
    rewriter.replaceOp(op, carried);
  }

  struct Segment {
    SegmentKind kind;
    Value lower, upper;
  };

  /// The body of a loop is much code. More segments than this share two.
  static constexpr size_t kMostLoops = 2;

  using Body = function_ref<SmallVector<Value>(Value, ValueRange)>;

  static SmallVector<Value> makeLoop(IRRewriter &rewriter, Location loc,
                                     Value lower, Value upper, Value step,
                                     ValueRange carried, Body body) {
    auto loop = scf::ForOp::create(rewriter, loc, lower, upper, step, carried);
    OpBuilder::InsertionGuard guard(rewriter);
    if (carried.empty()) {
      rewriter.setInsertionPoint(loop.getBody()->getTerminator());
    } else {
      rewriter.setInsertionPointToStart(loop.getBody());
    }
    SmallVector<Value> next =
        body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!carried.empty()) {
      scf::YieldOp::create(rewriter, loc, next);
    }
    return llvm::to_vector_of<Value>(loop.getResults());
  }

  SmallVector<Value> walk(IRRewriter &rewriter, KeyLoopOp op,
                          const Segment &segment, ValueRange carried) {
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    if (op.getSource() == KeySource::Pages) {
      return walkPages(rewriter, op, segment, carried);
    }
    bool tiles = op.getSource() == KeySource::Tiles;
    return makeLoop(rewriter, loc, segment.lower, segment.upper,
                    tiles ? index.constant(1) : Value(op.getStep()), carried,
                    [&](Value key, ValueRange state) {
                      Value limit = segment.upper;
                      if (tiles) {
                        key = index.mul(
                            loadTile(rewriter, loc, op.getList(), key),
                            op.getStep());
                        limit = op.getLimit();
                      }
                      return cloneBody(rewriter, op, segment.kind, key, limit,
                                       Value(), state);
                    });
  }

  // A tile lies in one page. Where steps divide pages, one loop goes over all
  // tiles, so that each finds the next one; else page by page, with steps from
  // the start of each.
  SmallVector<Value> walkPages(IRRewriter &rewriter, KeyLoopOp op,
                               const Segment &segment, ValueRange carried) {
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    auto slots = static_cast<int64_t>(*op.getPageSize());
    int64_t step = getConstantIntValue(op.getStep()).value_or(0);
    int64_t unit = step > 0 && step < slots && slots % step == 0 ? step : slots;
    bool inSteps = unit == slots && step < slots;
    // An empty segment may start anywhere, and has no page.
    Value upper = index.max(segment.lower, segment.upper);
    Value first = index.div(segment.lower, unit);
    Value isEmpty = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::sge, segment.lower, segment.upper);
    Value last = arith::SelectOp::create(rewriter, loc, isEmpty, first,
                                         index.ceilDiv(upper, unit));
    return makeLoop(
        rewriter, loc, first, last, index.constant(1), carried,
        [&](Value number, ValueRange state) {
          Value page = loadTile(rewriter, loc, op.getList(),
                                index.div(number, slots / unit));
          Value start = index.mul(number, unit);
          Value from = index.max(start, segment.lower);
          Value to = index.min(index.add(start, unit), segment.upper);
          if (!inSteps) {
            return cloneBody(rewriter, op, segment.kind, from, to, page, state);
          }
          return makeLoop(rewriter, loc, from, to, op.getStep(), state,
                          [&](Value key, ValueRange inner) {
                            return cloneBody(rewriter, op, segment.kind, key,
                                             to, page, inner);
                          });
        });
  }

  // The body at `key`, for the keys up to `limit`; what it yields.
  SmallVector<Value> cloneBody(IRRewriter &rewriter, KeyLoopOp op,
                               SegmentKind kind, Value key, Value limit,
                               Value page, ValueRange carried) {
    IndexBuilder index(rewriter, op.getLoc());
    IRMapping mapping;
    mapping.map(op.getKeyIndex(), key);
    mapping.map(op.getKeyCount(),
                index.min(op.getStep(), index.sub(limit, key)));
    if (page) {
      mapping.map(op.getBody().getArgument(2), page);
    }
    mapping.map(op.getCarried(), carried);
    for (Operation &inner : op.getBody().front().without_terminator()) {
      Operation *clone = rewriter.clone(inner, mapping);
      auto online = dyn_cast<OnlineAttentionOp>(clone);
      if (online && online.isMasked() && kind == SegmentKind::Full) {
        online.dropMask();
        ++numMasksDropped;
      }
    }
    SmallVector<Value> yielded;
    for (Value value : op.getYield().getValues()) {
      yielded.push_back(mapping.lookupOrDefault(value));
    }
    return yielded;
  }

  // A loop over pairs of a partial and a full segment, whose bounds are chosen
  // by the number of the pair.
  SmallVector<Value> walkPairs(IRRewriter &rewriter, KeyLoopOp op,
                               ArrayRef<Segment> segments, ValueRange carried) {
    Location loc = op.getLoc();
    IndexBuilder index(rewriter, loc);
    Value zero = index.constant(0);
    // Bounds of the partial, then of the full segment; empty where there is
    // none.
    SmallVector<std::array<Value, 4>> pairs;
    bool open = false; // whether the last pair has no full segment
    for (const Segment &segment : segments) {
      bool isFull = segment.kind == SegmentKind::Full;
      if (!isFull || !open) {
        pairs.push_back({zero, zero, zero, zero});
      }
      pairs.back()[isFull ? 2 : 0] = segment.lower;
      pairs.back()[isFull ? 3 : 1] = segment.upper;
      open = !isFull;
    }
    auto loop =
        scf::ForOp::create(rewriter, loc, zero, index.constant(pairs.size()),
                           index.constant(1), carried);
    OpBuilder::InsertionGuard guard(rewriter);
    if (carried.empty()) {
      rewriter.setInsertionPoint(loop.getBody()->getTerminator());
    } else {
      rewriter.setInsertionPointToStart(loop.getBody());
    }
    std::array<Value, 4> bounds = pairs[0];
    for (size_t n = 1; n < pairs.size(); ++n) {
      Value here =
          arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                loop.getInductionVar(), index.constant(n));
      for (size_t i = 0; i < 4; ++i) {
        bounds[i] = arith::SelectOp::create(rewriter, loc, here, pairs[n][i],
                                            bounds[i]);
      }
    }
    SmallVector<Value> state =
        walk(rewriter, op, {SegmentKind::Partial, bounds[0], bounds[1]},
             loop.getRegionIterArgs());
    state =
        walk(rewriter, op, {SegmentKind::Full, bounds[2], bounds[3]}, state);
    if (!carried.empty()) {
      scf::YieldOp::create(rewriter, loc, state);
    }
    return llvm::to_vector_of<Value>(loop.getResults());
  }

  void runOnOperation() override {
    SmallVector<KeyLoopOp> ops;
    getOperation()->walk([&](KeyLoopOp op) { ops.push_back(op); });
    for (KeyLoopOp op : ops) {
      expand(op);
    }
  }
};

} // namespace
