//===- ScanModel.cpp - schedules of recurrences ---------------------------===//
// Products of matrices over chunks do the work of more operations than a scan
// does (C (K + V) more a token and head), but at the rate of multiply-adds from
// registers. They pay from a few tokens on, where the state decays as a whole.
//===----------------------------------------------------------------------===//

#include "attn/Target/ScanModel.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attn {

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

static ScanChoice sequential(int64_t chunk, std::string why) {
  return {ScanSchedule::Sequential, chunk, std::move(why)};
}

template <typename OpTy>
static ScanChoice chooseHeads(OpTy op, Value values, bool decaysByRow) {
  constexpr int64_t kChunk = 64, kFewTokens = 4;
  int64_t tokens = shaped(values).getDimSize(op.getSeqDim());
  int64_t chunk = op.getChunk() ? static_cast<int64_t>(*op.getChunk()) : kChunk;
  if (!ShapedType::isDynamic(tokens)) {
    chunk = std::max<int64_t>(std::min(chunk, tokens), 1);
  }
  if (op.getExact()) {
    return sequential(chunk, "'exact' asks for the order of a step");
  }
  if (decaysByRow) {
    return sequential(chunk, "what a token writes or keeps differs from row to "
                             "row of the state");
  }
  if (!ShapedType::isDynamic(tokens) && tokens <= kFewTokens) {
    return sequential(chunk, "few tokens");
  }
  return {ScanSchedule::Chunked, chunk,
          "products of matrices: one decay a token and head"};
}

ScanChoice chooseScan(Operation *op) {
  constexpr int64_t kChannelTokens = 32;
  return llvm::TypeSwitch<Operation *, ScanChoice>(op)
      .Case([](SSDOp ssd) { return chooseHeads(ssd, ssd.getX(), false); })
      .Case([](LinearAttentionOp linear) {
        return chooseHeads(linear, linear.getV(),
                           linear.hasKeyDecay() || linear.getBeta());
      })
      .Case([&](SSMScanOp scan) {
        return sequential(kChannelTokens, "a decay for each channel and state");
      })
      .Default([](Operation *) { return sequential(1, "one token"); });
}

double scanFlops(Operation *op, const ScanChoice &choice) {
  auto product = [](ArrayRef<int64_t> sizes) {
    double result = 1;
    for (int64_t size : sizes) {
      result *= ShapedType::isDynamic(size) ? 0 : static_cast<double>(size);
    }
    return result;
  };
  // Decay, write and read of an element of the state.
  constexpr double kElement = 5;
  // Products of queries and keys are those of groups.
  auto heads = [&](int64_t heads, int64_t groups, int64_t keys,
                   int64_t values) {
    if (choice.schedule == ScanSchedule::Sequential) {
      return kElement * product({heads, keys, values});
    }
    return 4 * product({heads, keys, values}) +
           static_cast<double>(choice.chunk) *
               (product({groups, keys}) + product({heads, values}));
  };
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](SSDOp ssd) {
        return heads(shaped(ssd.getX()).getDimSize(ssd.getHeadDim()),
                     shaped(ssd.getB()).getDimSize(ssd.getHeadDim()),
                     shaped(ssd.getB()).getShape().back(),
                     shaped(ssd.getX()).getShape().back());
      })
      .Case([&](LinearAttentionOp linear) {
        int64_t size = shaped(linear.getK()).getShape().back();
        int64_t number = shaped(linear.getV()).getDimSize(linear.getHeadDim());
        int64_t groups = shaped(linear.getK()).getDimSize(linear.getHeadDim());
        Value favor = linear.getFavor();
        int64_t rows = favor ? shaped(favor).getDimSize(0) : size;
        double features = favor ? 4 * product({number, rows, size}) : 0;
        return features + heads(number, groups, rows,
                                shaped(linear.getV()).getShape().back());
      })
      .Case([&](SSMScanOp scan) {
        return kElement * product(shaped(scan.getA()).getShape());
      })
      .Case([&](SSMStepOp step) {
        return kElement *
               product(shaped(step.getState()).getShape().drop_front());
      })
      .Case([&](CausalConv1dOp conv) {
        return 2 * product(shaped(conv.getW()).getShape());
      })
      .Default([](Operation *) { return 0.0; });
}

} // namespace attn
