//===- RecurrenceTile.cpp - a recurrence on warpgroups, one kernel --------===//
// The roles that fill rings with tiles, and what all roles have in common.
//===----------------------------------------------------------------------===//

#include "RecurrenceTile.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

constexpr int64_t kPanel = 64;

bool RecurrenceTile::find(Moved &moved, Value tensor) {
  std::optional<TensorBox> box =
      TensorBox::of(tensor, program.tokenDim, RecurrenceProgram::kSizeDim);
  std::optional<TensorBox> heads =
      TensorBox::of(tensor, program.headDim, RecurrenceProgram::kSizeDim);
  if (!box || !heads || box->rowStep != 1) {
    return false;
  }
  auto type = cast<MemRefType>(box->buffer.getType());
  int64_t columns = cast<ShapedType>(tensor.getType())
                        .getDimSize(RecurrenceProgram::kSizeDim);
  // What a panel has beyond the columns must be nothing.
  if (columns % kPanel != 0 && type.getDimSize(box->columnDim) != columns) {
    return false;
  }
  moved.box = *box;
  SmallVector<int64_t> order = box->order();
  moved.headAt = llvm::find(order, heads->rowDim) - order.begin();
  moved.map = maps.size();
  maps.push_back({box->buffer.getArgNumber(), order,
                  box->box(RecurrenceKernel::kChunk, warpgroup::kPanelBytes),
                  box->steps()});
  return true;
}

bool RecurrenceTile::prepare(std::string &reason) {
  bool found = find(read, program.read) && find(write, program.write) &&
               find(value, program.value) && find(out, program.out) &&
               (!program.gate || find(gate, program.gate));
  if (!found) {
    reason = "whose rows are not contiguous at multiples of 16 bytes";
  }
  return found;
}

Value RecurrenceTile::ring(int64_t stages, int64_t rows, int64_t columns,
                           int64_t consumers, Type element, int64_t writers) {
  int64_t shape[] = {stages, rows, columns};
  OpBuilder &builder = warp.builder;
  return RingOp::create(
      builder, warp.loc, RingType::get(builder.getContext(), shape, element),
      builder.getI64IntegerAttr(consumers), builder.getI64IntegerAttr(0),
      writers ? builder.getI64IntegerAttr(writers) : IntegerAttr());
}

// A panel of values is a head, or half of one.
Value RecurrenceTile::headOf(Value panel) {
  return warp.div(warp.mul(panel, kPanel), program.valueSize);
}
Value RecurrenceTile::columnOf(Value panel) {
  return warp.rem(warp.mul(panel, kPanel), program.valueSize);
}

// The coordinates of a panel of a chunk: of values, or of what is read and
// written, which all heads of the tile share.
RecurrenceTile::Coordinates RecurrenceTile::at(const Moved &moved, Value chunk,
                                               Value panel, bool values) {
  IRMapping none;
  Coordinates at = moved.box.start(warp.builder, warp.loc, none);
  at[0] = warp.add(at[0], values ? columnOf(panel) : warp.mul(panel, kPanel));
  at[1] = warp.add(at[1], warp.mul(chunk, RecurrenceKernel::kChunk));
  if (values) {
    at[moved.headAt] = warp.add(at[moved.headAt], headOf(panel));
  }
  return at;
}

scf::ForOp RecurrenceTile::forChunks(ValueRange inits) {
  auto loop = scf::ForOp::create(warp.builder, warp.loc, warp.c(0), chunks,
                                 warp.c(1), inits);
  if (inits.empty()) {
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
  } else {
    warp.builder.setInsertionPointToStart(loop.getBody());
  }
  return loop;
}

void RecurrenceTile::produce() {
  Value chunk = forChunks({}).getInductionVar();
  auto load = [&](const Moved &moved, Value to, int64_t panel, int64_t from,
                  bool values) {
    LoadOp::create(warp.builder, warp.loc, mapValues[moved.map],
                   at(moved, chunk, warp.c(panel - from), values), to, chunk,
                   panel, /*rows=*/DenseI64ArrayAttr());
  };
  auto acquire = [&](Value to) {
    AcquireOp::create(warp.builder, warp.loc, to, chunk, ValueRange(),
                      /*empty=*/false);
  };
  acquire(valueRing);
  for (int64_t panel = 0; panel < kernel.consumers; ++panel) {
    load(value, valueRing, panel, 0, true);
  }
  acquire(keyRing);
  int64_t panels = kernel.stateColumns / kPanel;
  for (int64_t panel = 0; panel < panels; ++panel) {
    load(write, keyRing, panel, 0, false);
  }
  for (int64_t panel = 0; panel < panels; ++panel) {
    load(read, keyRing, panels + panel, panels, false);
  }
  if (program.gate) {
    acquire(gateRing);
    for (int64_t panel = 0; panel < kernel.consumers; ++panel) {
      load(gate, gateRing, panel, 0, true);
    }
  }
}

// M[s, t] of a chunk: token t reads what token s wrote, for s <= t.
Value RecurrenceTile::masked(Value chunk) {
  Value panels = warp.c(kernel.stateColumns / kPanel);
  Value all = product(tile(keyRing, chunk, kernel.stateColumns, Value()),
                      tile(keyRing, chunk, kernel.stateColumns, panels),
                      Value(), RecurrenceKernel::kChunk, /*transposed=*/true);
  return elements(all, all.getType(), [&](ValueRange in) {
    Value isLater = warp.less(in[2], in[1]);
    yield(warp.select(isLater, warp.f(0), in[0]));
  });
}

void RecurrenceTile::assist() {
  Value chunk = forChunks({}).getInductionVar();
  OpBuilder &builder = warp.builder;
  AwaitOp::create(builder, warp.loc, keyRing, chunk);
  Value products = masked(chunk);
  ReleaseOp::create(builder, warp.loc, keyRing, chunk);
  ReserveOp::create(builder, warp.loc, maskedRing, chunk);
  WriteOp::create(builder, warp.loc, products, maskedRing, chunk, warp.c(0),
                  /*transposed=*/false);
  PublishOp::create(builder, warp.loc, maskedRing, chunk);
}

void RecurrenceTile::shareAssist() {
  // Behind the numbers of the consumers.
  ShareOp::create(warp.builder, warp.loc, warp.c(kernel.consumers));
}

Value RecurrenceTile::address(Value ring, Value position, Value row) {
  return AddressOp::create(warp.builder, warp.loc, warp.shared(), ring,
                           position, row);
}

Value RecurrenceTile::element(Value pointer, Value elements) {
  return LLVM::GEPOp::create(warp.builder, warp.loc, warp.shared(), warp.f32(),
                             pointer, ValueRange{elements});
}

Value RecurrenceTile::byte(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(warp.builder, warp.loc, warp.shared(),
                             warp.builder.getI8Type(), pointer,
                             ValueRange{bytes});
}

RecurrenceTile::Four RecurrenceTile::loadFour(Value pointer, Type type) {
  Value all = warp.load(VectorType::get(4, type), pointer,
                        type.getIntOrFloatBitWidth() / 2);
  Four values;
  for (auto [i, value] : llvm::enumerate(values)) {
    value = warp.convert(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, all, warp.c(i)),
        warp.f32());
  }
  return values;
}

void RecurrenceTile::storeFour(const Four &values, Value pointer, Type type) {
  if (!type.isF32()) {
    Value pairs = LLVM::UndefOp::create(warp.builder, warp.loc,
                                        VectorType::get(2, warp.i32()));
    for (int64_t i = 0; i < 2; ++i) {
      pairs = LLVM::InsertElementOp::create(
          warp.builder, warp.loc, pairs,
          warp.pack(values[2 * i], values[2 * i + 1], type), warp.c(i));
    }
    warp.store(pairs, pointer, 8);
    return;
  }
  Value all =
      LLVM::UndefOp::create(warp.builder, warp.loc, VectorType::get(4, type));
  for (auto [i, value] : llvm::enumerate(values)) {
    all = LLVM::InsertElementOp::create(warp.builder, warp.loc, all, value,
                                        warp.c(i));
  }
  warp.store(all, pointer, 16);
}

Type RecurrenceTile::fragment(int64_t columns) {
  return FragmentType::get(warp.builder.getContext(), {kRows, columns},
                           warp.f32());
}
Type RecurrenceTile::operand(int64_t columns) {
  return OperandType::get(warp.builder.getContext(), {kRows, columns},
                          program.element);
}

Value RecurrenceTile::product(Value a, Value b, Value acc, int64_t columns,
                              bool transposed) {
  return ProductsOp::create(warp.builder, warp.loc, fragment(columns), a, b,
                            acc, transposed);
}

Value RecurrenceTile::tile(Value ring, Value position, int64_t columns,
                           Value panel) {
  int64_t shape[] = {RecurrenceKernel::kChunk, RecurrenceKernel::kChunk,
                     columns};
  return TileOp::create(
      warp.builder, warp.loc,
      TileType::get(warp.builder.getContext(), shape, program.element), ring,
      position, /*row=*/Value(), panel);
}

Value RecurrenceTile::elements(ValueRange inputs, TypeRange results,
                               Body body) {
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

Value RecurrenceTile::yield(Value value) {
  warpgroup::YieldOp::create(warp.builder, warp.loc, value);
  return value;
}

LogicalResult RecurrenceTile::emit(ValueRange mapArguments) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  IRMapping none;
  auto view = [&](Value tensor, TensorView &result) {
    if (!tensor) {
      return true;
    }
    FailureOr<TensorView> found = views.get(tensor, none);
    if (succeeded(found)) {
      result = *found;
    }
    return succeeded(found);
  };
  TensorView values;
  if (!view(program.value, values) || !view(program.steps, steps) ||
      !view(program.rates, rates) || !view(program.bias, bias) ||
      !view(program.skip, skip) || !view(program.beta, beta) ||
      !view(program.ids, ids) || !view(program.initial, initial) ||
      !view(program.finalInto, final)) {
    return failure();
  }
  if (keyDecays() &&
      steps.alignment() < steps.element.getIntOrFloatBitWidth() / 2) {
    return program.op->emitOpError("of decays of keys that are not contiguous "
                                   "at multiples of four");
  }
  for (Value argument : mapArguments) {
    mapValues.push_back(
        UnrealizedConversionCastOp::create(
            builder, loc, TensorMapType::get(builder.getContext()), argument)
            .getResult(0));
  }
  constexpr int64_t kChunk = RecurrenceKernel::kChunk;
  tokens = warp.toInt(values.dims[program.tokenDim].size);
  chunks = warp.div(warp.add(tokens, kChunk - 1), kChunk);

  int64_t columns = kPanel * kernel.consumers;
  Type f32 = warp.f32();
  keyRing = ring(kernel.keyStages, kChunk, 2 * kernel.stateColumns,
                 kernel.consumers + 1, program.element);
  valueRing = ring(kernel.valueStages, kChunk, columns, kernel.consumers,
                   program.element);
  if (program.gate) {
    gateRing = ring(kernel.gateStages, kChunk, columns, kernel.consumers,
                    program.element);
  }
  // Beside them what inverts the products of keys.
  maskedRing =
      ring(kernel.maskedStages, kChunk, isDelta() ? 2 * kPanel : kPanel,
           kernel.consumers, program.element, /*writers=*/4);
  outRing = ring(2, kChunk, columns, kernel.consumers, program.element);
  if (hasTokenVectors()) {
    vectorRing = ring(kernel.vectorStages, program.heads * kVectors, kChunk,
                      kernel.consumers + isDelta(), f32, /*writers=*/1);
    // What lanes of the preparing warp have on the way to themselves.
    stepRing = ring(kernel.vectorStages,
                    program.heads + isDelta() + (program.ids ? 2 : 0), kChunk,
                    kernel.consumers, f32);
  }
  if (isDelta()) {
    inverseRing = ring(1, RecurrenceKernel::kInverseBytes / 128, 32,
                       kernel.consumers, f32);
  }
  if (keyDecays()) {
    vectorRing = ring(kernel.vectorStages, kKeyVectors, kernel.stateColumns,
                      kernel.consumers, f32, /*writers=*/4);
    // The same for assistants, and room for their sums.
    decayRing = ring(kernel.decayStages, kernel.decayRows(),
                     kernel.stateColumns, kernel.consumers, f32);
  }
  auto roles =
      RolesOp::create(builder, loc, kernel.consumers, kernel.producerRegisters,
                      kernel.consumerRegisters, kernel.assistRegisters);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&roles.getProducer());
  produce();
  if (hasTokenVectors()) {
    builder.createBlock(&roles.getPrepare());
    prepareVectors();
  }
  builder.createBlock(&roles.getAssist());
  if (keyDecays()) {
    assistKeys();
  } else if (isDelta()) {
    assistDelta();
  } else {
    assist();
  }
  Block *consumer =
      builder.createBlock(&roles.getConsumer(), {}, warp.i32(), loc);
  consume(consumer->getArgument(0));
  return success();
}

} // namespace attn
