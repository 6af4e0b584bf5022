// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-group))' | FileCheck %s
// Three products start together; the second one of y adds to the first, in
// flight. One wait, behind what needs no result, in front of the release.

!tile = !warpgroup.tile<64x64x64xbf16>
!operand = !warpgroup.operand<64x64xbf16>
!fragment = !warpgroup.fragment<64x64xf32>
!ring = !warpgroup.ring<2x64x64xbf16>

gpu.module @m {
  // CHECK-LABEL: func.func @chunk
  // CHECK-SAME: (%[[S:.*]]: !warpgroup.operand<64x64xbf16>, %[[X:.*]]: !warpgroup.operand<64x64xbf16>, %[[STATE:.*]]: !warpgroup.fragment<64x64xf32>
  func.func @chunk(%s: !operand, %x: !operand, %state: !fragment, %r: !tile, %w: !tile, %m: !tile,
                   %k: !ring, %n: i32, %wg: i32) -> (!fragment, !fragment) {
    // CHECK: warpgroup.take_turn
    warpgroup.take_turn %wg
    // CHECK-NEXT: %[[Y0:.*]] = warpgroup.mma_async %[[S]], %{{.*}} transposed
    // CHECK-NEXT: %[[NEW:.*]] = warpgroup.mma_async %[[X]], %{{.*}}, %[[STATE]]
    // CHECK-NEXT: %[[Y1:.*]] = warpgroup.mma_async %[[X]], %{{.*}}, %[[Y0]] : !warpgroup.pending<64x64xf32>
    %y0 = warpgroup.mma %s, %r transposed : (!operand, !tile) -> !fragment
    %new = warpgroup.mma %x, %w, %state : !fragment : (!operand, !tile) -> !fragment
    %y1 = warpgroup.mma %x, %m, %y0 : !fragment : (!operand, !tile) -> !fragment
    // CHECK-NEXT: warpgroup.pass_turn
    warpgroup.pass_turn %wg
    // CHECK-NEXT: %[[DONE:.*]]:2 = warpgroup.wait 0(%[[NEW]], %[[Y1]])
    // CHECK-NEXT: warpgroup.release
    warpgroup.release %k[%n] : !ring
    // CHECK: return %[[DONE]]#0, %[[DONE]]#1
    return %new, %y1 : !fragment, !fragment
  }
  // One alone is left to others.
  // CHECK-LABEL: func.func @alone
  func.func @alone(%s: !operand, %r: !tile) -> !fragment {
    // CHECK: warpgroup.mma %
    %y = warpgroup.mma %s, %r transposed : (!operand, !tile) -> !fragment
    return %y : !fragment
  }
}
