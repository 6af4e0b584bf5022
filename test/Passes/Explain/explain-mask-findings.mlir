// What is proved of masks: as warnings when they are explained, as remarks when
// they are tiled.
//
// RUN: attn-opt %s --attn-explain-mask='target=x86-64-v3 rows=64 keys=64 sizes=s=2048,n=64,at=9 output=%t.txt' -verify-diagnostics -o /dev/null
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-attention{rows=64 keys=64}))' --remarks-filter=attn-tile-attention -o /dev/null 2>&1 | FileCheck %s

!t = tensor<1x2x?x64xf32>
!s = tensor<1x2x64x64xf32>
!one = tensor<1x2x1x64xf32>

// As many queries as keys: each sees itself. Nothing to say.
func.func @causal(%q: !t {attn.dims = ["b", "h", "s", "d"]}, %k: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %k : !t, !t, !t) outs(%q : !t) mask(#attn.causal) -> !t
  return %o : !t
}

// The last query is aligned with the last key.
// CHECK: a query sees no key where n >= s + 1; its result is 0, its lse -inf
func.func @aligned(%q: !t {attn.dims = ["b", "h", "n", "d"]}, %k: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  // expected-warning @below {{a query sees no key where n >= s + 1; its result is 0, its lse -inf}}
  %o = attn.attention ins(%q, %k, %k : !t, !t, !t) outs(%q : !t) mask(#attn.causal) -> !t
  return %o : !t
}

// CHECK: a query sees no key where at <= -1
func.func @offset(%q: !t {attn.dims = ["b", "h", "n", "d"]}, %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %at: index {attn.name = "at"}) -> !t {
  // expected-warning @below {{a query sees no key where at <= -1}}
  %o = attn.attention ins(%q, %k, %k : !t, !t, !t) offset(%at) outs(%q : !t) mask(#attn.causal) -> !t
  return %o : !t
}

// CHECK: a query sees no key, whatever the sizes
func.func @strict(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  // expected-warning @below {{a query sees no key, whatever the sizes}}
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(#attn.set<affine_map<(b, h, q, k) -> (q - k - 1)>>) -> !t
  return %o : !t
}

// CHECK: the mask hides nothing: every query sees every key
func.func @decode(%q: !one, %k: !t {attn.dims = ["b", "h", "s", "d"]}) -> !one {
  // expected-warning @below {{the mask hides nothing: every query sees every key}}
  %o = attn.attention ins(%q, %k, %k : !one, !t, !t) outs(%q : !one) mask(#attn.causal) -> !one
  return %o : !one
}

// CHECK: the mask hides everything: no query sees a key
func.func @nothing(%q: !s) -> !s {
  // expected-warning @below {{the mask hides everything: no query sees a key}}
  %o = attn.attention ins(%q, %q, %q : !s, !s, !s) outs(%q : !s)
      mask(#attn.and<#attn.causal, #attn.set<affine_map<(b, h, q, k) -> (k - q - 1)>>>) -> !s
  return %o : !s
}

// CHECK: #attn.window<63, 0> is inside of #attn.causal, so that #attn.causal adds nothing
func.func @redundant(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  // expected-warning @below {{#attn.window<63, 0> is inside of #attn.causal, so that #attn.causal adds nothing}}
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.and<#attn.causal, #attn.window<63, 0>>) -> !t
  return %o : !t
}

// CHECK: #attn.sink<8> and #attn.prefix<8> show the same pairs
func.func @equal(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  // expected-warning @below {{#attn.sink<8> and #attn.prefix<8> show the same pairs}}
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(#attn.or<#attn.causal, #attn.and<#attn.sink<8>, #attn.prefix<8>>>) -> !t
  return %o : !t
}

// A window of 8 in tiles of 64 queries.
func.func @waste(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  // expected-warning @below {{tiles of 64 queries waste more than half of their work: 35 % of the pairs that they compute are visible}}
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.window<7, 0>) -> !t
  return %o : !t
}
