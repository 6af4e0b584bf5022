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

def Attn_PageLayout : I32EnumAttr<"PageLayout", "order of the dimensions of a page", [
    I32EnumAttrCase<"HND", 0, "hnd">,
    I32EnumAttrCase<"NHD", 1, "nhd">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_PageLayoutAttr : EnumAttr<Attn_Dialect, Attn_PageLayout, "page_layout">;

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
    A set of visible points (b, h, q, k) in absolute positions, `q = i + offset`
    where `offset` defaults to `Sk - Sq`.
  }];
  let methods = [
    InterfaceMethod<[{
      The set in C++ (`attn/Mask/MaskSet.h`), on which the tile analysis and the
      emission of masks work. Its symbols are those of the leaves, in order.
    }], "::attn::MaskSet", "getMaskSet">
  ];
}

class Attn_MaskAttr<string name, string attrMnemonic> : Attn_Attr<name, attrMnemonic,
    [DeclareAttrInterfaceMethods<Attn_MaskAttrInterface>]>;

def Attn_SetAttr : Attn_MaskAttr<"Set", "set"> {
  let summary = "points where all results of an affine map are 0 or more";
  let description = [{
    The map takes (b, h, q, k) and symbols, for which the op has operands of type
    index. It is pure affine: quotients and remainders are by positive constants,
    and no product has a symbol in it. A set by the name of an `affine_set` is
    accepted too, and becomes the map.

    Constraints:
    * `set_c1`: the map takes four dimensions, and has a result.
    * `set_c2`: results are pure affine.

    Example:
    ```mlir
    #window = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>
    ```
  }];
  let parameters = (ins "::mlir::AffineMap":$map);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Attn_CausalAttr : Attn_MaskAttr<"Causal", "causal"> {
  let summary = "keys at or before the query: `k <= q`";
}

def Attn_WindowAttr : Attn_MaskAttr<"Window", "window"> {
  let summary = "a band around the query: `q - l <= k <= q + r`";
  let description = [{
    Both ends are inclusive; -1 leaves a side unbounded. A "window of 1024" with
    the query itself counted is `#attn.window<1023, 0>`.
  }];
  let parameters = (ins "int64_t":$left, "int64_t":$right);
  let assemblyFormat = "`<` $left `,` $right `>`";
  let genVerifyDecl = 1;
}

class Attn_CountMaskAttr<string name, string attrMnemonic> : Attn_MaskAttr<name, attrMnemonic> {
  let parameters = (ins "int64_t":$count);
  let assemblyFormat = "`<` $count `>`";
  let genVerifyDecl = 1;
}

def Attn_PrefixAttr : Attn_CountMaskAttr<"Prefix", "prefix"> {
  let summary = "the first keys of the sequence: `k < n`";
}

def Attn_SinkAttr : Attn_CountMaskAttr<"Sink", "sink"> {
  let summary = "`#attn.prefix<n>`, by the name that it has in streaming";
}

def Attn_GlobalAttr : Attn_CountMaskAttr<"Global", "global"> {
  let summary = "tokens that see all and that all see: `k < n` or `q < n`";
}

def Attn_ChunkAttr : Attn_CountMaskAttr<"Chunk", "chunk"> {
  let summary = "keys of the chunk of the query: `q floordiv c = k floordiv c`";
}

def Attn_DilatedAttr : Attn_CountMaskAttr<"Dilated", "dilated"> {
  let summary = "each d-th key: `(q - k) mod d = 0`";
}

def Attn_BlocksAttr : Attn_Attr<"Blocks", "blocks"> {
  let summary = "listed blocks of keys: `k floordiv c` is in the list of `q floordiv c`";
  let description = [{
    The blocks are data (random ones of BigBird), so this is no set, but part of
    a mask expression, in which a tensor of integers follows it: `blocks x n`,
    with n known, after the heads, or the batch and the heads, where they differ
    in them. Entries that no block has, -1 as a rule, list nothing. The
    expression becomes a mask region, which reads the tensor at
    `(q floordiv c, 0)` to `(q floordiv c, n - 1)`:

    ```mlir
    mask(#attn.window<255, 0> or #attn.blocks<128>(%lists : tensor<?x3xi32>))
    ```
  }];
  let parameters = (ins "int64_t":$size);
  let assemblyFormat = "`<` $size `>`";
  let genVerifyDecl = 1;
}

class Attn_MasksAttr<string name, string attrMnemonic> : Attn_MaskAttr<name, attrMnemonic> {
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute">:$masks);
  let assemblyFormat = "`<` $masks `>`";
  let genVerifyDecl = 1;
}

def Attn_OrAttr : Attn_MasksAttr<"Or", "or"> {
  let summary = "points that are in any of the masks";
}

def Attn_AndAttr : Attn_MasksAttr<"And", "and"> {
  let summary = "points that are in all of the masks";
}

def Attn_NotAttr : Attn_MaskAttr<"Not", "not"> {
  let summary = "points that are not in the mask";
  let parameters = (ins "::mlir::Attribute":$mask);
  let assemblyFormat = "`<` $mask `>`";
  let genVerifyDecl = 1;
}

def Attn_Mask : Attr<
    CPred<"::mlir::isa<::attn::MaskAttrInterface>($_self)">,
    "a mask: `#attn.set<map>`, `#attn.causal` and its like, or `#attn.or`, "
    "`#attn.and` and `#attn.not` of masks"> {
  let storageType = "::attn::MaskAttrInterface";
  let returnType = "::attn::MaskAttrInterface";
  let convertFromStorage = "$_self";
}

//===----------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------===//

def Attn_RopeScalingInterface : AttrInterface<"RopeScalingInterface"> {
  let cppNamespace = "::attn";
  let description = [{
    A change of the frequencies of rotary positions.
  }];
  let methods = [
    InterfaceMethod<"The scaling in C++ (`attn/Reference/Rope.h`).",
                    "::attn::ref::RopeScaling", "getRopeScaling">
  ];
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
// What attention takes: its products may be of codes of 8 bits.
def Attn_Operand : Attn_Shaped<[Attn_Float, F8E4M3FN], [3, 4],
    "tensor or memref of rank 3 or 4 of f64, f32, f16, bf16 or f8E4M3FN">;
def Attn_TileOperand : Attn_Shaped<[Attn_Float, F8E4M3FN], [1, 2, 3, 4, 5],
    "tensor or memref of f64, f32, f16, bf16 or f8E4M3FN">;
// What a cache may hold besides: codes of few bits.
def Attn_Code : AnyTypeOf<[I8, F8E4M3FN, F8E5M2], "i8, f8E4M3FN or f8E5M2">;
def Attn_Codes : Attn_Shaped<[Attn_Code], [1, 2, 3, 4],
    "tensor or memref of i8, f8E4M3FN or f8E5M2">;
def Attn_Scales : Attn_Shaped<[F32, F16, BF16], [0, 1, 2, 3, 4],
    "tensor or memref of f32, f16 or bf16, of rank 0 to 4">;
def Attn_Stored : Attn_Shaped<[Attn_Float, Attn_Code], [3, 4],
    "tensor or memref of rank 3 or 4 of f64, f32, f16, bf16, i8, f8E4M3FN or f8E5M2">;
def Attn_AnyFloats : Attn_Shaped<[Attn_Float], [1, 2, 3, 4, 5],
    "tensor or memref of f64, f32, f16 or bf16">;
def Attn_Factors : Attn_Shaped<[F32], [0, 1, 2],
    "tensor or memref of rank 0 to 2 of f32">;
def Attn_Stats : Attn_Shaped<[F32, F64], [1, 2, 3, 4],
    "tensor or memref of f32 or f64">;
def Attn_Ints : Attn_Shaped<[I32], [1], "tensor or memref of rank 1 of i32">;
def Attn_Tables : Attn_Shaped<[I32], [2], "tensor or memref of rank 2 of i32">;
def Attn_Slots : Attn_Shaped<[I32, I64], [1],
    "tensor or memref of rank 1 of i32 or i64">;
def Attn_Positions : Attn_Shaped<[I32, I64], [2],
    "tensor or memref of rank 2 of i32 or i64">;
def Attn_HeadFloats : Attn_Shaped<[F32, F64], [1],
    "tensor or memref of rank 1 of f32 or f64">;
def Attn_Step : Attn_Shaped<[Attn_Float], [2, 3],
    "tensor or memref of rank 2 or 3 of f64, f32, f16 or bf16">;
def Attn_Param : Attn_Shaped<[Attn_Float], [1, 2],
    "tensor or memref of rank 1 or 2 of f64, f32, f16 or bf16">;
def Attn_Captured : Attn_Shaped<[AnyFloat, AnySignlessInteger, Index], [0, 1, 2, 3, 4],
    "tensor or memref of numbers, of rank 0 to 4">;

#endif // ATTN_DIALECT_ATTN_ATTNBASE_TD
