// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --attn-gpu-outline-kernels --attn-gpu-lower-kernels=target=sm_90 -o %t
// RUN: FileCheck %s < %t
// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --remarks-filter=attn-tile-attention 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Lengths are on the device: the grid has a place for each 128 tokens and one
// more a sequence, and the producer looks for the sequence of a place. Rows at
// the end of a sequence are followed by those of the next one, so a tile that
// is not full writes its rows from registers.
// CHECK-LABEL: llvm.func @ragged_0
// CHECK: warpgroup.roles {{.*}} producer {
// CHECK: scf.while
// CHECK: scf.while {{.*}} : (index, index) -> (index, index)
// CHECK: llvm.load {{.*}} invariant
// CHECK: warpgroup.load
// CHECK: } consumer {
// CHECK: scf.if
// CHECK: warpgroup.store
// CHECK: } else {
// CHECK: warpgroup.write_rows {{.*}} columns 128 {{.*}} as bf16
// CHECK-LABEL: func.func @ragged
// CHECK: %[[T:.*]] = memref.dim %arg0
// CHECK: arith.divui %[[T]], %c128
// CHECK: warpgroup.tensor_map {{.*}} order [2, 0, 1] box [64, 128, 1] : memref<?x16x128xbf16>
// REMARK: prefill: 128 rows x 128 keys; 2 warpgroups
func.func @ragged(%q: tensor<?x16x128xbf16>, %k: tensor<?x4x128xbf16>, %v: tensor<?x4x128xbf16>, %cq: tensor<?xi32>, %ck: tensor<?xi32>, %o: tensor<?x16x128xbf16>) -> tensor<?x16x128xbf16> {
  %r = attn.attention ins(%q, %k, %v : tensor<?x16x128xbf16>, tensor<?x4x128xbf16>, tensor<?x4x128xbf16>)
      layout(thd) cu_seqlens(%cq, %ck : tensor<?xi32>, tensor<?xi32>)
      outs(%o : tensor<?x16x128xbf16>) mask(#attn.causal) -> tensor<?x16x128xbf16>
  return %r : tensor<?x16x128xbf16>
}

// -----

// A class of residues: each third row, in boxes that span no more than 256 of
// them. Results leave as rows.
// CHECK-LABEL: llvm.func @dilated_0
// CHECK: warpgroup.load {{.*}} panel 0 rows [0, 64]
// CHECK: warpgroup.load {{.*}} panel 0 rows [64, 64]
// CHECK-NOT: warpgroup.store
// CHECK: warpgroup.write_rows
// CHECK-NOT: warpgroup.store
// CHECK-LABEL: func.func @dilated
// CHECK: warpgroup.tensor_map %arg0 order [3, 1, 2, 0] box [64, 64, 1, 1] steps [1, 3, 1, 1]
// REMARK: prefill: 192 rows x 128 keys; 3 warpgroups
func.func @dilated(%q: tensor<2x4096x4x64xbf16>, %k: tensor<2x4096x4x64xbf16>, %v: tensor<2x4096x4x64xbf16>, %o: tensor<2x4096x4x64xbf16>) -> tensor<2x4096x4x64xbf16> {
  %r = attn.attention ins(%q, %k, %v : tensor<2x4096x4x64xbf16>, tensor<2x4096x4x64xbf16>, tensor<2x4096x4x64xbf16>)
      layout(bshd) outs(%o : tensor<2x4096x4x64xbf16>) mask(#attn.and<#attn.window<500, 500>, #attn.dilated<3>>) -> tensor<2x4096x4x64xbf16>
  return %r : tensor<2x4096x4x64xbf16>
}

// -----

// Rows of a view that lie apart, and results of another type.
// CHECK-LABEL: llvm.func @view_0
// CHECK: warpgroup.write_rows {{.*}} as f32
// CHECK-LABEL: func.func @view
// CHECK: warpgroup.tensor_map %arg1 order [3, 2, 1, 0] box [64, 32, 1, 1] steps [1, 8, 1, 1]
func.func @view(%q: tensor<2x4x1024x128xbf16>, %kv: tensor<2x4x8192x256xbf16>, %o: tensor<2x4x1024x128xf32>) -> tensor<2x4x1024x128xf32> {
  %k = tensor.extract_slice %kv[0, 0, 5, 0] [2, 4, 1000, 128] [1, 1, 8, 1] : tensor<2x4x8192x256xbf16> to tensor<2x4x1000x128xbf16>
  %v = tensor.extract_slice %kv[0, 0, 5, 128] [2, 4, 1000, 128] [1, 1, 8, 1] : tensor<2x4x8192x256xbf16> to tensor<2x4x1000x128xbf16>
  %r = attn.attention ins(%q, %k, %v : tensor<2x4x1024x128xbf16>, tensor<2x4x1000x128xbf16>, tensor<2x4x1000x128xbf16>)
      outs(%o : tensor<2x4x1024x128xf32>) -> tensor<2x4x1024x128xf32>
  return %r : tensor<2x4x1024x128xf32>
}

// -----

// What warpgroups can not have is said where tiles are chosen.
// CHECK-LABEL: llvm.func @far_0
// CHECK-NOT: warpgroup.roles
// REMARK: not on warpgroups: rows of a residue class lie more than 8 apart
func.func @far(%q: tensor<2x4x4096x64xbf16>, %o: tensor<2x4x4096x64xbf16>) -> tensor<2x4x4096x64xbf16> {
  %r = attn.attention ins(%q, %q, %q : tensor<2x4x4096x64xbf16>, tensor<2x4x4096x64xbf16>, tensor<2x4x4096x64xbf16>)
      outs(%o : tensor<2x4x4096x64xbf16>) mask(#attn.dilated<16>) -> tensor<2x4x4096x64xbf16>
  return %r : tensor<2x4x4096x64xbf16>
}
