// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=sm_80},attn-gpu-outline-kernels,attn-gpu-kernels{target=sm_80})' --split-input-file --verify-diagnostics

func.func @double(%u: tensor<2x9x64xf64>, %a: tensor<64x16xf64>, %b: tensor<2x9x1x16xf64>, %o: tensor<2x9x64xf64>) -> tensor<2x9x64xf64> {
  // expected-error @below {{in f64 has no lowering for sm_80}}
  %y = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<2x9x64xf64>, tensor<2x9x64xf64>, tensor<64x16xf64>, tensor<2x9x1x16xf64>, tensor<2x9x1x16xf64>)
    outs(%o : tensor<2x9x64xf64>) -> tensor<2x9x64xf64>
  return %y : tensor<2x9x64xf64>
}

// -----

func.func @complex(%u: tensor<2x9x64xf32>, %a: tensor<64x16x2xf32>, %b: tensor<2x9x1x16x2xf32>, %o: tensor<2x9x64xf32>) -> tensor<2x9x64xf32> {
  // expected-error @below {{of complex numbers has no lowering for sm_80}}
  %y = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<2x9x64xf32>, tensor<2x9x64xf32>, tensor<64x16x2xf32>, tensor<2x9x1x16x2xf32>, tensor<2x9x1x16x2xf32>)
    outs(%o : tensor<2x9x64xf32>) {complex} -> tensor<2x9x64xf32>
  return %y : tensor<2x9x64xf32>
}

// -----

func.func @many(%q: tensor<1x1x9x160xf32>, %o: tensor<1x1x9x160xf32>) -> tensor<1x1x9x160xf32> {
  // expected-error @below {{of more states than registers hold has no lowering for sm_80}}
  %r = attn.linear_attention ins(%q, %q, %q : tensor<1x1x9x160xf32>, tensor<1x1x9x160xf32>, tensor<1x1x9x160xf32>)
    outs(%o : tensor<1x1x9x160xf32>) {exact} -> tensor<1x1x9x160xf32>
  return %r : tensor<1x1x9x160xf32>
}

// -----

func.func @kept(%x: tensor<4x256xf32>, %a: tensor<256x16xf32>, %b: tensor<4x1x16xf32>, %slots: tensor<4xi32>, %o: tensor<4x256xf32>, %s: tensor<9x256x16xf32>) -> tensor<9x256x16xf32> {
  // expected-error @below {{updates an argument that the caller keeps}}
  %y, %n = attn.ssm_step ins(%x, %x, %a, %b, %b : tensor<4x256xf32>, tensor<4x256xf32>, tensor<256x16xf32>, tensor<4x1x16xf32>, tensor<4x1x16xf32>)
    slots(%slots : tensor<4xi32>) outs(%o, %s : tensor<4x256xf32>, tensor<9x256x16xf32>) -> tensor<4x256xf32>, tensor<9x256x16xf32>
  return %n : tensor<9x256x16xf32>
}
