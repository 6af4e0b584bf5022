//===- TileProgram.cpp - what one tile of attention does ------------------===//

#include "TileProgram.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

FailureOr<TileProgram> TileProgram::match(KeyLoopOp loop) {
  TileProgram program;
  program.loop = loop;
  for (Operation &op : loop.getBody().front()) {
    if (auto online = dyn_cast<OnlineAttentionOp>(op)) {
      if (program.online) {
        return loop.emitOpError("with two tile ops has no lowering for GPUs");
      }
      program.online = online;
    }
  }
  bool plain = program.online && loop.getResults().size() == 3 &&
               llvm::all_of(loop.getInits(), [](Value init) {
                 if (auto cast = init.getDefiningOp<tensor::CastOp>()) {
                   init = cast.getSource();
                 }
                 return init.getDefiningOp<linalg::FillOp>() != nullptr;
               });
  for (Operation *user : loop->getUsers()) {
    auto finalize = dyn_cast<FinalizeStateOp>(user);
    plain = plain && finalize &&
            (!program.finalize || program.finalize == finalize);
    program.finalize = finalize;
  }
  if (!plain || !program.finalize) {
    return loop.emitOpError("that is not fill, one tile op and one "
                            "attn.finalize_state has no lowering for GPUs");
  }
  OnlineAttentionOp::Dims dims = program.online.getDims();
  if (dims.rows.size() != 2 || dims.contraction.size() != 1 ||
      dims.value.size() != 1 || dims.keys.size() != 1 ||
      !program.online.getRowMap().isIdentity() ||
      !program.finalize.getRowMap().isIdentity() ||
      !program.finalize.getStateMap().isIdentity()) {
    return program.online.emitOpError(
        "whose rows are not (head, query) has no lowering for GPUs");
  }
  AffineMap map = program.online.getMap(0);
  auto position = [&](unsigned dim) {
    return *map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  };
  program.headDim = position(dims.rows[0]);
  program.queryDim = position(dims.rows[1]);
  program.sizeDim = position(dims.contraction[0]);
  auto q = cast<ShapedType>(program.online.getQ().getType());
  auto v = cast<ShapedType>(program.online.getV().getType());
  program.headSize = q.getDimSize(program.sizeDim);
  program.valueSize = v.getDimSize(1);
  program.heads = q.getDimSize(program.headDim);
  program.queries = q.getDimSize(program.queryDim);
  if (ShapedType::isDynamic(program.headSize) ||
      ShapedType::isDynamic(program.valueSize)) {
    return program.online.emitOpError("needs static head sizes");
  }
  if (failed(program.matchCodes())) {
    return failure();
  }
  return program;
}

// The argument of the body that is the number of the page.
static bool isPage(Value value, KeyLoopOp loop) {
  return loop.getSource() == KeySource::Pages &&
         value == loop.getBody().getArgument(2);
}

LogicalResult TileProgram::matchCodes() {
  forms.paged = isPaged();
  forms.elementBytes = online.getTf32() ? 4 : 2;
  auto slots = static_cast<int64_t>(loop.getPageSize().value_or(0));
  auto find = [&](Value tensor, bool ofValues, KVDequantizeOp &codes,
                  CodeForm &form) -> LogicalResult {
    // Values may be the first columns of each key.
    if (auto part = tensor.getDefiningOp<tensor::ExtractSliceOp>();
        part && part.getSource() == online.getK()) {
      tensor = part.getSource();
    }
    codes = tensor.getDefiningOp<KVDequantizeOp>();
    if (!codes) {
      return success();
    }
    std::string reason;
    std::optional<CodeForm> found = CodeForm::of(
        codes, /*keyDim=*/0, slots,
        [&](AffineExpr index) {
          for (auto [i, symbol] : llvm::enumerate(codes.getMapSymbols())) {
            if (isPage(symbol, loop) && index.isFunctionOfSymbol(i)) {
              return true;
            }
          }
          return false;
        },
        ofValues, reason);
    if (!found) {
      return codes.emitOpError(reason) << " has no lowering for GPUs";
    }
    form = *found;
    return success();
  };
  if (failed(find(online.getK(), /*ofValues=*/false, keyCodes, forms.key))) {
    return failure();
  }
  return find(online.getV(), /*ofValues=*/true, valueCodes, forms.value);
}

double TileProgram::log2Unit() { return llvm::numbers::log2e * naturalUnit(); }

void cloneBodyScalars(OpBuilder &builder, KeyLoopOp loop, Value key, Value size,
                      IRMapping &mapping) {
  mapping.map(loop.getKeyIndex(), key);
  mapping.map(loop.getKeyCount(), size);
  for (Operation &op : loop.getBody().front().without_terminator()) {
    auto shaped = [](Type type) {
      return isa<TensorType, BaseMemRefType>(type);
    };
    if (isa<OnlineAttentionOp>(op) ||
        llvm::any_of(op.getOperandTypes(), shaped) ||
        llvm::any_of(op.getResultTypes(), shaped)) {
      continue;
    }
    builder.clone(op, mapping);
  }
}

TileRows TileRows::make(WarpBuilder &warp, TileProgram &program,
                        const TensorView &q) {
  TileRows rows;
  rows.program = &program;
  rows.heads = warp.toInt(q.dims[program.headDim].size);
  rows.queries = warp.toInt(q.dims[program.queryDim].size);
  rows.count = warp.builder.createOrFold<arith::MulIOp>(warp.loc, rows.heads,
                                                        rows.queries);
  return rows;
}

std::pair<Value, Value> TileRows::split(WarpBuilder &warp, Value row) const {
  if (program->heads == 1) {
    return {warp.c(0), row};
  }
  if (program->queries == 1) {
    return {row, warp.c(0)};
  }
  // An empty tile has no rows, and no quotient.
  Value divisor = warp.max(queries, warp.c(1));
  return {warp.div(row, divisor), warp.rem(row, divisor)};
}

Value TileRows::offset(WarpBuilder &warp, Value row, const TensorView &view,
                       unsigned headDim, unsigned queryDim) const {
  IndexBuilder index(warp.builder, warp.loc);
  auto [g, m] = split(warp, row);
  Value at = view.offset;
  if (program->queries != 1) {
    at = index.add(at, index.mul(warp.toIndex(m), view.dims[queryDim].stride));
  }
  if (program->heads != 1) {
    at = index.add(at, index.mul(warp.toIndex(g), view.dims[headDim].stride));
  }
  return at;
}

KeyCursor::KeyCursor(WarpBuilder &warp, KeyLoopOp loop, int64_t step,
                     const IRMapping &mapping, bool backward)
    : warp(warp), loop(loop), step(step), backward(backward) {
  // One value for the border of two segments.
  llvm::DenseMap<Value, Value> narrow;
  auto bound = [&](Value value) {
    Value &made = narrow[value];
    if (!made) {
      made = warp.toInt(mapping.lookupOrDefault(value));
      made = backward ? warp.sub(warp.c(0), made) : made;
    }
    return made;
  };
  for (unsigned i = 0; i < loop.getLower().size(); ++i) {
    lower.push_back(bound(loop.getLower()[i]));
    upper.push_back(bound(loop.getUpper()[i]));
    kinds.push_back(loop.getKind(i) == SegmentKind::Partial);
  }
  if (backward) {
    std::swap(lower, upper);
    for (auto *list : {&lower, &upper}) {
      std::reverse(list->begin(), list->end());
    }
    std::reverse(kinds.begin(), kinds.end());
  }
}

void KeyCursor::alignBorders() {
  if (list) {
    return; // whole tiles
  }
  for (size_t i = 0; i + 1 < lower.size(); ++i) {
    // Inverted segments are empty, and keep their border.
    if (upper[i] != lower[i + 1] || kinds[i] == kinds[i + 1]) {
      continue;
    }
    bool up = kinds[i];
    Value keys = warp.sub(upper[i], lower[i]);
    Value steps =
        warp.div(warp.max(warp.add(keys, up ? step - 1 : 0), warp.c(0)), step);
    Value border = warp.add(lower[i], warp.mul(steps, step));
    if (up) {
      border = warp.min(border, warp.max(upper[i], upper[i + 1]));
    }
    border = warp.select(warp.less(lower[i], upper[i]), border, upper[i]);
    upper[i] = lower[i + 1] = border;
  }
}

KeyCursor::State KeyCursor::choose(Value after) {
  Value zero = warp.c(0);
  State state = {zero, zero, zero, warp.c(lower.size())};
  for (int64_t i = lower.size() - 1; i >= 0; --i) {
    Value here = warp.less(lower[i], upper[i]);
    if (after) {
      here = warp.both(here, warp.less(after, warp.c(i)));
    }
    Value choice[] = {lower[i], upper[i], warp.c(kinds[i]), warp.c(i)};
    for (unsigned part = 0; part < kStateSize - 1; ++part) {
      state[part] = warp.select(here, choice[part], state[part]);
    }
  }
  return state;
}

LogicalResult KeyCursor::prepare(TensorViews &views, const IRMapping &mapping) {
  if (loop.getSource() != KeySource::Tiles) {
    return success();
  }
  FailureOr<TensorView> view = views.get(loop.getList(), mapping);
  if (failed(view)) {
    return failure();
  }
  list = *view;
  limit = warp.toInt(mapping.lookupOrDefault(loop.getLimit()));
  return success();
}

KeyCursor::State KeyCursor::located(State state) {
  if (!list) {
    state.push_back(state[0]);
    return state;
  }
  // Read a tile ahead of its use, so that nothing waits for it.
  auto choice = scf::IfOp::create(warp.builder, warp.loc, warp.i32(),
                                  warp.less(state[0], state[1]),
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    Value place = backward ? warp.sub(warp.c(-1), state[0]) : state[0];
    Value at = list->at(warp.builder, warp.loc, warp.toIndex(place));
    Value number = warp.load(
        warp.i32(), warp.globalAddress(list->pointer, at, list->element), 0,
        /*invariant=*/true);
    scf::YieldOp::create(warp.builder, warp.loc, warp.mul(number, step));
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(warp.builder, warp.loc, warp.c(0));
  }
  state.push_back(choice.getResult(0));
  return state;
}

KeyCursor::State KeyCursor::first() { return located(choose(Value())); }

KeyCursor::Tile KeyCursor::tile(ValueRange state) {
  Tile tile;
  tile.key = state[4];
  Value left = warp.sub(list ? limit : state[1], state[4]);
  tile.size = warp.min(left, warp.c(step));
  if (backward && !list) {
    tile.key = warp.sub(warp.sub(warp.c(0), state[4]), tile.size);
  }
  if (list) {
    tile.size =
        warp.select(warp.less(state[0], state[1]), tile.size, warp.c(0));
  }
  Value ragged = warp.less(tile.size, warp.c(step));
  tile.masked = warp.select(ragged, warp.c(1), state[2]);
  return tile;
}

KeyCursor::State KeyCursor::next(ValueRange state) {
  Value place = warp.add(state[0], list ? 1 : step);
  Value inside = warp.less(place, state[1]);
  if (lower.size() == 1) {
    return located(
        {warp.select(inside, place, state[1]), state[1], state[2], state[3]});
  }
  SmallVector<Type> types(kStateSize - 1, warp.i32());
  auto choice = scf::IfOp::create(warp.builder, warp.loc, types, inside,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(warp.builder);
    warp.builder.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(warp.builder, warp.loc,
                         ValueRange{place, state[1], state[2], state[3]});
    warp.builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(warp.builder, warp.loc, choose(state[3]));
  }
  return located(State(choice.getResults()));
}

} // namespace attn
