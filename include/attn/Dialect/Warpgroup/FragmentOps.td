//===- FragmentOps.td - ops on tiles in registers ------------------------===//
#ifndef ATTN_DIALECT_WARPGROUP_FRAGMENTOPS_TD
#define ATTN_DIALECT_WARPGROUP_FRAGMENTOPS_TD

include "attn/Dialect/Warpgroup/WarpgroupBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Warpgroup_Registers : AnyTypeOf<[Warpgroup_Fragment, Warpgroup_Rows, Warpgroup_Columns,
                                     Warpgroup_PartialRows]>;

def Warpgroup_SplatOp : Warpgroup_Op<"splat", [Pure]> {
  let summary = "the same value everywhere";
  let description = [{
    Example:
    ```mlir
    %z = warpgroup.splat %c : f32 -> !warpgroup.fragment<64x128xf32>
    ```
  }];
  let arguments = (ins AnyType:$value);
  let results = (outs Warpgroup_Registers:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
}

def Warpgroup_ElementsOp : Warpgroup_Op<"elements", [
    SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects,
    RecursivelySpeculatable]> {
  let summary = "compute elements of fragments or rows, each on its own";
  let description = [{
    The body gets an element of each operand (of rows and columns, that of the
    element's row or column), then the row (0 to 63) and the column as i32, and yields an element of
    each result. Without results it runs for its effects, on each thread that has
    the element. Bodies are written
    out for each register: rows and columns cost what constants cost.

    Constraints:
    * `elements_c1`: all fragments and columns have as many columns; without a
      fragment there are no columns, and the results are rows.
    * `elements_c2`: the body takes the elements, row and column, and yields an
      element of each result.

    Example:
    ```mlir
    %p = warpgroup.elements (%s, %j) {
    ^bb0(%x: f32, %y: f32, %row: i32, %column: i32):
      %d = arith.subf %x, %y : f32
      warpgroup.yield %d : f32
    } : (!warpgroup.fragment<64x128xf32>, !warpgroup.rows<f32>) -> !warpgroup.fragment<64x128xf32>
    ```
  }];
  let arguments = (ins Variadic<Warpgroup_Registers>:$inputs);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Warpgroup_Registers>:$results);
  let extraClassDeclaration = [{
    /// Registers of a thread for each element position: (row half, column) with
    /// the columns of the shape, or 0 for rows alone.
    int64_t getColumns();
  }];
  let assemblyFormat = [{
    `(` $inputs `)` $body attr-dict `:` functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
}

def Warpgroup_YieldOp : Warpgroup_Op<"yield", [Pure, ReturnLike, Terminator]> {
  let summary = "the results of a body";
  let description = [{
    Example:
    ```mlir
    warpgroup.yield %d : f32
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
  let builders = [OpBuilder<(ins)>];
}

def Warpgroup_Kind : I32EnumAttr<"ReductionKind", "how values of a row are joined", [
    I32EnumAttrCase<"Max", 0, "max">,
    I32EnumAttrCase<"Add", 1, "add">]> {
  let cppNamespace = "::attn::warpgroup";
  let genSpecializedAttr = 0;
}
def Warpgroup_KindAttr : EnumAttr<Warpgroup_Dialect, Warpgroup_Kind, "kind">;

def Warpgroup_ReduceOp : Warpgroup_Op<"reduce", [Pure]> {
  let summary = "join the columns that a thread has of each row";
  let description = [{
    By two chains of `max.f32` or `add.f32`, in a fixed order. Example:
    ```mlir
    %m = warpgroup.reduce max %s : !warpgroup.fragment<64x128xf32> -> !warpgroup.partial_rows<f32>
    ```
  }];
  let arguments = (ins Warpgroup_KindAttr:$kind, Warpgroup_Fragment:$fragment);
  let results = (outs Warpgroup_PartialRows:$result);
  let assemblyFormat = "$kind $fragment attr-dict `:` type($fragment) `->` type($result)";
}

def Warpgroup_JoinOp : Warpgroup_Op<"join", [Pure]> {
  let summary = "join the partial values of the four threads of a row";
  let description = [{
    PTX: `shfl.sync.bfly` by 1 and by 2. Example:
    ```mlir
    %j = warpgroup.join max %m : !warpgroup.partial_rows<f32> -> !warpgroup.rows<f32>
    ```
  }];
  let arguments = (ins Warpgroup_KindAttr:$kind, Warpgroup_PartialRows:$partial);
  let results = (outs Warpgroup_Rows:$result);
  let assemblyFormat = "$kind $partial attr-dict `:` type($partial) `->` type($result)";
}

def Warpgroup_AnyOp : Warpgroup_Op<"any"> {
  let summary = "whether a value of some row of the warp holds";
  let description = [{
    Uniform in a warp, not in the warpgroup. PTX: `vote.sync.any`. Example:
    ```mlir
    %some = warpgroup.any %flagged : !warpgroup.partial_rows<i1>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Warpgroup_Rows, Warpgroup_PartialRows]>:$rows);
  let results = (outs I1:$result);
  let assemblyFormat = "$rows attr-dict `:` type($rows)";
}

def Warpgroup_PackOp : Warpgroup_Op<"pack", [Pure]> {
  let summary = "convert a fragment to an A operand";
  let description = [{
    PTX: `cvt.rn.bf16x2.f32`, `cvt.rn.f16x2.f32`, or two
    `cvt.rn.satfinite.e4m3x2.f32` for a register. Example:
    ```mlir
    %a = warpgroup.pack %p : !warpgroup.fragment<64x128xf32> -> !warpgroup.operand<64x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Fragment:$fragment);
  let results = (outs Warpgroup_Operand:$result);
  let assemblyFormat = "$fragment attr-dict `:` type($fragment) `->` type($result)";
}

def Warpgroup_StoreOp : Warpgroup_Op<"store"> {
  let summary = "write a fragment out, through its own rows of a stage";
  let description = [{
    Each warp stages its 16 rows and starts a copy for each panel; rows that the
    tensor does not have are not written. `coordinates` are those of row 0.

    PTX: `stmatrix.sync.aligned.m8n8.x4.shared.b16`,
    `fence.proxy.async.shared::cta`, `bar.warp.sync`,
    `cp.async.bulk.tensor.<n>d.global.shared::cta.bulk_group` and
    `cp.async.bulk.commit_group` by lane 0.

    Constraints:
    * `store_c1`: the ring's tiles have the columns of the fragment or more.

    Example:
    ```mlir
    warpgroup.store %z through %ring[%n] row %row to %map[%c0, %row, %h, %b] : !warpgroup.fragment<64x128xf32>, !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Fragment:$fragment, Warpgroup_Ring:$ring, I32:$position,
                       I32:$row, Warpgroup_TensorMap:$map, Variadic<I32>:$coordinates);
  let assemblyFormat = [{
    $fragment `through` $ring `[` $position `]` `row` $row `to` $map `[` $coordinates `]` attr-dict
    `:` type($fragment) `,` type($ring)
  }];
  let hasVerifier = 1;
}

def Warpgroup_WriteRowsOp : Warpgroup_Op<"write_rows"> {
  let summary = "write a fragment to global memory, from registers";
  let description = [{
    Converts its first `columns` to `element`. Row i goes to `start` + i `pitch`
    elements, if i is below `rows`. With `interleaved` column 16 b + p + 8 e of the
    fragment is column 16 b + 2 p + e of the row (p below 8, e below 2).

    PTX, of 16 bits: `shfl.sync.bfly` by 1, after which a thread has four
    neighbours of a row (which it has already if `interleaved`), and
    `st.global.b64`: four threads write 32 bytes. Of f32: `st.global.v2.f32`, which
    is as many.

    Constraints:
    * `write_rows_c1`: the fragment has a multiple of 16 columns, and `columns` is
      a multiple of 8 of them; `element` is f16, bf16 or f32. If `interleaved`
      `columns` is a multiple of 16, and `element` has 16 bits.

    Example:
    ```mlir
    warpgroup.write_rows %z columns 128 to %p pitch %pitch below %rows as bf16 : !warpgroup.fragment<64x128xf32>, !llvm.ptr<1>
    ```
  }];
  let arguments = (ins Warpgroup_Fragment:$fragment, AnyType:$start, I64:$pitch, I32:$rows,
                       I64Attr:$columns, TypeAttr:$element, UnitAttr:$interleaved);
  let assemblyFormat = [{
    $fragment `columns` $columns (`interleaved` $interleaved^)? `to` $start `pitch` $pitch `below` $rows `as` $element attr-dict
    `:` type($fragment) `,` type($start)
  }];
  let hasVerifier = 1;
}

def Warpgroup_DrainOp : Warpgroup_Op<"drain"> {
  let summary = "wait until stores have read their stage";
  let description = [{
    PTX: `cp.async.bulk.wait_group.read 0` by lane 0; without `read` of `all`:
    until they are written. Example:
    ```mlir
    warpgroup.drain
    ```
  }];
  let arguments = (ins UnitAttr:$all);
  let assemblyFormat = "(`all` $all^)? attr-dict";
}

#endif // ATTN_DIALECT_WARPGROUP_FRAGMENTOPS_TD
