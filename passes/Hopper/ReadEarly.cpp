//===- ReadEarly.cpp - reads of a step in front of its branches -----------===//
// Where a step masks scores or ends a tile, it reads tags and what masks take
// from memory. At its start this happens while products run; behind the waits
// for these each read would be a latency in which nothing else happens.
//===----------------------------------------------------------------------===//

#include "ReadEarly.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace attn::warpgroup;

namespace attn {

namespace {

class Reads {
public:
  explicit Reads(Block &block)
      : block(block), builder(OpBuilder::atBlockBegin(&block)) {}

  void run() {
    for (auto choice : llvm::make_early_inc_range(block.getOps<scf::IfOp>())) {
      // Behind a wait for a tile are its tags.
      if (!choice.thenBlock()->getOps<AwaitOp>().empty()) {
        continue;
      }
      for (Operation &op : llvm::make_early_inc_range(
               choice.thenBlock()->without_terminator())) {
        auto elements = dyn_cast<ElementsOp>(op);
        if (isScalar(&op) && isKnown(&op)) {
          op.remove();
          builder.insert(&op);
        } else if (elements && elements.getColumns() > 0) {
          readRows(elements);
        }
      }
    }
  }

private:
  Block &block;
  OpBuilder builder; // behind what has been moved

  static bool isScalar(Operation *op) {
    return (isa<TagOp>(op) || (isPure(op) && op->getNumRegions() == 0)) &&
           llvm::all_of(op->getResultTypes(),
                        [](Type type) { return type.isIntOrIndexOrFloat(); });
  }

  // Whether `value` is there at the start of the block.
  bool isKnown(Value value) {
    Operation *made = value.getDefiningOp();
    Block *from = value.getParentBlock();
    if (from == &block) {
      return made && (builder.getInsertionPoint() == block.end() ||
                      made->isBeforeInBlock(&*builder.getInsertionPoint()));
    }
    return !block.findAncestorOpInBlock(*from->getParentOp());
  }
  bool isKnown(Operation *op) {
    return llvm::all_of(op->getOperands(), [&](Value v) { return isKnown(v); });
  }

  // Loads that have no element and no column in their address, and what leads
  // to these, become `elements` of rows.
  void readRows(ElementsOp op) {
    Block &body = op.getBody().front();
    size_t inputs = op.getInputs().size();
    llvm::SmallDenseSet<Value> ofRows = {body.getArgument(inputs)};
    SmallVector<Operation *> path;
    SmallVector<LLVM::LoadOp> loads;
    for (Operation &inner : body.without_terminator()) {
      auto load = dyn_cast<LLVM::LoadOp>(inner);
      bool moves = (isPure(&inner) && inner.getNumRegions() == 0) ||
                   (load && load.getInvariant());
      if (!moves || llvm::any_of(inner.getOperands(), [&](Value v) {
            return !ofRows.contains(v) &&
                   (v.getParentBlock() == &body || !isKnown(v));
          })) {
        continue;
      }
      ofRows.insert(inner.result_begin(), inner.result_end());
      path.push_back(&inner);
      if (load) {
        loads.push_back(load);
      }
    }
    if (loads.empty()) {
      return;
    }
    MLIRContext *context = builder.getContext();
    SmallVector<Type> types = llvm::map_to_vector(loads, [&](LLVM::LoadOp l) {
      return Type(RowsType::get(context, l.getType()));
    });
    auto rows = ElementsOp::create(builder, op.getLoc(), types, ValueRange());
    Type number = builder.getI32Type();
    OpBuilder inside(context);
    Block *made = inside.createBlock(&rows.getBody(), {}, {number, number},
                                     {op.getLoc(), op.getLoc()});
    IRMapping mapping;
    mapping.map(body.getArgument(inputs), made->getArgument(0));
    for (Operation *inner : path) {
      inside.clone(*inner, mapping);
    }
    YieldOp::create(inside, op.getLoc(),
                    llvm::map_to_vector(loads, [&](LLVM::LoadOp load) {
                      return mapping.lookup(load.getResult());
                    }));
    op.getInputsMutable().append(rows.getResults());
    for (auto [i, load] : llvm::enumerate(loads)) {
      Value read = body.insertArgument(inputs + i, load.getType(), op.getLoc());
      load.replaceAllUsesWith(read);
      load.erase();
    }
  }
};

} // namespace

void readEarly(Block &block) { Reads(block).run(); }

} // namespace attn
