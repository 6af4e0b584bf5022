//===- MMATile.h - a tile of attention on tensor cores --------------------===//
// mma.sync: a thread has of each 16 x 8 block of results the columns
// 2 * (lane % 4) and the next, of rows lane / 4 and that plus 8. Two blocks
// side by side are, as 16-bit pairs, the A operand of the next product. In tf32
// one block is, with the columns in another order, which the rows of V take
// too. Of a transposed kernel rows are columns: a thread has two of them, of
// the keys lane / 4 and that plus 8.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_MMATILE_H
#define ATTN_PASSES_NVGPU_MMATILE_H

#include "CodeTile.h"
#include "HiddenKeys.h"
#include "PageRows.h"
#include "ScoreFragments.h"
#include "SharedTile.h"
#include "TileProgram.h"
#include "attn/Target/GPUCostModel.h"

namespace attn {

class MMATile {
public:
  /// Code goes to where `warp` inserts, in front of the key loop. `slice` is
  /// the number (i32) of the slice of V columns of this block, null for one.
  MMATile(WarpBuilder &warp, TileProgram &program, const MMAKernel &kernel,
          TensorViews &views, mlir::Value slice);
  mlir::LogicalResult emit();

private:
  using Fragment = WarpBuilder::Fragment;
  /// One value a row of the thread: [row block][half].
  using RowValues = llvm::SmallVector<std::array<mlir::Value, 2>>;
  /// [row block][column block].
  using Fragments = llvm::SmallVector<llvm::SmallVector<Fragment>>;

  /// What the loop carries in registers.
  struct State {
    Fragments accumulator;
    RowValues max, sum;
    RowValues shift; // sums of weights times zeros of V, where codes have them
    /// What folded codes leave to add: a line of the fragment for each group of
    /// columns.
    llvm::SmallVector<Fragment> rest;

    /// What is one value a row.
    std::array<RowValues *, 3> rows() { return {&max, &sum, &shift}; }
  };

  mlir::LogicalResult prepare();

  // MMALoads.cpp
  void loadQueries();
  mlir::LogicalResult loadKeys(const KeyCursor::Tile &tile, mlir::Value stage);
  mlir::LogicalResult placeFirstPages(llvm::ArrayRef<KeyCursor::Tile> queue,
                                      const KeyCursor::Tile &last);

  mlir::LogicalResult loop();
  void keepQueries();

  // MMAStep.cpp
  mlir::LogicalResult step(State &state, const KeyCursor::Tile &tile,
                           mlir::Value stage);
  Fragments products(mlir::Value stage);
  void applyMask(Fragments &scores, const KeyCursor::Tile &tile,
                 mlir::Value stage);
  RowValues follow(State &state, const Fragments &scores);
  /// Depth of one product: as many elements as 32 bytes hold.
  int64_t mmaDepth() const { return 32 / kernel.forms.elementBytes; }
  /// A operands, or B operands of K, of a block in shared memory.
  Fragment loadOperands(mlir::Value address);
  /// Weights as A operands: of a row block, from key block `k` on.
  Fragment weights(llvm::ArrayRef<Fragment> line, int64_t k);
  /// (b0, b1) of columns 8 n.. and of the next 8, keys from block `k` on.
  Fragment loadValues(const MatrixAddress &values, int64_t k, int64_t n);
  void accumulate(State &state, Fragments &scores, const RowValues &bases,
                  mlir::Value stage);

  // MMATransposed.cpp
  /// B operands of the first product, two a step of `mmaDepth` elements.
  llvm::SmallVector<mlir::Value> queryColumns();
  Fragments transposedProducts(mlir::Value phase, mlir::Value stage);
  void keyProducts(Fragments &scores, llvm::ArrayRef<mlir::Value> columns,
                   mlir::Value stage);
  void codedKeyProducts(Fragments &scores, llvm::ArrayRef<mlir::Value> columns,
                        mlir::Value stage);
  Fragments channelProducts(mlir::Value phase,
                            llvm::ArrayRef<mlir::Value> columns,
                            mlir::Value stage);
  Fragment constantProducts(double factor, llvm::ArrayRef<mlir::Value> columns,
                            Fragment sum);
  std::array<mlir::Value, 2> weightColumns(State &state, Fragment &weights,
                                           int64_t n, mlir::Value stage);
  void transposedValues(State &state, Fragments &weights, int64_t n,
                        mlir::Value stage);
  void foldedValues(State &state, std::array<mlir::Value, 2> weights, int64_t n,
                    mlir::Value stage);
  void addRest(State &state);

  // MMACodes.cpp
  mlir::LogicalResult prepareCodes();
  mlir::FailureOr<llvm::SmallVector<CodeTile::Scales>>
  fetchScales(const KeyCursor::Tile &tile);
  void keepScales(llvm::ArrayRef<CodeTile::Scales> scales, mlir::Value stage);
  llvm::SmallVector<mlir::Value> codedQueryPairs(int64_t offset, int64_t chunk);
  llvm::SmallVector<Fragment> codedQueries(int64_t block, int64_t chunk);
  bool needsQuerySums() const {
    return keyCodes && keyCodes->scalesKeys() &&
           (keyCodes->hasZero() || (folds() && keyCodes->offset() != 0));
  }
  void sumQueries();
  Fragments codedProducts(mlir::Value phase, mlir::Value stage);
  void scaleScores(Fragments &scores, mlir::Value stage);
  void scaleWeights(State &state, Fragments &scores, int64_t keyBlock,
                    mlir::Value stage);
  /// Group `number` of those of this block, in a row of V (i32).
  mlir::Value valueGroup(int64_t number);
  int64_t groupOf(int64_t chunk) const {
    const CodeForm &form = kernel.forms.value;
    return form.grain == CodeForm::Grain::Groups
               ? chunk * 8 * form.unit() / form.elements
               : 0;
  }
  /// Groups of a row of V that this block has.
  int64_t valueGroups() const { return groupOf(valueTile.chunks() - 1) + 1; }
  void codedValues(State &state, llvm::ArrayRef<Fragment> weights, int64_t k,
                   mlir::Value stage);

  llvm::SmallVector<mlir::Value> flatten(State state);
  State unflatten(mlir::ValueRange values);
  State initial();

  // MMAEpilogue.cpp
  mlir::LogicalResult epilogue(State state);
  void finishRows(State &state, RowValues &lse);
  void mergeWarps(State &state);
  void storeFragments(const State &state, const RowValues &lse);
  void storeShared();
  /// Joins the sink of a row, and gives what to multiply the accumulator with,
  /// and lse.
  std::pair<mlir::Value, mlir::Value> finish(mlir::Value max, mlir::Value sum,
                                             mlir::Value row);
  mlir::Value unscaled(mlir::Value sum, mlir::Value shift, mlir::Value inverse);
  void storeLse(mlir::Value lse, mlir::Value row);
  mlir::Value outIndex(mlir::Value row, mlir::Value column);

  int64_t blockSize() const { return kernel.transposed ? 16 : 8; }
  int64_t columnBlocks() const { return kernel.valueSlice / blockSize(); }
  int64_t keyBlocks() const { return kernel.warpKeys() / blockSize(); }
  /// Of element `i` of a fragment: which of the two rows, and which of the two
  /// keys, or columns, of the thread.
  int64_t rowOf(int64_t i) const { return kernel.transposed ? i % 2 : i / 2; }
  int64_t pointOf(int64_t i) const { return kernel.transposed ? i / 2 : i % 2; }
  /// The other way around.
  int64_t elementOf(int64_t half, int64_t point) const {
    return kernel.transposed ? half + 2 * point : 2 * half + point;
  }
  /// The key of element `i` of block `n`, beyond `keyColumn`.
  int64_t keyOf(int64_t n, int64_t i) const {
    return blockSize() * n + pointOf(i) * (kernel.transposed ? 8 : 1);
  }
  /// Joins what the lanes that share a row have of it.
  mlir::Value
  acrossRow(mlir::Value value,
            llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> join);
  /// Whether this lane is the first of those (i1).
  mlir::Value firstOfRow() {
    return kernel.transposed ? warp.less(lane, warp.c(4))
                             : warp.equal(warp.andi(lane, 3), warp.c(0));
  }
  /// Whether scales of codes meet queries and weights.
  bool folds() const { return kernel.transposed; }
  /// The column of the slice that element `i` (0 or 1) of accumulator `n` of
  /// this thread is, beyond `firstColumn`. Codes have an order of their own.
  int64_t column(int64_t n, int64_t i) const {
    int64_t unit = kernel.forms.value.unit();
    if (kernel.transposed) {
      return unit == 1 ? 16 * n + 8 * i
                       : 8 * unit * (n / (unit / 2)) + 2 * (n % (unit / 2)) + i;
    }
    return 8 * unit * (n / unit) + unit * i + n % unit;
  }
  mlir::Value firstColumn() {
    if (kernel.transposed) {
      return warp.mul(warp.shr(lane, 2), kernel.forms.value.unit());
    }
    return warp.mul(warp.andi(lane, 3), 2 * kernel.forms.value.unit());
  }
  /// What accumulators are multiples of, with f16.
  double valueFactor() { return valueCodes ? valueCodes->factor() : 1; }
  mlir::Value row(int64_t block, int64_t half) {
    return warp.add(firstRow, kernel.transposed ? half : block * 16 + half * 8);
  }
  template <typename Body> void forEachRow(Body body) {
    for (int64_t block = 0; block < kernel.rowBlocks; ++block) {
      for (int64_t half = 0; half < 2; ++half) {
        body(block, half);
      }
    }
  }

  WarpBuilder &warp;
  TileProgram &program;
  MMAKernel kernel;
  TensorViews &views;
  mlir::Value slice;

  mlir::FloatType element; // of q, k and v
  int64_t depth = 0;       // of the first product, padded
  SharedTile queryTile, keyTile, valueTile;
  int64_t stageBytes = 0;
  TensorView q, out, lse, sink;
  unsigned outHeadDim = 0, outQueryDim = 1, outSizeDim = 2;
  TileRows rows;
  std::unique_ptr<ScoreFragments> scoring;
  std::unique_ptr<KeyCursor> cursor;
  std::optional<HiddenKeys> hiddenKeys;         // where the mask may hide some
  std::optional<PageRows> pages;                // where keys lie on pages
  std::optional<CodeTile> keyCodes, valueCodes; // where they are codes
  RowValues querySums; // of elements, where codes of K have zeros
  PageRows::Place pagePlace;
  llvm::SmallVector<ScoreFragments::Row> scoreRows; // [block * 2 + half]

  mlir::Value thread, lane, rowWarp, keyWarp;
  mlir::Value firstRow;  // of this thread
  mlir::Value warpKey;   // first key of this warp in a tile
  mlir::Value keyColumn; // and of this thread
  mlir::Value columns;   // valid columns of the slice of V (i32)
  std::optional<MatrixAddress> queryAddress, keyAddress, valueAddress;
  llvm::SmallVector<llvm::SmallVector<Fragment>> queries; // in registers
  llvm::SmallVector<mlir::Value> columnQueries;           // likewise
  std::optional<MatrixAddress> codedQueryAddress;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_MMATILE_H
