// A group of Gemma 3: five layers that see a window, with rotary positions of base
// 10,000, and one that sees all, with base 1,000,000. Of each layer the mixer is here:
// norm, projections, attention and the sum with what came in.
//
// RUN: attn-run %s --entry group --set s=700 --random 1 --check

// RMS norm (its factor of the width is the weights'), then queries, keys and values of all heads side by side.
func.func private @project(%x: tensor<?x256xf32>, %w: tensor<256x512xf32>) -> tensor<?x512xf32> {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %x, %c0 : tensor<?x256xf32>
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 1.0e-06 : f32
  %none = tensor.empty(%s) : tensor<?xf32>
  %start = linalg.fill ins(%zero : f32) outs(%none : tensor<?xf32>) -> tensor<?xf32>
  %squares = linalg.generic {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x256xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%e: f32, %sum: f32):
    %square = arith.mulf %e, %e : f32
    %next = arith.addf %sum, %square : f32
    linalg.yield %next : f32
  } -> tensor<?xf32>
  %into = tensor.empty(%s) : tensor<?x256xf32>
  %normal = linalg.generic {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t)>, affine_map<(t, d) -> (t, d)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %squares : tensor<?x256xf32>, tensor<?xf32>) outs(%into : tensor<?x256xf32>) {
  ^bb0(%e: f32, %sum: f32, %old: f32):
    %safe = arith.addf %sum, %least : f32
    %root = math.rsqrt %safe : f32
    %y = arith.mulf %e, %root : f32
    linalg.yield %y : f32
  } -> tensor<?x256xf32>
  %wide = tensor.empty(%s) : tensor<?x512xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x512xf32>) -> tensor<?x512xf32>
  %all = linalg.matmul ins(%normal, %w : tensor<?x256xf32>, tensor<256x512xf32>) outs(%zeros : tensor<?x512xf32>) -> tensor<?x512xf32>
  return %all : tensor<?x512xf32>
}

// 512 keys, the query's own included.
func.func private @local(%x: tensor<?x256xf32>, %wqkv: tensor<256x512xf32>, %wo: tensor<256x256xf32>) -> tensor<?x256xf32> {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %x, %c0 : tensor<?x256xf32>
  %all = call @project(%x, %wqkv) : (tensor<?x256xf32>, tensor<256x512xf32>) -> tensor<?x512xf32>
  %q0 = tensor.extract_slice %all[0, 0] [%s, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %k0 = tensor.extract_slice %all[0, 256] [%s, 128] [1, 1] : tensor<?x512xf32> to tensor<?x128xf32>
  %v0 = tensor.extract_slice %all[0, 384] [%s, 128] [1, 1] : tensor<?x512xf32> to tensor<?x128xf32>
  %q = tensor.expand_shape %q0 [[0, 1], [2, 3]] output_shape [1, %s, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
  %k = tensor.expand_shape %k0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
  %v = tensor.expand_shape %v0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
  %rows = tensor.empty(%s) : tensor<1x?x4x64xf32>
  %keys = tensor.empty(%s) : tensor<1x?x2x64xf32>
  %qr = attn.rope ins(%q : tensor<1x?x4x64xf32>) layout(bshd) outs(%rows : tensor<1x?x4x64xf32>) {base = 1.0e+04 : f64} -> tensor<1x?x4x64xf32>
  %kr = attn.rope ins(%k : tensor<1x?x2x64xf32>) layout(bshd) outs(%keys : tensor<1x?x2x64xf32>) {base = 1.0e+04 : f64} -> tensor<1x?x2x64xf32>
  %o = attn.attention ins(%qr, %kr, %v : tensor<1x?x4x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) layout(bshd)
      outs(%rows : tensor<1x?x4x64xf32>) mask(#attn.window<511, 0>) -> tensor<1x?x4x64xf32>
  %flat = tensor.collapse_shape %o [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
  %y = linalg.matmul ins(%flat, %wo : tensor<?x256xf32>, tensor<256x256xf32>) outs(%x : tensor<?x256xf32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// All keys up to the query's.
func.func private @global(%x: tensor<?x256xf32>, %wqkv: tensor<256x512xf32>, %wo: tensor<256x256xf32>) -> tensor<?x256xf32> {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %x, %c0 : tensor<?x256xf32>
  %all = call @project(%x, %wqkv) : (tensor<?x256xf32>, tensor<256x512xf32>) -> tensor<?x512xf32>
  %q0 = tensor.extract_slice %all[0, 0] [%s, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %k0 = tensor.extract_slice %all[0, 256] [%s, 128] [1, 1] : tensor<?x512xf32> to tensor<?x128xf32>
  %v0 = tensor.extract_slice %all[0, 384] [%s, 128] [1, 1] : tensor<?x512xf32> to tensor<?x128xf32>
  %q = tensor.expand_shape %q0 [[0, 1], [2, 3]] output_shape [1, %s, 4, 64] : tensor<?x256xf32> into tensor<1x?x4x64xf32>
  %k = tensor.expand_shape %k0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
  %v = tensor.expand_shape %v0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
  %rows = tensor.empty(%s) : tensor<1x?x4x64xf32>
  %keys = tensor.empty(%s) : tensor<1x?x2x64xf32>
  %qr = attn.rope ins(%q : tensor<1x?x4x64xf32>) layout(bshd) outs(%rows : tensor<1x?x4x64xf32>) {base = 1.0e+06 : f64} -> tensor<1x?x4x64xf32>
  %kr = attn.rope ins(%k : tensor<1x?x2x64xf32>) layout(bshd) outs(%keys : tensor<1x?x2x64xf32>) {base = 1.0e+06 : f64} -> tensor<1x?x2x64xf32>
  %o = attn.attention ins(%qr, %kr, %v : tensor<1x?x4x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) layout(bshd)
      outs(%rows : tensor<1x?x4x64xf32>) mask(#attn.causal) -> tensor<1x?x4x64xf32>
  %flat = tensor.collapse_shape %o [[0, 1], [2, 3]] : tensor<1x?x4x64xf32> into tensor<?x256xf32>
  %y = linalg.matmul ins(%flat, %wo : tensor<?x256xf32>, tensor<256x256xf32>) outs(%x : tensor<?x256xf32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

func.func @group(%x: tensor<?x256xf32> {attn.dims = ["s", "d"]}, %wqkv: tensor<6x256x512xf32>, %wo: tensor<6x256x256xf32>) -> tensor<?x256xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %mixed = scf.for %l = %c0 to %c5 step %c1 iter_args(%in = %x) -> (tensor<?x256xf32>) {
    %p = tensor.extract_slice %wqkv[%l, 0, 0] [1, 256, 512] [1, 1, 1] : tensor<6x256x512xf32> to tensor<256x512xf32>
    %o = tensor.extract_slice %wo[%l, 0, 0] [1, 256, 256] [1, 1, 1] : tensor<6x256x256xf32> to tensor<256x256xf32>
    %out = func.call @local(%in, %p, %o) : (tensor<?x256xf32>, tensor<256x512xf32>, tensor<256x256xf32>) -> tensor<?x256xf32>
    scf.yield %out : tensor<?x256xf32>
  }
  %p5 = tensor.extract_slice %wqkv[5, 0, 0] [1, 256, 512] [1, 1, 1] : tensor<6x256x512xf32> to tensor<256x512xf32>
  %o5 = tensor.extract_slice %wo[5, 0, 0] [1, 256, 256] [1, 1, 1] : tensor<6x256x256xf32> to tensor<256x256xf32>
  %y = call @global(%mixed, %p5, %o5) : (tensor<?x256xf32>, tensor<256x512xf32>, tensor<256x256xf32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
