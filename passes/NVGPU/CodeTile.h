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
    int64_t start = 0; // bytes, beyond those of a stage
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

  /// Where a tile starts among the keys that share a scale of a channel.
  mlir::FailureOr<mlir::Value> phase(const KeyCursor::Tile &tile,
                                     PageRows *pages);
  /// Pairs of elements, in the order of mma operands, of a word of K: codes of
  /// key `key` (i32) in chunk `chunk` of 16 bytes.
  llvm::SmallVector<mlir::Value> keyPairs(mlir::Value word, mlir::Value key,
                                          int64_t chunk, mlir::Value phase,
                                          mlir::Value stage);
  /// Of a word of V, transposed: of `key` (i32) and the next.
  llvm::SmallVector<mlir::Value> valuePairs(mlir::Value word, mlir::Value key,
                                            int64_t chunk, mlir::Value stage);

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
  void put(mlir::Value scale, mlir::Value number, mlir::Value stage,
           bool zeros);
  void putRun(mlir::Value scales, mlir::Value number, mlir::Value stage,
              bool zeros);
  int64_t zeroStart() const;

  llvm::SmallVector<mlir::Value> decode(mlir::Value word);
  llvm::SmallVector<mlir::Value> decodeBytes(mlir::Value word);
  llvm::SmallVector<mlir::Value> decodeHalves(mlir::Value word);
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
