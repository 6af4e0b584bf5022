// RUN: attn-opt %s --allow-unregistered-dialect --verify-roundtrip | FileCheck %s

// An equality is two constraints.
#points = affine_set<(b, h, q, k) : (q - k == 0, h - 1 >= 0)>
#diagonal = #attn.set<#points>
#near = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>
// CHECK-DAG: #[[NEAR:.*]] = affine_map<(d0, d1, d2, d3)[s0, s1] -> (d2 - d3 + s1, d3 - d2 + s0)>
// CHECK-DAG: #[[DIAGONAL:.*]] = affine_map<(d0, d1, d2, d3) -> (d2 - d3, -(d2 - d3), d1 - 1)>

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
  g = #attn.or<#attn.causal>,
  // CHECK-SAME: h = #attn.and<#attn.not<#attn.prefix<4>>, #attn.global<8>, #attn.chunk<384>, #attn.dilated<2>>
  h = #attn.and<#attn.not<#attn.prefix<4>>, #attn.global<8>, #attn.chunk<384>, #attn.dilated<2>>,
  // CHECK-SAME: i = #attn.set<#[[NEAR]]>
  i = #near,
  // CHECK-SAME: j = #attn.set<#[[DIAGONAL]]>
  j = #diagonal
} : () -> ()

// An alias stands for a mask anywhere.
#sinks = #attn.or<#attn.sink<4>, #attn.window<1023, 0>>
// CHECK-LABEL: func.func @alias
// CHECK: mask(#attn.or<#attn.sink<4>, #attn.window<1023, 0>>)
func.func @alias(%q: tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#sinks) -> tensor<1x4x8x32xf32>
  return %o : tensor<1x4x8x32xf32>
}

// Sets are followed by the values of their symbols; `not` binds before `and`, and
// that before `or`.
// CHECK-LABEL: func.func @expression
// CHECK-SAME: %[[L:[^:]*]]: index, %[[R:[^:]*]]: index
// CHECK: mask((#attn.set<#[[NEAR]]>[%[[L]], %[[R]]] and #attn.not<#attn.prefix<4>>) or (not #attn.set<#[[NEAR]]>[%[[R]], %[[L]]] and #attn.causal))
// CHECK: mask(#attn.or<#attn.and<#attn.causal, #attn.not<#attn.prefix<4>>>, #attn.chunk<7>>)
// CHECK: mask(#attn.set<#[[NEAR]]>[%[[L]], %[[R]]] and (#attn.causal or #attn.set<#[[NEAR]]>[%[[R]], %[[R]]]))
func.func @expression(%q: tensor<1x4x8x32xf32>, %l: index, %r: index) -> tensor<1x4x8x32xf32> {
  %a = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>)
    mask(#near[%l, %r] and not #attn.prefix<4> or not #near[%r, %l] and #attn.causal) -> tensor<1x4x8x32xf32>
  %b = attn.attention ins(%a, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>)
    mask(#attn.causal and not #attn.prefix<4> or #attn.chunk<7>) -> tensor<1x4x8x32xf32>
  %c = attn.attention ins(%b, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>)
    mask(#near[%l, %r] and (#attn.causal or #near[%r, %r])) -> tensor<1x4x8x32xf32>
  return %c : tensor<1x4x8x32xf32>
}
