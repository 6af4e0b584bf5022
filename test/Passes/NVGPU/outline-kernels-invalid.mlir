// RUN: attn-opt %s -split-input-file -verify-diagnostics --attn-gpu-outline-kernels

func.func @elementwise(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'math.exp' op on tensors has no lowering for GPUs}}
  %0 = math.exp %a : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @written(%a: tensor<8xf32>) -> tensor<4xf32> {
  %0 = tensor.extract_slice %a[0] [4] [1] : tensor<8xf32> to tensor<4xf32>
  // expected-error @below {{returns a tensor that no kernel writes}}
  return %0 : tensor<4xf32>
}
