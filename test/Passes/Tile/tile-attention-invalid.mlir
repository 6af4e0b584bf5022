// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-tile-attention))'

func.func @memref(%q: memref<1x4x8x32xf32>, %o: memref<1x4x8x32xf32>) {
  // expected-error @below {{'attn.attention' op expected tensors: wrap memrefs first (attn-wrap-memrefs)}}
  attn.attention ins(%q, %q, %q : memref<1x4x8x32xf32>, memref<1x4x8x32xf32>, memref<1x4x8x32xf32>) outs(%o : memref<1x4x8x32xf32>)
  return
}

// -----

func.func @head_size(%q: tensor<1x4x8x?xf32>, %v: tensor<1x4x8x32xf32>, %o: tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32> {
  // expected-error @below {{'attn.attention' op expected static head sizes of 'q' and 'v' for tiling}}
  %r = attn.attention ins(%q, %q, %v : tensor<1x4x8x?xf32>, tensor<1x4x8x?xf32>, tensor<1x4x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) {scale = 0.125 : f32} -> tensor<1x4x8x32xf32>
  return %r : tensor<1x4x8x32xf32>
}

// -----

func.func @value_size(%q: tensor<1x4x8x32xf32>, %v: tensor<1x4x8x?xf32>, %o: tensor<1x4x8x?xf32>) -> tensor<1x4x8x?xf32> {
  // expected-error @below {{'attn.attention' op expected static head sizes of 'q' and 'v' for tiling}}
  %r = attn.attention ins(%q, %q, %v : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x?xf32>) outs(%o : tensor<1x4x8x?xf32>) -> tensor<1x4x8x?xf32>
  return %r : tensor<1x4x8x?xf32>
}
