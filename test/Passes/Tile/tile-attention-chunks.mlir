// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=sm_90}))' | FileCheck %s

// Chunks of a sequence for a GPU: of 1024 keys, as many as there are, or of less where these
// would be less than two blocks a multiprocessor.
// CHECK-LABEL: func.func @short
// CHECK: scf.forall (%{{.*}}, %{{.*}}, %[[N:.*]]) in (2, 8, 16)
// CHECK: arith.muli %[[N]], %c512
func.func @short(%q: tensor<2x32x1x128xbf16>, %k: tensor<2x8x8192x128xbf16>, %o: tensor<2x32x1x128xbf16>) -> tensor<2x32x1x128xbf16> {
  %0 = attn.attention ins(%q, %k, %k : tensor<2x32x1x128xbf16>, tensor<2x8x8192x128xbf16>, tensor<2x8x8192x128xbf16>)
      outs(%o : tensor<2x32x1x128xbf16>) -> tensor<2x32x1x128xbf16>
  return %0 : tensor<2x32x1x128xbf16>
}

// CHECK-LABEL: func.func @batch
// CHECK: scf.forall (%{{.*}}, %{{.*}}, %[[N:.*]]) in (4, 8, 8)
// CHECK: arith.muli %[[N]], %c1024
func.func @batch(%q: tensor<4x32x1x128xbf16>, %k: tensor<4x8x8192x128xbf16>, %o: tensor<4x32x1x128xbf16>) -> tensor<4x32x1x128xbf16> {
  %0 = attn.attention ins(%q, %k, %k : tensor<4x32x1x128xbf16>, tensor<4x8x8192x128xbf16>, tensor<4x8x8192x128xbf16>)
      outs(%o : tensor<4x32x1x128xbf16>) -> tensor<4x32x1x128xbf16>
  return %0 : tensor<4x32x1x128xbf16>
}

// No more than 256 over all key heads: longer ones.
// CHECK-LABEL: func.func @long
// CHECK: scf.forall (%{{.*}}, %{{.*}}, %[[N:.*]]) in (1, 8, 32)
// CHECK: arith.muli %[[N]], %c4224
func.func @long(%q: tensor<1x32x1x128xbf16>, %k: tensor<1x8x131073x128xbf16>, %o: tensor<1x32x1x128xbf16>) -> tensor<1x32x1x128xbf16> {
  %0 = attn.attention ins(%q, %k, %k : tensor<1x32x1x128xbf16>, tensor<1x8x131073x128xbf16>, tensor<1x8x131073x128xbf16>)
      outs(%o : tensor<1x32x1x128xbf16>) -> tensor<1x32x1x128xbf16>
  return %0 : tensor<1x32x1x128xbf16>
}

// With lengths of their own, sequences have chunks of their own.
// CHECK-LABEL: func.func @lengths
// CHECK-SAME: %[[LENGTHS:[a-z0-9]+]]: tensor<2xi32>
// CHECK: scf.forall (%[[B:.*]], %{{.*}}, %[[N:.*]]) in (2, 8, 32)
// CHECK: tensor.extract %[[LENGTHS]][%[[B]]]
// CHECK: arith.muli %{{.*}}, %c128
// CHECK: %[[CHUNK:.*]] = arith.maxsi %{{.*}}, %c1024
// CHECK: arith.muli %[[N]], %[[CHUNK]]
func.func @lengths(%q: tensor<2x32x1x128xbf16>, %k: tensor<2x8x131072x128xbf16>, %lens: tensor<2xi32>, %o: tensor<2x32x1x128xbf16>) -> tensor<2x32x1x128xbf16> {
  %0 = attn.attention ins(%q, %k, %k : tensor<2x32x1x128xbf16>, tensor<2x8x131072x128xbf16>, tensor<2x8x131072x128xbf16>)
      kv_lens(%lens : tensor<2xi32>) outs(%o : tensor<2x32x1x128xbf16>) -> tensor<2x32x1x128xbf16>
  return %0 : tensor<2x32x1x128xbf16>
}
