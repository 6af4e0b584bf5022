// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @append
func.func @append(%k: memref<?x2x32xf32>, %v: memref<?x2x16xf32>, %s: memref<?xi64>, %p: memref<1x?xi32>, %f: memref<2x8xf64>, %kp: memref<?x5x2x32xf16>, %vp: memref<?x5x2x16xf16>) {
  // CHECK: attn.kv_append ins(%{{[^ ]+}}, %{{[^ ]+}} : memref<?x2x32xf32>, memref<?x2x16xf32>) slots(%{{[^ ]+}} : memref<?xi64>) outs(%{{[^ ]+}}, %{{[^ ]+}} : memref<?x5x2x32xf16>, memref<?x5x2x16xf16>, nhd)
  attn.kv_append ins(%k, %v : memref<?x2x32xf32>, memref<?x2x16xf32>) slots(%s : memref<?xi64>) outs(%kp, %vp : memref<?x5x2x32xf16>, memref<?x5x2x16xf16>, nhd)
  // CHECK: slots({{.*}}) rope(%{{[^ ]+}} : memref<1x?xi32>) frequencies(%{{[^ ]+}} : memref<2x8xf64>) pairs(interleaved) outs({{.*}}, nhd) {kept = 4 : i64, magnitude = 1.200000e+00 : f64, rotary = 16 : i64}
  attn.kv_append ins(%k, %v : memref<?x2x32xf32>, memref<?x2x16xf32>) slots(%s : memref<?xi64>) rope(%p : memref<1x?xi32>)
    frequencies(%f : memref<2x8xf64>) pairs(interleaved) outs(%kp, %vp : memref<?x5x2x32xf16>, memref<?x5x2x16xf16>, nhd)
    {kept = 4 : i64, magnitude = 1.2 : f64, rotary = 16 : i64}
  return
}

// CHECK-LABEL: func.func @gather
func.func @gather(%p: tensor<?x2x5x20xf16>, %t: tensor<3x?xi32>, %l: tensor<3xi32>, %o: tensor<3x17x2x20xf16>) -> tensor<3x17x2x20xf16> {
  // CHECK: attn.kv_gather ins(%{{[^ ]+}} : tensor<?x2x5x20xf16>) layout(bshd) pages(%{{[^ ]+}} : tensor<3x?xi32>) kv_lens(%{{[^ ]+}} : tensor<3xi32>) outs(%{{[^ ]+}} : tensor<3x17x2x20xf16>) -> tensor<3x17x2x20xf16>
  %d = attn.kv_gather ins(%p : tensor<?x2x5x20xf16>) layout(bshd) pages(%t : tensor<3x?xi32>) kv_lens(%l : tensor<3xi32>) outs(%o : tensor<3x17x2x20xf16>) -> tensor<3x17x2x20xf16>
  return %d : tensor<3x17x2x20xf16>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: memref<3x8x1x64xf32>, %t: memref<3x?xi32>, %l: memref<3xi32>, %pool: memref<?x16x2x64xf32>, %r: memref<?x8x64xf32>, %c: memref<4xi32>) {
  // CHECK: kv_lens(%{{[^ ]+}} : memref<3xi32>) pages(%{{[^ ]+}} : memref<3x?xi32>, nhd) outs(
  attn.attention ins(%q, %pool, %pool : memref<3x8x1x64xf32>, memref<?x16x2x64xf32>, memref<?x16x2x64xf32>) kv_lens(%l : memref<3xi32>)
    pages(%t : memref<3x?xi32>, nhd) outs(%q : memref<3x8x1x64xf32>)
  // CHECK: layout(thd) kv_lens(%{{[^ ]+}} : memref<3xi32>) cu_seqlens(%{{[^ ]+}} : memref<4xi32>) pages(
  attn.attention ins(%r, %pool, %pool : memref<?x8x64xf32>, memref<?x16x2x64xf32>, memref<?x16x2x64xf32>) layout(thd) kv_lens(%l : memref<3xi32>)
    cu_seqlens(%c : memref<4xi32>) pages(%t : memref<3x?xi32>, nhd) outs(%r : memref<?x8x64xf32>)
  return
}

// CHECK-LABEL: func.func @quantize
func.func @quantize(%x: memref<?x2x64xf32>, %c: memref<?x2x32xi8>, %f: memref<?x2x64xf8E4M3FN>, %s: memref<?x2x2xf32>, %h: memref<2xf16>) {
  // CHECK: attn.kv_quantize ins(%{{[^ ]+}} : memref<?x2x64xf32>) packed(int4) at #map{{[0-9]*}} outs(%{{[^ ]+}}, %{{[^ ]+}}, %{{[^ ]+}} : memref<?x2x32xi8>, memref<?x2x2xf32>, memref<?x2x2xf32>)
  attn.kv_quantize ins(%x : memref<?x2x64xf32>) packed(int4) at affine_map<(t, h, d) -> (t, h, d floordiv 32)> outs(%c, %s, %s : memref<?x2x32xi8>, memref<?x2x2xf32>, memref<?x2x2xf32>)
  // CHECK: attn.kv_quantize ins(%{{[^ ]+}} : memref<?x2x64xf32>) scale(%{{[^ ]+}} : memref<2xf16>) at #map{{[0-9]*}} outs(%{{[^ ]+}} : memref<?x2x64xf8E4M3FN>)
  attn.kv_quantize ins(%x : memref<?x2x64xf32>) scale(%h : memref<2xf16>) at affine_map<(t, h, d) -> (h)> outs(%f : memref<?x2x64xf8E4M3FN>)
  return
}

// CHECK-LABEL: func.func @dequantize
func.func @dequantize(%c: memref<?x32xi8>, %q: memref<?x68xi8>, %s: memref<9x2xf32>, %at: index, %o: memref<?x64xbf16>) {
  // CHECK: attn.kv_dequantize ins(%{{[^ ]+}} : memref<?x32xi8>) packed(int4) scale(%{{[^ ]+}} : memref<9x2xf32>) zero(%{{[^ ]+}} : memref<9x2xf32>) at #map{{[0-9]*}}[%{{[^ ]+}}] outs(%{{[^ ]+}} : memref<?x64xbf16>)
  attn.kv_dequantize ins(%c : memref<?x32xi8>) packed(int4) scale(%s : memref<9x2xf32>) zero(%s : memref<9x2xf32>) at affine_map<(n, d)[first] -> (n + first, d floordiv 32)> [%at] outs(%o : memref<?x64xbf16>)
  // CHECK: attn.kv_dequantize ins(%{{[^ ]+}} : memref<?x68xi8>) packed(q8_0) outs(%{{[^ ]+}} : memref<?x64xbf16>)
  attn.kv_dequantize ins(%q : memref<?x68xi8>) packed(q8_0) outs(%o : memref<?x64xbf16>)
  return
}

// CHECK-LABEL: func.func @evict
func.func @evict(%q: memref<3x8x5x64xbf16>, %k: memref<3x2x?x64xbf16>, %lse: memref<3x8x5xf32>, %l: memref<3xi32>, %s: memref<3x2x?xf32>, %c: memref<3x2x9xi32>, %n: memref<3x2xi32>) {
  // CHECK: attn.kv_score ins(%{{[^ ]+}}, %{{[^ ]+}} : memref<3x8x5x64xbf16>, memref<3x2x?x64xbf16>) lse(%{{[^ ]+}} : memref<3x8x5xf32>) kv_lens(%{{[^ ]+}} : memref<3xi32>) outs(%{{[^ ]+}} : memref<3x2x?xf32>) {power = 2 : i64, queries = 3 : i64}
  attn.kv_score ins(%q, %k : memref<3x8x5x64xbf16>, memref<3x2x?x64xbf16>) lse(%lse : memref<3x8x5xf32>) kv_lens(%l : memref<3xi32>) outs(%s : memref<3x2x?xf32>) {power = 2 : i64, queries = 3 : i64}
  // CHECK: attn.kv_evict scores(%{{[^ ]+}} : memref<3x2x?xf32>) kv_lens(%{{[^ ]+}} : memref<3xi32>) outs(%{{[^ ]+}}, %{{[^ ]+}} : memref<3x2x9xi32>, memref<3x2xi32>) {budget = 7 : i64, max_pool, pool = 7 : i64, recent = 4 : i64, shared}
  attn.kv_evict scores(%s : memref<3x2x?xf32>) kv_lens(%l : memref<3xi32>) outs(%c, %n : memref<3x2x9xi32>, memref<3x2xi32>) {budget = 7 : i64, max_pool, pool = 7 : i64, recent = 4 : i64, shared}
  // CHECK: attn.kv_evict kv_lens(%{{[^ ]+}} : memref<3xi32>) outs(
  attn.kv_evict kv_lens(%l : memref<3xi32>) outs(%c, %n : memref<3x2x9xi32>, memref<3x2xi32>) {sinks = 4 : i64, recent = 5 : i64}
  return
}

// CHECK-LABEL: func.func @page_lists
func.func @page_lists(%l: tensor<?xi32>, %s: tensor<?xi32>, %c: index) -> tensor<?x?xi32> {
  // CHECK: attn.page_tables ins(%{{[^ ]+}} : tensor<?xi32>) starts(%{{[^ ]+}} : tensor<?xi32>) columns(%{{[^ ]+}}) -> tensor<?x?xi32>
  %t = attn.page_tables ins(%l : tensor<?xi32>) starts(%s : tensor<?xi32>) columns(%c) -> tensor<?x?xi32>
  return %t : tensor<?x?xi32>
}
