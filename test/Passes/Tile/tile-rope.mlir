// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-rope{tokens=16}))' | FileCheck %s
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-rope,canonicalize))' | FileCheck %s --check-prefix=LENGTH

// A tile has all heads; the scaling has become frequencies and a magnitude.
// CHECK-LABEL: func.func @scaled
// CHECK: %[[F:.*]] = arith.constant dense<{{.*}}> : tensor<1x32xf64>
// CHECK: scf.forall (%[[B:.*]], %[[N:.*]]) in (2, %{{.*}})
// CHECK: %[[FIRST:.*]] = arith.muli %[[N]], %{{.*}}
// CHECK: tensor.extract_slice %{{.*}}[%[[B]], 0, %[[FIRST]], 0] [1, 4, %{{.*}}, 64] [1, 1, 1, 1]
// CHECK: attn.rope ins({{.*}}) offset(%[[FIRST]]) frequencies(%[[F]] : tensor<1x32xf64>) outs({{.*}}) {magnitude = 1.27725{{.*}} : f64, rotary = 64 : i64}
func.func @scaled(%x: tensor<2x4x?x64xf32>, %o: tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32> {
  %y = attn.rope ins(%x : tensor<2x4x?x64xf32>) outs(%o : tensor<2x4x?x64xf32>) {scaling = #attn.rope_yarn<16.0, 4096>} -> tensor<2x4x?x64xf32>
  return %y : tensor<2x4x?x64xf32>
}

// LENGTH-LABEL: func.func @length
// LENGTH-SAME: %[[LEN:[a-z0-9]+]]: index
// LENGTH-DAG: %[[LONG:.*]] = arith.constant dense<{{.*}}> : tensor<2x2xf64>
// LENGTH-DAG: %[[SHORT:.*]] = arith.constant dense<{{.*}}> : tensor<2x2xf64>
// LENGTH: %[[IS:.*]] = arith.cmpi sgt, %[[LEN]], %{{.*}}
// LENGTH: %[[F:.*]] = arith.select %[[IS]], %{{.*}}, %{{.*}} : tensor<2x2xf64>
// LENGTH: scf.forall
// LENGTH: attn.rope ins({{.*}}) layout(thd) positions({{.*}}) frequencies(%[[F]] : tensor<2x2xf64>) outs({{.*}}) {kept = 4 : i64,
func.func @length(%x: tensor<?x4x8xf32>, %p: tensor<1x?xi32>, %len: index) -> tensor<?x4x8xf32> {
  %y = attn.rope ins(%x : tensor<?x4x8xf32>) layout(thd) positions(%p : tensor<1x?xi32>) length(%len) outs(%x : tensor<?x4x8xf32>)
    {rotary = 4 : i64, scaling = #attn.rope_long<32.0, 4096, short = [1.0, 1.5], long = [2.0, 3.0], kept = 4>} -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}
