// RUN: attn-opt %s -canonicalize | FileCheck %s
// A cast of a shape folds into an op without a score region too.
// CHECK-LABEL: func.func @attention
// CHECK: %[[O:.*]] = attn.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x3x16xf32>, tensor<1x2x5x16xf32>, tensor<1x2x5x16xf32>) outs({{.*}} : tensor<1x2x3x16xf32>)
// CHECK: return %[[O]] : tensor<1x2x3x16xf32>
func.func @attention(%q: tensor<1x2x3x16xf32>, %k: tensor<1x2x5x16xf32>, %v: tensor<1x2x5x16xf32>, %o: tensor<1x2x3x16xf32>) -> tensor<1x2x3x16xf32> {
  %q1 = tensor.cast %q : tensor<1x2x3x16xf32> to tensor<1x2x?x16xf32>
  %k1 = tensor.cast %k : tensor<1x2x5x16xf32> to tensor<1x2x?x16xf32>
  %v1 = tensor.cast %v : tensor<1x2x5x16xf32> to tensor<1x2x?x16xf32>
  %o1 = tensor.cast %o : tensor<1x2x3x16xf32> to tensor<1x2x?x16xf32>
  %r = attn.attention ins(%q1, %k1, %v1 : tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>)
      outs(%o1 : tensor<1x2x?x16xf32>) -> tensor<1x2x?x16xf32>
  %r1 = tensor.cast %r : tensor<1x2x?x16xf32> to tensor<1x2x3x16xf32>
  return %r1 : tensor<1x2x3x16xf32>
}
