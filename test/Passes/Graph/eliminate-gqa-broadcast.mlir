// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-eliminate-gqa-broadcast,canonicalize))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-eliminate-gqa-broadcast))' --remarks-filter=attn-eliminate-gqa-broadcast 2>&1 | FileCheck %s --check-prefix=REMARK

#in = affine_map<(b, h, g, s, d) -> (b, h, s, d)>
#out = affine_map<(b, h, g, s, d) -> (b, h, g, s, d)>
!q = tensor<1x8x16x32xf32>
!k = tensor<1x2x16x32xf32>

// CHECK-LABEL: func.func @generic
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[V:[a-z0-9]+]]: tensor<1x2x16x32xf32>
// CHECK-NOT: linalg
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[V]] : tensor<1x8x16x32xf32>, tensor<1x2x16x32xf32>, tensor<1x2x16x32xf32>)
func.func @generic(%q: !q, %k: !k, %v: !k, %init: !q) -> !q {
  %e = tensor.empty() : tensor<1x2x4x16x32xf32>
  %kb = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%k : !k) outs(%e : tensor<1x2x4x16x32xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<1x2x4x16x32xf32>
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x2x4x16x32xf32> into !q
  %vb = linalg.broadcast ins(%v : !k) outs(%e : tensor<1x2x4x16x32xf32>) dimensions = [2]
  %vr = tensor.collapse_shape %vb [[0], [1, 2], [3], [4]] : tensor<1x2x4x16x32xf32> into !q
  %o = attn.attention ins(%q, %kr, %vr : !q, !q, !q) outs(%init : !q) mask(#attn.causal) -> !q
  return %o : !q
}

// -----

!q = tensor<1x?x8x32xf32>
!k = tensor<1x?x2x32xf32>

// CHECK-LABEL: func.func @bshd
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x?x8x32xf32>, %[[K:[a-z0-9]+]]: tensor<1x?x2x32xf32>,
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[K]] : {{.*}} layout(bshd)
func.func @bshd(%q: !q, %k: !k, %init: !q, %n: index) -> !q {
  %e = tensor.empty(%n) : tensor<1x?x2x4x32xf32>
  %kb = linalg.broadcast ins(%k : !k) outs(%e : tensor<1x?x2x4x32xf32>) dimensions = [3]
  %kr = tensor.collapse_shape %kb [[0], [1], [2, 3], [4]] : tensor<1x?x2x4x32xf32> into !q
  %o = attn.attention ins(%q, %kr, %kr : !q, !q, !q) layout(bshd) outs(%init : !q) -> !q
  return %o : !q
}

// -----

#in = affine_map<(b, h, s, d) -> (b, h floordiv 4, s, d)>
#out = affine_map<(b, h, s, d) -> (b, h, s, d)>
!q = tensor<1x8x16x32xf32>
!k = tensor<1x2x16x32xf32>

// v is a slice of the repeated k, and becomes the slice of k.
// CHECK-LABEL: func.func @floordiv
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x8x16x32xf32>, %[[K:[a-z0-9]+]]: tensor<1x2x16x32xf32>,
// CHECK: %[[V:.*]] = tensor.extract_slice %[[K]][0, 0, 0, 0] [1, 2, 16, 24] [1, 1, 1, 1]
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[V]] :
func.func @floordiv(%q: !q, %k: !k, %e: !q, %init: tensor<1x8x16x24xf32>) -> tensor<1x8x16x24xf32> {
  %kr = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%k : !k) outs(%e : !q) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> !q
  %vr = tensor.extract_slice %kr[0, 0, 0, 0] [1, 8, 16, 24] [1, 1, 1, 1] : !q to tensor<1x8x16x24xf32>
  %o = attn.attention ins(%q, %kr, %vr : !q, !q, tensor<1x8x16x24xf32>) outs(%init : tensor<1x8x16x24xf32>) -> tensor<1x8x16x24xf32>
  return %o : tensor<1x8x16x24xf32>
}

// -----

#in = affine_map<(b, h, g, s, d) -> (b, h, 0, s, d)>
#out = affine_map<(b, h, g, s, d) -> (b, h, g, s, d)>
!q = tensor<1x8x?x32xbf16>
!k = tensor<1x2x?x32xbf16>

// repeat_kv: unsqueeze, expand, reshape. The keys come with their unit dimension
// from elsewhere.
// CHECK-LABEL: func.func @repeat_kv
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x8x?x32xbf16>, %[[K:[a-z0-9]+]]: tensor<1x2x1x?x32xbf16>, %[[V:[a-z0-9]+]]: tensor<1x2x?x32xbf16>,
// CHECK: %[[KC:.*]] = tensor.collapse_shape %[[K]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: attn.attention ins(%[[Q]], %[[KC]], %[[V]] : tensor<1x8x?x32xbf16>, tensor<1x2x?x32xbf16>, tensor<1x2x?x32xbf16>)
func.func @repeat_kv(%q: !q, %k: tensor<1x2x1x?x32xbf16>, %v: !k, %init: !q, %n: index) -> !q {
  %e = tensor.empty(%n) : tensor<1x2x4x?x32xbf16>
  %kb = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%k : tensor<1x2x1x?x32xbf16>) outs(%e : tensor<1x2x4x?x32xbf16>) {
  ^bb0(%x: bf16, %o: bf16):
    linalg.yield %x : bf16
  } -> tensor<1x2x4x?x32xbf16>
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x2x4x?x32xbf16> into !q
  %v1 = tensor.expand_shape %v [[0], [1, 2], [3], [4]] output_shape [1, 2, 1, %n, 32] : !k into tensor<1x2x1x?x32xbf16>
  %vb = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel"]} ins(%v1 : tensor<1x2x1x?x32xbf16>) outs(%e : tensor<1x2x4x?x32xbf16>) {
  ^bb0(%x: bf16, %o: bf16):
    linalg.yield %x : bf16
  } -> tensor<1x2x4x?x32xbf16>
  %vr = tensor.collapse_shape %vb [[0], [1, 2], [3], [4]] : tensor<1x2x4x?x32xbf16> into !q
  %o = attn.attention ins(%q, %kr, %vr : !q, !q, !q) outs(%init : !q) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x16x32xf32>
!k = tensor<1x2x16x32xf32>

// Head h of this repeat is head h mod 2: other queries share a head, so nothing
// may change.
// CHECK-LABEL: func.func @tile_order
// CHECK: linalg.broadcast
// CHECK: %[[KR:.*]] = tensor.collapse_shape
// CHECK: attn.attention ins(%{{.*}}, %[[KR]], %[[KR]] :
func.func @tile_order(%q: !q, %k: !k, %init: !q) -> !q {
  %e = tensor.empty() : tensor<1x4x2x16x32xf32>
  %kb = linalg.broadcast ins(%k : !k) outs(%e : tensor<1x4x2x16x32xf32>) dimensions = [1]
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x4x2x16x32xf32> into !q
  %o = attn.attention ins(%q, %kr, %kr : !q, !q, !q) outs(%init : !q) -> !q
  return %o : !q
}

// -----

#in = affine_map<(b, h, s, d) -> (b, h mod 2, s, d)>
#out = affine_map<(b, h, s, d) -> (b, h, s, d)>
!q = tensor<1x8x16x32xf32>
!k = tensor<1x2x16x32xf32>

// CHECK-LABEL: func.func @mod
// CHECK: %[[KR:.*]] = linalg.generic
// CHECK: attn.attention ins(%{{.*}}, %[[KR]], %[[KR]] :
func.func @mod(%q: !q, %k: !k, %init: !q) -> !q {
  %kr = linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%k : !k) outs(%init : !q) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> !q
  %o = attn.attention ins(%q, %kr, %kr : !q, !q, !q) outs(%init : !q) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x16x32xf32>
!k = tensor<1x2x16x32xf32>

// REMARK: the heads of k are repeated, but not those of v
// CHECK-LABEL: func.func @keys_only
// CHECK: tensor.collapse_shape
func.func @keys_only(%q: !q, %k: !k, %v: !q, %init: !q) -> !q {
  %e = tensor.empty() : tensor<1x2x4x16x32xf32>
  %kb = linalg.broadcast ins(%k : !k) outs(%e : tensor<1x2x4x16x32xf32>) dimensions = [2]
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x2x4x16x32xf32> into !q
  %o = attn.attention ins(%q, %kr, %v : !q, !q, !q) outs(%init : !q) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x16x32xf32>

// REMARK: the heads of k and v are not repeated equally often
// CHECK-LABEL: func.func @unequal
// CHECK: tensor.collapse_shape
// CHECK: tensor.collapse_shape
func.func @unequal(%q: !q, %k: tensor<1x2x16x32xf32>, %v: tensor<1x4x16x32xf32>, %init: !q) -> !q {
  %e = tensor.empty() : tensor<1x2x4x16x32xf32>
  %kb = linalg.broadcast ins(%k : tensor<1x2x16x32xf32>) outs(%e : tensor<1x2x4x16x32xf32>) dimensions = [2]
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x2x4x16x32xf32> into !q
  %f = tensor.empty() : tensor<1x4x2x16x32xf32>
  %vb = linalg.broadcast ins(%v : tensor<1x4x16x32xf32>) outs(%f : tensor<1x4x2x16x32xf32>) dimensions = [2]
  %vr = tensor.collapse_shape %vb [[0], [1, 2], [3], [4]] : tensor<1x4x2x16x32xf32> into !q
  %o = attn.attention ins(%q, %kr, %vr : !q, !q, !q) outs(%init : !q) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x16x32xf32>

// REMARK: the number of key heads is dynamic
// CHECK-LABEL: func.func @dynamic
// CHECK: tensor.collapse_shape
func.func @dynamic(%q: !q, %k: tensor<1x?x16x32xf32>, %e: tensor<1x?x4x16x32xf32>, %init: !q) -> !q {
  %kb = linalg.broadcast ins(%k : tensor<1x?x16x32xf32>) outs(%e : tensor<1x?x4x16x32xf32>) dimensions = [2]
  %kr = tensor.collapse_shape %kb [[0], [1, 2], [3], [4]] : tensor<1x?x4x16x32xf32> into tensor<1x?x16x32xf32>
  %o = attn.attention ins(%q, %kr, %kr : !q, tensor<1x?x16x32xf32>, tensor<1x?x16x32xf32>) outs(%init : !q) -> !q
  return %o : !q
}
