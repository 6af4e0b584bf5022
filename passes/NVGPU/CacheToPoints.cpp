//===- CacheToPoints.cpp - rotary positions and caches, point by point ----===//
// A thread has one pair of elements of a token, of all heads, so that a sine is
// computed once for them. What a cache does not get (a slot outside of it, or a
// token that a later one replaces) is a slice of no elements.
//===----------------------------------------------------------------------===//

#include "CacheToPoints.h"
#include "../InPlace.h"
#include "EvictToPoints.h"
#include "PointBuilder.h"
#include "QuantToPoints.h"
#include "attn/Passes/EmitFrequencies.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

using namespace attn;

namespace {

using Fold = OpFoldResult;
using Values = SmallVector<Value>;

/// How keys turn, of both ops that turn some.
struct Turn {
  Value cos, sin, frequencies;
  int64_t rotary = 0;
  RopePairs pairs = RopePairs::NeoX;
  double magnitude = 1;
  std::optional<int64_t> kept;
  FloatType type; // of the arithmetic

  bool neox() const { return pairs == RopePairs::NeoX; }
  int64_t step() const { return neox() ? rotary / 2 : 1; }
};

class CacheBuilder : public PointBuilder {
public:
  using PointBuilder::PointBuilder;

  /// Points of a row of `size` elements: pairs, then single ones.
  Value countPoints(const Turn &turn, Value size) {
    return index.sub(size, index.constant(turn.rotary / 2));
  }

  /// Of a point of a row: its first element, and how many it has (1 or 2).
  struct Piece {
    Value first, count, isPair;
  };
  Piece piece(const Turn &turn, Value point, Value size) {
    int64_t half = turn.rotary / 2;
    Value start = turn.neox() ? point : index.mul(point, 2);
    if (getConstantIntValue(size) == turn.rotary) {
      return {start, index.constant(2),
              arith::ConstantOp::create(b, b.getBoolAttr(true))};
    }
    Value isPair = less(point, index.constant(half));
    return {select(isPair, start, index.add(point, half)),
            select(isPair, index.constant(2), index.constant(1)), isPair};
  }

  /// (cos, sin) of pair `pair` at `position`.
  std::pair<Value, Value> angle(const Turn &turn, Value position, Value pair) {
    Value zero = index.constant(0);
    pair = index.min(pair, index.constant(turn.rotary / 2 - 1));
    if (turn.cos) {
      Value last = index.add(sizeOf(turn.cos, 0), -1);
      Values at = {index.clamp(position, zero, last), pair};
      return {convert(read(turn.cos, at), turn.type),
              convert(read(turn.sin, at), turn.type)};
    }
    Value row = zero;
    if (turn.kept) {
      row = select(less(position, index.constant(*turn.kept)), zero,
                   index.constant(1));
    }
    Type f64 = b.getF64Type();
    Value turns = arith::SIToFPOp::create(
        b, f64, arith::IndexCastOp::create(b, b.getI64Type(), position));
    Value a = arith::MulFOp::create(b, turns,
                                    frequency(turn.frequencies, {row, pair}));
    auto finish = [&](Value x) {
      if (turn.magnitude != 1) {
        x = arith::MulFOp::create(
            b, x,
            arith::ConstantOp::create(b, b.getF64FloatAttr(turn.magnitude)));
      }
      return convert(x, turn.type);
    };
    return {finish(math::CosOp::create(b, a)),
            finish(math::SinOp::create(b, a))};
  }

  /// Writes a piece of a row, turned, to elements 0 and 1 of dimension `dim` of
  /// `into`; `read` gives elements of the row.
  Value turnPiece(const Turn &turn, const Piece &piece,
                  std::pair<Value, Value> angle,
                  function_ref<Value(Value)> read,
                  function_ref<Value(Value, Value, Value)> write, Value into) {
    Value last = index.add(piece.count, -1);
    Value u = convert(read(piece.first), turn.type);
    Value w = convert(
        read(index.add(piece.first, index.mul(last, turn.step()))), turn.type);
    Value cos = angle.first, sin = angle.second;
    auto turned = [&](Value x, Value partner, Value factor) -> Value {
      Value y = math::FmaOp::create(b, partner, factor,
                                    arith::MulFOp::create(b, x, cos));
      return select(piece.isPair, y, x);
    };
    Value first = turned(u, w, arith::NegFOp::create(b, sin));
    Value second = turned(w, u, sin);
    into = write(first, into, index.constant(0));
    return write(select(piece.isPair, second, first), into, last);
  }

private:
  // Where tables of frequencies are chosen by the length, the choice is made
  // again at each element: there are no tensors to choose from on a device.
  Value frequency(Value table, ArrayRef<Value> at) {
    auto choice = table.getDefiningOp<arith::SelectOp>();
    if (!choice) {
      return read(table, at);
    }
    return select(choice.getCondition(), frequency(choice.getTrueValue(), at),
                  frequency(choice.getFalseValue(), at));
  }
};

void rewriteRope(RopeOp op) {
  CacheBuilder p(op);
  IndexBuilder &index = p.index;
  Turn turn{op.getCos(),   op.getSin(), Value(),      op.getRotarySize(),
            op.getPairs(), 1,           std::nullopt, op.getAccumulatorType()};
  if (!turn.cos) {
    Frequencies made = emitFrequencies(p.b, op);
    turn.frequencies = made.values;
    turn.magnitude = made.magnitude;
    turn.kept = made.kept;
  }
  bool ragged = op.getLayout() == Layout::THD;
  int64_t head = op.getHeadDim(), seq = op.getSeqDim(), last = op.getSizeDim();
  SmallVector<Fold> sizes = p.sizesOf(op.getX());
  Value size = index.value(sizes[last]), heads = index.value(sizes[head]);
  Fold one = p.b.getIndexAttr(1), zero = p.b.getIndexAttr(0);
  SmallVector<Fold> grid;
  if (!ragged) {
    grid.push_back(sizes[0]);
  }
  grid.push_back(sizes[seq]);
  grid.push_back(getAsOpFoldResult(p.countPoints(turn, size)));
  auto place = [&](ValueRange point) {
    CacheBuilder::Piece piece = p.piece(turn, point.back(), size);
    PointBuilder::Place at{SmallVector<Fold>(sizes.size(), zero),
                           SmallVector<Fold>(sizes.size(), one),
                           SmallVector<Fold>(sizes.size(), one)};
    if (!ragged) {
      at.offsets[0] = point[0];
    }
    at.offsets[seq] = point[point.size() - 2];
    at.offsets[last] = piece.first;
    at.sizes[head] = sizes[head];
    at.sizes[last] = getAsOpFoldResult(piece.count);
    at.strides[last] = p.b.getIndexAttr(turn.step());
    return at;
  };
  auto type = cast<ShapedType>(op.getOut().getType()).getElementType();
  auto body = [&](ValueRange point, Value slice) {
    Value batch = ragged ? index.constant(0) : point[0];
    Value token = point[point.size() - 2], position = token;
    if (op.getPositions()) {
      position = p.readIndex(op.getPositions(), {batch, token});
    } else if (op.getOffset()) {
      position = index.add(op.getOffset(), token);
    }
    CacheBuilder::Piece piece = p.piece(turn, point.back(), size);
    std::pair<Value, Value> angle = p.angle(turn, position, point.back());
    return p.loop(heads, slice, [&](Value h, Value into) {
      auto row = [&](Value b, Value t, Value d) {
        Values at(sizes.size(), b);
        at[head] = h;
        at[seq] = t;
        at[last] = d;
        return at;
      };
      return p.turnPiece(
          turn, piece, angle,
          [&](Value d) { return p.read(op.getX(), row(batch, token, d)); },
          [&](Value x, Value into, Value d) -> Value {
            Value start = index.constant(0);
            return tensor::InsertOp::create(p.b, p.convert(x, type), into,
                                            row(start, start, d));
          },
          into);
    });
  };
  Value made = p.forEach(grid, op.getOut(), place, body);
  p.rewriter.replaceOp(op, made);
}

class AppendRewriter {
public:
  AppendRewriter(KVAppendOp op)
      : op(op), p(op), index(p.index), tokens(p.sizesOf(op.getK())[0]),
        heads(p.sizeOf(op.getK(), 1)) {}

  void run() {
    slots = keptSlots();
    Turn turn{op.getCos(),         op.getSin(),
              op.getFrequencies(), op.getPositions() ? op.getRotarySize() : 0,
              op.getPairs(),       op.getMagnitude().convertToDouble(),
              std::nullopt,        op.getAccumulatorType()};
    if (op.getKept()) {
      turn.kept = static_cast<int64_t>(*op.getKept());
    }
    Value k = write(op.getK(), op.getKPages(), turn);
    turn.rotary = 0;
    Value v = write(op.getV(), op.getVPages(), turn);
    p.rewriter.replaceOp(op, {k, v});
  }

private:
  KVAppendOp op;
  CacheBuilder p;
  IndexBuilder &index;
  Fold tokens;
  Value heads, slots;

  // The slot of each token, -1 where it is outside of the cache or where a
  // later token has it, too.
  Value keptSlots() {
    Value pool = op.getKPages();
    Value all = index.mul(p.sizeOf(pool, 0), p.sizeOf(pool, op.getSlotDim()));
    Type i64 = p.b.getI64Type();
    Value init = tensor::EmptyOp::create(p.b, {tokens}, i64);
    Fold one = p.b.getIndexAttr(1);
    return p.forEach(
        {tokens}, init,
        [&](ValueRange point) {
          return PointBuilder::Place{{point[0]}, {one}, {one}};
        },
        [&](ValueRange point, Value slice) -> Value {
          Value mine = p.read(op.getSlots(), point[0]);
          Value next = index.add(point[0], 1);
          Value no = arith::ConstantOp::create(p.b, p.b.getBoolAttr(false));
          Value later =
              p.loop(index.sub(index.value(tokens), next), no,
                     [&](Value i, Value found) -> Value {
                       Value other = p.read(op.getSlots(), index.add(next, i));
                       Value same = arith::CmpIOp::create(
                           p.b, arith::CmpIPredicate::eq, mine, other);
                       return arith::OrIOp::create(p.b, found, same);
                     });
          Value slot =
              arith::IndexCastOp::create(p.b, p.b.getIndexType(), mine);
          // As an unsigned number, what is negative is beyond all slots.
          Value outside =
              arith::CmpIOp::create(p.b, arith::CmpIPredicate::uge, slot, all);
          Value skipped = arith::OrIOp::create(p.b, outside, later);
          slot = p.select(skipped, index.constant(-1), slot);
          return tensor::InsertOp::create(
              p.b, arith::IndexCastOp::create(p.b, i64, slot), slice,
              index.constant(0));
        });
  }

  Value write(Value from, Value pool, const Turn &turn) {
    int64_t head = op.getHeadDim(), slotDim = op.getSlotDim();
    Value size = p.sizeOf(from, 2), zero = index.constant(0);
    Value slotsOfPage = p.sizeOf(pool, slotDim);
    Fold one = p.b.getIndexAttr(1);
    auto type = cast<ShapedType>(pool.getType()).getElementType();
    bool turns = turn.rotary > 0;
    Value points = turns ? p.countPoints(turn, size) : size;
    Value count; // of tokens that are written here: 0 or 1
    auto place = [&](ValueRange point) {
      Value slot = p.readIndex(slots, point[0]);
      Value written = p.less(index.constant(-1), slot);
      count = p.select(written, index.constant(1), zero);
      slot = index.max(slot, zero);
      Value page = index.div(slot, slotsOfPage);
      PointBuilder::Place at{{page, zero, zero, point[1]},
                             {getAsOpFoldResult(count), one, one, one},
                             {one, one, one, one}};
      at.offsets[slotDim] = index.sub(slot, index.mul(page, slotsOfPage));
      at.sizes[head] = getAsOpFoldResult(heads);
      if (turns) {
        CacheBuilder::Piece piece = p.piece(turn, point[1], size);
        at.offsets[3] = piece.first;
        at.sizes[3] = getAsOpFoldResult(piece.count);
        at.strides[3] = p.b.getIndexAttr(turn.step());
      }
      return at;
    };
    auto token = [&](Value token, Value point, Value slice) {
      CacheBuilder::Piece piece;
      std::pair<Value, Value> angle;
      if (turns) {
        piece = p.piece(turn, point, size);
        angle =
            p.angle(turn, p.readIndex(op.getPositions(), {zero, token}), point);
      }
      return p.loop(heads, slice, [&](Value h, Value into) -> Value {
        auto read = [&](Value d) { return p.read(from, {token, h, d}); };
        auto put = [&](Value x, Value into, Value d) -> Value {
          Values at = {zero, zero, zero, d};
          at[head] = h;
          return tensor::InsertOp::create(p.b, p.convert(x, type), into, at);
        };
        return turns ? p.turnPiece(turn, piece, angle, read, put, into)
                     : put(read(point), into, zero);
      });
    };
    Value made =
        p.forEach({tokens, getAsOpFoldResult(points)}, pool, place,
                  [&](ValueRange point, Value slice) {
                    return p.loop(count, slice, [&](Value, Value into) {
                      return token(point[0], point[1], into);
                    });
                  });
    made.getDefiningOp()->setAttr(kInPlaceAttr, p.b.getUnitAttr());
    return made;
  }
};

void rewriteGather(KVGatherOp op) {
  PointBuilder p(op);
  IndexBuilder &index = p.index;
  int64_t head = op.getOutHeadDim(), seq = op.getOutSeqDim();
  SmallVector<Fold> grid = p.sizesOf(op.getOut());
  Fold one = p.b.getIndexAttr(1);
  Value slotsOfPage = p.sizeOf(op.getPages(), op.getSlotDim());
  auto type = cast<ShapedType>(op.getOut().getType()).getElementType();
  Value made = p.forEach(
      grid, op.getOut(),
      [&](ValueRange point) {
        SmallVector<Fold> ones(4, one);
        return PointBuilder::Place{getAsOpFoldResult(point), ones, ones};
      },
      [&](ValueRange point, Value slice) -> Value {
        Value zero = index.constant(0), key = point[seq];
        Value number = index.div(key, slotsOfPage);
        Value length = p.readIndex(op.getKvLens(), point[0]);
        Value inside = arith::AndIOp::create(
            p.b, p.less(key, length),
            p.less(number, p.sizeOf(op.getBlockTables(), 1)));
        auto choice = scf::IfOp::create(p.b, TypeRange{type}, inside,
                                        /*withElseRegion=*/true);
        {
          OpBuilder::InsertionGuard guard(p.b);
          p.b.setInsertionPointToStart(choice.thenBlock());
          Value page = p.readIndex(op.getBlockTables(), {point[0], number});
          Values at = {page, point[head], point[head], point[3]};
          at[op.getSlotDim()] = index.sub(key, index.mul(number, slotsOfPage));
          scf::YieldOp::create(p.b, p.read(op.getPages(), at));
          p.b.setInsertionPointToStart(choice.elseBlock());
          Value none = arith::ConstantOp::create(p.b, p.b.getZeroAttr(type));
          scf::YieldOp::create(p.b, none);
        }
        Values start(4, zero);
        return tensor::InsertOp::create(p.b, choice.getResult(0), slice, start);
      });
  p.rewriter.replaceOp(op, made);
}

LogicalResult checkRotary(Operation *op, int64_t rotary) {
  if (rotary < 0) {
    return op->emitOpError("expected a static number of rotary elements");
  }
  return success();
}

// In place, a value of the pool from before the write is gone.
LogicalResult checkPools(KVAppendOp op) {
  for (Value pool : {op.getKPages(), op.getVPages()}) {
    for (Operation *user : pool.getUsers()) {
      if (user != op && !isa<tensor::DimOp>(user)) {
        return op.emitOpError("into a cache whose earlier value is used "
                              "elsewhere has no lowering for GPUs");
      }
    }
  }
  return success();
}

} // namespace

bool attn::isCacheOp(Operation *op) {
  return isa<RopeOp, KVAppendOp, KVGatherOp, KVQuantizeOp, KVDequantizeOp,
             KVScoreOp, KVEvictOp>(op);
}

LogicalResult attn::cacheToPoints(Operation *op) {
  if (!isa<TensorType>(op->getOperand(0).getType())) {
    return op->emitOpError("expected tensors: wrap memrefs first "
                           "(attn-wrap-memrefs)");
  }
  if (auto rope = dyn_cast<RopeOp>(op)) {
    if (failed(checkRotary(op, rope.getRotarySize()))) {
      return failure();
    }
    rewriteRope(rope);
  } else if (auto append = dyn_cast<KVAppendOp>(op)) {
    if (failed(checkPools(append)) ||
        (append.getPositions() &&
         failed(checkRotary(op, append.getRotarySize())))) {
      return failure();
    }
    AppendRewriter(append).run();
  } else if (auto quantize = dyn_cast<KVQuantizeOp>(op)) {
    return quantizeToPoints(quantize);
  } else if (auto dequantize = dyn_cast<KVDequantizeOp>(op)) {
    return dequantizeToPoints(dequantize);
  } else if (auto score = dyn_cast<KVScoreOp>(op)) {
    return scoreToPoints(score);
  } else if (auto evict = dyn_cast<KVEvictOp>(op)) {
    return evictToPoints(evict);
  } else {
    rewriteGather(cast<KVGatherOp>(op));
  }
  return success();
}
