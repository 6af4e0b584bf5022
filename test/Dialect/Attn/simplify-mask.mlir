// RUN: attn-opt %s -canonicalize -split-input-file | FileCheck %s
// RUN: attn-opt %s -canonicalize -split-input-file | attn-opt -canonicalize -split-input-file | FileCheck %s

!t = tensor<1x4x?x32xf32>

// A window is causal where its right side is 0.
// CHECK-LABEL: func.func @subset
// CHECK: mask(#attn.window<7, 0>)
func.func @subset(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.and<#attn.causal, #attn.window<7, 0>>) -> !t
  return %o : !t
}

// In a union the larger one stays; of equal ones the first.
// CHECK-LABEL: func.func @union
// CHECK: mask(#attn.or<#attn.causal, #attn.prefix<9>>)
func.func @union(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(#attn.or<#attn.window<7, 0>, #attn.or<#attn.causal, #attn.prefix<9>>, #attn.sink<9>>) -> !t
  return %o : !t
}

// CHECK-LABEL: func.func @twice
// CHECK: mask(#attn.causal)
func.func @twice(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.not<#attn.not<#attn.and<#attn.causal>>>) -> !t
  return %o : !t
}

// Nothing is known of the sizes: chunks and windows both count.
// CHECK-LABEL: func.func @kept
// CHECK: mask(#attn.and<#attn.window<7, 0>, #attn.chunk<16>>)
func.func @kept(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.and<#attn.window<7, 0>, #attn.chunk<16>>) -> !t
  return %o : !t
}

// Symbols of what goes, go; equal values are equal symbols.
#band = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>
#left = #attn.set<affine_map<(b, h, q, k)[l] -> (k - q + l)>>
// CHECK-LABEL: func.func @symbols
// CHECK-SAME: %[[L:[^:]*]]: index, %[[R:[^:]*]]: index, %[[X:[^:]*]]: index
// CHECK: mask(#{{.*}}[%[[L]], %[[R]]] and #{{.*}}[%[[X]]])
func.func @symbols(%q: !t, %l: index, %r: index, %x: index) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#left[%l] and #band[%l, %r] and #left[%x]) -> !t
  return %o : !t
}

// A window as wide as the keys hides nothing; nor does one of them from 0 on.
// CHECK-LABEL: func.func @all
// CHECK-NOT: mask(
// CHECK: return
func.func @all(%q: tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>)
      outs(%q : tensor<1x4x8x32xf32>) mask(#attn.window<7, 7>) -> tensor<1x4x8x32xf32>
  return %o : tensor<1x4x8x32xf32>
}

// One query at the end of its keys is not hidden by `causal`; with an offset of
// its own it is.
// CHECK-LABEL: func.func @decode
// CHECK-NOT: mask(
// CHECK: return
func.func @decode(%q: tensor<1x4x1x32xf32>, %k: !t, %lens: tensor<1xi32>) -> tensor<1x4x1x32xf32> {
  %o = attn.attention ins(%q, %k, %k : tensor<1x4x1x32xf32>, !t, !t) kv_lens(%lens : tensor<1xi32>)
      outs(%q : tensor<1x4x1x32xf32>) mask(#attn.causal) -> tensor<1x4x1x32xf32>
  return %o : tensor<1x4x1x32xf32>
}

// CHECK-LABEL: func.func @offset
// CHECK: mask(#attn.causal)
func.func @offset(%q: tensor<1x4x1x32xf32>, %k: !t, %at: index) -> tensor<1x4x1x32xf32> {
  %o = attn.attention ins(%q, %k, %k : tensor<1x4x1x32xf32>, !t, !t) offset(%at)
      outs(%q : tensor<1x4x1x32xf32>) mask(#attn.causal) -> tensor<1x4x1x32xf32>
  return %o : tensor<1x4x1x32xf32>
}

// The region stays.
// CHECK-LABEL: func.func @region
// CHECK: mask(%{{.*}} at #{{.*}} : tensor<8xi32>) {
func.func @region(%q: tensor<1x4x8x32xf32>, %ids: tensor<8xi32>) -> tensor<1x4x8x32xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>)
      outs(%q : tensor<1x4x8x32xf32>) mask(#attn.prefix<8>) and(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<8xi32>) {
    ^bb0(%x: i32, %b: index, %h: index, %i: index, %j: index):
      %c0 = arith.constant 0 : i32
      %e = arith.cmpi ne, %x, %c0 : i32
      attn.yield %e : i1
    } -> tensor<1x4x8x32xf32>
  return %o : tensor<1x4x8x32xf32>
}
