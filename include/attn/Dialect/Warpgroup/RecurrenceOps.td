//===- RecurrenceOps.td - ops for states that stay in fragments -----------===//
// What recurrences need beside attention: operands read from tiles in registers,
// vectors of tokens, and rings that warps fill.
//===----------------------------------------------------------------------===//
#ifndef ATTN_DIALECT_WARPGROUP_RECURRENCEOPS_TD
#define ATTN_DIALECT_WARPGROUP_RECURRENCEOPS_TD

include "attn/Dialect/Warpgroup/WarpgroupBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Rings that warps fill
//===----------------------------------------------------------------------===//

def Warpgroup_ReserveOp : Warpgroup_Op<"reserve"> {
  let summary = "wait until a stage is free, to write it by threads";
  let description = [{
    PTX: `mbarrier.try_wait.parity` (empty barrier) in a loop.

    Constraints:
    * `reserve_c1`: the ring has `writers`.

    Example:
    ```mlir
    warpgroup.reserve %m[%n] : !warpgroup.ring<2x64x64xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position);
  let assemblyFormat = "$ring `[` $position `]` attr-dict `:` type($ring)";
  let hasVerifier = 1;
}

def Warpgroup_PublishOp : Warpgroup_Op<"publish"> {
  let summary = "say that this warp has written its part of a stage";
  let description = [{
    PTX: `fence.proxy.async.shared::cta` (tiles, which products read),
    `bar.warp.sync`, `mbarrier.arrive` (full barrier) by lane 0.

    Constraints:
    * `publish_c1`: the ring has `writers`.

    Example:
    ```mlir
    warpgroup.publish %m[%n] : !warpgroup.ring<2x64x64xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position);
  let assemblyFormat = "$ring `[` $position `]` attr-dict `:` type($ring)";
  let hasVerifier = 1;
}

def Warpgroup_AddressOp : Warpgroup_Op<"address", [Pure]> {
  let summary = "the address of a vector of a stage";
  let description = [{
    For threads that fill it themselves. Example:
    ```mlir
    %p = warpgroup.address %t[%n] row %r : !warpgroup.ring<4x8x64xf32> -> !llvm.ptr<3>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, I32:$row);
  let results = (outs AnyType:$pointer);
  let assemblyFormat = [{
    $ring `[` $position `]` `row` $row attr-dict `:` type($ring) `->` type($pointer)
  }];
}

def Warpgroup_VectorOp : Warpgroup_Op<"vector", [MemoryEffects<[MemRead]>]> {
  let summary = "read a vector, of which each thread gets its rows or columns";
  let description = [{
    PTX: `ld.shared.f32` for rows, `ld.shared.v2.f32` for columns.

    Constraints:
    * `vector_c1`: a vector has the rows (64) or the columns of the result.

    Example:
    ```mlir
    %g = warpgroup.vector %t[%n] row %r : !warpgroup.ring<4x8x64xf32> -> !warpgroup.columns<64xf32>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, I32:$row);
  let results = (outs AnyTypeOf<[Warpgroup_Rows, Warpgroup_Columns]>:$result);
  let assemblyFormat = [{
    $ring `[` $position `]` `row` $row attr-dict `:` type($ring) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Warpgroup_ChunkScanOp : Warpgroup_Op<"chunk_scan", [Pure]> {
  let summary = "sums of the values of a chunk up to each of its 64 tokens";
  let description = [{
    Lane l of the warp has the values of tokens 2 l and 2 l + 1; it gets the sums
    up to and with each, and that of all. In a fixed order.

    PTX: five `shfl.sync.up` with additions, and `shfl.sync.idx` of lane 31.
    Example:
    ```mlir
    %s0, %s1, %all = warpgroup.chunk_scan %a0, %a1
    ```
  }];
  let arguments = (ins F32:$first, F32:$second);
  let results = (outs F32:$firstSum, F32:$secondSum, F32:$total);
  let assemblyFormat = "$first `,` $second attr-dict";
}

//===----------------------------------------------------------------------===//
// Operands from tiles, fragments to tiles
//===----------------------------------------------------------------------===//

def Warpgroup_FetchOp : Warpgroup_Op<"fetch"> {
  let summary = "read a tile as an A operand, or as its transpose";
  let description = [{
    PTX: `ldmatrix.sync.aligned.m8n8.x4.shared.b16`, with `.trans` if
    `transposed`: one tile in shared memory serves both ways.

    Constraints:
    * `fetch_c1`: the tile is 64 x 64, as is the operand, of one element type.

    Example:
    ```mlir
    %xt = warpgroup.fetch %x transposed : !warpgroup.tile<64x64x64xbf16> -> !warpgroup.operand<64x64xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Tile:$tile, UnitAttr:$transposed);
  let results = (outs Warpgroup_Operand:$result);
  let assemblyFormat = [{
    $tile (`transposed` $transposed^)? attr-dict `:` type($tile) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Warpgroup_UnpackOp : Warpgroup_Op<"unpack", [Pure]> {
  let summary = "the elements of an operand as f32";
  let description = [{
    The inverse of `warpgroup.pack`. Example:
    ```mlir
    %f = warpgroup.unpack %a : !warpgroup.operand<64x64xbf16> -> !warpgroup.fragment<64x64xf32>
    ```
  }];
  let arguments = (ins Warpgroup_Operand:$operand);
  let results = (outs Warpgroup_Fragment:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `->` type($result)";
}

def Warpgroup_ScaleOp : Warpgroup_Op<"scale", [Pure, AllTypesMatch<["operand", "result"]>]> {
  let summary = "multiply the columns of an operand, in its type";
  let description = [{
    The factors are rounded to the type of the elements, and so are products.

    PTX: `cvt.rn.bf16x2.f32`, `mul.rn.bf16x2` (or f16x2).

    Constraints:
    * `scale_c1`: the operand has the columns of the factors.

    Example:
    ```mlir
    %w = warpgroup.scale %a by %f : !warpgroup.operand<64x64xbf16>, !warpgroup.columns<64xf32>
    ```
  }];
  let arguments = (ins Warpgroup_Operand:$operand, Warpgroup_Columns:$factors);
  let results = (outs Warpgroup_Operand:$result);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $operand `by` $factors attr-dict `:` type($operand) `,` type($factors)
  }];
}

def Warpgroup_WriteOp : Warpgroup_Op<"write"> {
  let summary = "write a fragment to a panel of a stage, or its transpose";
  let description = [{
    Rounded to the type of the ring; an operand as it is.

    PTX: `stmatrix.sync.aligned.m8n8.x4.shared.b16`, with `.trans` if
    `transposed`.

    Constraints:
    * `write_c1`: the fragment is 64 x 64, and a stage has 64 rows; an operand
      has the type of the ring.

    Example:
    ```mlir
    warpgroup.write %y to %ring[%n] panel %wg transposed : !warpgroup.fragment<64x64xf32>, !warpgroup.ring<2x64x128xbf16>
    ```
  }];
  let arguments = (ins AnyTypeOf<[Warpgroup_Fragment, Warpgroup_Operand]>:$fragment,
                       Warpgroup_Ring:$ring, I32:$position, I32:$panel, UnitAttr:$transposed);
  let assemblyFormat = [{
    $fragment `to` $ring `[` $position `]` `panel` $panel (`transposed` $transposed^)? attr-dict
    `:` type($fragment) `,` type($ring)
  }];
  let hasVerifier = 1;
}

def Warpgroup_TransposeOp : Warpgroup_Op<"transpose"> {
  let summary = "write the transpose of a tile of 8 bits to another stage, by one warpgroup";
  let description = [{
    Products of 8 bits take B with neighbours along k side by side, and a tile of
    values has them along n. Rows and columns of `to` are those of `from` in the
    orders that fit what stands around it: columns (keys) in that of an operand
    which was a fragment (`operand`), and row 16 b + p + 8 e is column 16 b + 2 p + e of
    `from`, which `write_rows interleaved` turns back.

    PTX: `ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16`, two elements at a time,
    `prmt.b32`, `stmatrix.sync.aligned.m8n8.x4.shared.b16`.

    Constraints:
    * `transpose_c1`: elements have 8 bits; `to` has no more rows than `from` has
      columns, and no fewer columns than it has rows; all are multiples of 32.

    Example:
    ```mlir
    warpgroup.transpose %v[%n] to %t[%n] : !warpgroup.ring<2x96x128xf8E4M3FN>, !warpgroup.ring<2x128x128xf8E4M3FN>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$from, I32:$from_position, Warpgroup_Ring:$to,
                       I32:$to_position);
  let assemblyFormat = [{
    $from `[` $from_position `]` `to` $to `[` $to_position `]` attr-dict
    `:` type($from) `,` type($to)
  }];
  let hasVerifier = 1;
}

def Warpgroup_ShareOp : Warpgroup_Op<"share"> {
  let summary = "let products of this warpgroup see what its threads wrote";
  let description = [{
    Behind products it lets threads write what these have read.

    PTX: `fence.proxy.async.shared::cta`, `bar.sync` of the warpgroup. Example:
    ```mlir
    warpgroup.share %wg
    ```
  }];
  let arguments = (ins I32:$warpgroup);
  let assemblyFormat = "$warpgroup attr-dict";
}

def Warpgroup_SendOp : Warpgroup_Op<"send"> {
  let summary = "copy a panel that the warpgroup has written to a tensor";
  let description = [{
    One thread of the warpgroup starts the copy, when those it started before
    have read their stages: with two stages, those of every second chunk may be
    written without a wait. Rows that the tensor does not have are not written.

    PTX: `fence.proxy.async.shared::cta`; by one thread
    `cp.async.bulk.wait_group.read 0`; `bar.sync` of the warpgroup; by one thread
    `cp.async.bulk.tensor.<n>d.global.shared::cta.bulk_group` and
    `cp.async.bulk.commit_group`. Example:
    ```mlir
    warpgroup.send %ring[%n] panel %wg of %wg to %map[%c0, %row, %h, %b] : !warpgroup.ring<2x64x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, I32:$panel, I32:$warpgroup,
                       Warpgroup_TensorMap:$map, Variadic<I32>:$coordinates);
  let assemblyFormat = [{
    $ring `[` $position `]` `panel` $panel `of` $warpgroup `to` $map `[` $coordinates `]` attr-dict
    `:` type($ring)
  }];
}

#endif // ATTN_DIALECT_WARPGROUP_RECURRENCEOPS_TD
