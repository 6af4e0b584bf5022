// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-raise-mask))' --remarks-filter=attn-raise-mask -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

!t = tensor<1x4x8x32xf32>

// All of it: i - j >= 0, and i - 5 < j or 4 > j.
// REMARK: raised #attn.causal, #attn.or<#attn.window<4, -1>, #attn.sink<4>>
// CHECK-LABEL: func.func @all
// CHECK: mask(#attn.and<#attn.causal, #attn.or<#attn.window<4, -1>, #attn.sink<4>>>) ->
func.func @all(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
    ^bb0(%b: index, %h: index, %i: index, %j: index):
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %c5 = arith.constant 5 : index
      %d = arith.subi %i, %j : index
      %causal = arith.cmpi sge, %d, %c0 : index
      %first = arith.subi %i, %c5 : index
      %near = arith.cmpi slt, %first, %j : index
      %sink = arith.cmpi sgt, %c4, %j : index
      %or = arith.ori %near, %sink : i1
      %v = arith.andi %causal, %or : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}

// A part; the attribute stays.
// REMARK: raised #attn.causal; kept 1 in the region: a comparison is not of sums of positions
// CHECK-LABEL: func.func @part
// CHECK: mask(#attn.and<#attn.sink<6>, #attn.causal>) and(%{{.*}} at #{{.*}} : tensor<8xi32>) {
// CHECK: %[[E:.*]] = arith.cmpi eq
// CHECK: attn.yield %[[E]]
func.func @part(%q: !t, %ids: tensor<8xi32>) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.sink<6>) and(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<8xi32>) {
    ^bb0(%x: i32, %b: index, %h: index, %i: index, %j: index):
      %causal = arith.cmpi sle, %j, %i : index
      %y = arith.index_cast %j : index to i32
      %e = arith.cmpi eq, %x, %y : i32
      %v = arith.andi %e, %causal : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}

// Nothing: keys from 3 behind the query on are no attribute, nor is equality.
// REMARK: kept 2 in the region
// CHECK-LABEL: func.func @nothing
// CHECK: mask {
func.func @nothing(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
    ^bb0(%b: index, %h: index, %i: index, %j: index):
      %c3 = arith.constant 3 : index
      %d = arith.subi %i, %j : index
      %far = arith.cmpi sge, %d, %c3 : index
      %e = arith.cmpi ne, %h, %j : index
      %v = arith.andi %far, %e : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}
