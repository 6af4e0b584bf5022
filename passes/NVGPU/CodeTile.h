//===- CodeTile.h - codes of K or V in shared memory ----------------------===//
// Codes lie in shared memory as they do in the cache, and become elements in
// registers, behind ldmatrix: which takes two bytes for an element, so that a
// word has the codes of two mma operands or four. Elements of a row, or columns
// of the result, are then in an order of their own, which Q and the stores have
// too. Scales are read beside the copies of codes, into a table of the stage.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_CODETILE_H
#define ATTN_PASSES_NVGPU_CODETILE_H

#include "PageRows.h"
#include "TileProgram.h"

namespace attn {

class CodeTile {
public:
  /// Where threads are, and the table in a stage.
  struct Place {
    mlir::Value thread, lane; // `threads` of them
    int64_t threads = 0, keys = 0;
    int64_t start = 0;   // bytes, beyond those of a stage
    bool folded = false; // codes are integers, which scales never meet
  };
  /// `type` is that of the operands of products.
  CodeTile(WarpBuilder &warp, TileProgram &program, TensorViews &views,
           KVDequantizeOp op, const CodeForm &form, mlir::FloatType type,
           bool ofValues, const Place &place);
  mlir::LogicalResult prepare();

  /// Scales (and zeros) of a thread of a tile, as they are in memory.
  using Scales = llvm::SmallVector<llvm::SmallVector<mlir::Value>>;
  mlir::FailureOr<Scales> fetch(const KeyCursor::Tile &tile, PageRows *pages);
  /// Puts them into the table of `stage`; others see them behind the next
  /// barrier.
  void keep(const Scales &scales, mlir::Value stage);
  /// Makes those of key `key` (i32) nothing.
  void clear(mlir::Value key, mlir::Value stage);

  bool scalesKeys() const { return form.grain == CodeForm::Grain::Keys; }
  bool hasZero() const { return form.zero; }
  /// What scales are multiplied with in the table, and results divided by.
  double factor();
  /// The scales, or zeros, of `key` (i32) and the next, where they are of keys.
  std::array<mlir::Value, 2> ofKeys(mlir::Value key, mlir::Value stage,
                                    bool zeros);

  /// The scale, or zero, of `key` (i32), likewise.
  mlir::Value ofKey(mlir::Value key, mlir::Value stage, bool zeros);

  // Of folded codes. Zeros in the table are what is added to codes with a sign
  // times scales.
  /// Pairs of a word as operands, larger than the codes by `offset`.
  llvm::SmallVector<mlir::Value> integers(mlir::Value word);
  double offset() const;
  /// Whether something is to be added to weights times integers.
  bool leavesRest() const {
    return offset() != 0 ||
           (form.zero && form.grain == CodeForm::Grain::Groups);
  }
  /// Scales, or zeros, of the pairs of a lane in a chunk, in group `group`
  /// (i32) of keys.
  llvm::SmallVector<mlir::Value> ofChannels(mlir::Value group, int64_t chunk,
                                            mlir::Value stage, bool zeros);
  /// Of values: those of `key` and the next (i32) in group `group` of a row.
  mlir::Value ofGroup(mlir::Value key, mlir::Value group, mlir::Value stage,
                      bool zeros);
  /// Two pairs, as words, multiplied.
  mlir::Value times(mlir::Value a, mlir::Value b);

  /// Where a tile starts among the keys that share a scale of a channel.
  mlir::FailureOr<mlir::Value> phase(const KeyCursor::Tile &tile,
                                     PageRows *pages);
  /// Pairs of elements, in the order of mma operands, of a word of K: codes of
  /// key `key` (i32) in chunk `chunk` of 16 bytes.
  llvm::SmallVector<mlir::Value> keyPairs(mlir::Value word, mlir::Value key,
                                          int64_t chunk, mlir::Value phase,
                                          mlir::Value stage);
  /// Of a word of V, transposed: of `key` (i32) and the next.
  /// `group` (i32) is that of the chunk, where there are groups.
  llvm::SmallVector<mlir::Value> valuePairs(mlir::Value word, mlir::Value key,
                                            mlir::Value group,
                                            mlir::Value stage);

private:
  struct Entry {
    mlir::Value key, element; // of the tile, of a row
    mlir::Value inside;
  };
  int64_t count() const; // of scales of a stage
  int64_t countRun();
  Entry entry(mlir::Value number, const KeyCursor::Tile &tile,
              mlir::Value phase);
  mlir::Value index(mlir::AffineExpr expr, const mlir::IRMapping &mapping,
                    mlir::Value key, mlir::Value element);
  mlir::Value at(mlir::Value bytes, mlir::Value stage, int64_t constant);
  /// The values of a run of scales or zeros, in f32.
  llvm::SmallVector<mlir::Value> numbers(mlir::Value run);
  void put(mlir::Value scale, mlir::Value number, mlir::Value stage,
           bool zeros);
  void putRun(llvm::ArrayRef<mlir::Value> scales, mlir::Value number,
              mlir::Value stage, bool zeros);
  /// What numbers without a sign lose to have one, where they are folded.
  double centre();
  bool isInteger();
  int64_t zeroStart() const;

  llvm::SmallVector<mlir::Value> decode(mlir::Value word);
  llvm::SmallVector<mlir::Value> decodeBytes(mlir::Value word);
  llvm::SmallVector<mlir::Value> decodeHalves(mlir::Value word);
  llvm::SmallVector<mlir::Value> largeHalves(mlir::Value word);
  mlir::Value pairOf(mlir::Value word); // as a vector of two elements
  mlir::Value word(mlir::Value pair);
  mlir::Value both(uint64_t bits); // a constant word
  mlir::Value twice(double value); // a pair of it
  mlir::Value scaled(mlir::Value pair, mlir::Value scale, mlir::Value zero);

  WarpBuilder &warp;
  TileProgram &program;
  TensorViews &views;
  KVDequantizeOp op;
  CodeForm form;
  mlir::FloatType type;
  bool ofValues;
  Place place;
  TensorView scale, zero;
  int64_t run = 1; // scales that a thread reads at once
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_CODETILE_H
