// Dilated masks run by residue classes, and are explained so.
//
// RUN: attn-opt %s --attn-explain-mask='target=x86-64-v3 rows=8 keys=8 sizes=s=64' -o /dev/null 2>&1 | FileCheck %s
// RUN: attn-opt %s --attn-explain-mask='target=x86-64-v3 rows=8 keys=8 sizes=s=64 head=1' -o /dev/null 2>&1 | FileCheck %s --check-prefix=HEAD

!t = tensor<1x2x?x64xf32>

// CHECK-LABEL: attn.attention in @dilated
// CHECK: visible 544 of 4,096 pairs of a head
// CHECK-NEXT: = s*floor(s / 4) - 2*floor(s / 4)^2 + s - 2*floor(s / 4)
// CHECK-NEXT: work {{.*}}; 29.2 % of the pairs that are computed are hidden
// CHECK: rung set: 4 residue classes, so that what the dilation hides is not read; bounds of their segments by arithmetic
// CHECK-NEXT: loops over keys 4*k + r for each residue r, for a tile of queries 4*q0 + r to 4*q1 + r
// CHECK-NEXT: full 0 to x2
// CHECK-NEXT: partial x2 to x1
// CHECK-NEXT: where x1 = max(min(floor((s - r + 3) / 4), q1 + 1), 0)
func.func @dilated(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.and<#attn.causal, #attn.dilated<4>>) -> !t
  return %o : !t
}

// The second head alone is dilated.
// CHECK-LABEL: attn.attention in @heads
// CHECK: visible 540 of 4,096 pairs of a head
// CHECK: rung set: bounds of segments
// CHECK: loops over keys, for a tile of queries q0 to q1, heads 0 to 0
// HEAD-LABEL: attn.attention in @heads
// HEAD: visible 504 of 4,096 pairs of a head
// HEAD: rung set: 2 residue classes
// HEAD-NEXT: loops over keys 2*k + r for each residue r, for a tile of queries 2*q0 + r to 2*q1 + r, heads 1 to 1
#first = #attn.set<affine_map<(b, h, q, k) -> (-h)>>
#second = #attn.set<affine_map<(b, h, q, k) -> (h - 1)>>
func.func @heads(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(#attn.or<#attn.and<#first, #attn.window<8, 0>>, #attn.and<#second, #attn.dilated<2>, #attn.window<16, 0>>>) -> !t
  return %o : !t
}

// A term that is not dilated: each pair is tested.
// CHECK-LABEL: attn.attention in @refused
// CHECK: rung set: bounds of segments by arithmetic on the tile, the sizes and the symbols; no residue classes: a term of the mask is not dilated
func.func @refused(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.or<#attn.prefix<3>, #attn.dilated<4>>) -> !t
  return %o : !t
}
