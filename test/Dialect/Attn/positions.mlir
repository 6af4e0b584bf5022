// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @scalings
func.func @scalings(%x: tensor<1x4x8x32xf32>, %len: index) {
  // CHECK: attn.rope ins(%{{[^ ]+}} : tensor<1x4x8x32xf32>) outs(%{{[^ ]+}} : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  %0 = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  // CHECK: pairs(interleaved) outs({{.*}} {rotary = 16 : i64, scaling = #attn.rope_linear<4.000000e+00>}
  %1 = attn.rope ins(%x : tensor<1x4x8x32xf32>) pairs(interleaved) outs(%x : tensor<1x4x8x32xf32>)
    {rotary = 16 : i64, scaling = #attn.rope_linear<4.0>} -> tensor<1x4x8x32xf32>
  // CHECK: {scaling = #attn.rope_ntk<4.000000e+00>}
  %2 = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>)
    {scaling = #attn.rope_ntk<4.0>} -> tensor<1x4x8x32xf32>
  // CHECK: length(%{{[^ ]+}}) {{.*}} {scaling = #attn.rope_dynamic_ntk<4.000000e+00, 4096>}
  %3 = attn.rope ins(%x : tensor<1x4x8x32xf32>) length(%len) outs(%x : tensor<1x4x8x32xf32>)
    {scaling = #attn.rope_dynamic_ntk<4.0, 4096>} -> tensor<1x4x8x32xf32>
  // CHECK: {scaling = #attn.rope_yarn<1.600000e+01, 4096>}
  %4 = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>)
    {scaling = #attn.rope_yarn<16.0, 4096>} -> tensor<1x4x8x32xf32>
  // CHECK: #attn.rope_yarn<4.000000e+01, 4096, beta_slow = 2.000000e+00, mscale = 7.070000e-01>
  %5 = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>)
    {scaling = #attn.rope_yarn<40.0, 4096, mscale = 0.707, beta_slow = 2.0, beta_fast = 32.0>} -> tensor<1x4x8x32xf32>
  // CHECK: #attn.rope_llama3<8.000000e+00, 1.000000e+00, 4.000000e+00, 8192>
  %6 = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>)
    {scaling = #attn.rope_llama3<8.0, 1.0, 4.0, 8192>} -> tensor<1x4x8x32xf32>
  // CHECK: #attn.rope_long<3.200000e+01, 4096, short = {{.*}}1.000000e+00, 1.500000e+00{{.*}}, long = {{.*}}2.000000e+00, 3.000000e+00{{.*}}, kept = 4>
  %7 = attn.rope ins(%x : tensor<1x4x8x32xf32>) length(%len) outs(%x : tensor<1x4x8x32xf32>)
    {rotary = 4 : i64, scaling = #attn.rope_long<32.0, 4096, short = [1.0, 1.5], long = [2.0, 3.0], kept = 4>} -> tensor<1x4x8x32xf32>
  return
}

// CHECK-LABEL: func.func @operands
func.func @operands(%x: memref<?x4x32xbf16>, %p: memref<1x?xi64>, %cos: memref<?x16xf32>, %f: memref<2x16xf64>) {
  // CHECK: attn.rope ins(%{{[^ ]+}} : memref<?x4x32xbf16>) layout(thd) positions(%{{[^ ]+}} : memref<1x?xi64>) tables(%{{[^ ]+}}, %{{[^ ]+}} : memref<?x16xf32>, memref<?x16xf32>) outs(
  attn.rope ins(%x : memref<?x4x32xbf16>) layout(thd) positions(%p : memref<1x?xi64>) tables(%cos, %cos : memref<?x16xf32>, memref<?x16xf32>) outs(%x : memref<?x4x32xbf16>)
  // CHECK: frequencies(%{{[^ ]+}} : memref<2x16xf64>) outs(%{{[^ ]+}} : memref<?x4x32xbf16>) {kept = 4 : i64, magnitude = 1.200000e+00 : f64}
  attn.rope ins(%x : memref<?x4x32xbf16>) layout(thd) positions(%p : memref<1x?xi64>) frequencies(%f : memref<2x16xf64>) outs(%x : memref<?x4x32xbf16>)
    {kept = 4 : i64, magnitude = 1.2 : f64}
  return
}

// CHECK-LABEL: func.func @tables
func.func @tables(%t: tensor<?x8xf32>, %o: index) -> tensor<5xf64> {
  // CHECK: attn.sinusoidal offset(%{{[^ ]+}}) outs(%{{[^ ]+}} : tensor<?x8xf32>) {base = 1.000000e+02 : f64} -> tensor<?x8xf32>
  %0 = attn.sinusoidal offset(%o) outs(%t : tensor<?x8xf32>) {base = 100.0 : f64} -> tensor<?x8xf32>
  // CHECK: attn.alibi_slopes : tensor<5xf64>
  %1 = attn.alibi_slopes : tensor<5xf64>
  return %1 : tensor<5xf64>
}
