// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-to-nvvm))' | FileCheck %s
// Products of 8 bits: V is transposed, columns of P are where a fragment has them.

!v = !warpgroup.ring<2x32x128xf8E4M3FN>
!t = !warpgroup.ring<2x64x128xf8E4M3FN>
!p = !warpgroup.operand<64x32xf8E4M3FN>

gpu.module @kernels {
  llvm.mlir.global external @attn_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // CHECK-LABEL: llvm.func @kernel
  llvm.func @kernel(%arg: !llvm.ptr, %n: i32, %zero: f32, %to: !llvm.ptr<1>, %pitch: i64) {
    %map = builtin.unrealized_conversion_cast %arg : !llvm.ptr to !warpgroup.tensor_map
    %v = warpgroup.ring consumers 1 tags 0 : !v
    %t = warpgroup.ring consumers 2 tags 0 writers 4 : !t
    warpgroup.roles consumers 2 registers(32, 224, 32) producer {
      warpgroup.acquire %v[%n] : !v
      warpgroup.load %map[%n, %n, %n] to %v[%n] panel 0 : !v
    } assist {
      // Four warps have 16 columns each: 32 rows and columns at a time.
      // CHECK: nvvm.setmaxregister decrease 32
      // CHECK: nvvm.setmaxregister decrease 32
      // CHECK: %[[IN:.*]] = nvvm.ldmatrix {{.*}} {{.*}}layout = #nvvm.mma_layout<col>{{.*}}num = 4
      // CHECK: %[[EVEN:.*]] = arith.constant 25632 : i32
      // CHECK-NEXT: nvvm.prmt <default> %[[EVEN]],
      // CHECK: %[[ODD:.*]] = arith.constant 30001 : i32
      // CHECK-NEXT: nvvm.prmt <default> %[[ODD]],
      // CHECK: nvvm.prmt
      // CHECK: nvvm.prmt
      // CHECK: nvvm.stmatrix
      // CHECK-NOT: nvvm.ldmatrix
      // CHECK: nvvm.fence.proxy
      // CHECK: nvvm.setmaxregister increase 224
      warpgroup.await %v[%n] : !v
      warpgroup.reserve %t[%n] : !t
      warpgroup.transpose %v[%n] to %t[%n] : !v, !t
      warpgroup.publish %t[%n] : !t
      warpgroup.release %v[%n] : !v
    } consumer {
    ^bb0(%wg: i32):
      %f = warpgroup.splat %zero : f32 -> !warpgroup.fragment<64x32xf32>
      // Rows t / 4 and t / 4 + 8 of the first 16 columns, then of the others.
      // CHECK: llvm.inline_asm {{.*}}cvt.rn.satfinite.e4m3x2.f32 low, $2, $1;{{.*}}cvt.rn.satfinite.e4m3x2.f32 high, $4, $3;
      // CHECK-COUNT-3: cvt.rn.satfinite.e4m3x2.f32 low
      %p = warpgroup.pack %f : !warpgroup.fragment<64x32xf32> -> !p
      warpgroup.await %t[%n] : !t
      %b = warpgroup.tile %t[%n] : !t -> !warpgroup.tile<64x64x32xf8E4M3FN>
      // CHECK: setp.ne.b32 p, 0, 0;{{.*}}wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3 {{.*}}, db, p, 1, 1;
      %g = warpgroup.mma_async %p, %b transposed : (!p, !warpgroup.tile<64x64x32xf8E4M3FN>) -> !warpgroup.pending<64x64xf32>
      %o = warpgroup.wait 0 (%g) : (!warpgroup.pending<64x64xf32>) -> !warpgroup.fragment<64x64xf32>
      warpgroup.release %t[%n] : !t
      // CHECK-NOT: nvvm.shfl
      // CHECK: nvvm.inline_ptx "st.global.b64 [{$r0}+0], {$r1};"
      // CHECK: nvvm.inline_ptx "st.global.b64 [{$r0}+96], {$r1};"
      warpgroup.write_rows %o columns 64 interleaved to %to pitch %pitch below %n as bf16 : !warpgroup.fragment<64x64xf32>, !llvm.ptr<1>
    }
    llvm.return
  }
}
