// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-decode-operands))' | FileCheck %s

// A scale for the tensor, for each head, for each sequence and head.
// CHECK-DAG: #[[$TENSOR:.*]] = affine_map<(d0, d1, d2, d3) -> ()>
// CHECK-DAG: #[[$HEAD:.*]] = affine_map<(d0, d1, d2, d3) -> (d2)>
// CHECK-DAG: #[[$BOTH:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2)>
// CHECK-LABEL: func.func @scales
// CHECK: %[[Q:.*]] = attn.kv_dequantize ins(%arg0 : {{.*}}) scale(%arg3 : tensor<f32>) at #[[$TENSOR]]
// CHECK: %[[K:.*]] = attn.kv_dequantize ins(%arg1 : {{.*}}) scale(%arg4 : tensor<2xf32>) at #[[$HEAD]]
// CHECK: %[[V:.*]] = attn.kv_dequantize ins(%arg2 : {{.*}}) scale(%arg5 : tensor<2x2xf32>) at #[[$BOTH]]
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[V]] : tensor<2x?x4x64xf32>, tensor<2x?x2x64xf32>, tensor<2x?x2x64xf32>) layout(bshd) outs
func.func @scales(%q: tensor<2x?x4x64xf8E4M3FN>, %k: tensor<2x?x2x64xf8E4M3FN>, %v: tensor<2x?x2x64xf8E4M3FN>,
                  %qs: tensor<f32>, %ks: tensor<2xf32>, %vs: tensor<2x2xf32>,
                  %o: tensor<2x?x4x64xbf16>) -> tensor<2x?x4x64xbf16> {
  %r = attn.attention ins(%q, %k, %v : tensor<2x?x4x64xf8E4M3FN>, tensor<2x?x2x64xf8E4M3FN>, tensor<2x?x2x64xf8E4M3FN>)
      scales(%qs, %ks, %vs : tensor<f32>, tensor<2xf32>, tensor<2x2xf32>) layout(bshd)
      outs(%o : tensor<2x?x4x64xbf16>) -> tensor<2x?x4x64xbf16>
  return %r : tensor<2x?x4x64xbf16>
}

// None: codes are elements. Other types stay.
// CHECK-LABEL: func.func @none
// CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f32>
// CHECK-COUNT-3: scale(%[[ONE]] : tensor<f32>)
// CHECK: attn.attention ins({{.*}} : tensor<1x4x8x64xbf16>
func.func @none(%q: tensor<1x4x8x64xf8E4M3FN>, %p: tensor<1x4x8x64xbf16>, %o: tensor<1x4x8x64xbf16>)
    -> (tensor<1x4x8x64xbf16>, tensor<1x4x8x64xbf16>) {
  %r = attn.attention ins(%q, %q, %q : tensor<1x4x8x64xf8E4M3FN>, tensor<1x4x8x64xf8E4M3FN>, tensor<1x4x8x64xf8E4M3FN>)
      outs(%o : tensor<1x4x8x64xbf16>) -> tensor<1x4x8x64xbf16>
  %s = attn.attention ins(%p, %p, %p : tensor<1x4x8x64xbf16>, tensor<1x4x8x64xbf16>, tensor<1x4x8x64xbf16>)
      outs(%o : tensor<1x4x8x64xbf16>) -> tensor<1x4x8x64xbf16>
  return %r, %s : tensor<1x4x8x64xbf16>, tensor<1x4x8x64xbf16>
}
