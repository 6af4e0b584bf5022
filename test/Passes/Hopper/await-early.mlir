// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-await-early))' | FileCheck %s

!ring = !warpgroup.ring<2x128x64xbf16>

gpu.module @kernels {
  // The wait and the tag of a step are in the one before, if there is a next.
  // CHECK-LABEL: llvm.func @stream
  // CHECK: ^bb0(
  // CHECK-NEXT: warpgroup.await %[[K:.*]][%[[I0:.*]]]
  // CHECK-NEXT: %[[T0:.*]] = warpgroup.tag 0 of %[[K]][%[[I0]]]
  // CHECK-NEXT: scf.while (%[[I:.*]] = %[[I0]], %[[T:.*]] = %[[T0]])
  // CHECK-NEXT: %[[MORE:.*]] = arith.cmpi ne, %[[T]]
  // CHECK-NEXT: warpgroup.release %[[K]][%[[I]]]
  // CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[I]]
  // CHECK-NEXT: %[[TAG:.*]] = scf.if %[[MORE]] -> (i32) {
  // CHECK-NEXT: warpgroup.await %[[K]][%[[NEXT]]]
  // CHECK-NEXT: %[[T1:.*]] = warpgroup.tag 0 of %[[K]][%[[NEXT]]]
  // CHECK-NEXT: scf.yield %[[T1]]
  // CHECK: scf.condition(%[[MORE]]) %[[NEXT]], %[[TAG]]
  llvm.func @stream() {
    %k = warpgroup.ring consumers 2 tags 1 : !ring
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %k[%c0] tags(%c0) empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      %r = scf.while (%i = %c0) : (i32) -> i32 {
        warpgroup.await %k[%i] : !ring
        %tag = warpgroup.tag 0 of %k[%i] : !ring
        %more = arith.cmpi ne, %tag, %c0 : i32
        warpgroup.release %k[%i] : !ring
        %next = arith.addi %i, %c1 : i32
        scf.condition(%more) %next : i32
      } do {
      ^bb0(%i: i32):
        scf.yield %i : i32
      }
    }
    llvm.return
  }
}
