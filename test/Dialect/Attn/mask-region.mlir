// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

!t = tensor<1x4x8x32xf32>

// CHECK-LABEL: func.func @alone
// CHECK: mask {
// CHECK: ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
// CHECK: attn.yield %{{.*}} : i1
// CHECK: } -> tensor<1x4x8x32xf32>
func.func @alone(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %c = arith.cmpi sle, %j, %i : index
    attn.yield %c : i1
  } -> !t
  return %o : !t
}

// The attribute comes first, and a mask may stand before a score.
// CHECK-LABEL: func.func @captured
// CHECK: mask(#attn.causal) and(%{{.*}} at #[[I:.*]] ascending : tensor<8xi32>, %{{.*}} at #{{.*}} : tensor<8xi32>) {
// CHECK: ^bb0(%{{.*}}: i32, %{{.*}}: i32, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index):
// CHECK: } score (%{{.*}} at #{{.*}} : tensor<4xf32>) {
func.func @captured(%q: !t, %ids: tensor<8xi32>, %bias: tensor<4xf32>) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
    mask(#attn.causal) and(%ids at affine_map<(b, h, i, j) -> (i)> ascending : tensor<8xi32>,
         %ids at affine_map<(b, h, i, j) -> (j)> : tensor<8xi32>) {
    ^bb0(%x: i32, %y: i32, %b: index, %h: index, %i: index, %j: index):
      %c = arith.cmpi eq, %x, %y : i32
      attn.yield %c : i1
    }
    score(%bias at affine_map<(b, h, i, j) -> (h)> : tensor<4xf32>) {
    ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
      %y = arith.addf %x, %e : f32
      attn.yield %y : f32
    } -> !t
  return %o : !t
}
