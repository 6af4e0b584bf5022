//===- RowFinish.cpp - what the state of a row becomes --------------------===//

#include "RowFinish.h"
#include "attn/Passes/IndexBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

std::pair<Value, Value> finishRow(WarpBuilder &warp, TileProgram &program,
                                  const TileRows &rows, const TensorView &sink,
                                  Value max, Value sum, Value row) {
  Type type = sum.getType();
  Value none = warp.f(kMinusInfinity, type), zero = warp.f(0, type);
  Value factor = warp.f(1, type);
  if (sink.pointer) {
    auto [g, m] = rows.split(warp, row);
    IndexBuilder index(warp.builder, warp.loc);
    Value last = index.add(sink.dims[0].size, -1);
    Value head =
        index.min(index.add(program.finalize.getHead(), warp.toIndex(g)), last);
    Value logit =
        warp.load(sink.element,
                  warp.globalAddress(sink.pointer,
                                     sink.at(warp.builder, warp.loc, {head}),
                                     sink.element));
    logit = warp.fmul(warp.convert(logit, type),
                      warp.f(llvm::numbers::log2e, type));
    Value both = warp.fmax(max, logit);
    Value base = warp.select(warp.isEqual(both, none), zero, both);
    factor = warp.exp2(warp.fsub(max, base));
    sum = warp.fma(sum, factor, warp.exp2(warp.fsub(logit, base)));
    max = both;
  }
  Value empty = warp.isEqual(sum, zero);
  Value inverse = warp.select(empty, zero, warp.fmul(factor, warp.rcp(sum)));
  if (Value scale = program.finalize.getFactor()) {
    inverse = warp.fmul(inverse, scale);
  }
  Value lse = warp.select(empty, none,
                          warp.fmul(warp.fadd(max, warp.log2(sum)),
                                    warp.f(llvm::numbers::ln2, type)));
  return {inverse, lse};
}

} // namespace attn
