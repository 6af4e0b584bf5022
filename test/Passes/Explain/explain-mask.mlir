// RUN: attn-opt %s --attn-explain-mask='target=x86-64-v3 rows=128 keys=64 sizes=s=4096,l=255,r=0' -o %t.mlir 2> %t
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=WARN < %t
// RUN: FileCheck %s --check-prefix=MODULE < %t.mlir
// The module stays as it is.
// MODULE: mask(#attn.window<1023, 0>)

!t = tensor<1x8x?x128xf32>

// CHECK-LABEL: attn.attention in @window
// CHECK-NEXT: mask #attn.window<1023, 0>
// CHECK-NEXT: sizes s = 4096
// CHECK-NEXT: 4,096 queries from position 0, 4,096 keys
// CHECK-NEXT: visible 3,670,528 of 16,777,216 pairs of a head, 21.9 %
// CHECK-NEXT: = 1024*s - 523776 where s >= 1024
// CHECK-NEXT: = (s^2 + s) / 2 where s <= 1023
// CHECK-NEXT: work 15 GFLOP of 68.7 GFLOP of all heads: 53.7 GFLOP saved; 1.4 % of the pairs that are computed are hidden
// CHECK-NEXT: 264 MB of 1.07 GB of k and v read by tiles of queries; no mask of 16.8 MB in memory
// CHECK-NEXT: tiles 32 x 64 of 128 queries x 64 keys: 1,544 empty, 392 full, 112 partial
// CHECK-NEXT: rung set: bounds of segments by arithmetic
// CHECK-NEXT: loops over keys, for a tile of queries q0 to q1
// CHECK-NEXT: partial x1 to x3
// CHECK-NEXT: full x3 to x4
// CHECK-NEXT: partial x4 to x2
// CHECK-NEXT: where x1 = max(0, q0 - 1023)
// CHECK-NEXT: x2 = max(min(s, q1 + 1), x1)
// CHECK-NEXT: x3 = max(min(s, q1 - 1023, x2), x1)
// CHECK-NEXT: x4 = min(max(0, q0 + 1, x3), x2)
// CHECK: time analysis {{[0-9.]+}} ms, formula {{[0-9.]+}} ms, map {{[0-9.]+}} ms
// CHECK: keys
// CHECK-NEXT: │▒▒ {{ *}}│
// CHECK-NEXT: │██▒▒ {{ *}}│
func.func @window(%q: !t {attn.dims = ["b", "h", "s", "d"]}, %k: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %k : !t, !t, !t) outs(%q : !t) mask(#attn.window<1023, 0>) -> !t
  return %o : !t
}

// The symbols of a mask are in its formula, and in its loops.
// WARN: explain-mask.mlir:[[#@LINE+12]]:8: warning: a query sees no key where l + r <= -1, or where l <= -1, or where r <= -1
// CHECK-LABEL: attn.attention in @symbols
// CHECK-NEXT: mask #attn.set<{{.*}}> [l, r]
// CHECK-NEXT: sizes s = 4096, l = 255, r = 0
// CHECK: visible 1,015,936 of
// CHECK-NEXT: =
// CHECK: loops
// CHECK-NEXT: partial x1 to
// CHECK: where x1 = max(0, q0 - l)
#band = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>
func.func @symbols(%q: !t {attn.dims = ["b", "h", "s", "d"]}, %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %l: index {attn.name = "l"}, %r: index {attn.name = "r"}) -> !t {
  %o = attn.attention ins(%q, %k, %k : !t, !t, !t) outs(%q : !t) mask(#band[%l, %r]) -> !t
  return %o : !t
}

// A symbol without a value: no numbers.
// CHECK-LABEL: attn.attention in @unknown
// CHECK: no numbers and no map: expected values of arg1
// CHECK-NEXT: visible =
// CHECK-NOT: tiles
// CHECK: loops
// CHECK-NOT: keys{{$}}
#left = #attn.set<affine_map<(b, h, q, k)[l] -> (k - q + l)>>
func.func @unknown(%q: !t {attn.dims = ["b", "h", "s", "d"]}, %l: index) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#left[%l]) -> !t
  return %o : !t
}

// Tables that the program makes are made: documents of 1024.
// CHECK-LABEL: attn.attention in @documents
// CHECK: mask a region of 2 tensors
// CHECK: visible 4,194,304 of 16,777,216
// CHECK-NEXT: no formula: what the region hides is data
// CHECK: tiles 32 x 64 of 128 queries x 64 keys: 1,536 empty, 512 full, 0 partial
// CHECK: rung mask region: lists of tiles, since arith.cmpi eq in line {{[0-9]+}} cannot be solved for the key
// CHECK: loops over the tiles of lists
func.func @documents(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : !t
  %ids = tensor.generate %s {
  ^bb0(%n: index):
    %c1024 = arith.constant 1024 : index
    %d = arith.divui %n, %c1024 : index
    %id = arith.index_cast %d : index to i32
    tensor.yield %id : i32
  } : tensor<?xi32>
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<?xi32>, %ids at affine_map<(b, h, i, j) -> (j)> : tensor<?xi32>) {
      ^bb0(%x: i32, %y: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %x, %y : i32
        attn.yield %same : i1
      } -> !t
  return %o : !t
}

// Where they are an argument, they decide. What is affine is raised first.
// CHECK-LABEL: attn.attention in @given
// CHECK-NEXT: mask #attn.causal and a region of 1 tensor
// CHECK-NOT: visible {{[0-9]}}
// CHECK: tiles 32 x 64 of 128 queries x 64 keys: 992 empty, 0 full, 0 partial, 1,056 by data
// CHECK: rung mask region: bounds of segments, since each comparison can be solved for the key; by ascending loads
// CHECK: loops over keys, which data cuts further
// CHECK: │?? {{ *}}│
func.func @given(%q: !t {attn.dims = ["b", "h", "s", "d"]}, %starts: tensor<?xi32> {attn.dims = ["s"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%starts at affine_map<(b, h, i, j) -> (i)> ascending : tensor<?xi32>) {
      ^bb0(%start: i32, %b: index, %h: index, %i: index, %j: index):
        %first = arith.index_cast %start : i32 to index
        %own = arith.cmpi sge, %j, %first : index
        %causal = arith.cmpi sle, %j, %i : index
        %visible = arith.andi %own, %causal : i1
        attn.yield %visible : i1
      } -> !t
  return %o : !t
}

// A slope a head: the map is that of one head.
// CHECK-LABEL: attn.attention in @heads
// CHECK: visible 32,740 of 16,777,216 pairs of a head
// CHECK-NEXT: all heads:
#ladder = #attn.set<affine_map<(b, h, q, k) -> (q - k, k - q + 100 * h + 7)>>
func.func @heads(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#ladder) -> !t
  return %o : !t
}
