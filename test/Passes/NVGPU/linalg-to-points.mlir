// RUN: attn-opt %s -split-input-file -verify-diagnostics --attn-gpu-linalg-to-points | FileCheck %s

// CHECK-LABEL: func.func @generate
// CHECK: scf.forall (%[[I:.*]]) in (%arg0)
// CHECK: arith.divui %[[I]]
// CHECK: tensor.insert
// CHECK: tensor.parallel_insert_slice {{.*}}[%[[I]]] [1] [1]
func.func @generate(%n: index) -> tensor<?xi32> {
  %0 = tensor.generate %n {
  ^bb0(%i: index):
    %c4 = arith.constant 4 : index
    %d = arith.divui %i, %c4 : index
    %x = arith.index_cast %d : index to i32
    tensor.yield %x : i32
  } : tensor<?xi32>
  return %0 : tensor<?xi32>
}

// -----

// A sum of rows: a loop over what is reduced, from what the fill says.
// CHECK-LABEL: func.func @sum
// CHECK: scf.forall (%[[I:.*]]) in (4)
// CHECK: scf.for %[[J:.*]] = %{{.*}} to %{{.*}} iter_args(%[[SUM:.*]] = %cst)
// CHECK: %[[X:.*]] = tensor.extract %arg0[%[[I]], %[[J]]]
// CHECK: arith.addf %[[X]], %[[SUM]]
func.func @sum(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %0 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// A named op; products of matrices stay.
// CHECK-LABEL: func.func @named
// CHECK: scf.forall
// CHECK: math.exp
// CHECK: linalg.matmul
func.func @named(%x: tensor<4x4xf32>, %o: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.exp ins(%x : tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.matmul ins(%0, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

// Copies are elementwise too, and so is a slice that a library reads.
// CHECK-LABEL: func.func @joined
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<?x4xf32>, %[[B:[a-z0-9]+]]: tensor<?x4xf32>
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (%[[END:.*]], 4)
// CHECK: %[[LEFT:.*]] = arith.cmpi slt, %[[I]],
// CHECK: scf.if %[[LEFT]]
// CHECK: tensor.extract %[[A]][%[[I]], %[[J]]]
// CHECK: } else {
// CHECK: %[[AT:.*]] = arith.subi %[[I]]
// CHECK: tensor.extract %[[B]][%[[AT]], %[[J]]]
func.func @joined(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = tensor.concat dim(0) %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func.func @put
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xf32>
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (8, 4)
// CHECK: scf.if
// CHECK: tensor.extract %[[A]][%[[J]]]
// CHECK: } else {
// CHECK: tensor.extract %[[B]][%[[I]], %[[J]]]
func.func @put(%a: tensor<4xf32>, %b: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = tensor.insert_slice %a into %b[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func.func @elements
// CHECK: %[[OUT:.*]] = scf.forall (%[[I:.*]]) in (3)
// CHECK: %[[SECOND:.*]] = arith.cmpi eq, %[[I]], %c1
// CHECK: %[[FIRST:.*]] = arith.select %[[SECOND]], %arg1, %arg0 : i32
// CHECK: %[[THIRD:.*]] = arith.cmpi eq, %[[I]], %c2
// CHECK: arith.select %[[THIRD]], %arg2, %[[FIRST]] : i32
func.func @elements(%a: i32, %b: i32, %c: i32) -> tensor<3xi32> {
  %0 = tensor.from_elements %a, %b, %c : tensor<3xi32>
  return %0 : tensor<3xi32>
}

// -----

// CHECK-LABEL: func.func @taken
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (4, 4)
// CHECK: tensor.extract %arg0[%{{.*}}, %{{.*}}]
// CHECK: linalg.matmul
func.func @taken(%x: tensor<4x8xf32>, %o: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = tensor.extract_slice %x[0, 4] [4, 4] [1, 1] : tensor<4x8xf32> to tensor<4x4xf32>
  %1 = linalg.matmul ins(%0, %o : tensor<4x4xf32>, tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// -----

func.func @maps(%x: tensor<4xf32>, %o: tensor<4xf32>, %p: tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  // expected-error @below {{whose results have different maps has no lowering for GPUs}}
  %0:2 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4xf32>) outs(%o, %p : tensor<4xf32>, tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    linalg.yield %a, %a : f32, f32
  } -> (tensor<4xf32>, tensor<8xf32>)
  return %0#0, %0#1 : tensor<4xf32>, tensor<8xf32>
}

// -----

// A product, with zeros where the matrix has no row for a token.
// CHECK-LABEL: func.func @project
// CHECK: %[[TOKENS:.*]] = tensor.dim %arg0
// CHECK: %[[W:.*]] = scf.forall (%[[S:.*]], %[[R:.*]]) in (%[[TOKENS]], 20)
// CHECK: %[[HAS:.*]] = arith.cmpi slt, %[[S]]
// CHECK: arith.select %[[HAS]], %{{.*}}, %cst
// CHECK: linalg.generic {{.*}}"reduction"
func.func @project(%x: tensor<2x3x?x24xf32>, %e: tensor<5000x20xf32>) -> tensor<2x3x20x24xf32> {
  %init = tensor.empty() : tensor<2x3x20x24xf32>
  %y = attn.linformer_project ins(%x, %e : tensor<2x3x?x24xf32>, tensor<5000x20xf32>) outs(%init : tensor<2x3x20x24xf32>) -> tensor<2x3x20x24xf32>
  return %y : tensor<2x3x20x24xf32>
}
