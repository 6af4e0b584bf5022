// RUN: attn-opt %s -split-input-file -verify-diagnostics -attn-decompose-reference

func.func @memref(%q: memref<1x4x8x32xf32>, %o: memref<1x4x8x32xf32>) {
  // expected-error @below {{expected tensor operands; run attn-wrap-memrefs before attn-decompose-reference}}
  attn.attention ins(%q, %q, %q : memref<1x4x8x32xf32>, memref<1x4x8x32xf32>, memref<1x4x8x32xf32>) outs(%o : memref<1x4x8x32xf32>)
  return
}
