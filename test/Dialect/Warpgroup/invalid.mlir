// RUN: attn-opt %s -split-input-file -verify-diagnostics

func.func @tensor_map_c1(%b: memref<4x8x128xbf16>) {
  // expected-error @below {{expected 'order' to be a permutation of 2 to 5 dimensions from the last on, and 'box' to be as long [tensor_map_c1]}}
  %m = warpgroup.tensor_map %b order [2, 1, 1] box [64, 8, 1] : memref<4x8x128xbf16>
  return
}

// -----

func.func @tensor_map_c2(%b: memref<4x8x128xbf16>) {
  // expected-error @below {{expected a box of 128, 64 or 32 bytes by 1 to 256 elements [tensor_map_c2]}}
  %m = warpgroup.tensor_map %b order [2, 1, 0] box [48, 8, 1] : memref<4x8x128xbf16>
  return
}

// -----

func.func @tensor_map_c3(%b: memref<4x512x128xbf16>) {
  // expected-error @below {{expected steps of 1 to 8, that of the first dimension 1, and a box that spans no more than 256 elements [tensor_map_c3]}}
  %m = warpgroup.tensor_map %b order [2, 1, 0] box [64, 128, 1] steps [1, 4, 1] : memref<4x512x128xbf16>
  return
}

// -----

func.func @ring_c1() {
  // expected-error @below {{expected rows of whole panels, and a multiple of 8 of them [ring_c1]}}
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x32xbf16>
  return
}

// -----

func.func @ring_panels() {
  // expected-error @below {{expected panels of 128, 64 or 32 bytes, but got 16}}
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x8xbf16, 16>
  return
}

// -----

func.func @tile_panels(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x96xbf16, 64>
  // expected-error @below {{expected a tile of '!warpgroup.ring<2x128x96xbf16, 64>', but got '!warpgroup.tile<128x128x96xbf16, 32>' [tile_c1]}}
  %t = warpgroup.tile %k[%n] : !warpgroup.ring<2x128x96xbf16, 64> -> !warpgroup.tile<128x128x96xbf16, 32>
  return
}

// -----

func.func @acquire_c1(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 1 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected 1 tags, but got 0 [acquire_c1]}}
  warpgroup.acquire %k[%n] empty : !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @acquire_c2(%map: !warpgroup.tensor_map, %n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x128xbf16>
  // expected-error @below {{expected loads of 32768 bytes, but got 16384 [acquire_c2]}}
  warpgroup.acquire %k[%n] : !warpgroup.ring<2x128x128xbf16>
  warpgroup.load %map[%n, %n] to %k[%n] panel 0 : !warpgroup.ring<2x128x128xbf16>
  return
}

// -----

func.func @load_c1(%map: !warpgroup.tensor_map, %n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected 2 to 5 coordinates and a panel below 1 [load_c1]}}
  warpgroup.load %map[%n, %n] to %k[%n] panel 1 : !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @load_c2(%map: !warpgroup.tensor_map, %n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected rows [first, count] below 128, multiples of 8 [load_c2]}}
  warpgroup.load %map[%n, %n] to %k[%n] panel 0 rows [64, 68] : !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @tag_c1(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 1 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected a ring with more than 1 tags, but it has 1 [tag_c1]}}
  %t = warpgroup.tag 1 of %k[%n] : !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @tile_c1(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected a tile of '!warpgroup.ring<2x128x64xbf16>', but got '!warpgroup.tile<64x64x64xbf16>' [tile_c1]}}
  %t = warpgroup.tile %k[%n] : !warpgroup.ring<2x128x64xbf16> -> !warpgroup.tile<64x64x64xbf16>
  return
}

// -----

func.func @mma_c1(%q: !warpgroup.tile<128x64x128xbf16>, %t: !warpgroup.tile<128x128x64xbf16>) {
  // expected-error @below {{expected 64 x k times k x n, but got 64 x 128 times 64 x 128 into 64 x 128 [mma_c1]}}
  %s = warpgroup.mma %q, %t transposed : (!warpgroup.tile<128x64x128xbf16>, !warpgroup.tile<128x128x64xbf16>) -> !warpgroup.fragment<64x128xf32>
  return
}

// -----

func.func @mma_c2(%q: !warpgroup.tile<128x64x64xf16>, %t: !warpgroup.tile<128x128x64xbf16>) {
  // expected-error @below {{expected operands of one type, 'transposed' where they have 8 bits, but got 'f16' and 'bf16' [mma_c2]}}
  %s = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x64xf16>, !warpgroup.tile<128x128x64xbf16>) -> !warpgroup.pending<64x128xf32>
  return
}

// -----

func.func @wait_c1(%p: !warpgroup.pending<64x64xf32>) {
  // expected-error @below {{expected results of the shapes of the operands [wait_c1]}}
  %r = warpgroup.wait 0 (%p) : (!warpgroup.pending<64x64xf32>) -> !warpgroup.fragment<64x128xf32>
  return
}

// -----

func.func @elements_c1(%a: !warpgroup.fragment<64x64xf32>, %b: !warpgroup.fragment<64x128xf32>) {
  // expected-error @below {{expected fragments of one shape [elements_c1]}}
  warpgroup.elements (%a, %b) {
  ^bb0(%x: f32, %y: f32, %row: i32, %column: i32):
    warpgroup.yield
  } : (!warpgroup.fragment<64x64xf32>, !warpgroup.fragment<64x128xf32>) -> ()
  return
}

// -----

func.func @elements_c2(%a: !warpgroup.rows<f32>) {
  // expected-error @below {{expected a body of elements, row and column that yields an element of each result [elements_c2]}}
  %r = warpgroup.elements (%a) {
  ^bb0(%x: f32, %row: i32):
    warpgroup.yield %x : f32
  } : (!warpgroup.rows<f32>) -> !warpgroup.rows<f32>
  return
}

// -----

func.func @write_rows_c1(%f: !warpgroup.fragment<64x24xf32>, %p: !llvm.ptr<1>, %pitch: i64, %n: i32) {
  // expected-error @below {{expected a multiple of 8 of a multiple of 16 columns, as f16, bf16 or f32, or of 16 of them if interleaved, of 16 bits [write_rows_c1]}}
  warpgroup.write_rows %f columns 24 to %p pitch %pitch below %n as bf16 : !warpgroup.fragment<64x24xf32>, !llvm.ptr<1>
  return
}

// -----

func.func @store_c1(%f: !warpgroup.fragment<64x128xf32>, %map: !warpgroup.tensor_map, %n: i32) {
  %q = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected a ring with the columns of the fragment [store_c1]}}
  warpgroup.store %f through %q[%n] row %n to %map[%n, %n] : !warpgroup.fragment<64x128xf32>, !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @roles_c1() {
  // expected-error @below {{expected multiples of 8 registers from 24 to 256, and no more than a block starts with [roles_c1]}}
  warpgroup.roles consumers 3 registers(24, 240) producer {
  } consumer {
  ^bb0(%wg: i32):
  }
  return
}

// -----

func.func @roles_c2(%f: !warpgroup.fragment<64x128xf32>) {
  // expected-error @below {{expected roles to share no registers [roles_c2]}}
  warpgroup.roles consumers 2 registers(24, 240) producer {
  } consumer {
  ^bb0(%wg: i32):
    %m = warpgroup.reduce max %f : !warpgroup.fragment<64x128xf32> -> !warpgroup.partial_rows<f32>
  }
  return
}

// -----

func.func @roles_c3(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected each ring to be filled, awaited and released [roles_c3]}}
  warpgroup.roles consumers 2 registers(24, 240) producer {
    warpgroup.acquire %k[%n] empty : !warpgroup.ring<2x128x64xbf16>
  } consumer {
  ^bb0(%wg: i32):
    warpgroup.await %k[%n] : !warpgroup.ring<2x128x64xbf16>
  }
  return
}

// -----

func.func @roles_c4(%q: !warpgroup.tile<128x64x64xbf16>, %t: !warpgroup.tile<128x128x64xbf16>, %c: f32) {
  warpgroup.roles consumers 2 registers(24, 240) producer {
  } consumer {
  ^bb0(%wg: i32):
    %z = warpgroup.splat %c : f32 -> !warpgroup.fragment<64x128xf32>
    %p = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x64xbf16>, !warpgroup.tile<128x128x64xbf16>) -> !warpgroup.pending<64x128xf32>
    // expected-error @below {{makes an A operand while a product is in flight, which would have to wait [roles_c4]}}
    %a = warpgroup.pack %z : !warpgroup.fragment<64x128xf32> -> !warpgroup.operand<64x128xbf16>
    %r = warpgroup.wait 0 (%p) : (!warpgroup.pending<64x128xf32>) -> !warpgroup.fragment<64x128xf32>
  }
  return
}

// -----

func.func @wait_c2(%q: !warpgroup.tile<128x64x64xbf16>, %t: !warpgroup.tile<128x128x64xbf16>) {
  warpgroup.roles consumers 2 registers(24, 240) producer {
  } consumer {
  ^bb0(%wg: i32):
    %a = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x64xbf16>, !warpgroup.tile<128x128x64xbf16>) -> !warpgroup.pending<64x128xf32>
    %b = warpgroup.mma_async %q, %t transposed : (!warpgroup.tile<128x64x64xbf16>, !warpgroup.tile<128x128x64xbf16>) -> !warpgroup.pending<64x128xf32>
    // expected-error @below {{leaves up to 0 products in flight, but 1 are not waited for [wait_c2]}}
    %r = warpgroup.wait 0 (%a) : (!warpgroup.pending<64x128xf32>) -> !warpgroup.fragment<64x128xf32>
  }
  return
}

// -----

func.func @pass_turn_c1() {
  warpgroup.roles consumers 2 registers(24, 240) producer {
  } consumer {
  ^bb0(%wg: i32):
    // expected-error @below {{passes a turn that it has not taken [pass_turn_c1]}}
    warpgroup.pass_turn %wg
  }
  return
}

// -----

func.func @clear_hidden_c1(%n: i32, %wg: i32) {
  %v = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x128x64xbf16>
  // expected-error @below {{expected a body from two i32 to i1 [clear_hidden_c1]}}
  warpgroup.clear_hidden %v[%n] of %wg queries %n diagonal %n {
  ^bb0(%key: i32):
    warpgroup.yield %key : i32
  } : !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

func.func @reserve_c1(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x64x64xbf16>
  // expected-error @below {{expected a ring with 'writers' [reserve_c1]}}
  warpgroup.reserve %k[%n] : !warpgroup.ring<2x64x64xbf16>
  return
}

// -----

func.func @publish_c1(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x64x64xbf16>
  // expected-error @below {{expected a ring with 'writers' [publish_c1]}}
  warpgroup.publish %k[%n] : !warpgroup.ring<2x64x64xbf16>
  return
}

// -----

func.func @vector_c1(%t: !warpgroup.ring<2x8x32xf32>, %n: i32) {
  // expected-error @below {{expected vectors of 64 f32, but got a ring of '!warpgroup.ring<2x8x32xf32>' [vector_c1]}}
  %g = warpgroup.vector %t[%n] row %n : !warpgroup.ring<2x8x32xf32> -> !warpgroup.columns<64xf32>
  return
}

// -----

func.func @fetch_c1(%x: !warpgroup.tile<64x64x128xbf16>) {
  // expected-error @below {{expected 64 x 64 elements of one type, but got '!warpgroup.tile<64x64x128xbf16>' and '!warpgroup.operand<64x64xbf16>' [fetch_c1]}}
  %a = warpgroup.fetch %x : !warpgroup.tile<64x64x128xbf16> -> !warpgroup.operand<64x64xbf16>
  return
}

// -----

func.func @scale_c1(%a: !warpgroup.operand<64x64xbf16>, %g: !warpgroup.columns<128xf32>) {
  // expected-error @below {{expected a factor for each column [scale_c1]}}
  %w = warpgroup.scale %a by %g : !warpgroup.operand<64x64xbf16>, !warpgroup.columns<128xf32>
  return
}

// -----

func.func @write_c1(%f: !warpgroup.fragment<64x64xf32>, %r: !warpgroup.ring<2x128x64xbf16>, %n: i32) {
  // expected-error @below {{expected a fragment of 64 columns and a ring of 64 rows, but got '!warpgroup.fragment<64x64xf32>' and '!warpgroup.ring<2x128x64xbf16>' [write_c1]}}
  warpgroup.write %f to %r[%n] panel %n : !warpgroup.fragment<64x64xf32>, !warpgroup.ring<2x128x64xbf16>
  return
}

// -----

// What was fetched has reached no product: the copy engine may overwrite it.
func.func @roles_c5(%n: i32) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x64x64xbf16>
  warpgroup.roles consumers 2 registers(24, 240) producer {
    warpgroup.acquire %k[%n] empty : !warpgroup.ring<2x64x64xbf16>
  } consumer {
  ^bb0(%wg: i32):
    warpgroup.await %k[%n] : !warpgroup.ring<2x64x64xbf16>
    %t = warpgroup.tile %k[%n] : !warpgroup.ring<2x64x64xbf16> -> !warpgroup.tile<64x64x64xbf16>
    %a = warpgroup.fetch %t transposed : !warpgroup.tile<64x64x64xbf16> -> !warpgroup.operand<64x64xbf16>
    // expected-error @below {{of a stage stands in front of what consumes the data that was read of it [roles_c5]}}
    warpgroup.release %k[%n] : !warpgroup.ring<2x64x64xbf16>
    %y = warpgroup.mma %a, %t : (!warpgroup.operand<64x64xbf16>, !warpgroup.tile<64x64x64xbf16>) -> !warpgroup.fragment<64x64xf32>
  }
  return
}

// -----

// A product in flight still reads its tile.
func.func @roles_c5_product(%n: i32, %b: !warpgroup.tile<64x64x64xbf16>) {
  %k = warpgroup.ring consumers 2 tags 0 : !warpgroup.ring<2x64x64xbf16>
  warpgroup.roles consumers 2 registers(24, 240) producer {
    warpgroup.acquire %k[%n] empty : !warpgroup.ring<2x64x64xbf16>
  } consumer {
  ^bb0(%wg: i32):
    warpgroup.await %k[%n] : !warpgroup.ring<2x64x64xbf16>
    %t = warpgroup.tile %k[%n] : !warpgroup.ring<2x64x64xbf16> -> !warpgroup.tile<64x64x64xbf16>
    %p = warpgroup.mma_async %t, %b transposed : (!warpgroup.tile<64x64x64xbf16>, !warpgroup.tile<64x64x64xbf16>) -> !warpgroup.pending<64x64xf32>
    // expected-error @below {{of a stage stands in front of what consumes the data that was read of it [roles_c5]}}
    warpgroup.release %k[%n] : !warpgroup.ring<2x64x64xbf16>
    %r = warpgroup.wait 0 (%p) : (!warpgroup.pending<64x64xf32>) -> !warpgroup.fragment<64x64xf32>
  }
  return
}

// -----

func.func @mma_c2(%p: !warpgroup.operand<64x64xf8E4M3FN>, %t: !warpgroup.tile<64x64x128xf8E4M3FN>) {
  // expected-error @below {{'transposed' where they have 8 bits, but got 'f8E4M3FN' and 'f8E4M3FN' [mma_c2]}}
  %s = warpgroup.mma %p, %t : (!warpgroup.operand<64x64xf8E4M3FN>, !warpgroup.tile<64x64x128xf8E4M3FN>) -> !warpgroup.fragment<64x128xf32>
  return
}

// -----

func.func @transpose_c1(%n: i32) {
  %v = warpgroup.ring consumers 1 tags 0 : !warpgroup.ring<2x96x128xf8E4M3FN>
  %t = warpgroup.ring consumers 2 tags 0 writers 4 : !warpgroup.ring<2x256x128xf8E4M3FN>
  // expected-error @below {{expected tiles of 8 bits and of multiples of 32 rows and columns, one the transpose of the other, but got '!warpgroup.ring<2x96x128xf8E4M3FN>' and '!warpgroup.ring<2x256x128xf8E4M3FN>' [transpose_c1]}}
  warpgroup.transpose %v[%n] to %t[%n] : !warpgroup.ring<2x96x128xf8E4M3FN>, !warpgroup.ring<2x256x128xf8E4M3FN>
  return
}
