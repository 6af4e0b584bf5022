//===- StreamConsumer.cpp - what a warpgroup does with a step -------------===//
// In the plain order: scores, softmax, values, result. attn-warpgroup-rotate
// and attn-warpgroup-overlap make a pipeline of it.
//===----------------------------------------------------------------------===//

#include "../NVGPU/RowFinish.h"
#include "StreamTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

Value StreamTile::isSet(Value flags, int64_t flag) {
  return warp.equal(warp.andi(flags, flag), warp.c(flag));
}

Value StreamTile::tileRow(Value row) { return warp.add(row, rowBase); }

// One result, the first of `results`; the others are those of its op.
Value StreamTile::elements(ValueRange inputs, TypeRange results,
                           llvm::function_ref<void(ValueRange)> body) {
  OpBuilder &builder = warp.builder;
  auto op = ElementsOp::create(builder, warp.loc, results, inputs);
  SmallVector<Type> types;
  for (Type type : inputs.getTypes()) {
    types.push_back(elementType(type));
  }
  types.append(2, warp.i32());
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(
      &op.getBody(), {}, types, SmallVector<Location>(types.size(), warp.loc));
  body(block->getArguments());
  if (results.empty()) {
    warpgroup::YieldOp::create(builder, warp.loc);
  }
  return results.empty() ? Value() : op.getResult(0);
}

Value StreamTile::score(Value scores, Value key) {
  if (program.online.getScore().empty() && !program.scaled()) {
    return scores;
  }
  return elements(scores, scores.getType(), [&](ValueRange in) {
    Value factor = program.online.getFactor();
    Value x = factor ? warp.fmul(in[0], factor) : in[0];
    Value result = scoring->score(x, scoring->row(tileRow(in[1]), 0),
                                  warp.add(key, in[2]));
    warpgroup::YieldOp::create(warp.builder, warp.loc, result);
  });
}

// Hides scores where the step is partial or ragged; others skip it as one.
Value StreamTile::applyMask(Value scores, Value key, Value size, Value masked) {
  OpBuilder &builder = warp.builder;
  auto choice = scf::IfOp::create(builder, warp.loc, scores.getType(), masked,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(builder, warp.loc, scores);
  builder.setInsertionPointToStart(choice.thenBlock());
  Value none = warp.f(-std::numeric_limits<double>::infinity());
  Value hidden = elements(scores, scores.getType(), [&](ValueRange in) {
    Value shown = scoring->visible(scoring->row(tileRow(in[1]), 0),
                                   warp.add(key, in[2]), in[2], size);
    warpgroup::YieldOp::create(builder, warp.loc,
                               warp.select(shown, in[0], none));
  });
  scf::YieldOp::create(builder, warp.loc, hidden);
  return choice.getResult(0);
}

// Values of keys that no row of the tile sees, of any warpgroup, become 0.
void StreamTile::clearHidden(Value position, Value key, Value size) {
  OpBuilder &builder = warp.builder;
  Value behind = warp.sub(key, warp.toInt(program.online.getQuery()));
  auto op = ClearHiddenOp::create(builder, warp.loc, valueRing, position,
                                  consumer, rows.count, behind);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(
      &op.getSeen(), {}, {warp.i32(), warp.i32()}, {warp.loc, warp.loc});
  Value column = block->getArgument(0), row = block->getArgument(1);
  Value shown = scoring->visible(scoring->row(row, 0), warp.add(key, column),
                                 column, size);
  warpgroup::YieldOp::create(builder, warp.loc, shown);
}

// From registers, as columns from `firstColumn` on.
void StreamTile::storeRows(Value result, int64_t firstColumn) {
  OpBuilder &builder = warp.builder;
  IndexBuilder index(builder, warp.loc);
  Value at = rows.offset(warp, rowBase, out, outHeads, outRows);
  Value start = warp.globalAddress(
      out.pointer, firstColumn == 0 ? at : index.add(at, firstColumn),
      out.element);
  Value pitch = arith::IndexCastOp::create(
      builder, warp.loc, builder.getI64Type(),
      out.dims[packsHeads && program.queries == 1 ? outHeads : outRows].stride);
  int64_t columns = kernel.latent ? accColumns : program.valueSize;
  WriteRowsOp::create(builder, warp.loc, result, start, pitch,
                      warp.sub(rows.count, rowBase), columns, out.element,
                      kernel.isNarrow());
}

void StreamTile::store(Value result, Value position) {
  auto write = [&] { storeRows(result, 0); };
  auto copy = [&] {
    IRMapping none;
    SmallVector<Value> at = outBox.start(warp.builder, warp.loc, none);
    at[1] = warp.add(at[1], rowBase);
    StoreOp::create(warp.builder, warp.loc, result, queryRing, position,
                    rowBase, outMap, at);
  };
  if (!copiesResults) {
    write();
  } else if (!endsInside) {
    copy();
  } else {
    Value left = warp.sub(rows.count, rowBase);
    when(warp.less(warp.c(kRows - 1), left), copy, write);
  }
}

// What to multiply the accumulators of a tile with; lse is the other result.
Value StreamTile::inverseOf(Value reference, Value sum) {
  OpBuilder &builder = warp.builder;
  Type rowsType = reference.getType();
  Value whole =
      JoinOp::create(builder, warp.loc, rowsType, ReductionKind::Add, sum);
  return elements({reference, whole}, {rowsType, rowsType}, [&](ValueRange in) {
    Value max = arith::NegFOp::create(builder, warp.loc, in[0]);
    auto [factor, value] =
        finishRow(warp, program, rows, sink, max, in[1], tileRow(in[2]));
    warpgroup::YieldOp::create(builder, warp.loc, ValueRange{factor, value});
  });
}

Value StreamTile::timesRows(Value acc, Value factor) {
  return elements({acc, factor}, acc.getType(), [&](ValueRange in) {
    warpgroup::YieldOp::create(warp.builder, warp.loc, warp.fmul(in[0], in[1]));
  });
}

// From the state of a tile to its results.
Value StreamTile::finish(Value acc, Value reference, Value sum,
                         Value position) {
  Value inverse = inverseOf(reference, sum);
  Value result = timesRows(acc, inverse);
  store(result, position);
  if (lse.pointer) {
    Value lane = warp.andi(warp.thread(), 3);
    Value isFirst = warp.equal(lane, warp.c(0));
    elements(inverse.getDefiningOp()->getResult(1), {}, [&](ValueRange in) {
      Value row = tileRow(in[1]);
      when(warp.both(isFirst, warp.less(row, rows.count)), [&] {
        warp.store(warp.convert(in[0], lse.element),
                   warp.globalAddress(lse.pointer,
                                      rows.offset(warp, row, lse, 0, 1),
                                      lse.element));
      });
    });
  }
  return result;
}

void StreamTile::consume(Block &block) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  MLIRContext *context = builder.getContext();
  builder.setInsertionPointToStart(&block);
  consumer = block.getArgument(0);
  rowBase = warp.mul(consumer, kRows);

  bool early = !kernel.stagesResults(); // Q goes back with its last scores

  Type rowsType = RowsType::get(context, warp.f32());
  Type partialType = PartialRowsType::get(context, warp.f32());
  Type scoreType = fragmentOf(kernel.keys), accType = fragmentOf(accColumns);
  Type probabilityType =
      OperandType::get(context, {kRows, kernel.keys}, element);

  // (reference, sum, acc).
  Value none = warp.f(std::numeric_limits<double>::infinity());
  Value zero = warp.f(0);
  Value inits[] = {SplatOp::create(builder, loc, rowsType, none),
                   SplatOp::create(builder, loc, partialType, zero),
                   SplatOp::create(builder, loc, accType, zero)};
  Steps steps = beginSteps(inits);
  Value position = steps.position, queryAt = steps.queryAt;
  Value keyAt =
      TagOp::create(builder, loc, warp.i32(), kKey, keyRing, position);
  Value size =
      TagOp::create(builder, loc, warp.i32(), kSize, keyRing, position);
  when(steps.first, [&] {
    AwaitOp::create(builder, loc, queryRing, queryAt);
    if (early) {
      AwaitOp::create(builder, loc, tileRing, queryAt);
    }
  });
  // Read in front of the products, which hide that.
  Value factor = program.scaled() ? Value() : program.online.getFactor();
  double unit = program.log2Unit();
  if (factor) {
    factor = warp.fmul(factor, warp.f(unit));
    unit = 1;
  }
  Value isLast = isSet(steps.flags, kLast);
  Value scores = ProductsOp::create(
      builder, loc, scoreType,
      tileOf(queryRing, kRows, depth, queryAt, rowBase),
      tileOf(keyRing, kernel.keys, depth, position, Value()), /*acc=*/Value(),
      /*transposed=*/true);
  if (!kernel.latent) {
    ReleaseOp::create(builder, loc, keyRing, position);
  }
  if (early) {
    when(isLast, [&] { ReleaseOp::create(builder, loc, queryRing, queryAt); });
  }
  scores = score(scores, keyAt);
  scores = applyMask(scores, keyAt, size, isSet(steps.flags, kMasked));
  auto softmax = SoftmaxOp::create(
      builder, loc, TypeRange{probabilityType, rowsType, partialType, accType},
      SoftmaxStrategyAttr::get(context, SoftmaxStrategy::Speculative), scores,
      steps.carried[0], steps.carried[1], steps.carried[2], steps.first, factor,
      builder.getF64FloatAttr(unit));

  if (!kernel.latent) {
    CutOp::create(builder, loc);
    AwaitOp::create(builder, loc, valueRing, position);
  }
  if (kernel.isNarrow()) {
    // Cleared by those who transpose.
  } else if (mayHide) {
    when(isSet(steps.flags, kMasked),
         [&] { clearHidden(position, keyAt, size); });
  } else {
    when(warp.less(size, warp.c(kernel.keys)), [&] {
      ClearRowsOp::create(builder, loc, valueRing, position, size, consumer);
    });
  }
  if (kernel.latent) {
    shareState(softmax, position, isLast);
  }
  Value acc = softmax.getNewAcc();
  if (kernel.isNarrow()) {
    Value step = ProductsOp::create(
        builder, loc, accType, softmax.getP(),
        tileOf(valueRing, accColumns, kernel.keys, position, Value()),
        /*acc=*/Value(), /*transposed=*/true);
    ReleaseOp::create(builder, loc, valueRing, position);
    acc = elements({acc, step}, accType, [&](ValueRange in) {
      warpgroup::YieldOp::create(builder, loc, warp.fadd(in[0], in[1]));
    });
  } else {
    acc = ProductsOp::create(
        builder, loc, accType, softmax.getP(),
        tileOf(valueRing, kernel.keys, accColumns, position, Value()), acc,
        /*transposed=*/false);
    ReleaseOp::create(builder, loc, valueRing, position);
  }
  isLast = isSet(steps.flags, kLast);
  auto end = [&] {
    Value result =
        finish(acc, softmax.getNewReference(), softmax.getNewSum(), queryAt);
    if (early) {
      ReleaseOp::create(builder, loc, tileRing, queryAt);
    }
    return result;
  };
  if (kernel.latent) { // in place, as the assistant's
    acc = choose(isLast, accType, end, [&] { return acc; });
  } else {
    when(isLast, [&] { end(); });
  }
  if (!early) {
    when(isLast, [&] {
      DrainOp::create(builder, loc, /*all=*/false);
      ReleaseOp::create(builder, loc, queryRing, queryAt);
    });
  }
  endSteps(steps, {softmax.getNewReference(), softmax.getNewSum(), acc});
  if (!early) {
    DrainOp::create(builder, loc, /*all=*/true);
  }
}

} // namespace attn
