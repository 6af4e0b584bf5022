// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-to-nvvm))' | FileCheck %s

// Rows of 80 columns are five panels of 32 bytes.

!ring = !warpgroup.ring<2x128x80xbf16, 32>
!half = !warpgroup.tile<128x64x80xbf16, 32>
!tile = !warpgroup.tile<128x128x80xbf16, 32>
!acc = !warpgroup.fragment<64x80xf32>
!p = !warpgroup.operand<64x128xbf16>

gpu.module @kernels {
  llvm.mlir.global external @attn_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // A stage, of which a panel is 4096.
  // CHECK-LABEL: llvm.func @kernel
  // CHECK: %[[STAGE:.*]] = arith.constant 20480 : i32
  // CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %[[STAGE]]
  // CHECK-COUNT-5: nvvm.cp.async.bulk.tensor.shared.cluster.global
  // Swizzle 3, groups of 8 rows 256 bytes apart; each step of 16 is a panel.
  // CHECK: arith.constant -4611685949707845632 : i64
  // CHECK: wgmma.mma_async.sync.aligned.m64n128k16{{.*}}add.s64 db, $65, 256;{{.*}}add.s64 db, $65, 512;{{.*}}add.s64 db, $65, 768;{{.*}}add.s64 db, $65, 1024;
  // Columns of V: panels 4096 apart, 16 keys 512.
  // CHECK: arith.constant -4611685949691133952 : i64
  // CHECK: wgmma.mma_async.sync.aligned.m64n80k16{{.*}}add.s64 db, ${{[0-9]+}}, 32;{{.*}}add.s64 db, ${{[0-9]+}}, 224;
  // Chunks are permuted by bit 2 of the row; one copy a panel.
  // CHECK-COUNT-5: nvvm.stmatrix
  // CHECK: nvvm.fence.proxy
  // CHECK-COUNT-5: nvvm.cp.async.bulk.tensor.global.shared.cta
  llvm.func @kernel(%arg: !llvm.ptr, %n: i32, %zero: f32) {
    %map = builtin.unrealized_conversion_cast %arg : !llvm.ptr to !warpgroup.tensor_map
    %q = warpgroup.ring consumers 2 tags 1 : !ring
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %q[%n] tags(%n) : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 0 : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 1 : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 2 : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 3 : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 4 : !ring
    } consumer {
    ^bb0(%wg: i32):
      warpgroup.await %q[%n] : !ring
      %row = warpgroup.tag 0 of %q[%n] : !ring
      %a = warpgroup.tile %q[%n] row %row : !ring -> !half
      %b = warpgroup.tile %q[%n] : !ring -> !tile
      %f = warpgroup.mma_async %a, %b transposed : (!half, !tile) -> !warpgroup.pending<64x128xf32>
      %s = warpgroup.wait 0 (%f) : (!warpgroup.pending<64x128xf32>) -> !warpgroup.fragment<64x128xf32>
      %p = warpgroup.pack %s : !warpgroup.fragment<64x128xf32> -> !p
      %z = warpgroup.splat %zero : f32 -> !acc
      %g = warpgroup.mma_async %p, %b, %z : !acc : (!p, !tile) -> !warpgroup.pending<64x80xf32>
      %o = warpgroup.wait 0 (%g) : (!warpgroup.pending<64x80xf32>) -> !acc
      warpgroup.store %o through %q[%n] row %row to %map[%n, %n, %n] : !acc, !ring
      warpgroup.release %q[%n] : !ring
    }
    llvm.return
  }
}
