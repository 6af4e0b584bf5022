// RUN: attn-opt %s --allow-unregistered-dialect --verify-roundtrip | FileCheck %s

// CHECK-LABEL: "test.masks"()
"test.masks"() {
  // CHECK-SAME: a = #attn.causal
  a = #attn.causal,
  // CHECK-SAME: b = #attn.window<1023, 0>
  b = #attn.window<1023, 0>,
  // CHECK-SAME: c = #attn.window<-1, 5>
  c = #attn.window<-1, 5>,
  // CHECK-SAME: d = #attn.sink<4>
  d = #attn.sink<4>,
  // CHECK-SAME: e = #attn.or<#attn.sink<4>, #attn.window<1023, 0>>
  e = #attn.or<#attn.sink<4>, #attn.window<1023, 0>>,
  // CHECK-SAME: f = #attn.and<#attn.causal, #attn.or<#attn.sink<0>, #attn.causal>>
  f = #attn.and<#attn.causal, #attn.or<#attn.sink<0>, #attn.causal>>,
  // CHECK-SAME: g = #attn.or<#attn.causal>
  g = #attn.or<#attn.causal>
} : () -> ()

// An alias stands for a mask anywhere.
#sinks = #attn.or<#attn.sink<4>, #attn.window<1023, 0>>
// CHECK-LABEL: func.func @alias
// CHECK: mask(#attn.or<#attn.sink<4>, #attn.window<1023, 0>>)
func.func @alias(%q: tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#sinks) -> tensor<1x4x8x32xf32>
  return %o : tensor<1x4x8x32xf32>
}
