// RUN: attn-opt %s -split-input-file -verify-diagnostics --attn-gpu-outline-kernels

func.func @elementwise(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'math.exp' op on tensors has no lowering for GPUs}}
  %0 = math.exp %a : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @written(%a: tensor<8xf32>) -> tensor<8xf32> {
  %0 = tensor.empty() : tensor<2x4xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
  // expected-error @below {{returns a tensor that no kernel writes}}
  return %1 : tensor<8xf32>
}

// -----

func.func @product_onto_ones(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %one = arith.constant 1.0 : f32
  %0 = tensor.empty() : tensor<4x4xf32>
  %1 = linalg.fill ins(%one : f32) outs(%0 : tensor<4x4xf32>) -> tensor<4x4xf32>
  // expected-error @below {{on a fill other than 0 has no lowering for GPUs}}
  %2 = linalg.matmul ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%1 : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

func.func @kept(%pool: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @below {{updates an argument that the caller keeps, which has no lowering for GPUs: donate it (attn.donated)}}
  %0 = scf.forall (%i) in (4) shared_outs(%o = %pool) -> (tensor<8xf32>) {
    %s = tensor.extract_slice %o[%i] [1] [1] : tensor<8xf32> to tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    }
  } {attn.in_place}
  return %0 : tensor<8xf32>
}
