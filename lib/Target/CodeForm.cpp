//===- CodeForm.cpp - codes of keys and values, as a GPU kernel reads them ===//

#include "attn/Target/CodeForm.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

// Of an index of a scale: how many of `dim` share it, 1 for each its own;
// nothing for other forms. `dim` may be moved by a symbol.
static std::optional<int64_t> sharing(AffineExpr expr, AffineExpr dim) {
  int64_t by = 1;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && expr.getKind() == AffineExprKind::FloorDiv) {
    auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (!constant || constant.getValue() < 1) {
      return std::nullopt;
    }
    by = constant.getValue();
    expr = binary.getLHS();
    binary = dyn_cast<AffineBinaryOpExpr>(expr);
  }
  if (binary && expr.getKind() == AffineExprKind::Add) {
    bool moved =
        (binary.getLHS() == dim && binary.getRHS().isSymbolicOrConstant()) ||
        (binary.getRHS() == dim && binary.getLHS().isSymbolicOrConstant());
    return moved ? std::optional(by) : std::nullopt;
  }
  return expr == dim ? std::optional(by) : std::nullopt;
}

std::optional<CodeForm>
CodeForm::of(KVDequantizeOp op, unsigned keyDim, int64_t slots,
             llvm::function_ref<bool(AffineExpr)> ofPage, bool ofValues,
             std::string &reason) {
  auto refuse = [&](const char *text) {
    reason = text;
    return std::nullopt;
  };
  CodeForm form;
  form.bits = op.getPacking() == Packing::Int4 ? 4 : 8;
  form.zero = static_cast<bool>(op.getZero());
  auto type = cast<ShapedType>(op.getOut().getType());
  form.columns = type.getShape().back();
  if (!op.getMap()) {
    return refuse("of a format with scales between its codes");
  }
  AffineMap map = *op.getMap();
  AffineExpr key = getAffineDimExpr(keyDim, op.getContext());
  AffineExpr element = getAffineDimExpr(map.getNumDims() - 1, op.getContext());
  std::optional<int64_t> keys, elements;
  bool page = false;
  for (AffineExpr result : map.getResults()) {
    page = page || ofPage(result);
    for (auto [dim, shared] : {std::pair{key, &keys}, {element, &elements}}) {
      if (!result.isFunctionOfDim(cast<AffineDimExpr>(dim).getPosition())) {
        continue;
      }
      if (*shared || !(*shared = sharing(result, dim))) {
        return refuse("whose scales are no groups of keys or elements");
      }
    }
  }
  if (!elements || *elements >= form.columns) {
    return form;
  }
  if (*elements > 1) {
    form.grain = Grain::Groups;
    form.elements = *elements;
    if (form.elements % (8 * form.unit()) != 0 ||
        form.columns % form.elements != 0) {
      return refuse("whose groups of elements are no multiples of 16 bytes, or "
                    "do not divide a row");
    }
    return form;
  }
  form.grain = Grain::Channels;
  form.keys = keys ? *keys : page ? slots : 0;
  if (ofValues) {
    return refuse("of values whose scales are those of channels");
  }
  if (form.keys > 0 && form.keys < 16) {
    return refuse("whose scales of a channel are shared by less than 16 keys");
  }
  if (slots > 0 && form.keys > 0 && slots % form.keys != 0) {
    return refuse("whose groups of keys do not divide a page");
  }
  return form;
}

int64_t CodeForm::tableBytes(int64_t step) const {
  if (!isCodes()) {
    return 0;
  }
  int64_t each = zero ? 2 : 1, scales = 0;
  switch (grain) {
  case Grain::Keys:
    scales = step * 4;
    break;
  case Grain::Groups: // of keys, as pairs
    scales = step * groups() * 4;
    break;
  case Grain::Channels:
    scales = entries(step) * llvm::alignTo(columns, padding()) * 2;
    break;
  }
  return llvm::alignTo(scales * each, 16);
}

KeyForms KeyForms::of(AttentionOp op) {
  KeyForms forms;
  forms.paged = op.isPaged();
  forms.elementBytes = op.getTf32() ? 4 : 2;
  auto slots =
      cast<ShapedType>(op.getK().getType()).getDimSize(op.getKeySeqDim());
  auto form = [&](Value tensor, bool ofValues, CodeForm &into) {
    // Values may be the first columns of each key.
    auto part = tensor.getDefiningOp<tensor::ExtractSliceOp>();
    Value source = part ? part.getSource() : tensor;
    auto codes = source.getDefiningOp<KVDequantizeOp>();
    std::string reason;
    std::optional<CodeForm> found;
    if (codes) {
      found = CodeForm::of(
          codes, op.getKeySeqDim(), forms.paged ? slots : 0,
          [&](AffineExpr index) {
            return forms.paged && index.isFunctionOfDim(0);
          },
          ofValues, reason);
    }
    into = found.value_or(into);
  };
  form(op.getK(), /*ofValues=*/false, forms.key);
  form(op.getV(), /*ofValues=*/true, forms.value);
  return forms;
}

} // namespace attn
