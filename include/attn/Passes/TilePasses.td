//===- TilePasses.td - passes between the graph and the tile level ---------===//
#ifndef ATTN_PASSES_TILEPASSES_TD
#define ATTN_PASSES_TILEPASSES_TD

include "mlir/Pass/PassBase.td"

def TileAttentionPass : InterfacePass<"attn-tile-attention", "mlir::FunctionOpInterface"> {
  let summary = "tile attention into independent row tiles and one key loop";
  let description = [{
    Rewrites each `attn.attention` as an `scf.forall` over batch, heads and
    tiles of query rows, around one `attn.key_loop` over the keys that the tile
    can see: ranges where the mask may hide something are `partial`, the rest is
    `full`, by the analysis of the mask (`attn/Mask/TileAnalysis.h`), whose
    bounds are arithmetic on the positions of the tile and the symbols of the
    mask. Tiles that see the most keys go first. Few query rows (decode) are taken with all heads of their group
    as one tile, and the keys are cut in chunks of `split` whose `(o, lse)` are
    merged, for layouts but `thd` and a static size of the group. With a dynamic
    number of queries a guard chooses at run time between one query, as many as
    fill a vector with their group, and more. Tile sizes come from the cost
    model over the target description where the options are 0, and a remark
    tells the sizes of the forms in the code with the reason.

    An `attn.block_summary` becomes an `scf.forall` over its blocks.

    Needs: `attn.attention` on tensors with static D and E. Leaves: no
    `attn.attention` and no `attn.block_summary`; level 2 of the design. Example:
    `test/Passes/Tile/tile-attention.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Target description: host, or an LLVM CPU name.">,
    Option<"rows", "rows", "int64_t", /*default=*/"0",
           "Query rows a tile of the prefill form; 0 asks the cost model.">,
    Option<"keys", "keys", "int64_t", /*default=*/"0",
           "Keys a step; 0 asks the cost model.">,
    Option<"split", "split", "int64_t", /*default=*/"0",
           "Keys a chunk of a decode split; 0 asks the cost model.">];
  let statistics = [
    Statistic<"numTiled", "num-tiled", "Number of attention ops tiled">];
}

def TileRopePass : InterfacePass<"attn-tile-rope", "mlir::FunctionOpInterface"> {
  let summary = "tile rotary positions into tiles of tokens";
  let description = [{
    Rewrites each `attn.rope` as an `scf.forall` over sequences and tiles of
    `tokens` tokens with all heads, around an `attn.rope` of the tile, whose
    scaling has become frequencies: a constant, or for scalings that depend on the
    length a few ops in front of the tiles.

    Needs: `attn.rope` on tensors with a static number of rotary elements.
    Leaves: `attn.rope` with frequencies or tables alone, inside of `scf.forall`.
    Example: `test/Passes/Tile/tile-rope.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
  let options = [Option<"tokens", "tokens", "int64_t", /*default=*/"32",
                        "Tokens a tile.">];
}

def TileRecurrencePass : InterfacePass<"attn-tile-recurrence", "mlir::FunctionOpInterface"> {
  let summary = "tile recurrences into chunks of tokens";
  let description = [{
    Rewrites `attn.ssd`, `attn.linear_attention`, `attn.ssm_scan` and
    `attn.ssm_step` as an `scf.forall` over sequences and heads, or blocks of
    channels, around an `scf.for` over chunks of tokens that carries the state.
    Of each chunk, `linalg.generic`s make decays and weights (softplus, bias,
    limit; features), an `attn.scan_chunk` runs the recurrence, and others apply
    the skip and the gate, so that none of these passes through memory.
    `attn.causal_conv1d` becomes tiles of tokens.

    The schedule is chosen by shape, with a remark: chunked products of matrices
    for decays of one number a token and more than a few tokens, else sequential.

    Needs: tensors; static sizes of heads and states. Leaves: `attn.scan_chunk` and
    tiles of `attn.causal_conv1d` alone. Example:
    `test/Passes/Tile/tile-recurrence.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def TileWholeHeadsPass : InterfacePass<"attn-tile-whole-heads", "mlir::FunctionOpInterface"> {
  let summary = "tile recurrences into heads with all their tokens";
  let description = [{
    Rewrites each `attn.ssd`, `attn.linear_attention`, `attn.ssm_scan` and
    `attn.causal_conv1d` as an `scf.forall` over sequences and heads (pairs of
    heads that share what they read and write, parts of the values of one) or
    blocks of channels, around the same op on their slices: one block takes all
    tokens, and its state never leaves it. Where products of chunks on warpgroups
    are not possible, a remark says why, and the op of the tile has
    `attn.token_by_token`.

    Needs: tensors with static heads, channels and head sizes. Leaves: the ops
    inside of `scf.forall` alone. Example: `test/Passes/Tile/tile-whole-heads.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
  let options = [Option<"target", "target", "std::string", /*default=*/"\"sm_90\"",
                        "Target description: a GPU with warpgroups.">];
}

def TileStepsPass : InterfacePass<"attn-tile-steps", "mlir::FunctionOpInterface"> {
  let summary = "tile steps of state spaces into heads, or blocks of channels";
  let description = [{
    Rewrites each `attn.ssm_step` as an `scf.forall` over sequences and heads
    (Mamba-2), or blocks of 128 channels (Mamba-1), around the same op on their
    slices.

    Needs: tensors with static heads, sizes and channels; with `slots` the state
    changes in place. Leaves: the op inside of `scf.forall` alone. Example: `test/Passes/Tile/tile-steps.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def TileGatherPass : InterfacePass<"attn-tile-gather", "mlir::FunctionOpInterface"> {
  let summary = "tile reads of a paged cache";
  let description = [{
    Rewrites each `attn.kv_gather` as an `scf.forall` over sequences and heads
    around an `attn.kv_gather` of one of each.

    Needs: `attn.kv_gather` on tensors. Leaves: it inside of `scf.forall` alone.
    Example: `test/Passes/Tile/tile-gather.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ExpandKeyLoopPass : InterfacePass<"attn-expand-key-loop", "mlir::FunctionOpInterface"> {
  let summary = "expand key loops to one scf.for a segment";
  let description = [{
    Each segment of an `attn.key_loop` becomes an `scf.for` over its tiles, in
    order; a segment whose bounds are one value has none. With source `pages` it
    is a loop over the pages of the table, and over the steps of a page where
    that is longer than one. More than two segments
    share two loops, inside of a loop over pairs of them. In the loops of full
    segments the mask of the tile op is dropped, so that full tiles carry no mask
    arithmetic.

    Needs: nothing. Leaves: no `attn.key_loop`. Example: `test/Passes/Tile/expand-key-loop.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [
    Statistic<"numMasksDropped", "num-masks-dropped",
              "Number of masks dropped in full segments">];
}

def DecomposeOnlinePass : InterfacePass<"attn-decompose-online", "mlir::FunctionOpInterface"> {
  let summary = "write the tile ops as linalg";
  let description = [{
    `attn.online_attention`, `attn.pack_rows`, `attn.finalize_state` and
    `attn.merge_states` become `linalg.generic` ops (`finalize_state`, which
    scatters rows, scf loops), for compilers and targets that have no lowering
    of the ops themselves. The scores of a tile become a tensor.

    Numerics: as the ops say, in the type of the state; exponentials are exp2,
    with log2(e) multiplied after the score region. Captured tensors are read
    at indices kept inside of them, since the score of a hidden pair is computed
    too.

    Needs: ops on tensors. Leaves: none of these ops. Example:
    `test/Passes/Tile/decompose-online.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numDecomposed", "num-decomposed",
                              "Number of ops decomposed">];
}

#endif // ATTN_PASSES_TILEPASSES_TD
