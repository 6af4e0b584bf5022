//===- ReferenceScan.h - what the references of recurrences share ---------===//
// Scalar arithmetic, and the loop over sequences, heads and tokens.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCESCAN_H
#define ATTN_PASSES_GRAPH_REFERENCESCAN_H

#include "ReferenceForm.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn::reference {

using namespace mlir;
using Values = SmallVector<Value>;

/// Scalar arithmetic of one type.
struct Scalars {
  ImplicitLocOpBuilder &b;
  FloatType type;

  Value number(double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value max(Value x, Value y) { return arith::MaximumFOp::create(b, x, y); }
  Value min(Value x, Value y) { return arith::MinimumFOp::create(b, x, y); }
  Value exp(Value x) { return math::ExpOp::create(b, x); }
  Value isAbove(Value x, double bound) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x,
                                 number(bound));
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, condition, x, y);
  }
  Value softplus(Value x) {
    return select(isAbove(x, 20.0), x, math::Log1pOp::create(b, exp(x)));
  }
  Value silu(Value x) {
    return div(x, add(number(1.0), exp(sub(number(0.0), x))));
  }
  Value read(Value tensor, ValueRange at) {
    return ReferenceForm::convert(b, tensor::ExtractOp::create(b, tensor, at),
                                  type);
  }
  Value write(Value value, Value tensor, ValueRange at) {
    return tensor::InsertOp::create(b, value, tensor, at);
  }
};

/// One token of one head: where its state lies, and where its rows do.
struct Token {
  Value sequence, batch, head, token;
  Value first; ///< the first token of the sequence
};

/// Indices of rows of tokens: B x S and heads in some order, or T for ragged.
struct RowOrder {
  unsigned headDim, seqDim;
  bool ragged;

  Values at(const Token &token, Value head, ValueRange rest = {}) const {
    Values indices(ragged ? 2 : 3);
    if (!ragged) {
      indices[0] = token.batch;
    }
    indices[headDim] = head;
    indices[seqDim] = token.token;
    llvm::append_range(indices, rest);
    return indices;
  }
};

/// The loop of all recurrences: sequences, heads, tokens.
struct ReferenceScan {
  Scalars s;
  IndexBuilder index;
  RowOrder order;
  Value sequences, heads, tokens;
  Value cuSeqlens, seqIds;

  ReferenceScan(ImplicitLocOpBuilder &b, FloatType type, RowOrder order,
                Value rows, Value cuSeqlens, Value seqIds)
      : s{b, type}, index(b, b.getLoc()), order(order), cuSeqlens(cuSeqlens),
        seqIds(seqIds) {
    heads = size(rows, order.headDim);
    tokens = size(rows, order.seqDim);
    sequences =
        order.ragged ? index.add(size(cuSeqlens, 0), -1) : size(rows, 0);
  }

  Value size(Value tensor, int64_t d) {
    return tensor::DimOp::create(s.b, tensor, index.constant(d));
  }
  Value bound(Value n) {
    return arith::IndexCastOp::create(
        s.b, s.b.getIndexType(), tensor::ExtractOp::create(s.b, cuSeqlens, n));
  }
  // [first, end) of a sequence.
  std::pair<Value, Value> range(Value sequence) {
    if (!order.ragged) {
      return {index.constant(0), tokens};
    }
    return {bound(sequence), bound(index.add(sequence, index.constant(1)))};
  }
  Value sameId(Value batch, Value token, Value other) {
    auto id = [&](Value at) -> Value {
      return tensor::ExtractOp::create(s.b, seqIds, ValueRange{batch, at});
    };
    return arith::CmpIOp::create(s.b, arith::CmpIPredicate::eq, id(token),
                                 id(other));
  }
  // 1, or 0 where the state is cleared in front of this token; null: always 1.
  Value kept(const Token &at) {
    if (!seqIds) {
      return Value();
    }
    Value before = index.max(index.add(at.token, -1), at.first);
    return s.select(sameId(at.batch, at.token, before), s.number(1.0),
                    s.number(0.0));
  }

  Values run(ValueRange carried,
             function_ref<Values(const Token &, ValueRange)> step) {
    ImplicitLocOpBuilder &b = s.b;
    Value zero = index.constant(0);
    return referenceLoop(
        b, zero, sequences, carried, [&](Value sequence, ValueRange outer) {
          std::pair<Value, Value> bounds = range(sequence);
          Value first = bounds.first, end = bounds.second;
          return referenceLoop(
              b, zero, heads, outer, [&](Value head, ValueRange inner) {
                return referenceLoop(
                    b, first, end, inner, [&](Value token, ValueRange now) {
                      return step(Token{sequence,
                                        order.ragged ? zero : sequence, head,
                                        token, first},
                                  now);
                    });
              });
        });
  }
};

/// dt, its bias, softplus and limit.
inline Value stepSize(Scalars &s, Value dt, Value bias, bool softplus,
                      std::optional<ArrayRef<double>> limit) {
  if (bias) {
    dt = s.add(dt, bias);
  }
  if (softplus) {
    dt = s.softplus(dt);
  }
  if (limit) {
    dt = s.min(s.max(dt, s.number((*limit)[0])), s.number((*limit)[1]));
  }
  return dt;
}

/// `state` in the type of the arithmetic; without one `none`, zeros as a rule,
/// of `sizes`.
Value startOf(Scalars &s, Value state, ArrayRef<OpFoldResult> sizes,
              double none = 0.0);

/// `attn.ssm_step`, `attn.ssm_scan` and `attn.causal_conv1d`.
Values buildStep(ImplicitLocOpBuilder &b, SSMStepOp op, FloatType type,
                 function_ref<Value(Value)> source, Value destination);
Values buildChannelScan(ImplicitLocOpBuilder &b, SSMScanOp op, FloatType type,
                        function_ref<Value(Value)> source, Value destination);
Values buildCausalConv(ImplicitLocOpBuilder &b, CausalConv1dOp op,
                       FloatType type, function_ref<Value(Value)> source,
                       Value destination);
/// `attn.s4_kernel`, `attn.fft_conv` and `attn.linformer_project`.
Values buildS4Kernel(ImplicitLocOpBuilder &b, S4KernelOp op,
                     function_ref<Value(Value)> source, Value destination);
Values buildFFTConv(ImplicitLocOpBuilder &b, FFTConvOp op, FloatType type,
                    function_ref<Value(Value)> source, Value destination);
Values buildLinformer(ImplicitLocOpBuilder &b, LinformerProjectOp op,
                      FloatType type, function_ref<Value(Value)> source,
                      Value destination);

} // namespace attn::reference

#endif // ATTN_PASSES_GRAPH_REFERENCESCAN_H
