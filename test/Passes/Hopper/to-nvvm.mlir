// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-to-nvvm))' | FileCheck %s

!ring = !warpgroup.ring<2x128x64xbf16>
!half = !warpgroup.tile<128x64x64xbf16>
!tile = !warpgroup.tile<128x128x64xbf16>
!scores = !warpgroup.fragment<64x128xf32>
!acc = !warpgroup.fragment<64x64xf32>
!p = !warpgroup.operand<64x128xbf16>

gpu.module @kernels {
  llvm.mlir.global external @attn_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // CHECK-LABEL: llvm.func @kernel
  // CHECK-NOT: warpgroup.
  // CHECK: nvvm.mbarrier.init
  // CHECK: nvvm.fence.mbarrier.init
  // CHECK: nvvm.barrier
  // CHECK: nvvm.setmaxregister decrease 24
  // CHECK: nvvm.elect.sync
  // CHECK: nvvm.mbarrier.try_wait.parity
  // CHECK: llvm.store
  // CHECK: nvvm.mbarrier.arrive.expect_tx
  // CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK: nvvm.mbarrier.try_wait.parity
  // CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %{{.*}}
  // Scores: both operands in shared memory, K along its rows (no transposition).
  // CHECK: llvm.inline_asm has_side_effects {{.*}}wgmma.fence.sync.aligned;{{.*}}setp.ne.b32 p, 0, 0;{{.*}}wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, da, db, p, 1, 1, 0, 0;{{.*}}wgmma.commit_group.sync.aligned;
  // CHECK: nvvm.barrier.arrive
  // CHECK: wgmma.wait_group.sync.aligned 0;
  // CHECK: mbarrier.arrive.shared::cta.b64
  // CHECK: llvm.nvvm.ff2bf16x2.rn
  // Values: P in registers, V transposed, onto the accumulator.
  // CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, {$72,$73,$74,$75}, db, p, 1, 1, 1;
  // CHECK-SAME: "=f,=f
  // CHECK: nvvm.shfl.sync bfly
  // CHECK: nvvm.vote.sync any
  // CHECK: nvvm.stmatrix
  // CHECK: nvvm.fence.proxy
  // CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
  // CHECK: nvvm.cp.async.bulk.commit.group
  // CHECK: nvvm.cp.async.bulk.wait_group 0
  // Four columns a thread of the rows that are there.
  // CHECK: nvvm.shfl.sync bfly
  // CHECK: nvvm.inline_ptx "st.global.b64 [{$r0}+0], {$r1};" {{.*}}predicate
  // CHECK: nvvm.inline_ptx "st.global.b64 [{$r0}+96], {$r1};"
  llvm.func @kernel(%arg: !llvm.ptr, %n: i32, %zero: f32, %to: !llvm.ptr<1>, %pitch: i64) {
    %map = builtin.unrealized_conversion_cast %arg : !llvm.ptr to !warpgroup.tensor_map
    %q = warpgroup.ring consumers 2 tags 1 : !ring
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %q[%n] tags(%n) : !ring
      warpgroup.load %map[%n, %n, %n] to %q[%n] panel 0 : !ring
    } consumer {
    ^bb0(%wg: i32):
      warpgroup.await %q[%n] : !ring
      %row = warpgroup.tag 0 of %q[%n] : !ring
      %a = warpgroup.tile %q[%n] row %row : !ring -> !half
      %b = warpgroup.tile %q[%n] : !ring -> !tile
      warpgroup.take_turn %wg
      %f = warpgroup.mma_async %a, %b transposed : (!half, !tile) -> !warpgroup.pending<64x128xf32>
      warpgroup.pass_turn %wg
      %s = warpgroup.wait 0 (%f) : (!warpgroup.pending<64x128xf32>) -> !scores
      warpgroup.release %q[%n] : !ring
      %p = warpgroup.pack %s : !scores -> !p
      %z = warpgroup.splat %zero : f32 -> !acc
      %g = warpgroup.mma_async %p, %b, %z : !acc : (!p, !tile) -> !warpgroup.pending<64x64xf32>
      %o = warpgroup.wait 0 (%g) : (!warpgroup.pending<64x64xf32>) -> !acc
      %m = warpgroup.reduce max %s : !scores -> !warpgroup.partial_rows<f32>
      %j = warpgroup.join max %m : !warpgroup.partial_rows<f32> -> !warpgroup.rows<f32>
      %large = warpgroup.elements (%j) {
      ^bb0(%x: f32, %r: i32, %column: i32):
        %t = arith.cmpf ogt, %x, %zero : f32
        warpgroup.yield %t : i1
      } : (!warpgroup.rows<f32>) -> !warpgroup.rows<i1>
      %some = warpgroup.any %large : !warpgroup.rows<i1>
      scf.if %some {
        warpgroup.store %o through %q[%n] row %row to %map[%n, %n, %n] : !acc, !ring
        warpgroup.drain
        warpgroup.write_rows %o columns 64 to %to pitch %pitch below %row as bf16 : !acc, !llvm.ptr<1>
      }
    }
    llvm.return
  }
}
