//===- GroupProducts.cpp - products one behind the other, one wait --------===//
// The state of a recurrence gives a chunk three products that do not depend on
// each other, or only by their accumulator: tensor cores need not stop between.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_GROUPPRODUCTSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

class Group {
public:
  explicit Group(SmallVector<ProductsOp> &products) : products(products) {}

  void run() {
    OpBuilder builder(products.front());
    DenseMap<Value, Value> pending; // fragment -> what will be it
    SmallVector<Value> open, results;
    for (ProductsOp product : products) {
      auto shape = product.getResult().getType().getShape();
      Value acc = product.getAcc();
      if (Value before = pending.lookup(acc)) {
        // The wait gives the last of a chain.
        size_t at = llvm::find(open, before) - open.begin();
        open.erase(open.begin() + at);
        results.erase(results.begin() + at);
        acc = before;
      }
      auto start = MmaAsyncOp::create(
          builder, product.getLoc(),
          PendingType::get(builder.getContext(), shape, builder.getF32Type()),
          product.getA(), product.getB(), acc, product.getTransposed());
      pending[product.getResult()] = start.getResult();
      open.push_back(start.getResult());
      results.push_back(product.getResult());
    }
    Operation *end = waitPoint();
    builder.setInsertionPoint(end);
    auto wait =
        WaitOp::create(builder, products.back().getLoc(),
                       ValueRange(results).getTypes(), /*groups=*/0, open);
    for (auto [result, made] : llvm::zip_equal(results, wait.getResults())) {
      result.replaceAllUsesWith(made);
    }
    for (ProductsOp product : llvm::reverse(products)) {
      product.erase();
    }
  }

private:
  SmallVector<ProductsOp> &products;

  bool isRead(Value ring) {
    return llvm::any_of(products, [&](ProductsOp product) {
      return llvm::any_of(product->getOperands(), [&](Value operand) {
        auto tile = operand.getDefiningOp<TileOp>();
        return tile && tile.getRing() == ring;
      });
    });
  }

  // Whether what `op` itself does has to see the products finished.
  bool isBarrier(Operation *op) {
    if (auto write = dyn_cast<WriteOp>(op)) {
      return isRead(write.getRing());
    }
    bool makesOperand = llvm::any_of(
        op->getResultTypes(), [](Type type) { return isa<OperandType>(type); });
    bool uses = llvm::any_of(products, [&](ProductsOp product) {
      return llvm::is_contained(op->getOperands(), product.getResult());
    });
    return uses || makesOperand ||
           isa<ReleaseOp, ProductsOp, MmaAsyncOp, WaitOp, ShareOp,
               LoopLikeOpInterface>(op);
  }

  bool needsWait(Operation *op) {
    return op->hasTrait<OpTrait::IsTerminator>() ||
           op->walk([&](Operation *inner) {
               return isBarrier(inner) ? WalkResult::interrupt()
                                       : WalkResult::advance();
             }).wasInterrupted();
  }

  Operation *waitPoint() {
    ProductsOp last = products.back();
    Operation *op = last->getNextNode();
    while (!needsWait(op)) {
      op = op->getNextNode();
    }
    return op;
  }
};

struct GroupProductsPass
    : public attn::impl::GroupProductsPassBase<GroupProductsPass> {
  void runOnOperation() override {
    SmallVector<SmallVector<ProductsOp>> groups;
    getOperation()->walk([&](Block *block) {
      SmallVector<ProductsOp> group;
      auto close = [&] {
        if (group.size() > 1) {
          groups.push_back(group);
        }
        group.clear();
      };
      for (Operation &op : *block) {
        auto product = dyn_cast<ProductsOp>(op);
        bool follows = product && llvm::none_of(group, [&](ProductsOp other) {
                         return product.getA() == other.getResult();
                       });
        if (!follows) {
          // What names tiles moves out of the way.
          if (isa<TileOp>(op)) {
            continue;
          }
          close();
        }
        if (product) {
          group.push_back(product);
        }
      }
    });
    for (SmallVector<ProductsOp> &group : groups) {
      // Tiles are named in front of the first product.
      for (ProductsOp product : group) {
        for (Value operand : {product.getA(), Value(product.getB())}) {
          Operation *made = operand.getDefiningOp();
          if (isa_and_nonnull<TileOp>(made) &&
              group.front()->isBeforeInBlock(made)) {
            made->moveBefore(group.front());
          }
        }
      }
      Group(group).run();
    }
  }
};

} // namespace
