// Products that cuBLASLt has no form for: one line, with the reason.
// RUN: sed '/^\/\/ Two/,$d' %s > %t.types.mlir
// RUN: sed '/^\/\/ One/,/^\/\/ Two/d' %s > %t.sums.mlir
// RUN: %python %S/Inputs/exits.py 3 attn-run %t.types.mlir --target=sm_90 --emit=package -o %t.attnpkg 2>&1 | FileCheck %s --check-prefix=TYPES
// RUN: %python %S/Inputs/exits.py 3 attn-run %t.sums.mlir --target=sm_90 --emit=package -o %t.attnpkg 2>&1 | FileCheck %s --check-prefix=SUMS
// TYPES: 'linalg.matmul' has no form in a launch plan: its factors differ in type
// SUMS: 'linalg.generic' has no form in a launch plan: it is no product of matrices whose dimensions lie together

// One product.
func.func @f(%x: tensor<4x4xf32>, %w: tensor<4x4xbf16>, %r: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %y = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xbf16>) outs(%r : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// Two sums that do not lie together.
func.func @f(%x: tensor<2x4x3xf32>, %w: tensor<3x2x5xf32>, %r: tensor<4x5xf32>) -> tensor<4x5xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, a, b) -> (a, m, b)>, affine_map<(m, n, a, b) -> (b, a, n)>, affine_map<(m, n, a, b) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x4x3xf32>, tensor<3x2x5xf32>) outs(%r : tensor<4x5xf32>) {
    ^bb0(%p: f32, %q: f32, %z: f32):
      %m = arith.mulf %p, %q : f32
      %a = arith.addf %z, %m : f32
      linalg.yield %a : f32
    } -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}
