//===- MaskAttrs.cpp - the mask attributes --------------------------------===//

#include "attn/Dialect/Attn/AttnDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/IntegerSet.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;

namespace attn {

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

MaskSet SetAttr::getMaskSet() const { return MaskSet::points(getMap()); }
MaskSet CausalAttr::getMaskSet() const {
  return MaskSet::band(getContext(), -1, 0);
}
MaskSet WindowAttr::getMaskSet() const {
  return MaskSet::band(getContext(), getLeft(), getRight());
}
MaskSet PrefixAttr::getMaskSet() const {
  return MaskSet::prefix(getContext(), getCount());
}
MaskSet SinkAttr::getMaskSet() const {
  return MaskSet::prefix(getContext(), getCount());
}
MaskSet GlobalAttr::getMaskSet() const {
  return MaskSet::global(getContext(), getCount());
}
MaskSet ChunkAttr::getMaskSet() const {
  return MaskSet::chunk(getContext(), getCount());
}
MaskSet DilatedAttr::getMaskSet() const {
  return MaskSet::dilated(getContext(), getCount());
}

static std::vector<MaskSet> maskSets(ArrayRef<Attribute> masks) {
  std::vector<MaskSet> sets;
  for (Attribute mask : masks) {
    sets.push_back(cast<MaskAttrInterface>(mask).getMaskSet());
  }
  return sets;
}
MaskSet OrAttr::getMaskSet() const {
  return MaskSet::any(maskSets(getMasks()));
}
MaskSet AndAttr::getMaskSet() const {
  return MaskSet::all(maskSets(getMasks()));
}
MaskSet NotAttr::getMaskSet() const {
  return MaskSet::complement(cast<MaskAttrInterface>(getMask()).getMaskSet());
}

// The constraints of a set, over the symbols that they use alone.
static Attribute setAttrOf(const MaskSet &set,
                           SmallVectorImpl<unsigned> &symbols) {
  SmallVector<AffineExpr> exprs;
  llvm::SmallBitVector used(set.numSymbols);
  for (const LinearForm &form : set.constraints) {
    exprs.push_back(form.expr(set.context));
    exprs.back().walk([&](AffineExpr inner) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(inner)) {
        used.set(symbol.getPosition());
      }
    });
  }
  SmallVector<AffineExpr> renumbered(set.numSymbols,
                                     getAffineConstantExpr(0, set.context));
  for (auto [n, symbol] : llvm::enumerate(used.set_bits())) {
    renumbered[symbol] = getAffineSymbolExpr(n, set.context);
    symbols.push_back(symbol);
  }
  for (AffineExpr &expr : exprs) {
    expr = expr.replaceSymbols(renumbered);
  }
  return SetAttr::get(set.context,
                      AffineMap::get(4, used.count(), exprs, set.context));
}

static Attribute attrOf(const MaskSet &set,
                        SmallVectorImpl<unsigned> &symbols) {
  using Kind = MaskSet::Kind;
  MLIRContext *context = set.context;
  auto none = [&]() -> Attribute {
    AffineExpr never = getAffineConstantExpr(-1, context);
    return SetAttr::get(context, AffineMap::get(4, 0, never, context));
  };
  switch (set.kind) {
  case Kind::Set:
    return set.constraints.empty() ? Attribute() : setAttrOf(set, symbols);
  case Kind::Not: {
    Attribute inner = attrOf(set.children.front(), symbols);
    return inner ? Attribute(NotAttr::get(context, inner)) : none();
  }
  case Kind::And:
  case Kind::Or:
    break;
  }
  SmallVector<Attribute> parts;
  size_t before = symbols.size();
  for (const MaskSet &child : set.children) {
    Attribute part = attrOf(child, symbols);
    if (part) {
      parts.push_back(part);
    } else if (set.kind == Kind::Or) {
      symbols.truncate(before);
      return {};
    }
  }
  if (parts.size() < 2) {
    return parts.empty() ? Attribute() : parts.front();
  }
  return set.kind == Kind::And ? Attribute(AndAttr::get(context, parts))
                               : Attribute(OrAttr::get(context, parts));
}

MaskAttrInterface maskAttrOf(const MaskSet &set,
                             SmallVectorImpl<unsigned> &symbols) {
  symbols.clear();
  return cast_or_null<MaskAttrInterface>(attrOf(set, symbols));
}

//===----------------------------------------------------------------------===//
// Syntax of #attn.set
//===----------------------------------------------------------------------===//

// An equality is two constraints.
static AffineMap mapOf(IntegerSet set) {
  SmallVector<AffineExpr> results;
  for (auto [expr, isEquality] :
       llvm::zip_equal(set.getConstraints(), set.getEqFlags())) {
    results.push_back(expr);
    if (isEquality) {
      results.push_back(-expr);
    }
  }
  return AffineMap::get(set.getNumDims(), set.getNumSymbols(), results,
                        set.getContext());
}

Attribute SetAttr::parse(AsmParser &parser, Type) {
  Attribute points;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseAttribute(points) ||
      parser.parseGreater()) {
    return {};
  }
  AffineMap map;
  if (auto attribute = dyn_cast<AffineMapAttr>(points)) {
    map = attribute.getValue();
  } else if (auto set = dyn_cast<IntegerSetAttr>(points)) {
    map = mapOf(set.getValue());
  } else {
    parser.emitError(loc, "expected an affine map or the name of an affine "
                          "set, but got ")
        << points;
    return {};
  }
  return parser.getChecked<SetAttr>(loc, parser.getContext(), map);
}

void SetAttr::print(AsmPrinter &printer) const {
  printer << "<" << AffineMapAttr::get(getMap()) << ">";
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

static bool dividesByPositive(AffineExpr expr) {
  bool fits = true;
  expr.walk([&](AffineExpr inner) {
    if (inner.getKind() == AffineExprKind::FloorDiv ||
        inner.getKind() == AffineExprKind::CeilDiv ||
        inner.getKind() == AffineExprKind::Mod) {
      auto by = dyn_cast<AffineConstantExpr>(
          cast<AffineBinaryOpExpr>(inner).getRHS());
      fits &= by && by.getValue() > 0;
    }
  });
  return fits;
}

LogicalResult SetAttr::verify(EmitError emitError, AffineMap map) {
  if (map.getNumDims() != 4 || map.getNumResults() == 0) {
    return emitError() << "expected a set of points (b, h, q, k) with a "
                          "constraint or more, but got "
                       << AffineMapAttr::get(map) << " [set_c1]";
  }
  for (AffineExpr expr : map.getResults()) {
    if (!expr.isPureAffine() || !dividesByPositive(expr)) {
      return emitError() << "expected constraints without products of "
                            "dimensions and symbols, and quotients by positive "
                            "constants, but got "
                         << AffineMapAttr::get(map) << " [set_c2]";
    }
  }
  return success();
}

LogicalResult WindowAttr::verify(EmitError emitError, int64_t left,
                                 int64_t right) {
  if (left < -1 || right < -1) {
    return emitError() << "expected the sides of a window to be -1 (unbounded) "
                          "or more, but got "
                       << left << " and " << right;
  }
  return success();
}

static LogicalResult verifyCount(EmitError emitError, StringRef what,
                                 int64_t count, int64_t least) {
  if (count < least) {
    return emitError() << "expected a " << what << " of " << least
                       << " or more, but got " << count;
  }
  return success();
}
LogicalResult PrefixAttr::verify(EmitError emitError, int64_t count) {
  return verifyCount(emitError, "prefix of a number of keys", count, 0);
}
LogicalResult SinkAttr::verify(EmitError emitError, int64_t count) {
  if (count < 0) {
    return emitError() << "expected a sink of 0 or more keys, but got "
                       << count;
  }
  return success();
}
LogicalResult GlobalAttr::verify(EmitError emitError, int64_t count) {
  return verifyCount(emitError, "number of global tokens", count, 0);
}
LogicalResult ChunkAttr::verify(EmitError emitError, int64_t count) {
  return verifyCount(emitError, "chunk size", count, 1);
}
LogicalResult DilatedAttr::verify(EmitError emitError, int64_t count) {
  return verifyCount(emitError, "dilation", count, 1);
}

LogicalResult BlocksAttr::verify(EmitError emitError, int64_t size) {
  return verifyCount(emitError, "block size", size, 1);
}

static LogicalResult verifyMask(EmitError emitError, Attribute mask) {
  if (!isa<MaskAttrInterface>(mask)) {
    return emitError() << "expected a mask, but got " << mask;
  }
  return success();
}
static LogicalResult verifyMasks(EmitError emitError,
                                 ArrayRef<Attribute> masks) {
  if (masks.empty()) {
    return emitError() << "expected at least one mask";
  }
  return success(llvm::all_of(masks, [&](Attribute mask) {
    return succeeded(verifyMask(emitError, mask));
  }));
}
LogicalResult OrAttr::verify(EmitError emitError, ArrayRef<Attribute> masks) {
  return verifyMasks(emitError, masks);
}
LogicalResult AndAttr::verify(EmitError emitError, ArrayRef<Attribute> masks) {
  return verifyMasks(emitError, masks);
}
LogicalResult NotAttr::verify(EmitError emitError, Attribute mask) {
  return verifyMask(emitError, mask);
}

} // namespace attn
