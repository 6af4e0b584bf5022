//===- StreamTile.cpp - tiles of attention as a stream, on warpgroups -----===//

#include "StreamTile.h"
#include "attn/Mask/TileAnalysis.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

StreamTile::StreamTile(WarpBuilder &warp, TileProgram &program,
                       const WarpgroupKernel &kernel, TensorViews &views,
                       Value number)
    : warp(warp), program(program), kernel(kernel), views(views),
      values(warp, number), number(number) {}

// Whether `value` follows from data of the device.
static bool isRead(Value value) {
  Operation *made = value.getDefiningOp();
  return made &&
         (isa<LLVM::LoadOp>(made) || llvm::any_of(made->getOperands(), isRead));
}

// Whether `value` is a number of whole tiles, in whatever order they come.
static bool startsTile(Value value, int64_t rows) {
  auto product = value.getDefiningOp<arith::MulIOp>();
  IntegerAttr factor;
  return product && matchPattern(product.getRhs(), m_Constant(&factor)) &&
         factor.getInt() % rows == 0;
}

bool StreamTile::valuesLieInKeys(TileProgram &program) {
  std::optional<TensorBox> key = TensorBox::of(program.online.getK(), 0, 1);
  std::optional<TensorBox> value = TensorBox::of(program.online.getV(), 0, 1);
  return key && value && key->buffer == value->buffer && key->at == value->at &&
         key->rowDim == value->rowDim;
}

bool StreamTile::drawsTickets() {
  return program.online.isMasked() ||
         llvm::any_of(program.loop.getUpper(), isRead);
}

// Whether `value` is a multiple of `step`, or the end of what it is a bound of.
static bool isMultiple(Value value, int64_t step) {
  IntegerAttr constant;
  if (matchPattern(value, m_Constant(&constant))) {
    return constant.getInt() % step == 0;
  }
  Operation *made = value.getDefiningOp();
  auto multiple = [&](Value operand) { return isMultiple(operand, step); };
  if (isa_and_nonnull<arith::MaxSIOp>(made)) {
    return llvm::all_of(made->getOperands(), multiple);
  }
  return isa_and_nonnull<arith::MulIOp, arith::MinSIOp>(made) &&
         llvm::any_of(made->getOperands(), multiple);
}

// Whether all segments but the first begin where whole steps of another one end
// (KeyCursor::alignBorders).
static bool hasOneStart(KeyLoopOp loop) {
  for (unsigned i = 1; i < loop.getLower().size(); ++i) {
    if (loop.getLower()[i] != loop.getUpper()[i - 1] ||
        loop.getKind(i) == loop.getKind(i - 1)) {
      return false;
    }
  }
  return true;
}

// Whether no step crosses a page.
static bool fitsPages(KeyLoopOp loop, int64_t step) {
  return *loop.getPageSize() % step == 0 && hasOneStart(loop) &&
         isMultiple(loop.getLower()[0], step);
}

bool StreamTile::prepare(std::string &reason) {
  auto refuse = [&](const char *text) {
    reason = text;
    return false;
  };
  element = cast<FloatType>(
      cast<ShapedType>(program.online.getQ().getType()).getElementType());
  if (program.isPaged() && !fitsPages(program.loop, kernel.keys)) {
    return refuse("steps cross the borders of pages");
  }
  packsHeads = program.heads != 1;
  // A box of (queries, heads) has all rows of the tile.
  bool isBox = program.queries > 0 && kernel.rows() % program.queries == 0;
  if (packsHeads && !(kernel.latent && isBox)) {
    return refuse("a tile has rows of several heads");
  }
  mayHide = mayHoldHiddenKeys(program.online, /*oneHead=*/!packsHeads);
  if (mayHide && kernel.isNarrow()) {
    return refuse("a mask may hide keys between those that a tile sees");
  }
  AffineMap outOrder = program.finalize.getOutMap();
  auto position = [&](unsigned dim) {
    return *outOrder.getResultPosition(
        getAffineDimExpr(dim, outOrder.getContext()));
  };
  auto find = [&](TensorBox &box, Value tensor, unsigned rowDim,
                  unsigned sizeDim, int64_t boxRows, int64_t columns,
                  int64_t panelBytes) {
    std::optional<TensorBox> found = TensorBox::of(tensor, rowDim, sizeDim);
    if (!found) {
      return false;
    }
    box = *found;
    // What a panel has beyond the columns must be nothing.
    auto type = cast<MemRefType>(box.buffer.getType());
    int64_t all = type.getDimSize(box.columnDim);
    int64_t panel = warpgroup::panelColumns(type.getElementType(), panelBytes);
    if (columns % panel != 0 && all != columns) {
      return false;
    }
    maps.push_back({box.buffer.getArgNumber(), box.order(),
                    box.box(box.copiedRows(boxRows), panelBytes), box.steps()});
    return true;
  };
  int64_t headPanel = kernel.panelBytes(kernel.headColumns);
  int64_t valuePanel = kernel.panelBytes(kernel.valueColumns);
  outHeads = position(0);
  outRows = position(1);
  if (!find(query, program.online.getQ(), program.queryDim, program.sizeDim,
            packsHeads ? program.queries : kernel.rows(), program.headSize,
            headPanel) ||
      !find(key, program.online.getK(), 0, 1, kernel.keys, program.headSize,
            headPanel) ||
      (!kernel.latent && !find(value, program.online.getV(), 0, 1, kernel.keys,
                               program.valueSize, valuePanel))) {
    return refuse("rows are not contiguous at multiples of 16 bytes");
  }
  if (packsHeads) {
    // Heads are the dimension behind queries, whatever the layout.
    maps.front().box[2] = kernel.rows() / program.queries;
  }
  Value result = program.finalize.getOut();
  Type type = cast<ShapedType>(result.getType()).getElementType();
  if (!type.isF16() && !type.isBF16() && (kernel.isNarrow() || !type.isF32())) {
    return refuse("results are neither of 16 bits nor f32 of 16 bits");
  }
  std::optional<TensorBox> rows =
      TensorBox::of(result, position(1), position(2));
  copiesResults = kernel.stagesResults() && type == element && rows &&
                  rows->rowStep == 1 &&
                  find(outBox, result, position(1), position(2), 16,
                       program.valueSize, headPanel);
  // A copy writes all rows of a box that the tensor has.
  for (const auto &parts : outBox.at) {
    for (const TensorBox::Part &part : parts) {
      auto start = dyn_cast<Value>(part.count);
      endsInside = endsInside || (start && isRead(start) &&
                                  !startsTile(start, kernel.rows()));
    }
  }
  depth = llvm::alignTo(program.headSize, warpgroup::productDepth(element));
  accColumns = kernel.latent       ? program.valueSize / 2
               : kernel.isNarrow() ? kernel.turnedRows(program.valueSize)
                                   : llvm::alignTo(program.valueSize, 16);
  return true;
}

// Whether most tiles see a small part of the keys, at the length of so many
// tiles.
static bool seesLittle(MaskAttrInterface mask, int64_t rows) {
  constexpr int64_t kTiles = 64;
  MaskSet set = mask.getMaskSet();
  TileSegments analysis = analyzeTile(set, TileWalk::Keys, /*oneHead=*/true);
  SmallVector<int64_t> symbols(set.numSymbols, 4 * rows);
  int64_t total = 0;
  for (int64_t n = 0; n < kTiles; ++n) {
    TileAt tile;
    tile.from = n * rows;
    tile.to = tile.from + rows - 1;
    tile.upper = kTiles * rows;
    tile.symbols = symbols;
    for (const TileRange &range : evaluate(analysis, tile)) {
      total += range.upper - range.lower;
    }
  }
  return total < kTiles * kTiles * rows / 4;
}

// K and V of a section of heads stay in the L2 cache while its tiles run,
// beside what else is there.
constexpr int64_t kSectionBytes = 32 << 20;

void StreamTile::prepareOrder() {
  // The innermost loop over tiles is the one over rows; the only one, if the
  // number is not divided.
  rowTiles = tiles;
  for (Operation *user : number.getUsers()) {
    if (auto rem = dyn_cast<arith::RemUIOp>(user)) {
      rowTiles = warp.toInt(rem.getRhs());
    }
  }
  IndexBuilder index(warp.builder, warp.loc);
  Value heads =
      warp.max(warp.div(tiles, warp.max(rowTiles, warp.c(1))), warp.c(1));
  // Neighbours of a tile that sees little bring its K and V to the cache. And a
  // tile that sees more than others must not wait for the last section.
  MaskAttrInterface mask = program.online.getMaskAttr();
  if (program.loop.getList() || packsHeads) {
    // Tiling has put the tiles of all heads in order; or those that share keys
    // follow each other.
    rowTiles = warp.c(1);
    headsOfSection = tiles;
    return;
  }
  if (mask && seesLittle(mask, kernel.rows())) {
    headsOfSection = heads;
    return;
  }
  IRMapping none;
  Value keys = views.get(key.whole, none)->dims[key.rowDim].size;
  Value bytes = index.mul(keys, kernel.elementBytes *
                                    (program.headSize + program.valueSize));
  Value fitting = warp.builder.createOrFold<arith::DivUIOp>(
      warp.loc, index.constant(kSectionBytes),
      index.max(bytes, index.constant(1)));
  headsOfSection = warp.max(warp.min(warp.toInt(fitting), heads), warp.c(1));
}

LogicalResult StreamTile::emit(ValueRange mapArguments, Value tiles,
                               Value tickets) {
  OpBuilder &builder = warp.builder;
  Location loc = warp.loc;
  this->tiles = tiles;
  this->tickets = tickets;
  if (tickets) {
    prepareOrder();
  }
  IRMapping none;
  auto view = [&](Value tensor, TensorView &result) {
    FailureOr<TensorView> found =
        tensor ? views.get(tensor, none) : FailureOr<TensorView>(TensorView());
    if (succeeded(found)) {
      result = *found;
    }
    return succeeded(found);
  };
  TensorView q;
  if (!view(program.online.getQ(), q) ||
      !view(program.finalize.getOut(), out) ||
      !view(program.finalize.getLse(), lse) ||
      !view(program.finalize.getSink(), sink)) {
    return failure();
  }
  rows = TileRows::make(warp, program, q);
  scoring = std::make_unique<ScoreFragments>(warp, program, rows, views,
                                             warp.builder.getF32Type());
  if (failed(scoring->prepare())) {
    return failure();
  }
  SmallVector<Value *> named = {&queryMap, &keyMap};
  if (!kernel.latent) {
    named.push_back(&valueMap);
  }
  if (copiesResults) {
    named.push_back(&outMap);
  }
  for (auto [map, argument] : llvm::zip_equal(named, mapArguments)) {
    *map = UnrealizedConversionCastOp::create(
               builder, loc,
               warpgroup::TensorMapType::get(builder.getContext()), argument)
               .getResult(0);
  }
  auto ring = [&](int64_t stages, int64_t ringRows, int64_t columns,
                  int64_t readers, int64_t tags) -> Value {
    int64_t shape[] = {stages, ringRows, columns};
    return warpgroup::RingOp::create(
        builder, loc,
        warpgroup::RingType::get(builder.getContext(), shape, element,
                                 kernel.panelBytes(columns)),
        readers, tags);
  };
  // What a warpgroup fills, instead of the copy engine.
  auto filled = [&](int64_t stages, int64_t ringRows, int64_t columns,
                    Type type, int64_t readers) -> Value {
    int64_t shape[] = {stages, ringRows, columns};
    return warpgroup::RingOp::create(
        builder, loc,
        warpgroup::RingType::get(builder.getContext(), shape, type),
        builder.getI64IntegerAttr(readers), builder.getI64IntegerAttr(0),
        builder.getI64IntegerAttr(4));
  };
  int64_t consumers = kernel.consumers, readers = consumers + kernel.latent;
  queryRing =
      ring(kernel.queryStages, kernel.rows(), kernel.headColumns, consumers, 0);
  // What results need of a tile outlives its Q where that goes back early.
  tileRing = kernel.stagesResults() ? queryRing : ring(2, 8, 0, readers, 0);
  keyRing =
      ring(kernel.stages, kernel.keys, kernel.headColumns, readers, kStepTags);
  valueRing = keyRing;
  if (kernel.latent) {
    probabilityRing = filled(1, kernel.rows(), kernel.keys, element, 1);
    stateRing = filled(1, kStateVectors, kernel.keys, warp.f32(), 1);
  } else if (kernel.isNarrow()) {
    // The number of keys comes with a tile, -1 behind the last one.
    loadedRing = ring(kernel.stages, kernel.keys, kernel.valueColumns,
                      /*readers=*/1, /*tags=*/1);
    valueRing = filled(kernel.stages, accColumns, kernel.turnedColumns(),
                       element, consumers);
  } else {
    valueRing =
        ring(kernel.stages, kernel.keys, kernel.valueColumns, consumers, 0);
  }
  if (!loadedRing) {
    loadedRing = valueRing;
  }
  auto roles = warpgroup::RolesOp::create(
      builder, loc, kernel.consumers, kernel.producerRegisters,
      kernel.consumerRegisters, kernel.assistRegisters);
  OpBuilder::InsertionGuard guard(builder);
  // Consumers first: what they use of a tile is what the producer sends.
  Block *consumer =
      builder.createBlock(&roles.getConsumer(), {}, warp.i32(), loc);
  consume(*consumer);
  if (kernel.latent) {
    assist(*builder.createBlock(&roles.getAssist()));
  }
  tileRing.getDefiningOp<warpgroup::RingOp>().setTags(values.tagCount());
  if (kernel.isNarrow()) {
    transposeValues(*builder.createBlock(&roles.getAssist()));
  }
  Block *producer = builder.createBlock(&roles.getProducer());
  return produce(*producer);
}

} // namespace attn
