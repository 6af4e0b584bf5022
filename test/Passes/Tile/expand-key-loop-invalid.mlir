// RUN: attn-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-expand-key-loop))'

func.func @pages(%step: index, %a: index, %b: index, %table: tensor<?xi32>, %x: f32) -> f32 {
  // expected-error @below {{'attn.key_loop' op has source pages, which has no lowering to loops; only slice and tiles have}}
  %r = attn.key_loop step(%step) segments(partial %a to %b) source(pages) list(%table : tensor<?xi32>) iter_args(%x : f32) {
  ^bb0(%k0: index, %size: index, %page: index, %y: f32):
    attn.yield %y : f32
  } {page_size = 16 : i64} -> f32
  return %r : f32
}
