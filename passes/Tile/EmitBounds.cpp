//===- EmitBounds.cpp - bounds of tiles as arithmetic ---------------------===//

#include "attn/Passes/EmitBounds.h"
#include "attn/Passes/EmitMask.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn {

using Kind = BoundStep::Kind;

// Marks `at` and what it is made of.
static void need(const TileSegments &segments, unsigned at,
                 SmallVectorImpl<bool> &needed) {
  if (needed[at]) {
    return;
  }
  needed[at] = true;
  const BoundStep &step = segments.steps[at];
  if (step.kind == Kind::Lower || step.kind == Kind::Upper ||
      step.kind == Kind::Form) {
    return;
  }
  need(segments, step.a, needed);
  need(segments, step.b, needed);
  if (step.kind == Kind::IfAtMost) {
    need(segments, step.left, needed);
    need(segments, step.right, needed);
  }
}

SmallVector<Value> emitSteps(IndexBuilder &index, OpBuilder &builder,
                             Location loc, const TileSegments &segments,
                             const TileValues &tile) {
  SmallVector<bool> needed(segments.steps.size(), false);
  for (const TileSegment &segment : segments.segments) {
    need(segments, segment.lower, needed);
    need(segments, segment.upper, needed);
  }
  Value dims[NumMaskDims] = {};
  dims[BatchDim] = tile.batch;
  dims[FromDim] = tile.from;
  dims[ToDim] = tile.to;
  dims[FirstHeadDim] = tile.firstHead;
  dims[LastHeadDim] = tile.lastHead;
  SmallVector<Value> values(segments.steps.size());
  for (auto [at, step] : llvm::enumerate(segments.steps)) {
    if (!needed[at]) {
      continue;
    }
    auto select = [&](arith::CmpIPredicate predicate, Value left, Value right) {
      Value condition =
          arith::CmpIOp::create(builder, loc, predicate, left, right);
      return arith::SelectOp::create(builder, loc, condition, values[step.a],
                                     values[step.b])
          .getResult();
    };
    switch (step.kind) {
    case Kind::Lower:
      values[at] = tile.lower;
      break;
    case Kind::Upper:
      values[at] = tile.upper;
      break;
    case Kind::Form:
      values[at] = emitForm(builder, loc, step.form, dims, tile.symbols);
      break;
    case Kind::Min:
      values[at] = index.min(values[step.a], values[step.b]);
      break;
    case Kind::Max:
      values[at] = index.max(values[step.a], values[step.b]);
      break;
    case Kind::IfForm:
      values[at] = select(arith::CmpIPredicate::sge,
                          emitForm(builder, loc, step.form, dims, tile.symbols),
                          index.constant(0));
      break;
    case Kind::IfAtMost:
      values[at] = select(arith::CmpIPredicate::sle, values[step.left],
                          values[step.right]);
      break;
    }
  }
  return values;
}

} // namespace attn
