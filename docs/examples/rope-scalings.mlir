// Every scaling of rotary positions, on a partial head, at positions beyond the context
// that it extends, with the length of the sequence as an argument.
//
// RUN: attn-run %s --set length=3000 --random 1 --check
// RUN: attn-run %s --set length=9000 --random 1 --check
func.func @scalings(%x: tensor<1x3x70x48xf32>, %length: index)
    -> (tensor<1x3x70x48xf32> {attn.name = "linear"}, tensor<1x3x70x48xf32> {attn.name = "ntk"},
        tensor<1x3x70x48xf32> {attn.name = "dynamic"}, tensor<1x3x70x48xf32> {attn.name = "yarn"},
        tensor<1x3x70x48xf32> {attn.name = "long"}) {
  %from = arith.constant 8000 : index
  %e = tensor.empty() : tensor<1x3x70x48xf32>
  %0 = attn.rope ins(%x : tensor<1x3x70x48xf32>) offset(%from) outs(%e : tensor<1x3x70x48xf32>)
      {rotary = 32 : i64, scaling = #attn.rope_linear<4.0>} -> tensor<1x3x70x48xf32>
  %1 = attn.rope ins(%x : tensor<1x3x70x48xf32>) pairs(interleaved) offset(%from) outs(%e : tensor<1x3x70x48xf32>)
      {rotary = 32 : i64, scaling = #attn.rope_ntk<4.0>} -> tensor<1x3x70x48xf32>
  %2 = attn.rope ins(%x : tensor<1x3x70x48xf32>) offset(%from) length(%length) outs(%e : tensor<1x3x70x48xf32>)
      {rotary = 32 : i64, scaling = #attn.rope_dynamic_ntk<4.0, 4096>} -> tensor<1x3x70x48xf32>
  %3 = attn.rope ins(%x : tensor<1x3x70x48xf32>) offset(%from) outs(%e : tensor<1x3x70x48xf32>)
      {rotary = 32 : i64, scaling = #attn.rope_yarn<16.0, 4096>} -> tensor<1x3x70x48xf32>
  %4 = attn.rope ins(%x : tensor<1x3x70x48xf32>) length(%length) outs(%e : tensor<1x3x70x48xf32>)
      {rotary = 8 : i64, scaling = #attn.rope_long<32.0, 4096, short = [1.0, 1.1, 1.2, 1.3], long = [1.0, 2.0, 8.0, 32.0], kept = 4>}
      -> tensor<1x3x70x48xf32>
  return %0, %1, %2, %3, %4 : tensor<1x3x70x48xf32>, tensor<1x3x70x48xf32>, tensor<1x3x70x48xf32>, tensor<1x3x70x48xf32>, tensor<1x3x70x48xf32>
}
