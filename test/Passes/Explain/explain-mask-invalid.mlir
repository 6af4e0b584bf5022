// RUN: not attn-opt %s --attn-explain-mask='sizes=s' -o /dev/null 2>&1 | FileCheck %s --check-prefix=SIZES
// SIZES: error: expected sizes as name=number, but got 's'
// RUN: not attn-opt %s --attn-explain-mask='format=png' -o /dev/null 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: expected format text, svg or json, but got 'png'
// RUN: not attn-opt %s --attn-explain-mask='rows=-1' -o /dev/null 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: expected rows, keys and head of 0 or more
// RUN: not attn-opt %s --attn-explain-mask='output=/nowhere/mask.svg' -o /dev/null 2>&1 | FileCheck %s --check-prefix=FILE
// FILE: error: cannot open output file '/nowhere/mask.svg'
// RUN: not attn-opt %s --attn-explain-mask='target=no-such-chip' -o /dev/null 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: unknown target 'no-such-chip': expected host, an x86-64 CPU name such as
// RUN: attn-opt %s --attn-explain-mask='sizes=s=0' -o /dev/null 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: no numbers and no map: expected values of sizes of 1 or more

!t = tensor<1x8x?x64xf32>
func.func @causal(%q: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t) mask(#attn.causal) -> !t
  return %o : !t
}
