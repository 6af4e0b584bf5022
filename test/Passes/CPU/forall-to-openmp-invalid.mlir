// RUN: attn-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-forall-to-openmp))'

func.func @tensors(%x: f32, %t: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @below {{'scf.forall' op expected memrefs: bufferize first}}
  %r = scf.forall (%i) in (8) shared_outs(%o = %t) -> tensor<8xf32> {
    %s = tensor.extract_slice %o[%i] [1] [1] : tensor<8xf32> to tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    }
  }
  return %r : tensor<8xf32>
}
