//===- CodeTile.cpp - scales of codes of K or V in shared memory ----------===//
// What is made of the codes themselves is in CodePairs.cpp.
//===----------------------------------------------------------------------===//

#include "CodeTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace attn {

using Grain = CodeForm::Grain;

CodeTile::CodeTile(WarpBuilder &warp, TileProgram &program, TensorViews &views,
                   KVDequantizeOp op, const CodeForm &form, FloatType type,
                   bool ofValues, const Place &place)
    : warp(warp), program(program), views(views), op(op), form(form),
      type(type), ofValues(ofValues), place(place) {}

LogicalResult CodeTile::prepare() {
  IRMapping none;
  for (auto [tensor, view] :
       {std::pair{op.getScale(), &scale}, std::pair{op.getZero(), &zero}}) {
    if (!tensor) {
      continue;
    }
    FailureOr<TensorView> found = views.get(tensor, none);
    if (failed(found)) {
      return failure();
    }
    *view = *found;
  }
  run = countRun();
  return success();
}

// As many neighbours as 16 bytes hold, where scales of a row lie together.
int64_t CodeTile::countRun() {
  ArrayRef<AffineExpr> results = op.getMap()->getResults();
  if (scalesKeys() || !matchPattern(scale.dims.back().stride, m_One()) ||
      llvm::any_of(results.drop_back(),
                   [](AffineExpr e) { return e.isFunctionOfDim(1); })) {
    return 1;
  }
  int64_t bytes = scale.element.getIntOrFloatBitWidth() / 8;
  int64_t ofRow = form.grain == Grain::Groups ? form.groups() : form.columns;
  return std::gcd(ofRow, scale.alignment() / bytes);
}

// Weights times scales are f16 at most: a scale is small where codes are large.
double CodeTile::factor() {
  if (!ofValues || !(scalesKeys() || place.folded) || !type.isF16()) {
    return 1;
  }
  return form.bits == 8 ? 1 << 6 : 1 << 3;
}

int64_t CodeTile::count() const {
  switch (form.grain) {
  case Grain::Keys:
    return place.keys;
  case Grain::Groups:
    return place.keys * form.groups();
  case Grain::Channels:
    return form.entries(place.keys) *
           llvm::alignTo(form.columns, form.padding());
  }
  return 0;
}

// Entries are f32 of keys, halves of channels and of groups of values, and
// pairs of a half twice of groups of keys.
static int64_t entryBytes(const CodeForm &form, bool ofValues) {
  bool wide =
      form.grain == Grain::Keys || (form.grain == Grain::Groups && !ofValues);
  return wide ? 4 : 2;
}

int64_t CodeTile::zeroStart() const {
  return count() * entryBytes(form, ofValues);
}

// An index of a scale; everything in it is 0 or more.
Value CodeTile::index(AffineExpr expr, const IRMapping &mapping, Value key,
                      Value element) {
  IndexBuilder builder(warp.builder, warp.loc);
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return dim.getPosition() == 0 ? key : element;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    return mapping.lookupOrDefault(op.getMapSymbols()[symbol.getPosition()]);
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    return builder.constant(constant.getValue());
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value left = index(binary.getLHS(), mapping, key, element);
  Value right = index(binary.getRHS(), mapping, key, element);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return builder.add(left, right);
  case AffineExprKind::Mul:
    return builder.mul(left, right);
  case AffineExprKind::FloorDiv:
    return warp.div(left, right);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivUIOp::create(warp.builder, warp.loc, left, right);
  default:
    return warp.rem(left, right);
  }
}

FailureOr<Value> CodeTile::phase(const KeyCursor::Tile &tile, PageRows *pages) {
  if (form.grain != Grain::Channels || form.keys == 0) {
    return Value();
  }
  Value first = tile.key;
  if (!pages) {
    IRMapping mapping;
    cloneBodyScalars(warp.builder, program.loop, warp.toIndex(tile.key),
                     warp.toIndex(tile.size), mapping);
    IndexBuilder builder(warp.builder, warp.loc);
    Value zero = builder.constant(0);
    for (AffineExpr result : op.getMap()->getResults()) {
      if (result.isFunctionOfDim(0)) {
        first = warp.toInt(index(cast<AffineBinaryOpExpr>(result).getLHS(),
                                 mapping, zero, zero));
      }
    }
  }
  return warp.rem(first, form.keys);
}

// Of the first of a run.
CodeTile::Entry CodeTile::entry(Value number, const KeyCursor::Tile &tile,
                                Value phase) {
  Entry entry;
  Value valid;
  switch (form.grain) {
  case Grain::Keys:
    entry.key = number;
    entry.element = warp.c(0);
    break;
  case Grain::Groups: {
    int64_t runs = form.groups() / run;
    entry.key = warp.div(number, runs);
    entry.element = warp.mul(warp.rem(number, runs), run * form.elements);
    break;
  }
  case Grain::Channels: {
    int64_t runs = llvm::alignTo(form.columns, form.padding()) / run;
    entry.key = warp.c(0);
    if (phase) {
      Value first = warp.mul(warp.div(number, runs), form.keys);
      entry.key = warp.max(warp.sub(first, phase), warp.c(0));
    }
    entry.element = warp.mul(warp.rem(number, runs), run);
    valid = warp.less(entry.element, warp.c(form.columns));
    break;
  }
  }
  entry.inside = warp.less(entry.key, tile.size);
  entry.inside = valid ? warp.both(entry.inside, valid) : entry.inside;
  return entry;
}

FailureOr<CodeTile::Scales> CodeTile::fetch(const KeyCursor::Tile &tile,
                                            PageRows *pages) {
  FailureOr<Value> start = phase(tile, pages);
  if (failed(start)) {
    return failure();
  }
  Scales scales;
  int64_t runs = count() / run;
  for (int64_t i = 0; i * place.threads < runs; ++i) {
    Value number = warp.add(place.thread, i * place.threads);
    Entry each = entry(number, tile, *start);
    if ((i + 1) * place.threads > runs) {
      each.inside = warp.both(each.inside, warp.less(number, warp.c(runs)));
    }
    auto loaded = [&](const TensorView &view) -> Type {
      return run > 1 ? VectorType::get(run, view.element) : view.element;
    };
    SmallVector<Type> types = {loaded(scale)};
    if (form.zero) {
      types.push_back(loaded(zero));
    }
    auto choice = scf::IfOp::create(warp.builder, warp.loc, types, each.inside,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    Value key = warp.add(tile.key, each.key);
    IRMapping mapping;
    if (pages) {
      Value always = arith::ConstantIntOp::create(warp.builder, warp.loc, 1, 1);
      mapping = pages->at(key, pages->read(key, always));
    } else {
      cloneBodyScalars(warp.builder, program.loop, warp.toIndex(key),
                       warp.toIndex(warp.c(1)), mapping);
    }
    Value first = warp.toIndex(warp.c(0)), element = warp.toIndex(each.element);
    SmallVector<Value> indices =
        llvm::map_to_vector(op.getMap()->getResults(), [&](AffineExpr expr) {
          return index(expr, mapping, first, element);
        });
    SmallVector<Value> read;
    for (const TensorView *view : {&scale, &zero}) {
      if (!view->pointer) {
        continue;
      }
      Value at = view->at(warp.builder, warp.loc, indices);
      read.push_back(warp.load(
          loaded(*view), warp.globalAddress(view->pointer, at, view->element),
          run * view->element.getIntOrFloatBitWidth() / 8,
          /*invariant=*/true));
    }
    scf::YieldOp::create(warp.builder, warp.loc, read);
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    SmallVector<Value> none = llvm::map_to_vector(types, [&](Type type) {
      return arith::ConstantOp::create(warp.builder, warp.loc,
                                       warp.builder.getZeroAttr(type))
          .getResult();
    });
    scf::YieldOp::create(warp.builder, warp.loc, none);
    scales.emplace_back(choice.getResults());
  }
  return scales;
}

Value CodeTile::at(Value bytes, Value stage, int64_t constant) {
  return warp.sharedAddress(warp.add(stage, bytes), place.start + constant);
}

void CodeTile::put(Value value, Value number, Value stage, bool zeros) {
  int64_t bytes = entryBytes(form, ofValues), start = zeros ? zeroStart() : 0;
  value = warp.convert(value, warp.f32());
  if (form.grain == Grain::Keys) {
    if (factor() != 1 && !zeros) {
      value = warp.fmul(value, warp.f(factor()));
    }
    warp.store(value, at(warp.mul(number, bytes), stage, start));
    return;
  }
  Value pair = warp.pack(value, value, type);
  if (form.grain == Grain::Groups && !ofValues) {
    warp.store(pair, at(warp.mul(number, bytes), stage, start));
    return;
  }
  if (form.grain == Grain::Groups) { // side by side are keys
    number = warp.add(warp.mul(warp.rem(number, form.groups()), place.keys),
                      warp.div(number, form.groups()));
  } else if (form.bits == 4) { // in the order of pairs of elements
    Value in = warp.andi(number, 7);
    number = warp.add(warp.sub(number, in),
                      warp.add(warp.mul(warp.andi(in, 3), 2), warp.shr(in, 2)));
  }
  Value half = arith::TruncIOp::create(warp.builder, warp.loc,
                                       warp.builder.getI16Type(), pair);
  warp.store(half, at(warp.mul(number, bytes), stage, start));
}

SmallVector<Value> CodeTile::numbers(Value all) {
  if (run == 1) {
    return {warp.convert(all, warp.f32())};
  }
  SmallVector<Value> values;
  for (int64_t i = 0; i < run; ++i) {
    Value one =
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, all, warp.c(i));
    values.push_back(warp.convert(one, warp.f32()));
  }
  return values;
}

// A run of scales from number `number` on.
void CodeTile::putRun(ArrayRef<Value> values, Value number, Value stage,
                      bool zeros) {
  SmallVector<Value> words;
  if (run == 1) {
    return put(values.front(), number, stage, zeros);
  }
  if (form.grain == Grain::Groups && !ofValues) {
    for (Value value : values) {
      words.push_back(warp.pack(value, value, type));
    }
  } else if (form.grain == Grain::Channels && form.bits == 4 && run == 8) {
    for (int64_t i = 0; i < 4; ++i) { // in the order of pairs of elements
      words.push_back(warp.pack(values[i], values[i + 4], type));
    }
  } else if (form.grain == Grain::Channels && form.bits == 8 && run % 2 == 0) {
    for (int64_t i = 0; i < run; i += 2) {
      words.push_back(warp.pack(values[i], values[i + 1], type));
    }
  }
  if (words.empty()) {
    for (auto [i, value] : llvm::enumerate(values)) {
      put(value, warp.add(number, static_cast<int64_t>(i)), stage, zeros);
    }
    return;
  }
  Value bytes = warp.mul(number, entryBytes(form, ofValues));
  int64_t start = zeros ? zeroStart() : 0;
  for (size_t first = 0; first < words.size(); first += 4) {
    ArrayRef<Value> some =
        ArrayRef(words).slice(first, std::min<size_t>(4, words.size() - first));
    auto size = static_cast<int64_t>(some.size());
    Value all = LLVM::UndefOp::create(warp.builder, warp.loc,
                                      VectorType::get(size, warp.i32()));
    for (auto [i, each] : llvm::enumerate(some)) {
      all = LLVM::InsertElementOp::create(warp.builder, warp.loc, all, each,
                                          warp.c(static_cast<int64_t>(i)));
    }
    warp.store(all, at(bytes, stage, start + 4 * static_cast<int64_t>(first)),
               4 * size);
  }
}

void CodeTile::keep(const Scales &scales, Value stage) {
  int64_t runs = count() / run;
  for (auto [i, values] : llvm::enumerate(scales)) {
    int64_t first = static_cast<int64_t>(i) * place.threads;
    Value number = warp.add(place.thread, first);
    auto store = [&, &values = values] {
      Value from = warp.mul(number, run);
      SmallVector<Value> scales = numbers(values[0]), zeros;
      if (values.size() > 1) {
        zeros = numbers(values[1]);
        for (auto [scale, zero] : llvm::zip_equal(scales, zeros)) {
          zero = centre() != 0 ? warp.fma(scale, warp.f(centre()), zero) : zero;
        }
      }
      if (place.folded && form.grain == Grain::Groups && factor() != 1) {
        for (SmallVector<Value> *list : {&scales, &zeros}) {
          for (Value &value : *list) {
            value = warp.fmul(value, warp.f(factor()));
          }
        }
      }
      putRun(scales, from, stage, /*zeros=*/false);
      if (!zeros.empty()) {
        putRun(zeros, from, stage, /*zeros=*/true);
      }
    };
    if (first + place.threads <= runs) {
      store();
    } else {
      warp.guarded(warp.less(number, warp.c(runs)), store);
    }
  }
}

void CodeTile::clear(Value key, Value stage) {
  if (form.grain == Grain::Channels) {
    return; // other keys have them, too
  }
  int64_t groups = form.grain == Grain::Groups ? form.groups() : 1;
  for (int64_t g = 0; g < groups; ++g) {
    Value number = warp.add(warp.mul(key, groups), g);
    put(warp.f(0), number, stage, /*zeros=*/false);
    if (form.zero) {
      put(warp.f(0), number, stage, /*zeros=*/true);
    }
  }
}

Value CodeTile::ofKey(Value key, Value stage, bool zeros) {
  return warp.load(warp.f32(),
                   at(warp.mul(key, 4), stage, zeros ? zeroStart() : 0));
}

std::array<Value, 2> CodeTile::ofKeys(Value key, Value stage, bool zeros) {
  Type both = VectorType::get(2, warp.f32());
  Value loaded =
      warp.load(both, at(warp.mul(key, 4), stage, zeros ? zeroStart() : 0), 8);
  std::array<Value, 2> values;
  for (int64_t i = 0; i < 2; ++i) {
    values[i] = LLVM::ExtractElementOp::create(warp.builder, warp.loc, loaded,
                                               warp.c(i));
  }
  return values;
}

} // namespace attn
