//===- ScanStages.cpp - tokens in shared memory, for ScanTile -------------===//

#include "ScanTile.h"
#include "TimeStep.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

// The widest loads that elements allow.
int64_t ScanTile::unitOf(const Bound &bound, int64_t count) {
  const TensorView &view = bound.view;
  int64_t bytes = view.element.getIntOrFloatBitWidth() / 8;
  int64_t unit = std::max<int64_t>(view.alignment() / bytes, 1);
  while (count % unit != 0) {
    unit /= 2;
  }
  bool contiguous = getConstantIntValue(view.dims.back().stride) == 1;
  return contiguous ? unit : 1;
}

void ScanTile::addStage(std::optional<Stage> &stage, const Bound &from,
                        int64_t count, int64_t padded) {
  stage = Stage();
  stage->from = from;
  stage->count = count;
  stage->padded = padded;
  stage->unit = count == 1 ? 1 : unitOf(from, count);
  stages.push_back(&*stage);
}

// Vectors are at multiples of 16 bytes, numbers behind them.
void ScanTile::planStages() {
  int64_t floats = 0;
  for (bool numbers : {false, true}) {
    for (Stage *stage : stages) {
      if ((stage->padded == 1) == numbers) {
        stage->offset = floats;
        floats += numbers ? 1 : llvm::alignTo(stage->padded, 4);
      }
    }
  }
  tokenBytes = llvm::alignTo(floats, 4) * 4;
  bufferBytes = kernel.tokens * tokenBytes;
  int64_t rowBytes = llvm::alignTo(kernel.allRows(), 4) * 4;
  resultStart = 2 * bufferBytes;
  biasStart = resultStart + kernel.tokens * rowBytes;
  skipStart = biasStart + rowBytes;
}

// (token of the chunk, first element) of the i-th unit of the thread.
static std::pair<Value, Value> unitAt(WarpBuilder &warp, Value number,
                                      int64_t units, int64_t unit) {
  return {warp.div(number, units), warp.mul(warp.rem(number, units), unit)};
}

// Whether the id of `token` is that of the one in front.
Value ScanTile::loadIsKept(const Stage &stage, Value token) {
  Value before = warp.max(warp.add(token, -1), first);
  auto id = [&](Value token) {
    return warp.load(stage.from.view.element,
                     address(stage.from, token, Value(), Value()));
  };
  Value same = arith::CmpIOp::create(
      warp.builder, warp.loc, arith::CmpIPredicate::eq, id(token), id(before));
  return warp.select(same, warp.f(1), warp.f(0));
}

// Starts the loads of the tokens from `token` on; behind the last, it again.
void ScanTile::loadStages(Value token) {
  Value last = warp.add(end, -1);
  for (Stage *stage : stages) {
    int64_t units = stage->count / stage->unit;
    int64_t all = units * kernel.tokens;
    stage->loaded.clear();
    for (int64_t i = 0; i < all; i += kernel.threads()) {
      Value number = warp.add(thread, i);
      if (i + kernel.threads() > all) {
        number = warp.min(number, warp.c(all - 1));
      }
      auto [at, element] = unitAt(warp, number, units, stage->unit);
      Value from = warp.min(warp.add(token, at), last);
      if (stage == (kept ? &*kept : nullptr)) {
        stage->loaded.push_back(loadIsKept(*stage, from));
        continue;
      }
      Value start = address(stage->from, from, element, element);
      Type type = stage->from.view.element;
      int64_t bytes = stage->unit * type.getIntOrFloatBitWidth() / 8;
      stage->loaded.push_back(
          stage->unit == 1
              ? warp.load(type, start)
              : warp.load(VectorType::get(stage->unit, type), start, bytes));
    }
  }
}

// Elements that were loaded become floats in the buffer at `buffer` bytes.
void ScanTile::storeStages(Value token, Value buffer) {
  for (Stage *stage : stages) {
    int64_t units = stage->count / stage->unit;
    int64_t all = units * kernel.tokens;
    for (auto [i, loaded] : llvm::enumerate(stage->loaded)) {
      int64_t start = i * kernel.threads();
      Value number = warp.add(thread, start);
      auto one = [&, loaded = loaded] {
        auto [at, element] = unitAt(warp, number, units, stage->unit);
        Values values;
        for (int64_t e = 0; e < stage->unit; ++e) {
          Value part = loaded;
          if (stage->unit > 1) {
            part = LLVM::ExtractElementOp::create(warp.builder, warp.loc,
                                                  loaded, warp.c(e));
          }
          values.push_back(warp.convert(part, warp.f32()));
        }
        if (stage->transform) {
          stage->transform(values, element);
        }
        Value isToken = warp.less(warp.add(token, at), end);
        for (Value &value : values) {
          value = warp.select(isToken, value, warp.f(stage->missing));
        }
        Value bytes = warp.add(warp.mul(at, tokenBytes), warp.mul(element, 4));
        storeShared(values, warp.add(buffer, bytes), stage->offset * 4);
      };
      if (start + kernel.threads() > all) {
        warp.guarded(warp.less(number, warp.c(all)), one);
      } else {
        one();
      }
    }
  }
}

// What stands for states and rows that there are not must be 0.
void ScanTile::clearShared() {
  bool padded = llvm::any_of(
      stages, [](Stage *stage) { return stage->count != stage->padded; });
  if (!padded) {
    return;
  }
  auto loop =
      scf::ForOp::create(warp.builder, warp.loc, thread, warp.c(skipStart / 4),
                         warp.c(kernel.threads()));
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
  warp.store(warp.f(0), warp.sharedAddress(warp.mul(loop.getInductionVar(), 4)),
             4);
}

// Bias and skip of rows, which whole vectors are finished with.
void ScanTile::loadParameters() {
  for (auto [bound, start] :
       {std::pair(&bias, biasStart), std::pair(&skip, skipStart)}) {
    if (!*bound || (bound == &bias && program.steps.row < 0)) {
      continue;
    }
    auto loop =
        scf::ForOp::create(warp.builder, warp.loc, thread, warp.c(program.rows),
                           warp.c(kernel.threads()));
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
    Value row = loop.getInductionVar();
    warp.store(element(*bound, Value(), row, Value()),
               warp.sharedAddress(warp.mul(row, 4), start), 4);
  }
}

ScanTile::Values ScanTile::shared(Value bytes, int64_t constant,
                                  int64_t count) {
  Values values;
  int64_t width = count % 4 == 0 ? 4 : count % 2 == 0 ? 2 : 1;
  for (int64_t i = 0; i < count; i += width) {
    Value pointer = warp.sharedAddress(bytes, constant + 4 * i);
    if (width == 1) {
      values.push_back(warp.load(warp.f32(), pointer, 4));
      continue;
    }
    Value all =
        warp.load(VectorType::get(width, warp.f32()), pointer, 4 * width);
    for (int64_t e = 0; e < width; ++e) {
      values.push_back(LLVM::ExtractElementOp::create(warp.builder, warp.loc,
                                                      all, warp.c(e)));
    }
  }
  return values;
}

void ScanTile::storeShared(ValueRange values, Value bytes, int64_t constant) {
  int64_t count = values.size();
  int64_t width = count % 4 == 0 ? 4 : count % 2 == 0 ? 2 : 1;
  for (int64_t i = 0; i < count; i += width) {
    Value pointer = warp.sharedAddress(bytes, constant + 4 * i);
    if (width == 1) {
      warp.store(values[i], pointer, 4);
      continue;
    }
    Value all = LLVM::UndefOp::create(warp.builder, warp.loc,
                                      VectorType::get(width, warp.f32()));
    for (int64_t e = 0; e < width; ++e) {
      all = LLVM::InsertElementOp::create(warp.builder, warp.loc, all,
                                          values[i + e], warp.c(e));
    }
    warp.store(all, pointer, 4 * width);
  }
}

// Results of the chunk at `token`: skip, gate, and the type of the output.
void ScanTile::finish(Value token, Value buffer) {
  int64_t unit = unitOf(out, program.rows);
  int64_t units = program.rows / unit, all = units * kernel.tokens;
  int64_t rowBytes = llvm::alignTo(kernel.allRows(), 4) * 4;
  for (int64_t i = 0; i < all; i += kernel.threads()) {
    Value number = warp.add(thread, i);
    auto [at, row] = unitAt(warp, number, units, unit);
    Value isToken = warp.less(warp.add(token, at), end);
    if (i + kernel.threads() > all) {
      isToken = warp.both(isToken, warp.less(number, warp.c(all)));
    }
    warp.guarded(isToken, [&, at = at, row = row] {
      Value column = warp.mul(row, 4);
      Values result =
          shared(warp.add(warp.mul(at, rowBytes), column), resultStart, unit);
      Value ofToken =
          warp.add(warp.add(buffer, warp.mul(at, tokenBytes)), column);
      if (skip) {
        Values skips = shared(column, skipStart, unit);
        Values inputs = shared(ofToken, value->offset * 4, unit);
        for (int64_t e = 0; e < unit; ++e) {
          result[e] = warp.fma(skips[e], inputs[e], result[e]);
        }
      }
      if (gate) {
        Values gates = shared(ofToken, gate->offset * 4, unit);
        for (int64_t e = 0; e < unit; ++e) {
          result[e] = emitGate(warp, result[e], gates[e]);
        }
      }
      Type type = out.view.element;
      Value to = address(out, warp.add(token, at), row, Value());
      if (unit == 1) {
        warp.store(warp.convert(result[0], type), to);
        return;
      }
      Value whole = LLVM::UndefOp::create(warp.builder, warp.loc,
                                          VectorType::get(unit, type));
      for (int64_t e = 0; e < unit; ++e) {
        whole = LLVM::InsertElementOp::create(warp.builder, warp.loc, whole,
                                              warp.convert(result[e], type),
                                              warp.c(e));
      }
      warp.store(whole, to, unit * type.getIntOrFloatBitWidth() / 8);
    });
  }
}

} // namespace attn
