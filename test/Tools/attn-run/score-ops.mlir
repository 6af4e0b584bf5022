// Ops of a score region that have no vector form: one with regions, and one that
// is a function of libm.
// REQUIRES: attn-run
// RUN: attn-run %s --random 1 --check --entry branch
// RUN: attn-run %s --random 1 --check --entry libm

func.func @branch(%q: tensor<1x2x80x16xf32>, %out: tensor<1x2x80x16xf32>) -> tensor<1x2x80x16xf32> {
  %r = attn.attention ins(%q, %q, %q : tensor<1x2x80x16xf32>, tensor<1x2x80x16xf32>, tensor<1x2x80x16xf32>)
      outs(%out : tensor<1x2x80x16xf32>) mask(#attn.causal) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %one = arith.constant 1.0 : f32
    %small = arith.cmpf olt, %x, %one : f32
    %y = scf.if %small -> f32 {
      %t = math.tanh %x : f32
      scf.yield %t : f32
    } else {
      scf.yield %x : f32
    }
    attn.yield %y : f32
  } -> tensor<1x2x80x16xf32>
  return %r : tensor<1x2x80x16xf32>
}

func.func @libm(%q: tensor<1x2x80x16xf32>, %out: tensor<1x2x80x16xf32>) -> tensor<1x2x80x16xf32> {
  %r = attn.attention ins(%q, %q, %q : tensor<1x2x80x16xf32>, tensor<1x2x80x16xf32>, tensor<1x2x80x16xf32>)
      outs(%out : tensor<1x2x80x16xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %y = math.erf %x : f32
    attn.yield %y : f32
  } -> tensor<1x2x80x16xf32>
  return %r : tensor<1x2x80x16xf32>
}
