// A function of a GPU is compared with the same reference as one of a CPU. The
// fake driver runs no kernel: results without elements agree, others do not.
// REQUIRES: fake-cuda
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda attn-run %s --target=cuda --set s=0 --random 1 --check | FileCheck %s --check-prefix=EMPTY
// EMPTY: o: 1x2x0x16 x f16
// EMPTY: check o
// RUN: env ATTN_PTXAS= ATTN_CUDA_DRIVER=%fake_cuda %python %S/Inputs/exits.py 1 attn-run %s --target=cuda --set s=8 --random 1 --check 2>&1 | FileCheck %s --check-prefix=WRONG
// WRONG: result 'o' differs from the reference
// RUN: env ATTN_CUDA_DRIVER=/nowhere/libcuda.so %python %S/Inputs/exits.py 4 attn-run %s --target=cuda --set s=8 --random 1 --check 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: attn-run: error: no CUDA driver: /nowhere/libcuda.so
func.func @f(%q: tensor<1x2x?x16xf16> {attn.dims = ["b", "h", "s", "d"]}, %k: tensor<1x2x?x16xf16> {attn.dims = ["b", "h", "s", "d"]}, %v: tensor<1x2x?x16xf16> {attn.dims = ["b", "h", "s", "d"]},
             %lens: tensor<1xi32>) -> (tensor<1x2x?x16xf16> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x16xf16>
  %init = tensor.empty(%s) : tensor<1x2x?x16xf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x16xf16>, tensor<1x2x?x16xf16>, tensor<1x2x?x16xf16>) kv_lens(%lens : tensor<1xi32>)
      outs(%init : tensor<1x2x?x16xf16>) -> tensor<1x2x?x16xf16>
  return %o : tensor<1x2x?x16xf16>
}
