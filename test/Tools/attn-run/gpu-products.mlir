// Products of matrices by plans alone: both fakes have the device's memory on the
// host, so that what the plan says is computed, and compared with the reference.
// REQUIRES: fake-cuda
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda ATTN_CUBLASLT=%fake_cublaslt attn-run %s --entry layer --target=cuda --set s=7 --random 1 --check | FileCheck %s
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda ATTN_CUBLASLT=%fake_cublaslt attn-run %s --entry heads --target=cuda --set b=3,s=5 --random 1 --check | FileCheck %s
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda ATTN_CUBLASLT=%fake_cublaslt attn-run %s --entry turned --target=cuda --set s=6 --random 1 --check | FileCheck %s
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda ATTN_CUBLASLT=%fake_cublaslt attn-run %s --entry vector --target=cuda --set s=9 --random 1 --check | FileCheck %s
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda ATTN_CUBLASLT=/nowhere.so %python %S/Inputs/exits.py 4 attn-run %s --entry layer --target=cuda --set s=7 --random 1 2>&1 | FileCheck %s --check-prefix=NONE
// CHECK: ok, max error
// NONE: error: {{.*}}a matrix product needs cuBLASLt (tried /nowhere.so)

// A hidden layer whose result is added to what is given.
func.func @layer(%x: tensor<?x24xbf16> {attn.dims = ["s", "c"]}, %w: tensor<24x16xbf16>, %v: tensor<16x24xf32>, %r: tensor<?x24xf32> {attn.dims = ["s", "c"]}) -> tensor<?x24xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %x, %c0 : tensor<?x24xbf16>
  %e = tensor.empty(%s) : tensor<?x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %h = linalg.matmul ins(%x, %w : tensor<?x24xbf16>, tensor<24x16xbf16>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %y = linalg.matmul ins(%h, %v : tensor<?x16xf32>, tensor<16x24xf32>) outs(%r : tensor<?x24xf32>) -> tensor<?x24xf32>
  return %y : tensor<?x24xf32>
}

// Batches, with columns of two dimensions.
func.func @heads(%x: tensor<?x?x8xf32> {attn.dims = ["b", "s", "c"]}, %w: tensor<?x8x4x6xf32> {attn.dims = ["b", "c", "h", "d"]}) -> tensor<?x?x4x6xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %b = tensor.dim %x, %c0 : tensor<?x?x8xf32>
  %s = tensor.dim %x, %c1 : tensor<?x?x8xf32>
  %e = tensor.empty(%b, %s) : tensor<?x?x4x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x4x6xf32>) -> tensor<?x?x4x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(b, s, h, d, c) -> (b, s, c)>, affine_map<(b, s, h, d, c) -> (b, c, h, d)>, affine_map<(b, s, h, d, c) -> (b, s, h, d)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x?x8xf32>, tensor<?x8x4x6xf32>) outs(%f : tensor<?x?x4x6xf32>) {
    ^bb0(%p: f32, %q: f32, %z: f32):
      %m = arith.mulf %p, %q : f32
      %a = arith.addf %z, %m : f32
      linalg.yield %a : f32
    } -> tensor<?x?x4x6xf32>
  return %y : tensor<?x?x4x6xf32>
}

// The weight as its transpose, and heads in front: a batch of the heads, whose
// first factor is the same.
func.func @turned(%x: tensor<?x8xf32> {attn.dims = ["s", "c"]}, %w: tensor<4x6x8xf32>) -> tensor<4x?x6xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%s) : tensor<4x?x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x?x6xf32>) -> tensor<4x?x6xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(h, s, d, c) -> (s, c)>, affine_map<(h, s, d, c) -> (h, d, c)>, affine_map<(h, s, d, c) -> (h, s, d)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x8xf32>, tensor<4x6x8xf32>) outs(%f : tensor<4x?x6xf32>) {
    ^bb0(%p: f32, %q: f32, %z: f32):
      %m = arith.mulf %p, %q : f32
      %a = arith.addf %z, %m : f32
      linalg.yield %a : f32
    } -> tensor<4x?x6xf32>
  return %y : tensor<4x?x6xf32>
}

func.func @vector(%x: tensor<?x8xf64> {attn.dims = ["s", "c"]}, %w: tensor<8xf64>) -> tensor<?xf64> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f64
  %s = tensor.dim %x, %c0 : tensor<?x8xf64>
  %e = tensor.empty(%s) : tensor<?xf64>
  %f = linalg.fill ins(%zero : f64) outs(%e : tensor<?xf64>) -> tensor<?xf64>
  %y = linalg.matvec ins(%x, %w : tensor<?x8xf64>, tensor<8xf64>) outs(%f : tensor<?xf64>) -> tensor<?xf64>
  return %y : tensor<?xf64>
}
