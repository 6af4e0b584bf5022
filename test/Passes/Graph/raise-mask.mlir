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

// Keys from 3 behind the query on, and heads, have no name.
// REMARK: raised #attn.set<affine_map<(d0, d1, d2, d3) -> (d2 - d3 - 3)>>, #attn.not<#attn.set<affine_map<(d0, d1, d2, d3) -> (d1 - d3, -d1 + d3)>>>
// CHECK-LABEL: func.func @sets
// CHECK: mask(#attn.and<#attn.set<#{{.*}}>, #attn.not<#attn.set<#{{.*}}>>>) ->
func.func @sets(%q: !t) -> !t {
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

// A dilation as the frameworks write it, chunks, and a choice by head, with a
// length from outside.
// REMARK: raised #attn.dilated<4>, #attn.or<#attn.and<#attn.set<affine_map<(d0, d1, d2, d3) -> (-d1 + 1)>>, #attn.chunk<16>>, #attn.and<#attn.not<#attn.set<affine_map<(d0, d1, d2, d3) -> (-d1 + 1)>>>, #attn.set<affine_map<(d0, d1, d2, d3)[s0] -> (-d3 + s0 - 1)>>>>
// CHECK-LABEL: func.func @choice
// CHECK-SAME: %[[N:[a-z0-9]+]]: index
// CHECK: mask(#attn.dilated<4> and (#attn.and<{{.*}}> or (#attn.not<{{.*}}> and #attn.set<{{.*}}>[%[[N]]])))
func.func @choice(%q: !t, %n: index) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
    ^bb0(%b: index, %h: index, %i: index, %j: index):
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c16 = arith.constant 16 : index
      %d = arith.subi %i, %j : index
      %rest = arith.remsi %d, %c4 : index
      %dilated = arith.cmpi eq, %rest, %c0 : index
      %first = arith.cmpi slt, %h, %c2 : index
      %mine = arith.floordivsi %i, %c16 : index
      %other = arith.divui %j, %c16 : index
      %chunk = arith.cmpi eq, %mine, %other : index
      %short = arith.cmpi slt, %j, %n : index
      %chosen = arith.select %first, %chunk, %short : i1
      %v = arith.andi %dilated, %chosen : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}

// Not, and one or the other.
// REMARK: raised #attn.not<#attn.causal>, #attn.or<#attn.and<#attn.sink<2>, #attn.not<#attn.window<3, -1>>>, #attn.and<#attn.not<#attn.sink<2>>, #attn.window<3, -1>>>
// CHECK-LABEL: func.func @not
func.func @not(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
    ^bb0(%b: index, %h: index, %i: index, %j: index):
      %true = arith.constant true
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %causal = arith.cmpi sle, %j, %i : index
      %later = arith.xori %causal, %true : i1
      %sink = arith.cmpi slt, %j, %c2 : index
      %d = arith.subi %i, %j : index
      %near = arith.cmpi slt, %d, %c4 : index
      %one = arith.xori %sink, %near : i1
      %v = arith.andi %later, %one : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}

// Nothing: positions of queries may be negative, where `remsi` and `divui` are
// no remainders and quotients of sets, and their product is not affine.
// REMARK: kept 3 in the region: a comparison is not of sums of positions
// CHECK-LABEL: func.func @nothing
// CHECK: mask {
func.func @nothing(%q: !t) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask {
    ^bb0(%b: index, %h: index, %i: index, %j: index):
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %product = arith.muli %i, %j : index
      %x = arith.cmpi slt, %product, %c4 : index
      %rest = arith.remsi %i, %c4 : index
      %y = arith.cmpi eq, %rest, %c1 : index
      %part = arith.divui %i, %c4 : index
      %z = arith.cmpi slt, %part, %j : index
      %0 = arith.andi %x, %y : i1
      %v = arith.andi %0, %z : i1
      attn.yield %v : i1
    } -> !t
  return %o : !t
}
