// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-rotate))' | FileCheck %s

gpu.module @kernels {
  // What is in front of the cut runs once in front of the loop, then for the
  // next step behind what is behind the cut.
  // CHECK-LABEL: llvm.func @sums
  llvm.func @sums(%n: i32) {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    // CHECK: %[[FIRST:.*]] = arith.muli %[[I0:.*]], %[[I0]] {a}
    // CHECK: scf.while (%[[SQUARE:.*]] = %[[FIRST]], %[[I:.*]] = %[[I0]])
    // CHECK-NEXT: nvvm.read.ptx.sreg.tid.x
    // CHECK-NEXT: arith.xori %[[SQUARE]], %[[SQUARE]] {b}
    // CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[I]]
    // CHECK-NEXT: %[[C:.*]] = arith.cmpi slt, %[[NEXT]]
    // CHECK-NEXT: %[[A:.*]] = arith.muli %[[NEXT]], %[[NEXT]] {a}
    // CHECK-NEXT: scf.condition(%[[C]]) %[[A]], %[[NEXT]]
    %r = scf.while (%i = %c0) : (i32) -> i32 {
      %more = arith.cmpi slt, %i, %n : i32
      scf.condition(%more) %i : i32
    } do {
    ^bb0(%i: i32):
      %a = arith.muli %i, %i {a} : i32
      // CHECK-NOT: warpgroup.cut
      warpgroup.cut
      %t = nvvm.read.ptx.sreg.tid.x : i32
      %b = arith.xori %a, %a {b} : i32
      %next = arith.addi %i, %c1 : i32
      scf.yield %next : i32
    }
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @nowhere() {
    // expected-error @below {{is not in the body of an scf.while}}
    warpgroup.cut
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @used(%n: i32) -> i32 {
    // expected-error @below {{with results that are used cannot be rotated}}
    %r = scf.while (%i = %n) : (i32) -> i32 {
      %more = arith.cmpi slt, %i, %n : i32
      scf.condition(%more) %i : i32
    } do {
    ^bb0(%i: i32):
      warpgroup.cut
      scf.yield %i : i32
    }
    llvm.return %r : i32
  }
}
