//===- SharedTile.cpp - rows of 16-bit units in shared memory -------------===//

#include "SharedTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Target/GPUCostModel.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

SharedTile SharedTile::make(int64_t start, int64_t rows, int64_t columns) {
  SharedTile tile;
  tile.start = start;
  tile.rows = rows;
  tile.columns = columns;
  tile.rowBytes = sharedRowBytes(columns);
  return tile;
}

MatrixAddress::MatrixAddress(WarpBuilder &w, const SharedTile &tile, Value lane,
                             bool keysFirst, Value base)
    : warp(&w), tile(tile) {
  Value group = w.shr(lane, 3), low = w.andi(lane, 7);
  // Which 8 x 8 matrix of the block this lane names a row of.
  Value rowHalf = keysFirst ? w.shr(group, 1) : w.andi(group, 1);
  Value chunkHalf = keysFirst ? w.andi(group, 1) : w.shr(group, 1);
  Value row = w.add(low, w.mul(rowHalf, 8));
  Value start = w.add(w.mul(row, tile.rowBytes), base);
  Value chunk = tile.permuted() ? w.xori(chunkHalf, low) : chunkHalf;
  first = w.add(start, w.mul(chunk, 16));
}

MatrixAddress::MatrixAddress(WarpBuilder &w, const SharedTile &tile, Value row,
                             Value chunk, Value bytes)
    : warp(&w), tile(tile) {
  if (tile.permuted()) {
    chunk = w.xori(chunk, w.andi(row, 7));
  }
  first = w.add(w.add(w.mul(row, tile.rowBytes), w.mul(chunk, 16)), bytes);
}

MatrixAddress MatrixAddress::moved(Value bytes) const {
  MatrixAddress other(*this);
  other.first = warp->add(first, bytes);
  return other;
}

Value MatrixAddress::at(int64_t row, int64_t chunk) const {
  int64_t constant = tile.start + row * tile.rowBytes;
  if (!tile.permuted()) {
    return warp->sharedAddress(first, constant + chunk * 16);
  }
  Value address = first;
  if (int64_t flipped = (chunk % 8 ^ row % 8) * 16) {
    address = warp->xori(first, warp->c(flipped));
  }
  return warp->sharedAddress(address, constant + (chunk & ~int64_t(7)) * 16);
}

void TileCopy::emit(WarpBuilder &w, Value thread, Value stage,
                    const TensorView &view,
                    llvm::function_ref<Value(Value)> rowOffset, Value valid,
                    Value columnStride, Value validColumns) const {
  // A unit is what one thread copies at a time.
  int64_t size = view.element.getIntOrFloatBitWidth() / 8;
  int64_t unitBytes = !contiguous || alignment < 4 ? size : alignment;
  int64_t unitElements = unitBytes / size, unitsAChunk = 16 / unitBytes;
  int64_t unitsARow = tile.columns * 2 / unitBytes;
  int64_t units = tile.rows * unitsARow;
  IndexBuilder index(w.builder, w.loc);

  auto target = [&](Value row, Value unit) {
    Value chunk = w.div(unit, unitsAChunk);
    if (tile.permuted()) {
      chunk = w.xori(chunk, w.andi(row, 7));
    }
    Value bytes = w.add(w.mul(row, tile.rowBytes), w.mul(chunk, 16));
    if (unitsAChunk > 1) {
      bytes = w.add(bytes, w.mul(w.rem(unit, unitsAChunk), unitBytes));
    }
    return w.add(bytes, stage);
  };
  auto copy = [&](Value row, Value unit, Value address, int64_t constant,
                  Value source) {
    Value inside = w.less(row, valid);
    Value column = w.mul(unit, unitElements);
    Value left = validColumns ? w.sub(validColumns, column)
                              : w.sub(w.c(columns), column);
    bool padded = validColumns || columns * size < tile.columns * 2;
    if (unitBytes < 4) { // no cp.async
      Value read = inside;
      if (padded) {
        read = w.both(read, w.less(w.c(0), left));
      }
      Type word = w.builder.getIntegerType(8 * size);
      auto choice = scf::IfOp::create(w.builder, w.loc, TypeRange{word}, read,
                                      /*withElseRegion=*/true);
      {
        OpBuilder::InsertionGuard guard(w.builder);
        w.builder.setInsertionPointToStart(choice.thenBlock());
        scf::YieldOp::create(
            w.builder, w.loc,
            w.load(word, w.globalAddress(view.pointer, source, view.element)));
        w.builder.setInsertionPointToStart(choice.elseBlock());
        scf::YieldOp::create(
            w.builder, w.loc,
            arith::ConstantIntOp::create(w.builder, w.loc, word, 0)
                .getResult());
      }
      w.store(choice.getResult(0), w.sharedAddress(address, constant));
      return;
    }
    Value bytes = w.c(unitBytes);
    if (padded) {
      bytes = w.max(w.min(w.mul(left, size), bytes), w.c(0));
    }
    bytes = w.select(inside, bytes, w.c(0));
    w.copyAsync(w.sharedAddress(address, constant),
                w.globalAddress(view.pointer, source, view.element), unitBytes,
                bytes);
  };
  auto source = [&](Value row, Value unit) {
    Value column = w.toIndex(w.mul(unit, unitElements));
    if (!contiguous) {
      column = index.mul(column, columnStride);
    }
    return index.add(rowOffset(row), column);
  };

  // Threads that walk down a column of units keep their place in the row.
  int64_t rowStep = threads / unitsARow;
  if (unitBytes == 16 && threads % unitsARow == 0 && rowStep > 0 &&
      tile.rows % rowStep == 0 && (rowStep % 8 == 0 || !tile.permuted())) {
    Value row = w.div(thread, unitsARow), unit = w.rem(thread, unitsARow);
    Value address = target(row, unit), start = source(row, unit);
    for (int64_t first = 0; first < tile.rows; first += rowStep) {
      Value at = w.add(row, first);
      Value from = rowStride ? index.add(start, index.mul(rowStride, first))
                             : source(at, unit);
      copy(at, unit, address, tile.start + first * tile.rowBytes, from);
    }
    return;
  }
  auto one = [&](Value number) {
    Value row = w.div(number, unitsARow), unit = w.rem(number, unitsARow);
    copy(row, unit, target(row, unit), tile.start, source(row, unit));
  };
  int64_t rounds = llvm::divideCeil(units, threads);
  auto guarded = [&](Value number, bool whole) {
    if (whole) {
      return one(number);
    }
    auto choice =
        scf::IfOp::create(w.builder, w.loc, w.less(number, w.c(units)));
    OpBuilder::InsertionGuard guard(w.builder);
    w.builder.setInsertionPoint(choice.thenBlock()->getTerminator());
    one(number);
  };
  if (rounds <= 16 && unitBytes == 16) {
    for (int64_t i = 0; i < rounds; ++i) {
      guarded(w.add(thread, i * threads), (i + 1) * threads <= units);
    }
    return;
  }
  auto loop = scf::ForOp::create(w.builder, w.loc, w.c(0),
                                 w.c(rounds * threads), w.c(threads));
  OpBuilder::InsertionGuard guard(w.builder);
  w.builder.setInsertionPoint(loop.getBody()->getTerminator());
  guarded(w.add(thread, loop.getInductionVar()), units % threads == 0);
}

} // namespace attn
