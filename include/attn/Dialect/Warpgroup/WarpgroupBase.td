//===- WarpgroupBase.td - the warpgroup dialect and its types -------------===//
#ifndef ATTN_DIALECT_WARPGROUP_WARPGROUPBASE_TD
#define ATTN_DIALECT_WARPGROUP_WARPGROUPBASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Warpgroup_Dialect : Dialect {
  let name = "warpgroup";
  let cppNamespace = "::attn::warpgroup";
  let summary = "warpgroups of Hopper: fragments, pending products, rings, roles";
  let description = [{
    What `nvgpu` lacks for kernels that are specialised by warp. A block has one
    *producer* warp, which copies tiles to shared memory, and some *consumer*
    warpgroups of 128 threads with 64 rows each. Tiles travel through *rings* of
    stages with a full and an empty barrier for each; small numbers (*tags*)
    travel with them. Products are asynchronous: their results are `pending`
    until a wait makes fragments of them, so that the type system keeps
    registers of products in flight from being touched.

    Positions in rings are numbers that count up; stages, phases and parities
    exist only in the lowering (`attn-warpgroup-to-nvvm`), which names the PTX of
    each op.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

class Warpgroup_Op<string mnemonic, list<Trait> traits = []>
    : Op<Warpgroup_Dialect, mnemonic, traits>;

class Warpgroup_Type<string name, string typeMnemonic> : TypeDef<Warpgroup_Dialect, name> {
  let mnemonic = typeMnemonic;
}

class Warpgroup_ShapedType<string name, string typeMnemonic>
    : Warpgroup_Type<name, typeMnemonic> {
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$element);
  let assemblyFormat = "`<` custom<Shape>($shape, $element) `>`";
  let genVerifyDecl = 1;
}

// In shared memory, in panels.
class Warpgroup_PanelledType<string name, string typeMnemonic>
    : Warpgroup_ShapedType<name, typeMnemonic> {
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$element,
                        DefaultValuedParameter<"int64_t", "128">:$panelBytes);
  let builders = [TypeBuilder<(ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$element,
                                   CArg<"int64_t", "128">:$panelBytes), [{
    return $_get($_ctxt, shape, element, panelBytes);
  }]>];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "`<` custom<Shape>($shape, $element) (`,` $panelBytes^)? `>`";
}

def Warpgroup_Fragment : Warpgroup_ShapedType<"Fragment", "fragment"> {
  let summary = "64 x n f32 in the registers of a warpgroup";
  let description = [{
    The layout of the results of `wgmma`: thread t of warp w has of each 8
    columns the two from 2 (t mod 4) on, of rows 16 w + t / 4 and that plus 8, so
    n / 2 registers.
  }];
}
def Warpgroup_Pending : Warpgroup_ShapedType<"Pending", "pending"> {
  let summary = "a fragment that a product in flight writes";
  let description = "Nothing but `warpgroup.wait` takes it.";
}
def Warpgroup_Operand : Warpgroup_ShapedType<"Operand", "operand"> {
  let summary = "64 x k elements of 16 or 8 bits in registers, the A operand of a product";
  let description = [{
    k / 4 registers of two elements, or k / 8 of four. A fragment becomes one
    without moves, by conversion of pairs. Of 8 bits the columns of an operand are
    then in another order than those of the fragment: of each 16 columns, 4 t + 2 g + e
    of the operand is 8 g + 2 t + e of the fragment (t below 4, g and e below 2).
  }];
}
def Warpgroup_Rows : Warpgroup_Type<"Rows", "rows"> {
  let summary = "one value a row of 64, in two registers";
  let description = [{
    Of rows t / 4 and t / 4 + 8 of the warp, equal in the four threads of a row.
  }];
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}
def Warpgroup_Columns : Warpgroup_ShapedType<"Columns", "columns"> {
  let summary = "one value a column, in n / 4 registers";
  let description = [{
    Of the columns that a thread has of a fragment, equal in all rows. What
    belongs to a token is rows or columns, as the product has it.
  }];
}
def Warpgroup_PartialRows : Warpgroup_Type<"PartialRows", "partial_rows"> {
  let summary = "one value a row and thread, of the thread's own columns";
  let description = "`warpgroup.join` makes rows of them, with two shuffles.";
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}
def Warpgroup_Ring : Warpgroup_PanelledType<"Ring", "ring"> {
  let summary = "stages x rows x columns: tiles on their way to the consumers";
  let description = [{
    Each stage holds panels of all rows, one after the other. A row of a panel has 128
    bytes (64 columns of 16 bits, 128 of 8), or 64 or 32 if the type says so, whose
    chunks of 16 are permuted by the swizzle of as many bytes: rows of 96 columns are
    three panels of 64 bytes, those of 80 five of 32. Of f32, which no product takes, it holds plain
    rows: vectors that threads write and read. A ring of 0 columns carries tags
    alone.
  }];
}
def Warpgroup_Tile : Warpgroup_PanelledType<"Tile", "tile"> {
  let summary = "panels x rows x columns of a stage of a ring";
  let description = [{
    The first number is the distance of panels in rows: that of the ring, of
    which the tile may have fewer. Panels are those of the ring.
  }];
}
def Warpgroup_TensorMap : Warpgroup_Type<"TensorMap", "tensor_map"> {
  let summary = "the copy engine's description of a tensor (CUtensorMap)";
}

#endif // ATTN_DIALECT_WARPGROUP_WARPGROUPBASE_TD
