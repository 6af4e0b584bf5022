// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-to-nvvm))' | FileCheck %s

!ring = !warpgroup.ring<2x128x64xbf16>

gpu.module @kernels {
  llvm.mlir.global external @attn_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // Three queries, of which one mostly sees a key. Else a look at all exponents:
  // all queries are asked only where one is that of an infinity or NaN, which
  // all threads agree on.
  // CHECK-LABEL: llvm.func @hidden
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK-COUNT-3: arith.cmpi sle
  // CHECK: %[[OPEN:.*]] = llvm.call_intrinsic "llvm.nvvm.barrier.cta.red.or.aligned.count"
  // CHECK: scf.if %[[OPEN]]
  // CHECK-COUNT-8: llvm.load {{.*}} -> vector<4xi32>
  // CHECK: %[[ANY:.*]] = llvm.call_intrinsic "llvm.nvvm.barrier.cta.red.or.aligned.count"
  // CHECK: scf.if %[[ANY]]
  // CHECK: scf.for
  // CHECK: arith.cmpi sle
  // CHECK: llvm.store {{.*}} : vector<4xi32>
  // CHECK: nvvm.fence.proxy
  // CHECK: nvvm.barrier id
  // CHECK: }
  // CHECK: nvvm.fence.proxy
  llvm.func @hidden(%n: i32, %size: i32) {
    %v = warpgroup.ring consumers 2 tags 0 : !ring
    warpgroup.roles consumers 2 registers(24, 240) producer {
      warpgroup.acquire %v[%n] empty : !ring
    } consumer {
    ^bb0(%wg: i32):
      warpgroup.await %v[%n] : !ring
      warpgroup.clear_hidden %v[%n] of %wg queries %size diagonal %n {
      ^bb0(%key: i32, %query: i32):
        %seen = arith.cmpi sle, %key, %query : i32
        warpgroup.yield %seen : i1
      } : !ring
      warpgroup.release %v[%n] : !ring
    }
    llvm.return
  }
}
