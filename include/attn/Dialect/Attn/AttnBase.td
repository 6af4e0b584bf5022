//===- AttnBase.td - the attn dialect, its attributes and interfaces ------===//
#ifndef ATTN_DIALECT_ATTN_ATTNBASE_TD
#define ATTN_DIALECT_ATTN_ATTNBASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::attn";
  let summary = "sequence mixing layers of long-context models";
  let description = [{
    Attention in its forms, on tensors or memrefs, in destination-passing
    style. One op is one formula (level 1); the tile ops at the end of the list
    are what IO-aware tiling makes of it (level 2). Both are target neutral.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

class Attn_Op<string mnemonic, list<Trait> traits = []>
    : Op<Attn_Dialect, mnemonic, traits>;

class Attn_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Attn_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Layouts and segments
//===----------------------------------------------------------------------===//

def Attn_Layout : I32EnumAttr<"Layout", "order of the dimensions of q, k, v and out", [
    I32EnumAttrCase<"BHSD", 0, "bhsd">,
    I32EnumAttrCase<"BSHD", 1, "bshd">,
    I32EnumAttrCase<"THD", 2, "thd">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_LayoutAttr : EnumAttr<Attn_Dialect, Attn_Layout, "layout">;

def Attn_SegmentKind : I32EnumAttr<"SegmentKind", "what is known of the mask in a range of keys", [
    I32EnumAttrCase<"Partial", 0, "partial">,
    I32EnumAttrCase<"Full", 1, "full">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

def Attn_MaskAttrInterface : AttrInterface<"MaskAttrInterface"> {
  let cppNamespace = "::attn";
  let description = [{
    A set of visible (q, k) pairs in absolute positions,
    `q = i + offset` where `offset` defaults to `Sk - Sq`.
  }];
  let methods = [
    InterfaceMethod<[{
      The set as plain C++ (`attn/Mask/MaskSet.h`), on which the tile analysis
      and the emission of masks both work.
    }], "::attn::MaskSet", "getMaskSet">
  ];
}

def Attn_CausalAttr : Attn_Attr<"Causal", "causal",
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]> {
  let summary = "keys at or before the query: `k <= q`";
}

def Attn_WindowAttr : Attn_Attr<"Window", "window",
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]> {
  let summary = "a band around the query: `q - l <= k <= q + r`";
  let description = [{
    Both ends are inclusive; -1 leaves a side unbounded. A "window of 1024" with
    the query itself counted is `#attn.window<1023, 0>`.
  }];
  let parameters = (ins "int64_t":$left, "int64_t":$right);
  let assemblyFormat = "`<` $left `,` $right `>`";
  let genVerifyDecl = 1;
}

def Attn_SinkAttr : Attn_Attr<"Sink", "sink",
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]> {
  let summary = "the first keys of the sequence: `k < n`";
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
}

def Attn_OrAttr : Attn_Attr<"Or", "or",
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]> {
  let summary = "pairs that are in any of the masks";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$masks);
  let assemblyFormat = "`<` $masks `>`";
  let genVerifyDecl = 1;
}

def Attn_AndAttr : Attn_Attr<"And", "and",
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]> {
  let summary = "pairs that are in all of the masks";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$masks);
  let assemblyFormat = "`<` $masks `>`";
  let genVerifyDecl = 1;
}

def Attn_Mask : Attr<
    CPred<"::mlir::isa<::attn::MaskAttrInterface>($_self)">,
    "a mask: `#attn.causal`, `#attn.window<l, r>`, `#attn.sink<n>`, or their "
    "`#attn.or` and `#attn.and`"> {
  let storageType = "::attn::MaskAttrInterface";
  let returnType = "::attn::MaskAttrInterface";
  let convertFromStorage = "$_self";
}

//===----------------------------------------------------------------------===//
// Operand types
//===----------------------------------------------------------------------===//

def Attn_Float : AnyTypeOf<[F64, F32, F16, BF16], "f64, f32, f16 or bf16">;

class Attn_Shaped<list<Type> elements, list<int> ranks, string what> : Type<
    And<[AnyTypeOf<[TensorRankOf<elements, ranks>, MemRefRankOf<elements, ranks>]>.predicate]>,
    what, "::mlir::ShapedType">;

def Attn_Data : Attn_Shaped<[Attn_Float], [3, 4],
    "tensor or memref of rank 3 or 4 of f64, f32, f16 or bf16">;
def Attn_AnyFloats : Attn_Shaped<[Attn_Float], [1, 2, 3, 4, 5],
    "tensor or memref of f64, f32, f16 or bf16">;
def Attn_Stats : Attn_Shaped<[F32, F64], [1, 2, 3, 4],
    "tensor or memref of f32 or f64">;
def Attn_Ints : Attn_Shaped<[I32], [1], "tensor or memref of rank 1 of i32">;
def Attn_HeadFloats : Attn_Shaped<[F32, F64], [1],
    "tensor or memref of rank 1 of f32 or f64">;
def Attn_Captured : Attn_Shaped<[AnyFloat, AnySignlessInteger, Index], [0, 1, 2, 3, 4],
    "tensor or memref of numbers, of rank 0 to 4">;

#endif // ATTN_DIALECT_ATTN_ATTNBASE_TD
