// RUN: attn-opt %s --pass-pipeline='builtin.module(gpu.module(attn-warpgroup-to-nvvm))' | FileCheck %s
// Bodies of elements: what is the same for all columns of a row is computed
// once, and a column is left with immediate operands.

!scores = !warpgroup.fragment<64x16xf32>

gpu.module @kernels {
  llvm.mlir.global external @attn_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // Two comparisons with the column become one with the smaller bound, which
  // becomes a word with a bit for each column: of two in eight.
  // CHECK-LABEL: llvm.func @window
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK: %[[BOUND:.*]] = arith.minsi
  // CHECK: %[[LOW:.*]] = arith.maxsi %[[BOUND]]
  // CHECK: %[[B:.*]] = arith.minsi %[[LOW]]
  // CHECK: arith.shrui %[[B]]
  // CHECK: %[[WORD:.*]] = arith.select
  // CHECK: %[[C1:.*]] = arith.constant 1 : i32
  // CHECK: llvm.inline_asm "{ {{.*}}setp.ne{{.*}} }", "=b,r,n" %[[WORD]], %[[C1]]
  // CHECK: %[[C2:.*]] = arith.constant 2 : i32
  // CHECK: llvm.inline_asm {{.*}} %[[WORD]], %[[C2]]
  // CHECK: %[[C4:.*]] = arith.constant 4 : i32
  // CHECK: llvm.inline_asm {{.*}} %[[WORD]], %[[C4]]
  llvm.func @window(%size: i32, %key: i32, %x: f32, %none: f32) {
    warpgroup.roles consumers 2 registers(24, 240) producer {
    } consumer {
    ^bb0(%wg: i32):
      %s = warpgroup.splat %x : f32 -> !scores
      %t = warpgroup.elements (%s) {
      ^bb0(%e: f32, %row: i32, %column: i32):
        %inside = arith.cmpi slt, %column, %size : i32
        %position = arith.addi %key, %column : i32
        %causal = arith.cmpi sle, %position, %row : i32
        %shown = arith.andi %inside, %causal : i1
        %y = arith.select %shown, %e, %none : f32
        warpgroup.yield %y : f32
      } : (!scores) -> !scores
      %m = warpgroup.reduce max %t : !scores -> !warpgroup.partial_rows<f32>
    }
    llvm.return
  }

  // Logic of comparisons is logic of words: none for an element.
  // CHECK-LABEL: llvm.func @sink
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK: arith.xori
  // CHECK: %[[EITHER:.*]] = arith.ori {{.*}} : i32
  // CHECK: llvm.inline_asm {{.*}} %[[EITHER]],
  // CHECK-NOT: arith.ori
  // CHECK: llvm.inline_asm {{.*}} %[[EITHER]],
  llvm.func @sink(%size: i32, %key: i32, %x: f32, %none: f32) {
    warpgroup.roles consumers 2 registers(24, 240) producer {
    } consumer {
    ^bb0(%wg: i32):
      %s = warpgroup.splat %x : f32 -> !scores
      %t = warpgroup.elements (%s) {
      ^bb0(%e: f32, %row: i32, %column: i32):
        %sink = arith.cmpi slt, %column, %size : i32
        %position = arith.addi %key, %column : i32
        %inside = arith.cmpi sgt, %position, %row : i32
        %shown = arith.ori %inside, %sink : i1
        %y = arith.select %shown, %e, %none : f32
        warpgroup.yield %y : f32
      } : (!scores) -> !scores
      %m = warpgroup.reduce max %t : !scores -> !warpgroup.partial_rows<f32>
    }
    llvm.return
  }

  // One conversion a row; a bias is one multiply-add.
  // CHECK-LABEL: llvm.func @bias
  // CHECK: nvvm.setmaxregister increase 240
  // CHECK-COUNT-2: arith.sitofp
  // CHECK-NOT: arith.sitofp
  llvm.func @bias(%slope: f32, %key: i32, %x: f32) {
    warpgroup.roles consumers 2 registers(24, 240) producer {
    } consumer {
    ^bb0(%wg: i32):
      %s = warpgroup.splat %x : f32 -> !scores
      %t = warpgroup.elements (%s) {
      ^bb0(%e: f32, %row: i32, %column: i32):
        %position = arith.addi %key, %column : i32
        %distance = arith.subi %position, %row : i32
        %d = arith.sitofp %distance : i32 to f32
        %b = arith.mulf %slope, %d : f32
        %y = arith.addf %e, %b : f32
        warpgroup.yield %y : f32
      } : (!scores) -> !scores
      %m = warpgroup.reduce max %t : !scores -> !warpgroup.partial_rows<f32>
    }
    llvm.return
  }
}
