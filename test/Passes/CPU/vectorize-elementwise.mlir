// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-vectorize-elementwise{target=x86-64-v4}))' | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>
#row = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @rows
func.func @rows(%x: memref<?x20xbf16>, %c: memref<20xf32>, %r: memref<?xf32>, %s: f32, %y: memref<?x20xf32>) {
  // CHECK: vector.load {{.*}} vector<16xbf16>
  // CHECK: arith.extf {{.*}} vector<16xbf16> to vector<16xf32>
  // CHECK: math.exp {{.*}} : vector<16xf32>
  // CHECK: vector.store
  // CHECK: vector.maskedload
  // CHECK: vector.maskedstore
  // CHECK-NOT: linalg.generic
  linalg.generic {indexing_maps = [#id, #column, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %c, %r : memref<?x20xbf16>, memref<20xf32>, memref<?xf32>) outs(%y : memref<?x20xf32>) {
  ^bb0(%a: bf16, %b: f32, %d: f32, %o: f32):
    %0 = arith.extf %a : bf16 to f32
    %1 = arith.mulf %0, %b : f32
    %2 = arith.mulf %d, %s : f32
    %3 = arith.addf %1, %2 : f32
    %4 = math.exp %3 : f32
    linalg.yield %4 : f32
  }
  return
}

// Columns apart: loops do it.
// CHECK-LABEL: func.func @strided
func.func @strided(%x: memref<?xf32, strided<[4]>>, %y: memref<?xf32>) {
  // CHECK: linalg.generic
  linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32, strided<[4]>>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}
