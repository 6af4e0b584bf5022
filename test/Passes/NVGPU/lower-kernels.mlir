// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --attn-gpu-outline-kernels --attn-gpu-kernels=target=sm_90 | FileCheck %s

// Arguments are pointers and sizes; the state of the rows is what the loop
// carries, the copies run one tile ahead, and the mask is behind one branch.
// CHECK-LABEL: llvm.func @mma_0(
// CHECK-SAME: !llvm.ptr<1>, %{{.*}}: i64
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.maxntid = array<i32: 128, 1, 1>
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.while
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// CHECK: nvvm.mma.sync
// CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<bf16>
// CHECK-NOT: atomicrmw
// CHECK: scf.if
// CHECK: nvvm.shfl.sync bfly
// CHECK: nvvm.vote.sync any
// CHECK: llvm.nvvm.ex2.approx.ftz
// CHECK: llvm.nvvm.ff2bf16x2.rn
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK: nvvm.mma.sync
// CHECK: llvm.nvvm.rcp.approx.ftz.f
// CHECK-LABEL: func.func @mma
// CHECK: gpu.launch_func @mma_kernels::@mma_0 blocks in {{.*}} threads in (%c128,
func.func @mma(%q: tensor<1x20x?x64xbf16>, %k: tensor<1x1x?x64xbf16>, %v: tensor<1x1x?x64xbf16>, %init: tensor<1x20x?x64xbf16>) -> tensor<1x20x?x64xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x20x?x64xbf16>, tensor<1x1x?x64xbf16>, tensor<1x1x?x64xbf16>)
      outs(%init : tensor<1x20x?x64xbf16>) mask(#attn.causal) -> tensor<1x20x?x64xbf16>
  return %o : tensor<1x20x?x64xbf16>
}

// -----

// One query: the warps of a block share the keys and join through shared memory.
// CHECK-LABEL: llvm.func @decode_0(
// CHECK: nvvm.mma.sync
// CHECK: nvvm.barrier
// CHECK: llvm.store
// CHECK-LABEL: llvm.func @decode_1(
// CHECK: llvm.nvvm.ex2.approx.ftz
func.func @decode(%q: tensor<2x8x1x128xf16>, %k: tensor<2x2x4096x128xf16>, %v: tensor<2x2x4096x128xf16>, %init: tensor<2x8x1x128xf16>) -> tensor<2x8x1x128xf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<2x8x1x128xf16>, tensor<2x2x4096x128xf16>, tensor<2x2x4096x128xf16>)
      outs(%init : tensor<2x8x1x128xf16>) -> tensor<2x8x1x128xf16>
  return %o : tensor<2x8x1x128xf16>
}

// -----

// More than 256 columns of V: two blocks for each tile.
// CHECK-LABEL: func.func @slices
// CHECK: blocks in (%c4, %c1, %c1)
func.func @slices(%q: tensor<1x1x128x576xbf16>, %k: tensor<1x1x128x576xbf16>, %v: tensor<1x1x128x512xbf16>, %init: tensor<1x1x128x512xbf16>) -> tensor<1x1x128x512xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x128x576xbf16>, tensor<1x1x128x576xbf16>, tensor<1x1x128x512xbf16>)
      outs(%init : tensor<1x1x128x512xbf16>) -> tensor<1x1x128x512xbf16>
  return %o : tensor<1x1x128x512xbf16>
}

// -----

// Exact products of f32: no tensor cores, and nothing narrower than the type.
// CHECK-LABEL: llvm.func @fma_0(
// CHECK-NOT: nvvm.mma.sync
// CHECK: math.fma {{.*}} : f32
// CHECK-LABEL: func.func @fma
func.func @fma(%q: tensor<1x1x64x16xf32>, %k: tensor<1x1x64x16xf32>, %v: tensor<1x1x64x16xf32>, %init: tensor<1x1x64x16xf32>) -> tensor<1x1x64x16xf32> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x64x16xf32>, tensor<1x1x64x16xf32>, tensor<1x1x64x16xf32>)
      outs(%init : tensor<1x1x64x16xf32>) -> tensor<1x1x64x16xf32>
  return %o : tensor<1x1x64x16xf32>
}

// -----

// What remainders decide may hide a key between visible ones from all rows: its
// value becomes 0. A causal mask cannot (above).
// CHECK-LABEL: llvm.func @holes_0(
// CHECK: nvvm.mma.sync
// CHECK: llvm.atomicrmw _or
// CHECK-NEXT: }
// CHECK-NEXT: nvvm.barrier
// CHECK: llvm.store {{.*}} : vector<4xi32>, !llvm.ptr<3>
// CHECK: nvvm.barrier
func.func @holes(%q: tensor<1x1x128x20xbf16>, %k: tensor<1x1x128x20xbf16>, %v: tensor<1x1x128x20xbf16>, %init: tensor<1x1x128x20xbf16>) -> tensor<1x1x128x20xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x128x20xbf16>, tensor<1x1x128x20xbf16>, tensor<1x1x128x20xbf16>)
      outs(%init : tensor<1x1x128x20xbf16>) mask(#attn.set<affine_map<(b, h, q, k) -> (k mod 3 - 1)>>) -> tensor<1x1x128x20xbf16>
  return %o : tensor<1x1x128x20xbf16>
}

// -----

// Parts of f64 are joined in f64, by a kernel that waits for the one in front of
// it before it reads.
// CHECK-LABEL: llvm.func @merge_0(
// CHECK-NOT: griddepcontrol
// CHECK: llvm.return
// CHECK-LABEL: llvm.func @merge_1(
// CHECK-NOT: llvm.load
// CHECK: llvm.inline_asm has_side_effects {{.*}}"griddepcontrol.wait;", "~{memory}"
// CHECK-NOT: f32
// CHECK: llvm.return
// CHECK-LABEL: func.func @merge
// CHECK: gpu.launch_func @{{.*}}merge_0
// CHECK-NOT: attn.overlaps
// CHECK: gpu.launch_func @{{.*}}merge_1
// CHECK-SAME: attn.overlaps
func.func @merge(%q: tensor<1x1x1x16xf64>, %k: tensor<1x1x4096x16xf64>, %v: tensor<1x1x4096x16xf64>, %init: tensor<1x1x1x16xf64>) -> tensor<1x1x1x16xf64> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x1x16xf64>, tensor<1x1x4096x16xf64>, tensor<1x1x4096x16xf64>)
      outs(%init : tensor<1x1x1x16xf64>) -> tensor<1x1x1x16xf64>
  return %o : tensor<1x1x1x16xf64>
}

// -----

// Lists of tiles, by kernels of scalar code: the zone map of the keys, the kind
// of each pair of tiles, how many of each kind there are up to each block, the
// lists, and the place of each row tile among all.
// The attention reads the number of a tile one ahead of its use.
// CHECK-LABEL: llvm.func @lists_0(
// CHECK: nvvm.read.ptx.sreg.ctaid.x
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: scf.if
// CHECK: scf.for
// CHECK: llvm.store {{.*}}!llvm.ptr<1>
// CHECK: llvm.func @lists_1(
// CHECK: llvm.store {{.*}} : i8, !llvm.ptr<1>
// CHECK: llvm.func @lists_2(
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i8
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<1>
// CHECK: llvm.func @lists_3(
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<1>
// CHECK: llvm.func @lists_4(
// CHECK: llvm.func @lists_5(
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
// CHECK: nvvm.cp.async.shared.global
// CHECK-LABEL: func.func @lists
// CHECK: gpu.launch_func @lists_kernels::@lists_0
// CHECK: gpu.launch_func @lists_kernels::@lists_1 blocks in (%c1,
// CHECK: gpu.launch_func @lists_kernels::@lists_2
// CHECK: gpu.launch_func @lists_kernels::@lists_3
// CHECK: gpu.launch_func @lists_kernels::@lists_4
// CHECK: gpu.launch_func @lists_kernels::@lists_5
func.func @lists(%q: tensor<1x1x512x20xbf16>, %k: tensor<1x1x512x20xbf16>, %v: tensor<1x1x512x20xbf16>, %ids: tensor<512xi32>, %init: tensor<1x1x512x20xbf16>) -> tensor<1x1x512x20xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x512x20xbf16>, tensor<1x1x512x20xbf16>, tensor<1x1x512x20xbf16>)
      outs(%init : tensor<1x1x512x20xbf16>)
      mask(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<512xi32>, %ids at affine_map<(b, h, i, j) -> (j)> : tensor<512xi32>) {
      ^bb0(%mine: i32, %other: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %mine, %other : i32
        attn.yield %same : i1
      } -> tensor<1x1x512x20xbf16>
  return %o : tensor<1x1x512x20xbf16>
}
