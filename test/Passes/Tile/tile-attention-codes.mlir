// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3}),cse)' | FileCheck %s

// Of codes a tile is decoded, at the points that it has: its page, its head and
// its first slot are symbols of the map.
// CHECK: affine_map<(d0, d1)[s0, s1, s2] -> (s0, s1, d0 + s2)>
// CHECK-LABEL: func.func @codes
// CHECK: %[[SCRATCH:.*]] = bufferization.alloc_tensor() : tensor<16x64xf32>
// CHECK: attn.key_loop
// CHECK: ^bb0(%{{.*}}: index, %{{.*}}: index, %[[PAGE:.*]]: index,
// CHECK: %[[CODES:.*]] = tensor.extract_slice %{{.*}} : tensor<?x2x16x64xi8> to tensor<?x64xi8>
// CHECK: %[[INTO:.*]] = tensor.extract_slice %[[SCRATCH]]
// CHECK: %[[K:.*]] = attn.kv_dequantize ins(%[[CODES]] : tensor<?x64xi8>) scale(%{{.*}} : tensor<?x2x16xf32>) at #{{[a-z0-9]+}}[%[[PAGE]], %{{[^ ]+}}, %{{[^ ]+}}] outs(%[[INTO]] : tensor<?x64xf32>)
// Values that are a part of the keys are not decoded again.
// CHECK: %[[V:.*]] = tensor.extract_slice %[[K]][0, 0] [%{{.*}}, 32] [1, 1] : tensor<?x64xf32> to tensor<?x32xf32>
// CHECK: attn.online_attention ins(%{{.*}}, %[[K]], %[[V]] :
func.func @codes(%q: tensor<3x8x1x64xf32>, %k: tensor<?x2x16x64xi8>, %s: tensor<?x2x16xf32>, %t: tensor<3x?xi32>, %l: tensor<3xi32>, %w: tensor<?x2x16x64xf32>, %n: index, %i: tensor<3x8x1x32xf32>) -> tensor<3x8x1x32xf32> {
  %kd = attn.kv_dequantize ins(%k : tensor<?x2x16x64xi8>) scale(%s : tensor<?x2x16xf32>) at affine_map<(p, h, n, d) -> (p, h, n)> outs(%w : tensor<?x2x16x64xf32>) -> tensor<?x2x16x64xf32>
  %v = tensor.extract_slice %kd[0, 0, 0, 0] [%n, 2, 16, 32] [1, 1, 1, 1] : tensor<?x2x16x64xf32> to tensor<?x2x16x32xf32>
  %o = attn.attention ins(%q, %kd, %v : tensor<3x8x1x64xf32>, tensor<?x2x16x64xf32>, tensor<?x2x16x32xf32>) kv_lens(%l : tensor<3xi32>) pages(%t : tensor<3x?xi32>) outs(%i : tensor<3x8x1x32xf32>) mask(#attn.causal) -> tensor<3x8x1x32xf32>
  return %o : tensor<3x8x1x32xf32>
}
