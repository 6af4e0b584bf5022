// Masks that are data are asked pair by pair, where the program has the data.
//
// RUN: attn-opt %s --attn-explain-mask='target=x86-64-v3 rows=4 keys=4' -o /dev/null 2> %t
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=WARN < %t

!t = tensor<1x1x16x8xf32>

// A table of constants; indices past its end read the last one.
// CHECK-LABEL: attn.attention in @constants
// CHECK: visible 71 of 256 pairs of a head
func.func @constants(%q: !t) -> !t {
  %table = arith.constant dense<[3, 1, 4, 1, 5, 9, 2, 6]> : tensor<8xi32>
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%table at affine_map<(b, h, i, j) -> (j)> : tensor<8xi32>) {
      ^bb0(%t: i32, %b: index, %h: index, %i: index, %j: index):
        %c0 = arith.constant 0 : i32
        %c3 = arith.constant 3 : i32
        %three = arith.constant 3 : index
        %row = arith.index_cast %i : index to i32
        %x = arith.xori %t, %row : i32
        %low = arith.andi %x, %c3 : i32
        %match = arith.cmpi eq, %low, %c0 : i32
        %far = arith.maxsi %i, %j : index
        %near = arith.cmpi ult, %far, %three : index
        %visible = arith.ori %match, %near : i1
        attn.yield %visible : i1
      } -> !t
  return %o : !t
}

// Signs, widths, shifts, quotients, branches and loops.
// CHECK-LABEL: attn.attention in @arithmetic
// CHECK: visible 114 of 256 pairs of a head
func.func @arithmetic(%q: !t) -> !t {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c16 = arith.constant 16 : index
  // -8 ... 7 as i8, squared modulo 2^8, and halved where it is odd.
  %table = tensor.generate {
  ^bb0(%n: index):
    %c8 = arith.constant 8 : index
    %m = arith.subi %n, %c8 : index
    %byte = arith.index_cast %m : index to i8
    %square = arith.muli %byte, %byte : i8
    %bit = arith.trunci %square : i8 to i1
    %r = scf.if %bit -> (i8) {
      %one = arith.constant 1 : i8
      %half = arith.shrsi %square, %one : i8
      scf.yield %half : i8
    } else {
      scf.yield %square : i8
    }
    tensor.yield %r : i8
  } : tensor<16xi8>
  // Sums of the table up to a place.
  %sums = tensor.generate %c16 {
  ^bb0(%n: index):
    %past = arith.addi %n, %c1 : index
    %sum = scf.for %k = %c0 to %past step %c1 iter_args(%at = %c0) -> (index) {
      %e = tensor.extract %table[%k] : tensor<16xi8>
      %w = arith.index_castui %e : i8 to index
      %next = arith.addi %at, %w : index
      scf.yield %next : index
    }
    tensor.yield %sum : index
  } : tensor<?xindex>
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%sums at affine_map<(b, h, i, j) -> (i)> : tensor<?xindex>,
           %sums at affine_map<(b, h, i, j) -> (j)> : tensor<?xindex>) {
      ^bb0(%x: index, %y: index, %b: index, %h: index, %i: index, %j: index):
        %c5 = arith.constant 5 : index
        %c3 = arith.constant 3 : index
        %d = arith.subi %x, %y : index
        %f = arith.floordivsi %d, %c5 : index
        %r = arith.remsi %f, %c3 : index
        %positive = arith.cmpi sge, %r, %c0 : index
        %z = arith.select %positive, %d, %c1 : index
        %visible = arith.cmpi sgt, %z, %c1 : index
        attn.yield %visible : i1
      } -> !t
  return %o : !t
}

// Rows 3 and 7 are padding.
// WARN: warning: 2 of 16 queries see no key by these data; their results are 0, their lse -inf
// CHECK-LABEL: attn.attention in @padding
func.func @padding(%q: !t) -> !t {
  %keep = arith.constant dense<[true, true, true, false, true, true, true, false, true, true, true, true, true, true, true, true]> : tensor<16xi1>
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%keep at affine_map<(b, h, i, j) -> (i)> : tensor<16xi1>) {
      ^bb0(%k: i1, %b: index, %h: index, %i: index, %j: index):
        attn.yield %k : i1
      } -> !t
  return %o : !t
}

// What takes too long to compute is not known.
// CHECK-LABEL: attn.attention in @endless
// CHECK: tiles 4 x 4 of 4 queries x 4 keys: 0 empty, 0 full, 0 partial, 16 by data
func.func @endless(%q: !t) -> !t {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %many = arith.constant 1099511627776 : index
  %table = tensor.generate {
  ^bb0(%n: index):
    %sum = scf.for %k = %c0 to %many step %c1 iter_args(%at = %n) -> (index) {
      %next = arith.xori %at, %k : index
      scf.yield %next : index
    }
    tensor.yield %sum : index
  } : tensor<16xindex>
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(%table at affine_map<(b, h, i, j) -> (j)> : tensor<16xindex>) {
      ^bb0(%x: index, %b: index, %h: index, %i: index, %j: index):
        %visible = arith.cmpi sle, %x, %i : index
        attn.yield %visible : i1
      } -> !t
  return %o : !t
}
