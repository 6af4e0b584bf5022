// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=znver4},func.func(attn-orient-tiles{target=znver4}))' | FileCheck %s --check-prefix=ORIENT
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=znver4},attn-cpu-bufferize{target=znver4},attn-cpu-vector{target=znver4})' | FileCheck %s --check-prefix=VECTOR
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-to-cpu{target=znver4})' | FileCheck %s --check-prefix=LLVM
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=x86-64-v4},func.func(attn-orient-tiles{target=x86-64-v4}))' | FileCheck %s --check-prefix=WITHOUT
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=znver4},func.func(attn-orient-tiles{target=znver4},attn-expand-key-loop,attn-decompose-online))' | FileCheck %s --check-prefix=REFERENCE

// Where the target has dot products of pairs of bf16 (avx512bf16), panels keep
// the pairs of D side by side, in bf16.
// ORIENT: #[[PAIRS:.*]] = affine_map<(d0, d1, d2) -> (d0, d2 floordiv 2, d1 * 2 + d2 mod 2)>
// ORIENT: attn.pack_rows {{.*}}dest_map = #[[PAIRS]], {{.*}} into tensor<{{[0-9?]+}}x32x128xbf16>
// ORIENT: attn.online_attention ins({{.*}} : tensor<{{[0-9?]+}}x32x128xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>)

// WITHOUT-NOT: floordiv 2, d1 * 2
// WITHOUT: attn.pack_rows {{.*}} into tensor<{{[0-9?]+}}x64x64xf32>

// Both products are dots; in between P of two keys is rounded to one vector.
// VECTOR: x86vector.avx512.dot
// VECTOR: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
// VECTOR: x86vector.avx512.dot
// LLVM: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"

// The reference form of the packed tiles reads the same elements.
// REFERENCE: linalg.generic
// REFERENCE-NOT: attn.online_attention
func.func @f(%q: tensor<1x2x300x64xbf16>, %k: tensor<1x2x300x64xbf16>, %v: tensor<1x2x300x64xbf16>,
             %o: tensor<1x2x300x64xbf16>) -> tensor<1x2x300x64xbf16> {
  %r = attn.attention ins(%q, %k, %v : tensor<1x2x300x64xbf16>, tensor<1x2x300x64xbf16>, tensor<1x2x300x64xbf16>)
      outs(%o : tensor<1x2x300x64xbf16>) mask(#attn.causal) -> tensor<1x2x300x64xbf16>
  return %r : tensor<1x2x300x64xbf16>
}
