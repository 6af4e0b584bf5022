// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-split-rare,canonicalize))' | FileCheck %s

!ring = !warpgroup.ring<2x128x64xbf16>
!half = !warpgroup.tile<128x64x64xbf16>
!tile = !warpgroup.tile<128x128x64xbf16>
!scores = !warpgroup.fragment<64x128xf32>

gpu.module @kernels {
  // Behind the start of the product there is one branch; in the arm of the usual
  // step are no others, and it waits for the next tile first.
  // CHECK-LABEL: llvm.func @step
  // CHECK: warpgroup.pass_turn
  // CHECK: %[[USUAL:.*]] = arith.xori %[[MORE:.*]], %{{.*}} : i1
  // CHECK: %[[RARE:.*]] = arith.ori %[[MASKED:.*]], %[[USUAL]]
  // CHECK: scf.if %[[RARE]] -> (!warpgroup.fragment<64x128xf32>) {
  // CHECK-NEXT: %[[S:.*]] = warpgroup.wait 0
  // CHECK: arith.select %[[MASKED]]
  // CHECK: scf.if %[[MORE]] {
  // CHECK-NEXT: warpgroup.await
  // CHECK: } else {
  // CHECK-NEXT: warpgroup.await
  // CHECK-NEXT: %[[U:.*]] = warpgroup.wait 0
  // CHECK-NEXT: scf.yield %[[U]]
  // CHECK-NEXT: }
  llvm.func @step(%i: i32, %n: i32, %masked: i1, %more: i1) {
    %k = warpgroup.ring consumers 2 tags 0 : !ring
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %k[%i] empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      %z = warpgroup.splat %zero : f32 -> !scores
      %r = scf.for %j = %c0 to %n step %c1 iter_args(%last = %z) -> (!scores) : i32 {
        %q = warpgroup.tile %k[%j] : !ring -> !half
        %t = warpgroup.tile %k[%j] : !ring -> !tile
        warpgroup.take_turn %wg
        %p = warpgroup.mma_async %q, %t transposed : (!half, !tile) -> !warpgroup.pending<64x128xf32>
        warpgroup.pass_turn %wg
        %s = warpgroup.wait 0 (%p) : (!warpgroup.pending<64x128xf32>) -> !scores
        %hidden = scf.if %masked -> !scores {
          scf.yield %z : !scores
        } else {
          scf.yield %s : !scores
        }
        scf.if %more {
          warpgroup.await %k[%j] : !ring
        }
        scf.yield %hidden : !scores
      }
      warpgroup.release %k[%i] : !ring
      %m = warpgroup.reduce max %r : !scores -> !warpgroup.partial_rows<f32>
      %large = warpgroup.elements (%m) {
      ^bb0(%x: f32, %row: i32, %column: i32):
        %t = arith.cmpf ogt, %x, %zero : f32
        warpgroup.yield %t : i1
      } : (!warpgroup.partial_rows<f32>) -> !warpgroup.partial_rows<i1>
      %some = warpgroup.any %large : !warpgroup.partial_rows<i1>
    }
    llvm.return
  }

  // What masks read, of tags or of memory for a row, is read while products run.
  // CHECK-LABEL: llvm.func @reads
  // CHECK: warpgroup.pass_turn
  // CHECK: scf.if %{{.*}} -> (!warpgroup.fragment<64x128xf32>) {
  // CHECK: %[[TAG:.*]] = warpgroup.tag 0
  // CHECK: %[[STARTS:.*]] = warpgroup.elements
  // CHECK: arith.addi %{{.*}}, %[[TAG]]
  // CHECK: llvm.load
  // CHECK: -> !warpgroup.rows<i32>
  // CHECK: %[[S:.*]] = warpgroup.wait 0
  // CHECK: warpgroup.elements(%[[S]], %[[STARTS]])
  // CHECK-NOT: llvm.load
  // CHECK: } else {
  llvm.func @reads(%i: i32, %n: i32, %masked: i1, %starts: !llvm.ptr<1>) {
    %k = warpgroup.ring consumers 2 tags 1 : !ring
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %k[%i] tags(%i) empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      %z = warpgroup.splat %zero : f32 -> !scores
      %r = scf.for %j = %c0 to %n step %c1 iter_args(%last = %z) -> (!scores) : i32 {
        warpgroup.await %k[%j] : !ring
        %q = warpgroup.tile %k[%j] : !ring -> !half
        %t = warpgroup.tile %k[%j] : !ring -> !tile
        warpgroup.take_turn %wg
        %p = warpgroup.mma_async %q, %t transposed : (!half, !tile) -> !warpgroup.pending<64x128xf32>
        warpgroup.pass_turn %wg
        %s = warpgroup.wait 0 (%p) : (!warpgroup.pending<64x128xf32>) -> !scores
        %hidden = scf.if %masked -> !scores {
          %tag = warpgroup.tag 0 of %k[%j] : !ring
          %e = warpgroup.elements (%s) {
          ^bb0(%x: f32, %row: i32, %column: i32):
            %at = arith.addi %row, %tag : i32
            %from = llvm.getelementptr %starts[%at] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
            %start = llvm.load %from invariant : !llvm.ptr<1> -> i32
            %seen = arith.cmpi sge, %column, %start : i32
            %y = arith.select %seen, %x, %zero : f32
            warpgroup.yield %y : f32
          } : (!scores) -> !scores
          scf.yield %e : !scores
        } else {
          scf.yield %s : !scores
        }
        scf.yield %hidden : !scores
      }
      warpgroup.release %k[%i] : !ring
      %m = warpgroup.reduce max %r : !scores -> !warpgroup.partial_rows<f32>
      %large = warpgroup.elements (%m) {
      ^bb0(%x: f32, %row: i32, %column: i32):
        %t = arith.cmpf ogt, %x, %zero : f32
        warpgroup.yield %t : i1
      } : (!warpgroup.partial_rows<f32>) -> !warpgroup.partial_rows<i1>
      %some = warpgroup.any %large : !warpgroup.partial_rows<i1>
    }
    llvm.return
  }
}
