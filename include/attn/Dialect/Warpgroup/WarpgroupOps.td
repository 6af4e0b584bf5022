//===- WarpgroupOps.td - the ops of the warpgroup dialect -----------------===//
#ifndef ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_TD
#define ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_TD

include "attn/Dialect/Warpgroup/FragmentOps.td"
include "attn/Dialect/Warpgroup/WarpgroupBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

def Warpgroup_ProcessorsOp : Warpgroup_Op<"processors", [Pure]> {
  let summary = "count the multiprocessors of the device, on the host";
  let description = [{
    A symbol of the launch plan. Example:
    ```mlir
    %n = warpgroup.processors
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Warpgroup_MapOp : Warpgroup_Op<"tensor_map", [Pure]> {
  let summary = "describe a buffer to the copy engine, on the host";
  let description = [{
    Dimensions are innermost first: `order` lists those of `buffer`, of which
    the first is contiguous. `box` is the part that one copy moves, swizzled in
    its rows; what it has beyond the buffer reads as zeros and is not written.
    With `steps` a box takes every n-th element along a dimension, and can only
    be read. An argument of the launch plan (`tensor_map`).

    Constraints:
    * `tensor_map_c1`: `order` is a permutation of the dimensions of `buffer`, of
      which there are 2 to 5, and starts with the last; `box` is as long.
    * `tensor_map_c2`: the first size of `box` is 128, 64 or 32 bytes, the others
      are 1 to 256.
    * `tensor_map_c3`: `steps` is as long as `box` and starts with 1; they are 1
      to 8, and a box spans no more than 256 elements.

    Example:
    ```mlir
    %m = warpgroup.tensor_map %b order [3, 2, 1, 0] box [64, 128, 1, 1] : memref<?x8x?x128xbf16>
    %d = warpgroup.tensor_map %b order [3, 2, 1, 0] box [64, 64, 1, 1] steps [1, 4, 1, 1] : memref<?x8x?x128xbf16>
    ```
  }];
  let arguments = (ins AnyMemRef:$buffer, DenseI64ArrayAttr:$order, DenseI64ArrayAttr:$box,
                       OptionalAttr<DenseI64ArrayAttr>:$steps);
  let results = (outs Warpgroup_TensorMap:$result);
  let assemblyFormat = "$buffer `order` $order `box` $box (`steps` $steps^)? attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Roles and rings
//===----------------------------------------------------------------------===//

def Warpgroup_RingOp : Warpgroup_Op<"ring"> {
  let summary = "reserve stages of shared memory, with barriers and tags";
  let description = [{
    `consumers` warpgroups read each tile; a stage is free again when each of
    them has released it. `tags` numbers (i32) travel with a tile. Stages lie in
    dynamic shared memory in the order of the rings, each aligned to 1024 bytes.

    With `writers` it is that many warps that fill a stage (`reserve`, writes,
    `publish`), instead of the copy engine (`acquire`, `load`).

    PTX: for each stage two `mbarrier.init.shared.b64`, of 1 or `writers` arrivals
    (full) and 4 `consumers` arrivals (empty: one a warp).

    Constraints:
    * `ring_c1`: stages and rows are positive; a row is whole panels, or nothing,
      and but for vectors (f32) there is a multiple of 8 rows.

    Example:
    ```mlir
    %k = warpgroup.ring consumers 2 tags 3 : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins I64Attr:$consumers, I64Attr:$tags, OptionalAttr<I64Attr>:$writers);
  let results = (outs Warpgroup_Ring:$ring);
  let builders = [OpBuilder<(ins "::mlir::Type":$ring, "int64_t":$consumers, "int64_t":$tags), [{
    build($_builder, $_state, ring, consumers, tags, ::mlir::IntegerAttr());
  }]>];
  let assemblyFormat = [{
    `consumers` $consumers `tags` $tags (`writers` $writers^)? attr-dict `:` type($ring)
  }];
  let hasVerifier = 1;
}

def Warpgroup_RolesOp : Warpgroup_Op<"roles", [SingleBlock, NoTerminator, RecursiveMemoryEffects]> {
  let summary = "give the warps of a block their roles and registers";
  let description = [{
    One thread runs `producer`; `consumers` warpgroups run `consumer`, whose
    argument is their number (i32). A warp beside the producer may run
    `prepare`, which fills rings with vectors, and a warpgroup of its own
    `assist`, which fills rings with what all consumers use, or takes what they
    fill.

    PTX: barriers of the rings are initialised by thread 0,
    `fence.mbarrier_init.release.cluster`, `bar.sync 0`; then `setmaxnreg.dec`
    and `elect.sync` for the producer, `setmaxnreg.inc` for consumers, and for
    `assist` the one that leads from what a block starts with to its count.

    Constraints:
    * `roles_c1`: register counts are multiples of 8 from 24 to 256, and those of
      all warpgroups fit what a block starts with: of 65536 as many for each
      thread, a multiple of 8.
    * `roles_c2`: the regions have no values of the dialect in common but rings.
    * `roles_c3`: the rings that are filled are those that somebody waits for,
      and each is released.
    * `roles_c4`: no operand of a product is made, and no part of it, while a
      product is in flight: registers of A must not be written then.
    * `roles_c5`: a stage is released behind what consumes the data that was
      read of it: the wait for a product with its tiles or with what was
      `fetch`ed, or a write of that to memory. A release that follows the read
      alone may overtake it, and the copy engine then the data.

    Example:
    ```mlir
    warpgroup.roles consumers 2 registers(24, 240) producer {
    } consumer {
    ^bb0(%number: i32):
    }
    ```
  }];
  let arguments = (ins I64Attr:$consumers, I64Attr:$producer_registers,
                       I64Attr:$consumer_registers,
                       DefaultValuedAttr<I64Attr, "0">:$assist_registers);
  let regions = (region SizedRegion<1>:$producer, SizedRegion<1>:$consumer,
                        MaxSizedRegion<1>:$prepare, MaxSizedRegion<1>:$assist);
  let builders = [OpBuilder<(ins "int64_t":$consumers, "int64_t":$producer_registers,
                                 "int64_t":$consumer_registers,
                                 CArg<"int64_t", "0">:$assist_registers)>];
  let assemblyFormat = [{
    `consumers` $consumers `registers` `(` $producer_registers `,` $consumer_registers
    (`,` $assist_registers^)? `)` attr-dict-with-keyword `producer` $producer
    (`prepare` $prepare^)? (`assist` $assist^)? `consumer` $consumer
  }];
  let hasRegionVerifier = 1;
}

def Warpgroup_AcquireOp : Warpgroup_Op<"acquire"> {
  let summary = "wait until a stage is free, and say what will be in it";
  let description = [{
    Waits until the consumers have released the tile that was in the stage of
    position `position`, writes the tags, and arms the full barrier. Unless the
    tile is `empty`, `warpgroup.load`s of it follow in the same block and move
    all of its bytes.

    PTX: `mbarrier.try_wait.parity` (empty barrier) in a loop, `st.shared` of the
    tags, `mbarrier.arrive.expect_tx` (full barrier).

    Constraints:
    * `acquire_c1`: as many tags as the ring has.
    * `acquire_c2`: the loads of the stage in the same block move all bytes of a
      tile, or none if it is `empty`.

    Example:
    ```mlir
    warpgroup.acquire %k[%n] tags(%key, %size, %flags) : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, Variadic<I32>:$tags, UnitAttr:$empty);
  let assemblyFormat = [{
    $ring `[` $position `]` (`tags` `(` $tags^ `)`)? (`empty` $empty^)? attr-dict `:` type($ring)
  }];
  let hasVerifier = 1;
}

def Warpgroup_LoadOp : Warpgroup_Op<"load"> {
  let summary = "start the copy of one panel of a tile";
  let description = [{
    PTX: `cp.async.bulk.tensor.<n>d.shared::cluster.global.mbarrier::complete_tx::bytes`
    into panel `panel` of the stage, or some of its rows: `[first, count]`.

    Constraints:
    * `load_c1`: 2 to 5 coordinates, and a panel that the ring has.
    * `load_c2`: rows that a panel has, multiples of 8.

    Example:
    ```mlir
    warpgroup.load %map[%c0, %row, %h, %b] to %k[%n] panel 0 : !warpgroup.ring<2x128x128xbf16>
    warpgroup.load %map[%c0, %row, %h, %b] to %k[%n] panel 1 rows [64, 64] : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_TensorMap:$map, Variadic<I32>:$coordinates,
                       Warpgroup_Ring:$ring, I32:$position, I64Attr:$panel,
                       OptionalAttr<DenseI64ArrayAttr>:$rows);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `to` $ring `[` $position `]` `panel` $panel (`rows` $rows^)?
    attr-dict `:` type($ring)
  }];
  let extraClassDeclaration = [{
    /// The first row that it writes, and how many.
    std::pair<int64_t, int64_t> getRange() {
      std::optional<llvm::ArrayRef<int64_t>> rows = getRows();
      return rows ? std::pair((*rows)[0], (*rows)[1])
                  : std::pair(int64_t(0), getRing().getType().getShape()[1]);
    }
  }];
  let hasVerifier = 1;
}

def Warpgroup_AwaitOp : Warpgroup_Op<"await"> {
  let summary = "wait until a tile has arrived";
  let description = [{
    PTX: `mbarrier.try_wait.parity` (full barrier) in a loop. Example:
    ```mlir
    warpgroup.await %k[%n] : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position);
  let assemblyFormat = "$ring `[` $position `]` attr-dict `:` type($ring)";
}

def Warpgroup_ReleaseOp : Warpgroup_Op<"release"> {
  let summary = "give a stage back to the producer";
  let description = [{
    PTX: `mbarrier.arrive` (empty barrier) by lane 0 of each warp. Example:
    ```mlir
    warpgroup.release %k[%n] : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position);
  let assemblyFormat = "$ring `[` $position `]` attr-dict `:` type($ring)";
}

def Warpgroup_TagOp : Warpgroup_Op<"tag", [
    MemoryEffects<[MemRead]>]> {
  let summary = "read a number that came with a tile";
  let description = [{
    PTX: `ld.shared.b32`, and `shfl.sync.idx` of lane 0, which makes it uniform.

    Constraints:
    * `tag_c1`: the ring has that many tags.

    Example:
    ```mlir
    %first = warpgroup.tag 0 of %k[%n] : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins I64Attr:$index, Warpgroup_Ring:$ring, I32:$position);
  let results = (outs I32:$result);
  let assemblyFormat = "$index `of` $ring `[` $position `]` attr-dict `:` type($ring)";
  let hasVerifier = 1;
}

def Warpgroup_TileOp : Warpgroup_Op<"tile", [Pure, AttrSizedOperandSegments]> {
  let summary = "name the rows of a stage from `row` on, and panels from `panel` on";
  let description = [{
    Constraints:
    * `tile_c1`: the tile is in panels of the ring, and has no more rows and
      columns.

    Example:
    ```mlir
    %q = warpgroup.tile %ring[%n] row %row : !warpgroup.ring<2x128x128xbf16> -> !warpgroup.tile<128x64x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, Optional<I32>:$row,
                       Optional<I32>:$panel);
  let results = (outs Warpgroup_Tile:$tile);
  let builders = [OpBuilder<(ins "::mlir::Type":$tile, "::mlir::Value":$ring,
                                 "::mlir::Value":$position, "::mlir::Value":$row), [{
    build($_builder, $_state, tile, ring, position, row, ::mlir::Value());
  }]>];
  let assemblyFormat = [{
    $ring `[` $position `]` (`row` $row^)? (`panel` $panel^)? attr-dict
    `:` type($ring) `->` type($tile)
  }];
  let hasVerifier = 1;
}

def Warpgroup_ClearRowsOp : Warpgroup_Op<"clear_rows"> {
  let summary = "zero the rows of a tile from `from` on, by one warpgroup";
  let description = [{
    Rows that no query sees may hold NaN, and 0 times NaN is NaN. All consumers
    may do it at once: they write the same zeros.

    PTX: `st.shared.v4.b32`, `fence.proxy.async.shared::cta`, `bar.sync` of the
    warpgroup. Example:
    ```mlir
    warpgroup.clear_rows %k[%n] from %size of %wg : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, I32:$from, I32:$warpgroup);
  let assemblyFormat = "$ring `[` $position `]` `from` $from `of` $warpgroup attr-dict `:` type($ring)";
}

def Warpgroup_ClearHiddenOp : Warpgroup_Op<"clear_hidden", [
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "zero the rows of a tile that nothing sees, if it has NaN, by one warpgroup";
  let description = [{
    As `clear_rows`, for rows anywhere. `seen` gets the number of a row of the
    tile and one of the `queries` that may see it (both i32) and yields whether
    it does. Mostly the first, the last, or the one `diagonal` behind the row
    do, and that was all. Else it is the tile that decides: without an element
    that is no number all are harmless with a weight of 0. Only then all queries
    are asked.

    Consumers may do it at once, each on its own: they agree on the rows, so who
    finds nothing to clear any more sees what another has cleared.

    PTX: `bar.red.or` of the warpgroup, `ld.shared.v4.b32` of the tile; then as
    `clear_rows`.

    Constraints:
    * `clear_hidden_c1`: `seen` takes two i32 and yields an i1.

    Example:
    ```mlir
    warpgroup.clear_hidden %k[%n] of %wg queries %size diagonal %row {
    ^bb0(%at: i32, %query: i32):
      %seen = arith.cmpi sle, %at, %query : i32
      warpgroup.yield %seen : i1
    } : !warpgroup.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins Warpgroup_Ring:$ring, I32:$position, I32:$warpgroup, I32:$queries,
                       I32:$diagonal);
  let regions = (region SizedRegion<1>:$seen);
  let assemblyFormat = [{
    $ring `[` $position `]` `of` $warpgroup `queries` $queries `diagonal` $diagonal $seen
    attr-dict `:` type($ring)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def Warpgroup_A : AnyTypeOf<[Warpgroup_Tile, Warpgroup_Operand]>;
def Warpgroup_Accumulator : AnyTypeOf<[Warpgroup_Fragment, Warpgroup_Pending]>;

class Warpgroup_ProductOp<string mnemonic, Type acc> : Warpgroup_Op<mnemonic> {
  let arguments = (ins Warpgroup_A:$a, Warpgroup_Tile:$b, Optional<acc>:$acc,
                       UnitAttr:$transposed);
  let hasVerifier = 1;
}

def Warpgroup_ProductsOp : Warpgroup_ProductOp<"mma", Warpgroup_Fragment> {
  let summary = "acc + a b, finished";
  let description = [{
    `a` has 64 rows, in shared memory or in registers; `b` is (keys, columns), or
    with `transposed` the product is with its transpose. Without `acc` it starts
    at 0. `attn-warpgroup-overlap` makes `mma_async` and `wait` of it.

    Constraints:
    * `mma_c1`: sizes fit: `a` 64 x k, `b` k x n (n x k if `transposed`), `acc`
      and the result 64 x n; n is a multiple of 8 up to 256, k of 16 (of 8 bits
      32).
    * `mma_c2`: `a` and `b` have one element type, f16, bf16 or f8E4M3FN, and of
      8 bits `b` is `transposed`.

    Example:
    ```mlir
    %s = warpgroup.mma %q, %t transposed : (!warpgroup.tile<128x64x128xbf16>, !warpgroup.tile<128x128x128xbf16>) -> !warpgroup.fragment<64x128xf32>
    ```
  }];
  let results = (outs Warpgroup_Fragment:$result);
  let assemblyFormat = [{
    $a `,` $b (`,` $acc^ `:` type($acc))? (`transposed` $transposed^)? attr-dict
    `:` `(` type($a) `,` type($b) `)` `->` type($result)
  }];
}

def Warpgroup_MmaAsyncOp : Warpgroup_ProductOp<"mma_async", Warpgroup_Accumulator> {
  let summary = "start acc + a b, as one group";
  let description = [{
    As `warpgroup.mma`, but the result is on its way; `acc` may be on its own, as
    products of one accumulator follow each other.

    PTX: `wgmma.fence`, a `wgmma.mma_async.sync.aligned.m64n<n>k16.f32` for each
    16 of k (of 8 bits `k32` for each 32), `wgmma.commit_group`.

    Constraints: those of `warpgroup.mma` (`mma_c1`, `mma_c2`).

    Example:
    ```mlir
    %f = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x128xbf16>, !warpgroup.tile<128x128x128xbf16>) -> !warpgroup.pending<64x128xf32>
    ```
  }];
  let results = (outs Warpgroup_Pending:$result);
  let assemblyFormat = [{
    $a `,` $b (`,` $acc^ `:` type($acc))? (`transposed` $transposed^)? attr-dict
    `:` `(` type($a) `,` type($b) `)` `->` type($result)
  }];
}

def Warpgroup_WaitOp : Warpgroup_Op<"wait"> {
  let summary = "wait until at most `groups` products are in flight";
  let description = [{
    PTX: `wgmma.wait_group.sync.aligned groups`, which all registers of the
    results pass through.

    Constraints:
    * `wait_c1`: as many results as operands, of their shapes.
    * `wait_c2`: as many products as `groups` are in flight behind it, and none
      at the end of a loop or a role; branches agree (verified by the roles).

    Example:
    ```mlir
    %r = warpgroup.wait 0 (%f) : (!warpgroup.pending<64x128xf32>) -> !warpgroup.fragment<64x128xf32>
    ```
  }];
  let arguments = (ins I64Attr:$groups, Variadic<Warpgroup_Pending>:$pending);
  let results = (outs Variadic<Warpgroup_Fragment>:$results);
  let assemblyFormat = [{
    $groups `(` $pending `)` attr-dict `:` functional-type($pending, $results)
  }];
  let hasVerifier = 1;
}

def Warpgroup_TakeTurnOp : Warpgroup_Op<"take_turn"> {
  let summary = "wait for this warpgroup's turn at the tensor cores";
  let description = [{
    Consumers take turns in the order of their numbers; the first has the first
    turn. PTX: `bar.sync 1 + number, 256` (named barriers 1 to `consumers`).
    Example:
    ```mlir
    warpgroup.take_turn %wg
    ```
  }];
  let arguments = (ins I32:$warpgroup);
  let assemblyFormat = "$warpgroup attr-dict";
}

def Warpgroup_PassTurnOp : Warpgroup_Op<"pass_turn"> {
  let summary = "hand the turn to the next warpgroup";
  let description = [{
    PTX: `bar.arrive` on the barrier of the next. With `first`, once in front of
    all turns: the last warpgroup hands the turn to number 0, the others do
    nothing.

    Constraints:
    * `pass_turn_c1`: in a block, turns are taken and passed alternately.

    Example:
    ```mlir
    warpgroup.pass_turn %wg
    ```
  }];
  let arguments = (ins I32:$warpgroup, UnitAttr:$first);
  let assemblyFormat = "$warpgroup (`first` $first^)? attr-dict";
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

def Warpgroup_CutOp : Warpgroup_Op<"cut"> {
  let summary = "mark where the body of a loop is cut to be rotated";
  let description = [{
    `attn-warpgroup-rotate` makes a loop that first does what stands behind the
    cut, for one iteration, and then what stands in front of it, for the next.
    Example:
    ```mlir
    warpgroup.cut
    ```
  }];
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

def Warpgroup_Strategy : I32EnumAttr<"SoftmaxStrategy", "when the reference of a row moves", [
    I32EnumAttrCase<"Exact", 0, "exact">,
    I32EnumAttrCase<"Lazy", 1, "lazy">,
    I32EnumAttrCase<"Speculative", 2, "speculative">]> {
  let cppNamespace = "::attn::warpgroup";
  let genSpecializedAttr = 0;
}
def Warpgroup_StrategyAttr : EnumAttr<Warpgroup_Dialect, Warpgroup_Strategy, "strategy">;

def Warpgroup_SoftmaxOp : Warpgroup_Op<"softmax", [Pure]> {
  let summary = "probabilities of a step, and the state that they are relative to";
  let description = [{
    For a row with scores x, `reference` r = - `unit` max(x so far), sum and acc:
    ```
    p = 2^(unit x + r'),  sum' = sum 2^(r' - r) + p summed,  acc' = acc 2^(r' - r)
    ```
    (`unit` is times `factor`, above 0, where that is given) with r' = min(r, - unit max x), or any other reference that keeps p and its
    sum finite and of full precision. With `first` the state before counts for
    nothing: r = +inf, sum = 0, acc = 0. A row without a score above -inf keeps
    +inf. `attn-warpgroup-expand-softmax` writes it out.

    Example:
    ```mlir
    %pp, %r1, %l1, %o1 = warpgroup.softmax speculative %s, %r0, %l0, %z first %new {unit = 1.442695e+00 : f64}
        : (!warpgroup.fragment<64x128xf32>, !warpgroup.rows<f32>, !warpgroup.partial_rows<f32>, !warpgroup.fragment<64x128xf32>, i1)
          -> (!warpgroup.operand<64x128xbf16>, !warpgroup.rows<f32>, !warpgroup.partial_rows<f32>, !warpgroup.fragment<64x128xf32>)
    ```
  }];
  let arguments = (ins Warpgroup_StrategyAttr:$strategy, Warpgroup_Fragment:$scores,
                       Warpgroup_Rows:$reference, Warpgroup_PartialRows:$sum,
                       Warpgroup_Fragment:$acc, I1:$first, Optional<F32>:$factor, F64Attr:$unit);
  let results = (outs Warpgroup_Operand:$p, Warpgroup_Rows:$newReference,
                      Warpgroup_PartialRows:$newSum, Warpgroup_Fragment:$newAcc);
  let assemblyFormat = [{
    $strategy $scores `,` $reference `,` $sum `,` $acc `first` $first (`factor` $factor^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

include "attn/Dialect/Warpgroup/RecurrenceOps.td"

#endif // ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_TD
