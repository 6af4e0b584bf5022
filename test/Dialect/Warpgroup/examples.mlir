// RUN: attn-opt %s --verify-roundtrip | FileCheck %s
// The examples of the descriptions (../Attn/examples.py compares them).

// CHECK-LABEL: func.func @host
func.func @host(%b: memref<?x8x?x128xbf16>) -> (index, !warpgroup.tensor_map) {
  // CHECK: warpgroup.processors
  %n = warpgroup.processors
  // CHECK: warpgroup.tensor_map %{{.*}} order [3, 2, 1, 0] box [64, 128, 1, 1] : memref<?x8x?x128xbf16>
  // CHECK: warpgroup.tensor_map %{{.*}} order [3, 2, 1, 0] box [64, 64, 1, 1] steps [1, 4, 1, 1] : memref<?x8x?x128xbf16>
  %m = warpgroup.tensor_map %b order [3, 2, 1, 0] box [64, 128, 1, 1] : memref<?x8x?x128xbf16>
  %d = warpgroup.tensor_map %b order [3, 2, 1, 0] box [64, 64, 1, 1] steps [1, 4, 1, 1] : memref<?x8x?x128xbf16>
  return %n, %m : index, !warpgroup.tensor_map
}

// CHECK-LABEL: func.func @rings
func.func @rings(%map: !warpgroup.tensor_map, %n: i32, %key: i32, %size: i32, %flags: i32,
                 %row: i32, %h: i32, %b: i32, %zero: f32,
                 %p: !llvm.ptr<1>, %pitch: i64, %rows: i32) {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  // CHECK: warpgroup.ring consumers 2 tags 3 : <2x128x128xbf16>
  %k = warpgroup.ring consumers 2 tags 3 : !warpgroup.ring<2x128x128xbf16>
  // Tags alone.
  // CHECK: warpgroup.ring consumers 2 tags 1 : <2x8x0xbf16>
  %tags = warpgroup.ring consumers 2 tags 1 : !warpgroup.ring<2x8x0xbf16>
  %ring = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x128xbf16>
  // CHECK: warpgroup.roles consumers 2 registers(24, 240) producer {
  warpgroup.roles consumers 2 registers(24, 240) producer {
    // CHECK: warpgroup.acquire
    warpgroup.acquire %k[%n] tags(%key, %size, %flags) : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.load {{.*}} panel 0 :
    // CHECK: warpgroup.load {{.*}} panel 1 rows [64, 64]
    // CHECK: warpgroup.load {{.*}} panel 1 rows [0, 64]
    warpgroup.load %map[%c0, %row, %h, %b] to %k[%n] panel 0 : !warpgroup.ring<2x128x128xbf16>
    warpgroup.load %map[%c0, %row, %h, %b] to %k[%n] panel 1 rows [64, 64] : !warpgroup.ring<2x128x128xbf16>
    warpgroup.load %map[%c64, %row, %h, %b] to %k[%n] panel 1 rows [0, 64] : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.acquire {{.*}} empty
    warpgroup.acquire %ring[%n] empty : !warpgroup.ring<2x128x128xbf16>
  } consumer {
  ^bb0(%wg: i32):
    // CHECK: warpgroup.pass_turn %{{.*}} first
    warpgroup.pass_turn %wg first
    // CHECK: warpgroup.take_turn
    warpgroup.take_turn %wg
    // CHECK: warpgroup.pass_turn
    warpgroup.pass_turn %wg
    // CHECK: warpgroup.await
    warpgroup.await %k[%n] : !warpgroup.ring<2x128x128xbf16>
    warpgroup.await %ring[%n] : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.tag 0 of
    %first = warpgroup.tag 0 of %k[%n] : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.tile {{.*}} row
    %q = warpgroup.tile %ring[%n] row %row : !warpgroup.ring<2x128x128xbf16> -> !warpgroup.tile<128x64x128xbf16>
    // CHECK: warpgroup.clear_rows
    warpgroup.clear_rows %k[%n] from %size of %wg : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.clear_hidden
    warpgroup.clear_hidden %k[%n] of %wg queries %size diagonal %row {
    ^bb0(%at: i32, %query: i32):
      %seen = arith.cmpi sle, %at, %query : i32
      warpgroup.yield %seen : i1
    } : !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.release
    warpgroup.release %k[%n] : !warpgroup.ring<2x128x128xbf16>
    %z = warpgroup.splat %zero : f32 -> !warpgroup.fragment<64x128xf32>
    // CHECK: warpgroup.store
    warpgroup.store %z through %ring[%n] row %row to %map[%c0, %row, %h, %b] : !warpgroup.fragment<64x128xf32>, !warpgroup.ring<2x128x128xbf16>
    // CHECK: warpgroup.write_rows {{.*}} pitch {{.*}} below {{.*}} as bf16
    warpgroup.write_rows %z columns 128 to %p pitch %pitch below %rows as bf16 : !warpgroup.fragment<64x128xf32>, !llvm.ptr<1>
    // CHECK: warpgroup.drain
    warpgroup.drain
    warpgroup.release %ring[%n] : !warpgroup.ring<2x128x128xbf16>
  }
  return
}

// CHECK-LABEL: func.func @roles
func.func @roles() {
  warpgroup.roles consumers 2 registers(24, 240) producer {
  } consumer {
  ^bb0(%number: i32):
  }
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%q: !warpgroup.tile<128x64x128xbf16>, %t: !warpgroup.tile<128x128x128xbf16>) {
  // CHECK: warpgroup.mma %{{.*}}, %{{.*}} transposed
  %s = warpgroup.mma %q, %t transposed : (!warpgroup.tile<128x64x128xbf16>, !warpgroup.tile<128x128x128xbf16>) -> !warpgroup.fragment<64x128xf32>
  // CHECK: warpgroup.mma_async
  %f = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x128xbf16>, !warpgroup.tile<128x128x128xbf16>) -> !warpgroup.pending<64x128xf32>
  // CHECK: warpgroup.wait 0
  %r = warpgroup.wait 0 (%f) : (!warpgroup.pending<64x128xf32>) -> !warpgroup.fragment<64x128xf32>
  return
}

// CHECK-LABEL: func.func @fragments
func.func @fragments(%c: f32, %s: !warpgroup.fragment<64x128xf32>, %flagged: !warpgroup.partial_rows<i1>,
                     %r0: !warpgroup.rows<f32>, %l0: !warpgroup.partial_rows<f32>, %new: i1) {
  // CHECK: warpgroup.splat
  %z = warpgroup.splat %c : f32 -> !warpgroup.fragment<64x128xf32>
  // CHECK: warpgroup.reduce max
  %m = warpgroup.reduce max %s : !warpgroup.fragment<64x128xf32> -> !warpgroup.partial_rows<f32>
  // CHECK: warpgroup.join max
  %j = warpgroup.join max %m : !warpgroup.partial_rows<f32> -> !warpgroup.rows<f32>
  // CHECK: warpgroup.elements
  %p = warpgroup.elements (%s, %j) {
  ^bb0(%x: f32, %y: f32, %row: i32, %column: i32):
    %d = arith.subf %x, %y : f32
    warpgroup.yield %d : f32
  } : (!warpgroup.fragment<64x128xf32>, !warpgroup.rows<f32>) -> !warpgroup.fragment<64x128xf32>
  // CHECK: warpgroup.any
  %some = warpgroup.any %flagged : !warpgroup.partial_rows<i1>
  // CHECK: warpgroup.pack
  %a = warpgroup.pack %p : !warpgroup.fragment<64x128xf32> -> !warpgroup.operand<64x128xbf16>
  // CHECK: warpgroup.cut
  warpgroup.cut
  // CHECK: warpgroup.softmax speculative
  %pp, %r1, %l1, %o1 = warpgroup.softmax speculative %s, %r0, %l0, %z first %new {unit = 1.442695e+00 : f64}
      : (!warpgroup.fragment<64x128xf32>, !warpgroup.rows<f32>, !warpgroup.partial_rows<f32>, !warpgroup.fragment<64x128xf32>, i1)
        -> (!warpgroup.operand<64x128xbf16>, !warpgroup.rows<f32>, !warpgroup.partial_rows<f32>, !warpgroup.fragment<64x128xf32>)
  return
}

// CHECK-LABEL: func.func @recurrences
func.func @recurrences(%map: !warpgroup.tensor_map, %h: i32, %b: i32, %c0: i32, %row: i32, %a0: f32, %a1: f32) {
  %m = warpgroup.ring consumers 2 tags 0 writers 4 : !warpgroup.ring<2x64x64xbf16>
  // CHECK: warpgroup.ring consumers 2 tags 0 writers 1 : <4x8x64xf32>
  %t = warpgroup.ring consumers 2 tags 0 writers 1 : !warpgroup.ring<4x8x64xf32>
  %ring = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x64x128xbf16>
  %r = arith.constant 1 : i32
  %n = arith.constant 0 : i32
  // CHECK: warpgroup.roles consumers 2 registers(48, 200, 64) producer {
  warpgroup.roles consumers 2 registers(48, 200, 64) producer {
    // CHECK: } prepare {
  } prepare {
    // CHECK: warpgroup.chunk_scan
    %s0, %s1, %all = warpgroup.chunk_scan %a0, %a1
    warpgroup.reserve %t[%n] : !warpgroup.ring<4x8x64xf32>
    // CHECK: warpgroup.address %{{.*}} row
    %p = warpgroup.address %t[%n] row %r : !warpgroup.ring<4x8x64xf32> -> !llvm.ptr<3>
    warpgroup.publish %t[%n] : !warpgroup.ring<4x8x64xf32>
    // CHECK: } assist {
  } assist {
    // CHECK: warpgroup.reserve
    warpgroup.reserve %m[%n] : !warpgroup.ring<2x64x64xbf16>
    // CHECK: warpgroup.publish
    warpgroup.publish %m[%n] : !warpgroup.ring<2x64x64xbf16>
    // CHECK: } consumer {
  } consumer {
  ^bb0(%wg: i32):
    warpgroup.await %t[%n] : !warpgroup.ring<4x8x64xf32>
    warpgroup.await %m[%n] : !warpgroup.ring<2x64x64xbf16>
    %x = warpgroup.tile %m[%n] : !warpgroup.ring<2x64x64xbf16> -> !warpgroup.tile<64x64x64xbf16>
    // CHECK: warpgroup.tile %{{.*}} panel
    %second = warpgroup.tile %ring[%n] panel %wg : !warpgroup.ring<2x64x128xbf16> -> !warpgroup.tile<64x64x64xbf16>
    // CHECK: warpgroup.vector
    %g = warpgroup.vector %t[%n] row %r : !warpgroup.ring<4x8x64xf32> -> !warpgroup.columns<64xf32>
    // CHECK: warpgroup.fetch %{{.*}} transposed
    %xt = warpgroup.fetch %x transposed : !warpgroup.tile<64x64x64xbf16> -> !warpgroup.operand<64x64xbf16>
    %a = warpgroup.fetch %x : !warpgroup.tile<64x64x64xbf16> -> !warpgroup.operand<64x64xbf16>
    // CHECK: warpgroup.unpack
    %f = warpgroup.unpack %a : !warpgroup.operand<64x64xbf16> -> !warpgroup.fragment<64x64xf32>
    %w = warpgroup.scale %a by %g : !warpgroup.operand<64x64xbf16>, !warpgroup.columns<64xf32>
    %y = warpgroup.splat %a0 : f32 -> !warpgroup.fragment<64x64xf32>
    // CHECK: warpgroup.share
    warpgroup.share %wg
    // CHECK: warpgroup.write %{{.*}} transposed
    warpgroup.write %y to %ring[%n] panel %wg transposed : !warpgroup.fragment<64x64xf32>, !warpgroup.ring<2x64x128xbf16>
    // CHECK: warpgroup.send
    warpgroup.send %ring[%n] panel %wg of %wg to %map[%c0, %row, %h, %b] : !warpgroup.ring<2x64x128xbf16>
    warpgroup.write %f to %ring[%n] panel %wg : !warpgroup.fragment<64x64xf32>, !warpgroup.ring<2x64x128xbf16>
    warpgroup.write %y to %ring[%n] panel %wg : !warpgroup.fragment<64x64xf32>, !warpgroup.ring<2x64x128xbf16>
    %done = warpgroup.mma %w, %second : (!warpgroup.operand<64x64xbf16>, !warpgroup.tile<64x64x64xbf16>) -> !warpgroup.fragment<64x64xf32>
    %too = warpgroup.mma %xt, %second : (!warpgroup.operand<64x64xbf16>, !warpgroup.tile<64x64x64xbf16>) -> !warpgroup.fragment<64x64xf32>
    warpgroup.release %m[%n] : !warpgroup.ring<2x64x64xbf16>
    warpgroup.release %t[%n] : !warpgroup.ring<4x8x64xf32>
  }
  return
}

// CHECK-LABEL: func.func @factors
func.func @factors(%a: !warpgroup.operand<64x64xbf16>, %f: !warpgroup.columns<64xf32>) {
  // CHECK: warpgroup.scale
  %w = warpgroup.scale %a by %f : !warpgroup.operand<64x64xbf16>, !warpgroup.columns<64xf32>
  return
}

// CHECK-LABEL: func.func @narrow
func.func @narrow(%n: i32, %z: !warpgroup.fragment<64x128xf32>, %p: !llvm.ptr<1>, %pitch: i64, %rows: i32) {
  %v = warpgroup.ring consumers 1 tags 0 : !warpgroup.ring<2x96x128xf8E4M3FN>
  %t = warpgroup.ring consumers 2 tags 0 writers 4 : !warpgroup.ring<2x128x128xf8E4M3FN>
  // CHECK: warpgroup.transpose
  warpgroup.transpose %v[%n] to %t[%n] : !warpgroup.ring<2x96x128xf8E4M3FN>, !warpgroup.ring<2x128x128xf8E4M3FN>
  // CHECK: warpgroup.write_rows {{.*}} columns 128 interleaved to
  warpgroup.write_rows %z columns 128 interleaved to %p pitch %pitch below %rows as bf16 : !warpgroup.fragment<64x128xf32>, !llvm.ptr<1>
  return
}
