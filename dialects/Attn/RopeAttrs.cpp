//===- RopeAttrs.cpp - the scalings of rotary positions -------------------===//

#include "RopeAttrs.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace attn {

using Kind = ref::RopeScaling::Kind;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static ref::RopeScaling scaling(Kind kind, FloatAttr factor,
                                int64_t original = 0) {
  ref::RopeScaling s;
  s.kind = kind;
  s.factor = factor.getValueAsDouble();
  s.original = static_cast<double>(original);
  return s;
}

ref::RopeScaling RopeLinearAttr::getRopeScaling() const {
  return scaling(Kind::kLinear, getFactor());
}
ref::RopeScaling RopeNtkAttr::getRopeScaling() const {
  return scaling(Kind::kNtk, getFactor());
}
ref::RopeScaling RopeDynamicNtkAttr::getRopeScaling() const {
  return scaling(Kind::kDynamicNtk, getFactor(), getOriginal());
}
ref::RopeScaling RopeYarnAttr::getRopeScaling() const {
  ref::RopeScaling s = scaling(Kind::kYarn, getFactor(), getOriginal());
  s.betaFast = getBetaFast().getValueAsDouble();
  s.betaSlow = getBetaSlow().getValueAsDouble();
  s.attentionFactor = getAttentionFactor().getValueAsDouble();
  s.magnitude = getMscale().getValueAsDouble();
  s.magnitudeAll = getMscaleAllDim().getValueAsDouble();
  return s;
}
ref::RopeScaling RopeLlama3Attr::getRopeScaling() const {
  ref::RopeScaling s = scaling(Kind::kLlama3, getFactor(), getOriginal());
  s.lowFactor = getLow().getValueAsDouble();
  s.highFactor = getHigh().getValueAsDouble();
  return s;
}
ref::RopeScaling RopeLongAttr::getRopeScaling() const {
  ref::RopeScaling s = scaling(Kind::kLongRope, getFactor(), getOriginal());
  s.shortFactors = std::vector<double>(getShortFactors().asArrayRef());
  s.longFactors = std::vector<double>(getLongFactors().asArrayRef());
  s.kept = getKept();
  return s;
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

static bool isNumber(FloatAttr value) {
  return value && value.getType().isF64() && value.getValue().isFinite();
}

static LogicalResult verifyFactor(EmitError emitError, FloatAttr factor,
                                  int64_t original = 1) {
  if (!isNumber(factor) || factor.getValueAsDouble() <= 0) {
    return emitError() << "expected a positive factor";
  }
  if (original < 1) {
    return emitError() << "expected a positive original length, but got "
                       << original;
  }
  return success();
}

LogicalResult RopeLinearAttr::verify(EmitError emitError, FloatAttr factor) {
  return verifyFactor(emitError, factor);
}
LogicalResult RopeNtkAttr::verify(EmitError emitError, FloatAttr factor) {
  return verifyFactor(emitError, factor);
}
LogicalResult RopeDynamicNtkAttr::verify(EmitError emitError, FloatAttr factor,
                                         int64_t original) {
  if (!isNumber(factor) || factor.getValueAsDouble() < 1) {
    return emitError() << "expected a factor of 1 or more";
  }
  return verifyFactor(emitError, factor, original);
}
LogicalResult RopeYarnAttr::verify(EmitError emitError, FloatAttr factor,
                                   int64_t original, FloatAttr betaFast,
                                   FloatAttr betaSlow,
                                   FloatAttr attentionFactor, FloatAttr mscale,
                                   FloatAttr mscaleAllDim) {
  if (!isNumber(betaFast) || !isNumber(betaSlow) ||
      !isNumber(attentionFactor) || !isNumber(mscale) ||
      !isNumber(mscaleAllDim) || betaSlow.getValueAsDouble() <= 0 ||
      betaFast.getValueAsDouble() < betaSlow.getValueAsDouble()) {
    return emitError() << "expected 0 < beta_slow <= beta_fast";
  }
  return verifyFactor(emitError, factor, original);
}
LogicalResult RopeLlama3Attr::verify(EmitError emitError, FloatAttr factor,
                                     FloatAttr low, FloatAttr high,
                                     int64_t original) {
  if (!isNumber(low) || !isNumber(high) || low.getValueAsDouble() <= 0 ||
      high.getValueAsDouble() <= low.getValueAsDouble()) {
    return emitError() << "expected 0 < low < high";
  }
  return verifyFactor(emitError, factor, original);
}
LogicalResult RopeLongAttr::verify(EmitError emitError, FloatAttr factor,
                                   int64_t original, DenseF64ArrayAttr shorts,
                                   DenseF64ArrayAttr longs, int64_t kept) {
  auto positive = [](double divisor) { return divisor > 0; };
  if (shorts.size() != longs.size() ||
      !llvm::all_of(shorts.asArrayRef(), positive) ||
      !llvm::all_of(longs.asArrayRef(), positive) || kept < 0) {
    return emitError() << "expected as many short as long factors, all of them "
                          "positive, and 'kept' of 0 or more";
  }
  if (original < 2) {
    return emitError() << "expected an original length of 2 or more, but got "
                       << original;
  }
  return verifyFactor(emitError, factor, original);
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

static FloatAttr number(AsmParser &parser, double value) {
  return parser.getBuilder().getF64FloatAttr(value);
}

ParseResult parseNumber(AsmParser &parser, FloatAttr &value) {
  double parsed;
  if (parser.parseFloat(parsed)) {
    return failure();
  }
  value = number(parser, parsed);
  return success();
}

void printNumber(AsmPrinter &printer, FloatAttr value) {
  printer.printFloat(value.getValue());
}

namespace {
struct YarnOption {
  StringRef name;
  double value;
};
} // namespace

static constexpr YarnOption kYarnOptions[] = {{"beta_fast", 32},
                                              {"beta_slow", 1},
                                              {"attention_factor", 0},
                                              {"mscale", 1},
                                              {"mscale_all_dim", 0}};

ParseResult parseYarnOptions(AsmParser &parser, FloatAttr &betaFast,
                             FloatAttr &betaSlow, FloatAttr &attentionFactor,
                             FloatAttr &mscale, FloatAttr &mscaleAllDim) {
  FloatAttr *values[] = {&betaFast, &betaSlow, &attentionFactor, &mscale,
                         &mscaleAllDim};
  for (auto [value, option] : llvm::zip_equal(values, kYarnOptions)) {
    *value = number(parser, option.value);
  }
  while (succeeded(parser.parseOptionalComma())) {
    StringRef name;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&name) || parser.parseEqual()) {
      return failure();
    }
    const auto *option = llvm::find_if(
        kYarnOptions, [&](const YarnOption &o) { return o.name == name; });
    if (option == std::end(kYarnOptions)) {
      return parser.emitError(loc, "unknown option '") << name << "'";
    }
    if (parseNumber(parser, *values[option - kYarnOptions])) {
      return failure();
    }
  }
  return success();
}

void printYarnOptions(AsmPrinter &printer, FloatAttr betaFast,
                      FloatAttr betaSlow, FloatAttr attentionFactor,
                      FloatAttr mscale, FloatAttr mscaleAllDim) {
  FloatAttr values[] = {betaFast, betaSlow, attentionFactor, mscale,
                        mscaleAllDim};
  for (auto [value, option] : llvm::zip_equal(values, kYarnOptions)) {
    if (value.getValueAsDouble() != option.value) {
      printer << ", " << option.name << " = ";
      printNumber(printer, value);
    }
  }
}

} // namespace attn
