// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-expand-softmax))' | FileCheck %s

!s = !warpgroup.fragment<64x128xf32>
!rows = !warpgroup.rows<f32>
!part = !warpgroup.partial_rows<f32>
!acc = !warpgroup.fragment<64x64xf32>
!bf = !warpgroup.operand<64x128xbf16>
!half = !warpgroup.operand<64x128xf16>

gpu.module @kernels {
  // The first step takes 0 for a row maximum, unless the sum of a thread is too
  // large or that of a row too small; later ones keep the reference, and compute
  // it only where the sum of the probabilities says so.
  // CHECK-LABEL: llvm.func @speculative
  // CHECK: scf.if %{{.*}} -> (
  // CHECK-NOT: warpgroup.reduce max
  // CHECK: %[[OWN:.*]] = warpgroup.reduce add
  // CHECK: %[[ROW:.*]] = warpgroup.join add %[[OWN]]
  // CHECK-NEXT: warpgroup.elements(%[[OWN]], %[[ROW]])
  // CHECK: arith.constant 1.09951163E+12 : f32
  // CHECK: arith.cmpf uge
  // CHECK: arith.constant 9.09494702E-13 : f32
  // CHECK: arith.cmpf olt
  // CHECK: %[[OFF:.*]] = warpgroup.any
  // CHECK: scf.if %[[OFF]]
  // CHECK-NEXT: %[[MAX:.*]] = warpgroup.reduce max
  // CHECK-NEXT: warpgroup.join max %[[MAX]]
  // CHECK: warpgroup.pack
  // CHECK: } else {
  // CHECK: } else {
  // CHECK-NOT: warpgroup.reduce max
  // CHECK: llvm.nvvm.ex2.approx.ftz
  // CHECK: %[[SUM:.*]] = warpgroup.reduce add
  // CHECK: warpgroup.pack
  // CHECK: arith.constant 1.09951163E+12 : f32
  // CHECK: arith.cmpf uge
  // CHECK: %[[BAD:.*]] = warpgroup.any
  // CHECK: scf.if %[[BAD]]
  // CHECK: warpgroup.reduce max
  // CHECK: llvm.intr.minnum
  llvm.func @speculative(%f: i1, %zero: f32) {
    %s = warpgroup.splat %zero : f32 -> !s
    %r = warpgroup.splat %zero : f32 -> !rows
    %l = warpgroup.splat %zero : f32 -> !part
    %o = warpgroup.splat %zero : f32 -> !acc
    %x:4 = warpgroup.softmax speculative %s, %r, %l, %o first %f {unit = 1.0 : f64} : (!s, !rows, !part, !acc, i1) -> (!bf, !rows, !part, !acc)
    llvm.return
  }

  // e4m3 ends at 448: a row maximum is 2^3, and a factor is part of the unit.
  // CHECK-LABEL: llvm.func @narrow
  // CHECK-SAME: %[[FACTOR:[a-z0-9]*]]: f32)
  // CHECK: %[[UNIT:.*]] = arith.mulf %[[FACTOR]],
  // CHECK: warpgroup.elements
  // CHECK: 3.000000e+00 : f32
  // CHECK: fma{{.*}}%[[UNIT]]
  // CHECK: 4.480000e+02 : f32
  llvm.func @narrow(%f: i1, %zero: f32, %factor: f32) {
    %s = warpgroup.splat %zero : f32 -> !s
    %r = warpgroup.splat %zero : f32 -> !rows
    %l = warpgroup.splat %zero : f32 -> !part
    %o = warpgroup.splat %zero : f32 -> !acc
    %x:4 = warpgroup.softmax speculative %s, %r, %l, %o first %f factor %factor {unit = 1.0 : f64} : (!s, !rows, !part, !acc, i1, f32) -> (!warpgroup.operand<64x128xf8E4M3FN>, !rows, !part, !acc)
    llvm.return
  }

  // f16 has no 2^40, nor anything to spare below the row maximum.
  // CHECK-LABEL: llvm.func @half
  // CHECK: scf.if %{{.*}} -> (
  // CHECK-NEXT: warpgroup.reduce max
  // CHECK: arith.constant 3.276800e+04 : f32
  llvm.func @half(%f: i1, %zero: f32) {
    %s = warpgroup.splat %zero : f32 -> !s
    %r = warpgroup.splat %zero : f32 -> !rows
    %l = warpgroup.splat %zero : f32 -> !part
    %o = warpgroup.splat %zero : f32 -> !acc
    %x:4 = warpgroup.softmax speculative %s, %r, %l, %o first %f {unit = 1.0 : f64} : (!s, !rows, !part, !acc, i1) -> (!half, !rows, !part, !acc)
    llvm.return
  }

  // CHECK-LABEL: llvm.func @exact
  // CHECK: } else {
  // CHECK: warpgroup.reduce max
  // CHECK-NOT: warpgroup.any
  // CHECK: llvm.return
  llvm.func @exact(%f: i1, %zero: f32) {
    %s = warpgroup.splat %zero : f32 -> !s
    %r = warpgroup.splat %zero : f32 -> !rows
    %l = warpgroup.splat %zero : f32 -> !part
    %o = warpgroup.splat %zero : f32 -> !acc
    %x:4 = warpgroup.softmax exact %s, %r, %l, %o first %f {unit = 1.0 : f64} : (!s, !rows, !part, !acc, i1) -> (!bf, !rows, !part, !acc)
    llvm.return
  }
}
