// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-tile-rope))'

func.func @size(%x: tensor<1x4x8x?xf32>) -> tensor<1x4x8x?xf32> {
  // expected-error @below {{expected a static number of rotary elements for tiling}}
  %y = attn.rope ins(%x : tensor<1x4x8x?xf32>) outs(%x : tensor<1x4x8x?xf32>) -> tensor<1x4x8x?xf32>
  return %y : tensor<1x4x8x?xf32>
}

// -----

func.func @memref(%x: memref<1x4x8x32xf32>) {
  // expected-error @below {{expected tensors: wrap memrefs first (attn-wrap-memrefs)}}
  attn.rope ins(%x : memref<1x4x8x32xf32>) outs(%x : memref<1x4x8x32xf32>)
  return
}
