//===- ExpandPositionTables.cpp - slopes and sinusoids as plain tensors ---===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDPOSITIONTABLESPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct ExpandPositionTablesPass
    : public attn::impl::ExpandPositionTablesPassBase<
          ExpandPositionTablesPass> {

  static void expand(AlibiSlopesOp op) {
    OpBuilder b(op);
    auto type = cast<RankedTensorType>(op.getSlopes().getType());
    SmallVector<Attribute> slopes;
    for (double slope : ref::alibiSlopes(type.getDimSize(0))) {
      slopes.push_back(b.getFloatAttr(type.getElementType(), slope));
    }
    Value constant = arith::ConstantOp::create(
        b, op.getLoc(), DenseElementsAttr::get(type, slopes));
    op.getSlopes().replaceAllUsesWith(constant);
    op.erase();
  }

  // sin(position / base^(2i/D)) in f64, and cos as the sine of a quarter more
  // would lose digits: both are computed, and one is taken.
  static void expand(SinusoidalOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    auto type = cast<RankedTensorType>(op.getTable().getType());
    Type f64 = b.getF64Type(), i64 = b.getI64Type();
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
    };
    double step = -2 * std::log(op.getBase().convertToDouble()) /
                  static_cast<double>(type.getDimSize(1));
    Value perPair = constant(step);
    Value two = arith::ConstantIndexOp::create(b, 2);
    SmallVector<utils::IteratorType> iterators(2,
                                               utils::IteratorType::parallel);
    auto table = linalg::GenericOp::create(
        b, TypeRange{type}, ValueRange{}, op.getTable(),
        b.getMultiDimIdentityMap(2), iterators,
        [&](OpBuilder &inner, Location loc, ValueRange) {
          ImplicitLocOpBuilder b(loc, inner);
          auto asFloat = [&](Value index) -> Value {
            return arith::SIToFPOp::create(
                b, f64, arith::IndexCastOp::create(b, i64, index));
          };
          Value position = linalg::IndexOp::create(b, 0);
          if (op.getOffset()) {
            position = arith::AddIOp::create(b, position, op.getOffset());
          }
          Value d = linalg::IndexOp::create(b, 1);
          Value pair = arith::DivUIOp::create(b, d, two);
          Value frequency = math::ExpOp::create(
              b, arith::MulFOp::create(b, asFloat(pair), perPair));
          Value angle = arith::MulFOp::create(b, asFloat(position), frequency);
          Value odd = arith::TruncIOp::create(
              b, b.getI1Type(),
              arith::IndexCastOp::create(b, i64,
                                         arith::RemUIOp::create(b, d, two)));
          Value element =
              arith::SelectOp::create(b, odd, math::CosOp::create(b, angle),
                                      math::SinOp::create(b, angle));
          if (!type.getElementType().isF64()) {
            element =
                arith::TruncFOp::create(b, type.getElementType(), element);
          }
          linalg::YieldOp::create(b, element);
        });
    op.getResult().replaceAllUsesWith(table.getResult(0));
    op.erase();
  }

  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      if (auto slopes = dyn_cast<AlibiSlopesOp>(op)) {
        expand(slopes);
      } else if (auto table = dyn_cast<SinusoidalOp>(op)) {
        expand(table);
      }
    });
  }
};

} // namespace
