// attn-to-cpu is the sum of its stages.
// RUN: attn-opt %s -attn-to-cpu=target=x86-64-v3 -o %t.whole
// RUN: attn-opt %s -attn-graph | attn-opt -attn-tile=target=x86-64-v3 | attn-opt -attn-cpu-bufferize=target=x86-64-v3 | attn-opt -attn-cpu-vector=target=x86-64-v3 | attn-opt -attn-cpu-to-llvm -o %t.stages
// RUN: diff %t.whole %t.stages
// RUN: FileCheck %s < %t.whole

// So it is with the options of the stages.
// RUN: attn-opt %s "-attn-to-cpu=target=x86-64-v3 rows=32 keys=16 split=512 openmp=false" -o %t.whole
// RUN: attn-opt %s -attn-graph | attn-opt "-attn-tile=target=x86-64-v3 rows=32 keys=16 split=512" | attn-opt -attn-cpu-bufferize=target=x86-64-v3 | attn-opt "-attn-cpu-vector=target=x86-64-v3 openmp=false" | attn-opt -attn-cpu-to-llvm -o %t.stages
// RUN: diff %t.whole %t.stages
// RUN: FileCheck %s --check-prefix=SERIAL < %t.whole

// What each stage leaves.
// RUN: attn-opt %s -attn-graph -attn-tile=target=x86-64-v3 | FileCheck %s --check-prefix=TILE
// RUN: attn-opt %s -attn-graph -attn-tile=target=x86-64-v3 -attn-cpu-bufferize=target=x86-64-v3 | FileCheck %s --check-prefix=BUFFER
// RUN: attn-opt %s -attn-graph -attn-tile=target=x86-64-v3 -attn-cpu-bufferize=target=x86-64-v3 -attn-cpu-vector=target=x86-64-v3 | FileCheck %s --check-prefix=VECTOR '--implicit-check-not=attn.{{[a-ce-z]}}' --implicit-check-not=linalg. --implicit-check-not=scf.forall

// CHECK-NOT: {{(attn|scf|vector|memref|arith|linalg|func|math|affine|cf)\.}}
// CHECK-DAG: llvm.func @prefill
// CHECK-DAG: llvm.func @decode
// CHECK-DAG: omp.wsloop
// SERIAL-NOT: omp.
// SERIAL: llvm.func @prefill
// SERIAL-NOT: omp.

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// TILE-LABEL: func.func @prefill
// TILE-NOT: attn.attention
// TILE: scf.forall
// TILE: attn.key_loop
// TILE: attn.online_attention
// TILE: attn.finalize_state

// Nothing is copied, and what is allocated is allocated outside of the loops
// over the keys; the result is in the buffer of its destination.
// BUFFER-LABEL: func.func @prefill
// BUFFER-SAME: %[[O:[a-z0-9]+]]: memref<2x8x512x64xbf16> {attn.donated}
// BUFFER-NOT: memref.copy
// BUFFER: scf.forall
// BUFFER: attn.pack_rows
// BUFFER: scf.for
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: attn.online_attention
// BUFFER-NOT: mask
// BUFFER-SAME: {indexing_maps
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: scf.for
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: attn.online_attention {{.*}} mask(#attn.causal)
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: attn.finalize_state
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: return %[[O]]

// VECTOR-LABEL: func.func @prefill
// VECTOR: omp.parallel
// VECTOR: memref.alloc
// VECTOR: omp.wsloop
// VECTOR-NOT: memref.alloc
// VECTOR: vector.fma
// VECTOR-NOT: math.{{exp|log}}
// VECTOR: return
func.func @prefill(%q: !q, %k: !k, %v: !k, %o: !q {attn.donated}) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.causal) -> !q
  return %r : !q
}

// The parts of a split are two buffers; nothing else is of the length of the keys.
// BUFFER-LABEL: func.func @decode
// BUFFER-COUNT-2: memref.alloc({{.*}}) {{.*}} : memref<?x2x8x1x
// BUFFER: scf.forall
// BUFFER: attn.pack_rows
// BUFFER: scf.for
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: attn.online_attention
// BUFFER: attn.finalize_state
// BUFFER: scf.forall
// BUFFER-NOT: memref.{{alloc|copy}}
// BUFFER: attn.merge_states
// BUFFER: return
// VECTOR-LABEL: func.func @decode
// VECTOR-COUNT-2: omp.parallel
// VECTOR: return
func.func @decode(%q: tensor<2x8x1x64xf32>, %k: tensor<2x2x?x64xf32>, %v: tensor<2x2x?x64xf32>, %o: tensor<2x8x1x64xf32> {attn.donated}) -> tensor<2x8x1x64xf32> {
  %r = attn.attention ins(%q, %k, %v : tensor<2x8x1x64xf32>, tensor<2x2x?x64xf32>, tensor<2x2x?x64xf32>) outs(%o : tensor<2x8x1x64xf32>) -> tensor<2x8x1x64xf32>
  return %r : tensor<2x8x1x64xf32>
}
