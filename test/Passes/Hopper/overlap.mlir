// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-overlap))' | FileCheck %s

!ring = !warpgroup.ring<2x128x64xbf16>
!one = !warpgroup.ring<1x128x64xbf16>
!half = !warpgroup.tile<128x64x64xbf16>
!tile = !warpgroup.tile<128x128x64xbf16>
!scores = !warpgroup.fragment<64x128xf32>
!acc = !warpgroup.fragment<64x64xf32>
!p = !warpgroup.operand<64x128xbf16>

gpu.module @kernels {
  // The scores of the next step start first; K goes back as soon as they are
  // there, Q when its results have left.
  // CHECK-LABEL: llvm.func @stream
  // CHECK: ^bb0(%[[WG:.*]]: i32):
  // CHECK-NEXT: warpgroup.pass_turn %[[WG]] first
  // CHECK: scf.for
  // CHECK: %[[NEXT:.*]] = arith.addi
  // CHECK-NEXT: warpgroup.await %[[K:.*]][%[[NEXT]]]
  // CHECK-NEXT: %[[TQ:.*]] = warpgroup.tile
  // CHECK-NEXT: %[[TK:.*]] = warpgroup.tile
  // CHECK-NEXT: warpgroup.await %[[V:.*]][%[[I:.*]]]
  // CHECK-NEXT: %[[TV:.*]] = warpgroup.tile
  // CHECK-NEXT: warpgroup.take_turn %[[WG]]
  // CHECK-NEXT: %[[S:.*]] = warpgroup.mma_async %[[TQ]], %[[TK]] transposed
  // CHECK-NEXT: %[[O:.*]] = warpgroup.mma_async %{{.*}}, %[[TV]], %{{.*}} :
  // CHECK-NEXT: warpgroup.pass_turn %[[WG]]
  // CHECK-NEXT: %[[SCORES:.*]] = warpgroup.wait 1(%[[S]])
  // CHECK-NEXT: warpgroup.release %[[K]][%[[NEXT]]]
  // CHECK-NEXT: %[[ACC:.*]] = warpgroup.wait 0(%[[O]])
  // CHECK-NEXT: warpgroup.release %[[V]][%[[I]]]
  // CHECK-NEXT: %[[PACKED:.*]] = warpgroup.pack %[[SCORES]]
  // CHECK-NEXT: scf.if
  // CHECK-NEXT: warpgroup.drain
  // CHECK: scf.yield %[[PACKED]], %[[ACC]]
  llvm.func @stream(%n: i32, %last: i1) {
    %q = warpgroup.ring consumers 2 tags 0 : !ring
    %k = warpgroup.ring consumers 2 tags 0 : !ring
    %v = warpgroup.ring consumers 2 tags 0 : !ring
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %zero = arith.constant 0.0 : f32
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %q[%c0] empty : !ring
      warpgroup.acquire %k[%c0] empty : !ring
      warpgroup.acquire %v[%c0] empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      warpgroup.await %q[%c0] : !ring
      %z = warpgroup.splat %zero : f32 -> !acc
      %s0 = warpgroup.splat %zero : f32 -> !scores
      %p0 = warpgroup.pack %s0 : !scores -> !p
      %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %p0, %o = %z) -> (!p, !acc) : i32 {
        warpgroup.await %v[%i] : !ring
        %tv = warpgroup.tile %v[%i] : !ring -> !tile
        %acc = warpgroup.mma %p, %tv, %o : !acc : (!p, !tile) -> !acc
        warpgroup.release %v[%i] : !ring
        scf.if %last {
          warpgroup.drain
          warpgroup.release %q[%i] : !ring
        }
        %next = arith.addi %i, %c1 : i32
        warpgroup.await %k[%next] : !ring
        %tq = warpgroup.tile %q[%i] : !ring -> !half
        %tk = warpgroup.tile %k[%next] : !ring -> !tile
        %s = warpgroup.mma %tq, %tk transposed : (!half, !tile) -> !scores
        warpgroup.release %k[%next] : !ring
        %pn = warpgroup.pack %s : !scores -> !p
        scf.yield %pn, %acc : !p, !acc
      }
    }
    llvm.return
  }

  // With one stage of Q, the next waits for the end of this tile: in order.
  // CHECK-LABEL: llvm.func @single
  // CHECK-NOT: warpgroup.pass_turn
  // CHECK: %[[O:.*]] = warpgroup.mma_async
  // CHECK-NEXT: warpgroup.wait 0(%[[O]])
  // CHECK: %[[S:.*]] = warpgroup.mma_async
  // CHECK-NEXT: warpgroup.wait 0(%[[S]])
  llvm.func @single(%i: i32) {
    %q = warpgroup.ring consumers 2 tags 0 : !one
    %k = warpgroup.ring consumers 2 tags 0 : !ring
    %zero = arith.constant 0.0 : f32
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %q[%i] empty : !one
      warpgroup.acquire %k[%i] empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      warpgroup.await %q[%i] : !one
      %z = warpgroup.splat %zero : f32 -> !acc
      %s0 = warpgroup.splat %zero : f32 -> !scores
      %p = warpgroup.pack %s0 : !scores -> !p
      warpgroup.await %k[%i] : !ring
      %tk = warpgroup.tile %k[%i] : !ring -> !tile
      %acc = warpgroup.mma %p, %tk, %z : !acc : (!p, !tile) -> !acc
      %tq = warpgroup.tile %q[%i] : !one -> !half
      %s = warpgroup.mma %tq, %tk transposed : (!half, !tile) -> !scores
      warpgroup.release %k[%i] : !ring
      warpgroup.release %q[%i] : !one
    }
    llvm.return
  }
}
