// RUN: attn-opt %s -transform-preload-library=transform-library-paths=%S/Inputs/tile-online-attention.mlir -transform-interpreter -canonicalize -cse | FileCheck %s
// RUN: attn-opt %s -transform-preload-library=transform-library-paths=%S/Inputs/split-online-attention.mlir -transform-interpreter -canonicalize -cse | FileCheck %s --check-prefix=SPLIT
// RUN: attn-opt %s -transform-preload-library=transform-library-paths=%S/Inputs/stream-online-attention.mlir -transform-interpreter -canonicalize -cse | FileCheck %s --check-prefix=STREAM

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

// Rows and keys move the positions of the tile; the state goes through the loop
// over the keys.
// CHECK-LABEL: func.func @heads_and_queries
// CHECK-SAME: %[[B:[a-z0-9]+]]: index, %[[H:[a-z0-9]+]]: index, %[[I:[a-z0-9]+]]: index, %[[J:[a-z0-9]+]]: index,
// CHECK: scf.for %[[G:[a-z0-9]+]] =
// CHECK: scf.for %[[M:[a-z0-9]+]] =
// CHECK: scf.for %[[N:[a-z0-9]+]] = {{.*}} iter_args(%[[ACC:[a-z0-9]+]] = %{{.*}}, %[[MAX:[a-z0-9]+]] = %{{.*}}, %[[SUM:[a-z0-9]+]] = %{{.*}})
// CHECK-DAG: %[[ACCT:.*]] = tensor.extract_slice %[[ACC]][%[[G]], %[[M]], 0] [1, 3, 64]
// CHECK-DAG: %[[MAXT:.*]] = tensor.extract_slice %[[MAX]][%[[G]], %[[M]]] [1, 3]
// CHECK-DAG: %[[HT:.*]] = affine.apply #{{.*}}()[%[[H]], %[[G]]]
// CHECK-DAG: %[[IT:.*]] = affine.apply #{{.*}}()[%[[I]], %[[M]]]
// CHECK-DAG: %[[JT:.*]] = affine.apply #{{.*}}()[%[[J]], %[[N]]]
// CHECK-DAG: %[[KT:.*]] = tensor.extract_slice %{{.*}}[%[[N]], 0] [2, 128]
// CHECK: attn.online_attention ins(%{{.*}}, %[[KT]], %{{.*}} : {{.*}}) positions(%[[B]], %[[HT]], %[[IT]], %[[JT]]) outs(%[[ACCT]], %[[MAXT]], %{{.*}} :

// A state for each of three parts, then e^(max[s] - max) of each.
// SPLIT-LABEL: func.func @heads_and_queries
// SPLIT: %[[P:.*]]:3 = scf.forall (%[[S:[a-z0-9]+]]) in (3) shared_outs(%[[ACC:[a-z0-9]+]] = %{{.*}}, %{{.*}}) -> (tensor<3x4x6x64xf32>, tensor<3x4x6xf32>, tensor<3x4x6xf32>)
// SPLIT: tensor.extract_slice %[[ACC]][%[[S]], 0, 0, 0] [1, 4, 6, 64] [1, 1, 1, 1] : tensor<3x4x6x64xf32> to tensor<4x6x64xf32>
// SPLIT: attn.online_attention
// SPLIT: tensor.parallel_insert_slice %{{.*}} into %[[ACC]][%[[S]], 0, 0, 0]
// SPLIT: %[[M:.*]] = linalg.generic {{.*}} ins(%[[P]]#1 : tensor<3x4x6xf32>)
// SPLIT: arith.maximumf
// SPLIT: linalg.generic {{.*}} ins(%[[P]]#0, %[[P]]#1, %[[M]] :
// SPLIT: math.exp
// SPLIT: linalg.generic {{.*}} ins(%[[P]]#2, %[[P]]#1, %[[M]] :

// One loop over the keys keeps all it has seen in the first part.
// STREAM-LABEL: func.func @heads_and_queries
// STREAM: scf.for {{.*}} -> (tensor<2x4x6x64xf32>, tensor<2x4x6xf32>, tensor<2x4x6xf32>)
// STREAM: tensor.extract_slice %{{.*}}[0, 0, 0, 0] [1, 4, 6, 64] [1, 1, 1, 1] : tensor<2x4x6x64xf32> to tensor<4x6x64xf32>
// STREAM: attn.online_attention
func.func @heads_and_queries(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
    outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
    -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}

// A linear row_map is enough, as that of panels: row p of 6 is at 6 * p + w.
// CHECK-LABEL: func.func @panels
// CHECK-SAME: %[[B:[a-z0-9]+]]: index, %[[H:[a-z0-9]+]]: index, %[[I:[a-z0-9]+]]: index, %[[J:[a-z0-9]+]]: index,
// CHECK: affine.apply #{{.*}}()[%[[I]], %{{.*}}, %{{.*}}]
// CHECK: attn.online_attention {{.*}} positions(%[[B]], %[[H]], %{{.*}}, %{{.*}})
func.func @panels(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
    outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (0, g * 6 + m)>, scale = 0.125 : f32}
    -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
}
