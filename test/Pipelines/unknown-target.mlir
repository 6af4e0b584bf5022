// RUN: attn-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=pentium-9}))'
// RUN: attn-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-orient-tiles{target=pentium-9}))'
// RUN: attn-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=pentium-9}))'
// RUN: attn-opt %s -verify-diagnostics -attn-tile=target=pentium-9
// RUN: attn-opt %s -verify-diagnostics -attn-cpu-bufferize=target=pentium-9
// RUN: attn-opt %s -verify-diagnostics -attn-cpu-vector=target=pentium-9
// RUN: attn-opt %s -verify-diagnostics -attn-to-cpu=target=pentium-9

// A target that nobody knows is an error of each pass and pipeline that takes
// one, also where there is nothing to do.
// expected-error @below {{unknown target 'pentium-9': expected host, an x86-64 CPU name such as x86-64-v3, or a GPU such as sm_90}}
func.func @f() {
  return
}
