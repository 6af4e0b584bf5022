// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @ssd
func.func @ssd(%x: tensor<2x?x4x16xbf16>, %dt: tensor<2x?x4xf32>, %a: tensor<4xf32>, %b: tensor<2x?x2x32xbf16>, %d: tensor<4x16xf32>, %ids: tensor<2x?xi32>,
    %s: tensor<2x4x16x32xf32>) {
  // CHECK: attn.ssd ins({{.*}}) outs(%{{[^ ]+}} : tensor<2x?x4x16xbf16>) -> tensor<2x?x4x16xbf16>
  %0 = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<2x?x4x16xbf16>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x32xbf16>, tensor<2x?x2x32xbf16>)
    outs(%x : tensor<2x?x4x16xbf16>) -> tensor<2x?x4x16xbf16>
  // CHECK: attn.ssd ins({{.*}}) dt_bias({{.*}}) skip({{.*}} : tensor<4x16xf32>) gate({{.*}}) seq_ids({{.*}}) outs({{.*}}) {dt_limit = array<f64: 1.000000e-03, 1.000000e-01>, exact, softplus}
  %1:2 = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<2x?x4x16xbf16>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x32xbf16>, tensor<2x?x2x32xbf16>)
    dt_bias(%a : tensor<4xf32>) skip(%d : tensor<4x16xf32>) gate(%x : tensor<2x?x4x16xbf16>) seq_ids(%ids : tensor<2x?xi32>)
    outs(%x, %s : tensor<2x?x4x16xbf16>, tensor<2x4x16x32xf32>) {softplus, exact, dt_limit = array<f64: 0.001, 0.1>} -> tensor<2x?x4x16xbf16>, tensor<2x4x16x32xf32>
  return
}

// CHECK-LABEL: func.func @ragged
func.func @ragged(%x: memref<?x4x16xf32>, %dt: memref<?x4xf32>, %a: memref<4xf32>, %b: memref<?x1x32xf32>, %cu: memref<3xi32>, %s: memref<2x4x16x32xf32>) {
  // CHECK: attn.ssd ins({{.*}}) layout(thd) cu_seqlens({{.*}} : memref<3xi32>) outs({{.*}}) {chunk = 32 : i64}
  attn.ssd ins(%x, %dt, %a, %b, %b : memref<?x4x16xf32>, memref<?x4xf32>, memref<4xf32>, memref<?x1x32xf32>, memref<?x1x32xf32>) layout(thd)
    cu_seqlens(%cu : memref<3xi32>) outs(%x, %s : memref<?x4x16xf32>, memref<2x4x16x32xf32>) {chunk = 32 : i64}
  return
}

// CHECK-LABEL: func.func @linear
func.func @linear(%q: tensor<2x2x?x32xf32>, %v: tensor<2x4x?x16xf32>, %g: tensor<2x4x?x32xf32>, %h: tensor<4xf32>, %beta: tensor<2x4x?xf32>, %w: tensor<64x32xf32>,
    %s: tensor<2x4x64x16xf32>, %n: tensor<2x4x64xf32>, %m: tensor<2x4xf32>) {
  // CHECK: decay({{.*}} : tensor<2x4x?x32xf32>) beta({{.*}}) outs
  %0 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x32xf32>, tensor<2x2x?x32xf32>, tensor<2x4x?x16xf32>) decay(%g : tensor<2x4x?x32xf32>)
    beta(%beta : tensor<2x4x?xf32>) outs(%v : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  // CHECK: decay({{.*}} : tensor<4xf32>) outs({{.*}}) {elu1, epsilon = 1.000000e-03 : f64, normalized}
  %1 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x32xf32>, tensor<2x2x?x32xf32>, tensor<2x4x?x16xf32>) decay(%h : tensor<4xf32>)
    outs(%v : tensor<2x4x?x16xf32>) {elu1, normalized, epsilon = 1.0e-03 : f64} -> tensor<2x4x?x16xf32>
  // CHECK: favor({{.*}} : tensor<64x32xf32>) outs({{.*}}) {normalized}
  %2:4 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x32xf32>, tensor<2x2x?x32xf32>, tensor<2x4x?x16xf32>) favor(%w : tensor<64x32xf32>)
    outs(%v, %s, %n, %m : tensor<2x4x?x16xf32>, tensor<2x4x64x16xf32>, tensor<2x4x64xf32>, tensor<2x4xf32>) {normalized}
    -> tensor<2x4x?x16xf32>, tensor<2x4x64x16xf32>, tensor<2x4x64xf32>, tensor<2x4xf32>
  return
}

// CHECK-LABEL: func.func @scans
func.func @scans(%u: tensor<?x32xf32>, %a: tensor<32x8x2xf32>, %d: tensor<32xf32>, %cu: tensor<4xi32>, %s: tensor<3x32x8x2xf32>, %x: tensor<2x32xf32>, %a1: tensor<32x8xf32>,
    %b1: tensor<2x1x8xf32>, %s1: tensor<?x32x8xf32>, %slots: tensor<2xi32>) {
  // CHECK: attn.ssm_scan ins({{.*}}) cu_seqlens({{.*}}) outs({{.*}}) {complex, zoh}
  %0:2 = attn.ssm_scan ins(%u, %d, %a, %a, %a : tensor<?x32xf32>, tensor<32xf32>, tensor<32x8x2xf32>, tensor<32x8x2xf32>, tensor<32x8x2xf32>)
    cu_seqlens(%cu : tensor<4xi32>) outs(%u, %s : tensor<?x32xf32>, tensor<3x32x8x2xf32>) {zoh, complex} -> tensor<?x32xf32>, tensor<3x32x8x2xf32>
  // CHECK: attn.ssm_step ins({{.*}}) dt_bias({{.*}}) slots({{.*}}) outs({{.*}}) {softplus}
  %1:2 = attn.ssm_step ins(%x, %x, %a1, %b1, %b1 : tensor<2x32xf32>, tensor<2x32xf32>, tensor<32x8xf32>, tensor<2x1x8xf32>, tensor<2x1x8xf32>)
    dt_bias(%d : tensor<32xf32>) slots(%slots : tensor<2xi32>) outs(%x, %s1 : tensor<2x32xf32>, tensor<?x32x8xf32>) {softplus} -> tensor<2x32xf32>, tensor<?x32x8xf32>
  return
}

// CHECK-LABEL: func.func @level2
func.func @level2(%k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %g: tensor<?xf32>, %r: tensor<32x16xf32>, %p: tensor<64x64xf32>) {
  // CHECK: attn.scan_chunk ins({{.*}}) decay({{.*}}) outs({{.*}}) chunked {max_tokens = 64 : i64}
  %0:2 = attn.scan_chunk ins(%k, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) decay(%g : tensor<?xf32>)
    outs(%v, %r : tensor<?x16xf32>, tensor<32x16xf32>) chunked {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  // CHECK: attn.scan_chunk ins({{.*}}) decay({{.*}}) rates({{.*}}) outs({{.*}}) sequential {max_tokens = 1 : i64}
  %1:2 = attn.scan_chunk ins(%k, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) decay(%v : tensor<?x16xf32>) rates(%r : tensor<32x16xf32>)
    outs(%v, %r : tensor<?x16xf32>, tensor<32x16xf32>) sequential {max_tokens = 1 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  // CHECK: attn.scan_chunk ins({{.*}}) factors({{.*}}) keep({{.*}}) outs({{.*}}) sequential {complex, max_tokens = 8 : i64}
  %2:2 = attn.scan_chunk ins(%k, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) factors(%r : tensor<32x16xf32>) keep(%g : tensor<?xf32>)
    outs(%v, %r : tensor<?x16xf32>, tensor<32x16xf32>) sequential {max_tokens = 8 : i64, complex} -> tensor<?x16xf32>, tensor<32x16xf32>
  // CHECK: attn.pair_products ins({{.*}}) outs({{.*}}) -> tensor<64x64xf32>
  %3 = attn.pair_products ins(%k, %k : tensor<?x32xf32>, tensor<?x32xf32>) outs(%p : tensor<64x64xf32>) -> tensor<64x64xf32>
  // CHECK: attn.scan_chunk ins({{.*}}) pairs({{.*}}) outs({{.*}}) chunked {max_tokens = 64 : i64}
  %4:2 = attn.scan_chunk ins(%k, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) pairs(%3 : tensor<64x64xf32>)
    outs(%v, %r : tensor<?x16xf32>, tensor<32x16xf32>) chunked {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  return
}

// CHECK-LABEL: func.func @long_convolutions
func.func @long_convolutions(%u: memref<2x?x32xf32>, %d: memref<32xf32>, %a: memref<32x8xf32>, %k: memref<32x?xf32>, %x: tensor<2x?x4x16xbf16>, %e: tensor<4x?x8xf32>, %o: tensor<2x8x4x16xbf16>) {
  // CHECK: attn.s4_kernel ins({{.*}}) outs({{.*}} : memref<32x?xf32>){{$}}
  attn.s4_kernel ins(%d, %a, %a, %a : memref<32xf32>, memref<32x8xf32>, memref<32x8xf32>, memref<32x8xf32>) outs(%k : memref<32x?xf32>)
  // CHECK: attn.fft_conv ins({{.*}}) outs({{.*}} : memref<2x?x32xf32>){{$}}
  attn.fft_conv ins(%u, %k : memref<2x?x32xf32>, memref<32x?xf32>) outs(%u : memref<2x?x32xf32>)
  // CHECK: attn.linformer_project ins({{.*}}) layout(bshd) outs
  %0 = attn.linformer_project ins(%x, %e : tensor<2x?x4x16xbf16>, tensor<4x?x8xf32>) layout(bshd) outs(%o : tensor<2x8x4x16xbf16>) -> tensor<2x8x4x16xbf16>
  return
}
