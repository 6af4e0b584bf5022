// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-forall-to-openmp))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-forall-to-openmp{openmp=false}))' | FileCheck %s --check-prefix=SERIAL

// One loop over all tiles, the last dimension fastest. A buffer whose size is
// known outside is allocated once a thread; one that depends on the tile stays.
// CHECK-LABEL: func.func @tiles
// CHECK-SAME: %[[M:[a-z0-9]+]]: memref<?x8xf32>, %[[N:[a-z0-9]+]]: index, %[[S:[a-z0-9]+]]: index)
// CHECK-NOT: scf.forall
// CHECK: %[[TOTAL:.*]] = arith.muli
// CHECK: omp.parallel {
// CHECK: %[[W:.*]] = memref.alloc(%[[S]]) : memref<?xf32>
// CHECK: omp.wsloop schedule(dynamic) {
// CHECK-NEXT: omp.loop_nest (%[[T:.*]]) : index = (%{{.*}}) to (%[[TOTAL]]) step (%{{.*}}) {
// CHECK: %[[J:.*]] = arith.remui %[[T]], %{{.*}} : index
// CHECK: %[[I:.*]] = arith.divui %[[T]], %{{.*}} : index
// CHECK: %[[OWN:.*]] = memref.alloc(%[[I]]) : memref<?xf32>
// CHECK: memref.load %[[W]]
// CHECK: memref.store %{{.*}}, %[[M]][%[[I]], %[[J]]]
// CHECK: memref.dealloc %[[OWN]]
// CHECK-NOT: memref.dealloc
// CHECK: omp.yield
// CHECK: memref.dealloc %[[W]]
// CHECK: omp.terminator
// SERIAL-LABEL: func.func @tiles
// SERIAL-NOT: omp.
// SERIAL-NOT: scf.forall
// SERIAL: memref.alloc
// SERIAL: scf.for
// SERIAL: memref.alloc
// SERIAL: memref.dealloc
// SERIAL: }
// SERIAL: memref.dealloc
func.func @tiles(%m: memref<?x8xf32>, %n: index, %s: index) {
  %c0 = arith.constant 0 : index
  scf.forall (%i, %j) in (%n, 8) {
    %w = memref.alloc(%s) : memref<?xf32>
    %own = memref.alloc(%i) : memref<?xf32>
    %x = memref.load %w[%c0] : memref<?xf32>
    memref.store %x, %own[%c0] : memref<?xf32>
    memref.store %x, %m[%i, %j] : memref<?x8xf32>
    memref.dealloc %own : memref<?xf32>
    memref.dealloc %w : memref<?xf32>
  }
  return
}

// -----

// Bounds and steps; an inner loop is a plain one.
// CHECK-LABEL: func.func @nest
// CHECK-SAME: %[[M:[a-z0-9]+]]: memref<?x?xf32>, %[[A:[a-z0-9]+]]: index,
// CHECK: omp.loop_nest (%[[T:.*]]) : index
// CHECK: %[[SCALED:.*]] = arith.muli %[[T]], %{{.*}} : index
// CHECK: %[[I:.*]] = arith.addi %[[SCALED]], %[[A]] : index
// CHECK-NOT: omp.parallel
// CHECK: scf.for %[[J:.*]] =
// CHECK: memref.store %{{.*}}, %[[M]][%[[I]], %[[J]]]
func.func @nest(%m: memref<?x?xf32>, %a: index, %b: index, %x: f32) {
  scf.forall (%i) = (%a) to (%b) step (4) {
    scf.forall (%j) in (%b) {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// -----

// A loop inside of a parallel region that is there does not start another.
// CHECK-LABEL: func.func @inside
// CHECK: omp.parallel
// CHECK-NOT: omp.parallel
// CHECK: scf.for
// CHECK-NOT: omp.wsloop
// CHECK: return
func.func @inside(%m: memref<8xf32>, %x: f32) {
  omp.parallel {
    scf.forall (%i) in (8) {
      memref.store %x, %m[%i] : memref<8xf32>
    }
    omp.terminator
  }
  return
}
