// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --attn-gpu-outline-kernels --attn-gpu-lower-kernels=target=sm_90 | FileCheck %s

// Lists of tiles: the producer reads which keys come, one ahead of their use.
// Values that no row sees are looked for in partial steps alone, and who asks
// reads what the mask reads.
// CHECK: warpgroup.roles
// CHECK: warpgroup.acquire
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
// CHECK: } consumer {
// CHECK: warpgroup.mma {{.*}} transposed
// CHECK: scf.if
// CHECK: warpgroup.elements
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
// CHECK: warpgroup.cut
// CHECK: scf.if
// CHECK: warpgroup.clear_hidden
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
func.func @lists(%q: tensor<1x1x512x64xbf16>, %k: tensor<1x1x512x64xbf16>, %v: tensor<1x1x512x64xbf16>, %ids: tensor<512xi32>, %init: tensor<1x1x512x64xbf16>) -> tensor<1x1x512x64xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x512x64xbf16>, tensor<1x1x512x64xbf16>, tensor<1x1x512x64xbf16>)
      outs(%init : tensor<1x1x512x64xbf16>)
      mask(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<512xi32>, %ids at affine_map<(b, h, i, j) -> (j)> : tensor<512xi32>) {
      ^bb0(%mine: i32, %other: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %mine, %other : i32
        attn.yield %same : i1
      } -> tensor<1x1x512x64xbf16>
  return %o : tensor<1x1x512x64xbf16>
}

// -----

// Remainders are no ranges of keys either. A causal mask is, and what lies
// behind its keys is cleared by number.
// CHECK-LABEL: llvm.func @holes_0(
// CHECK: warpgroup.clear_hidden
func.func @holes(%q: tensor<1x1x128x64xbf16>, %k: tensor<1x1x128x64xbf16>, %v: tensor<1x1x128x64xbf16>, %init: tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>)
      outs(%init : tensor<1x1x128x64xbf16>) mask(#attn.set<affine_map<(b, h, q, k) -> (k mod 3 - 1)>>) -> tensor<1x1x128x64xbf16>
  return %o : tensor<1x1x128x64xbf16>
}

// -----

// CHECK-LABEL: llvm.func @causal_0(
// CHECK-NOT: clear_hidden
// CHECK: warpgroup.clear_rows
// CHECK-NOT: clear_hidden
// CHECK: gpu.launch_func
func.func @causal(%q: tensor<1x1x128x64xbf16>, %k: tensor<1x1x128x64xbf16>, %v: tensor<1x1x128x64xbf16>, %init: tensor<1x1x128x64xbf16>) -> tensor<1x1x128x64xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>, tensor<1x1x128x64xbf16>)
      outs(%init : tensor<1x1x128x64xbf16>) mask(#attn.causal) -> tensor<1x1x128x64xbf16>
  return %o : tensor<1x1x128x64xbf16>
}
