// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-fold-scale))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-fold-scale))' --remarks-filter=attn-fold-scale 2>&1 | FileCheck %s --check-prefix=REMARK

#id = affine_map<(b, h, s, d) -> (b, h, s, d)>
!t = tensor<1x4x8x64xf32>

// CHECK-LABEL: func.func @generic
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x4x8x64xf32>, %[[K:[a-z0-9]+]]: tensor
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[K]] : {{.*}} {scale = 2.500000e-01 : f32}
func.func @generic(%q: !t, %k: !t, %init: !t) -> !t {
  %c = arith.constant 2.0 : f32
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%q : !t) outs(%init : !t) {
  ^bb0(%x: f32, %o: f32):
    %y = arith.mulf %c, %x : f32
    linalg.yield %y : f32
  } -> !t
  %o = attn.attention ins(%s, %k, %k : !t, !t, !t) outs(%init : !t) -> !t
  return %o : !t
}

// -----

!t = tensor<1x4x8x64xbf16>

// A scale that is there, k by a filled tensor and q by a splat.
// CHECK-LABEL: func.func @named
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x4x8x64xbf16>, %[[K:[a-z0-9]+]]: tensor
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[K]] : {{.*}} {scale = 3.000000e+00 : f32}
func.func @named(%q: !t, %k: !t, %init: !t) -> !t {
  %two = arith.constant 2.0 : bf16
  %fill = linalg.fill ins(%two : bf16) outs(%init : !t) -> !t
  %s = linalg.mul ins(%k, %fill : !t, !t) outs(%init : !t) -> !t
  %three = arith.constant dense<3.0> : !t
  %r = arith.mulf %q, %three : !t
  %o = attn.attention ins(%r, %s, %k : !t, !t, !t) outs(%init : !t) {scale = 0.5 : f32} -> !t
  return %o : !t
}

// -----

#id = affine_map<(b, h, s, d) -> (b, h, s, d)>
#scalar = affine_map<(b, h, s, d) -> ()>
!t = tensor<1x4x8x64xf64>

// A quotient by a scalar operand, twice; f64 stays f64.
// CHECK-LABEL: func.func @quotient
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x4x8x64xf64>, %[[K:[a-z0-9]+]]: tensor
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[K]] : {{.*}} {scale = 7.812500e-03 : f64}
func.func @quotient(%q: !t, %k: !t, %init: !t) -> !t {
  %c = arith.constant dense<4.0> : tensor<f64>
  %s = linalg.generic {indexing_maps = [#id, #scalar, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%q, %c : !t, tensor<f64>) outs(%init : !t) {
  ^bb0(%x: f64, %y: f64, %o: f64):
    %z = arith.divf %x, %y : f64
    linalg.yield %z : f64
  } -> !t
  %splat = arith.constant dense<4.0> : !t
  %r = linalg.div ins(%s, %splat : !t, !t) outs(%init : !t) -> !t
  %o = attn.attention ins(%r, %k, %k : !t, !t, !t) outs(%init : !t) -> !t
  return %o : !t
}

// -----

!t = tensor<1x4x8x?xf32>

// REMARK: the head size is dynamic and there is no 'scale'
// CHECK-LABEL: func.func @dynamic
// CHECK: arith.mulf
// CHECK-NOT: scale
// CHECK: return
func.func @dynamic(%q: !t, %k: !t, %init: !t) -> !t {
  %two = arith.constant 2.0 : f32
  %c = linalg.fill ins(%two : f32) outs(%q : !t) -> !t
  %r = arith.mulf %q, %c : !t
  %o = attn.attention ins(%r, %k, %k : !t, !t, !t) outs(%init : !t) -> !t
  return %o : !t
}

// -----

!t = tensor<1x4x8x64xf32>

// REMARK: the folded scale would be 0 or not finite
// CHECK-LABEL: func.func @zero
// CHECK: %[[R:.*]] = arith.mulf
// CHECK: attn.attention ins(%[[R]],
func.func @zero(%q: !t, %k: !t, %init: !t) -> !t {
  %zero = arith.constant dense<0.0> : !t
  %r = arith.mulf %q, %zero : !t
  %o = attn.attention ins(%r, %k, %k : !t, !t, !t) outs(%init : !t) -> !t
  return %o : !t
}

// -----

#id = affine_map<(b, h, s, d) -> (b, h, s, d)>
#swap = affine_map<(b, h, s, d) -> (b, h, d, s)>
!t = tensor<1x4x64x64xf32>

// A product of something else, and of a transposed q, are no factors.
// CHECK-LABEL: func.func @others
// CHECK: %[[S:.*]] = linalg.generic
// CHECK: %[[R:.*]] = arith.mulf %{{.*}} : tensor
// CHECK: attn.attention ins(%[[S]], %[[R]], {{.*}} outs(%{{.*}} : tensor<1x4x64x64xf32>) ->
func.func @others(%q: !t, %k: !t, %init: !t) -> !t {
  %c = arith.constant 2.0 : f32
  %s = linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%q : !t) outs(%init : !t) {
  ^bb0(%x: f32, %o: f32):
    %y = arith.mulf %c, %x : f32
    linalg.yield %y : f32
  } -> !t
  %r = arith.mulf %k, %q : !t
  %o = attn.attention ins(%s, %r, %k : !t, !t, !t) outs(%init : !t) -> !t
  return %o : !t
}
