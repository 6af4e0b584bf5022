// RUN: attn-opt %s --verify-roundtrip -o /dev/null

// The examples of the op descriptions, word for word.

#window = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>

func.func @attention(%q: tensor<1x32x?x128xf32>, %k: tensor<1x8x?x128xf32>, %v: tensor<1x8x?x128xf32>, %init: tensor<1x32x?x128xf32>) -> tensor<1x32x?x128xf32> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x128xf32>)
         outs(%init : tensor<1x32x?x128xf32>) mask(#attn.causal) -> tensor<1x32x?x128xf32>
  return %o : tensor<1x32x?x128xf32>
}

func.func @yield(%q: tensor<1x32x?x128xf32>) -> tensor<1x32x?x128xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x32x?x128xf32>, tensor<1x32x?x128xf32>, tensor<1x32x?x128xf32>)
         outs(%q : tensor<1x32x?x128xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %y = math.tanh %x : f32
    attn.yield %y : f32
  } -> tensor<1x32x?x128xf32>
  return %o : tensor<1x32x?x128xf32>
}

func.func @blocks(%q: tensor<1x4x?x64xf32>, %lists: tensor<?x3xi32>) -> tensor<1x4x?x64xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) outs(%q : tensor<1x4x?x64xf32>)
      mask(#attn.window<255, 0> or #attn.blocks<128>(%lists : tensor<?x3xi32>)) -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}

func.func @block_summary(%ids: tensor<1000xi32>) -> tensor<8x2xi32> {
  %zones = attn.block_summary %ids dim(0) block(128) : tensor<1000xi32> -> tensor<8x2xi32>
  return %zones : tensor<8x2xi32>
}

func.func @merge_states(%parts: tensor<4x8x128xf32>, %lses: tensor<4x8xf32>, %init: tensor<8x128xbf16>) -> tensor<8x128xbf16> {
  %o = attn.merge_states ins(%parts, %lses : tensor<4x8x128xf32>, tensor<4x8xf32>)
         outs(%init : tensor<8x128xbf16>) -> tensor<8x128xbf16>
  return %o : tensor<8x128xbf16>
}

func.func @key_loop(%c128: index, %c0: index, %d: index, %hi: index, %acc: tensor<64x128xf32>) -> tensor<64x128xf32> {
  %r = attn.key_loop step(%c128) segments(full %c0 to %d, partial %d to %hi) iter_args(%acc : tensor<64x128xf32>) {
  ^bb0(%k0: index, %size: index, %a: tensor<64x128xf32>):
    attn.yield %a : tensor<64x128xf32>
  } -> tensor<64x128xf32>
  return %r : tensor<64x128xf32>
}

func.func @online_attention(%q: tensor<1x64x128xf32>, %k: tensor<?x128xf32>, %v: tensor<?x128xf32>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<1x64x128xf32>, %max: tensor<1x64xf32>, %sum: tensor<1x64xf32>) -> tensor<1x64x128xf32> {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<1x64x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>)
      positions(%b, %h, %i, %j) outs(%acc, %max, %sum : tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>)
      mask(#attn.causal)
      {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>,
                        affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>,
                        affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
       row_map = affine_map<(g, m) -> (g, m)>, scale = 8.8e-02 : f32}
      -> tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>
  return %r#0 : tensor<1x64x128xf32>
}

func.func @pack_rows(%q: tensor<1x?x128xbf16>, %init: tensor<?x128x64xf32>) -> tensor<?x128x64xf32> {
  %p = attn.pack_rows %q into %init {row_map = affine_map<(p, w) -> (0, p * 64 + w)>,
         source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
       : tensor<1x?x128xbf16> into tensor<?x128x64xf32> -> tensor<?x128x64xf32>
  return %p : tensor<?x128x64xf32>
}

func.func @finalize_state(%acc: tensor<1x?x128xf32>, %max: tensor<1x?xf32>, %sum: tensor<1x?xf32>, %init: tensor<1x?x128xbf16>) -> tensor<1x?x128xbf16> {
  %o = attn.finalize_state ins(%acc, %max, %sum : tensor<1x?x128xf32>, tensor<1x?xf32>, tensor<1x?xf32>)
       outs(%init : tensor<1x?x128xbf16>) {state_map = affine_map<(g, m, e) -> (g, m, e)>,
       row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>} -> tensor<1x?x128xbf16>
  return %o : tensor<1x?x128xbf16>
}

func.func @rope(%x: tensor<1x32x?x128xbf16>, %init: tensor<1x32x?x128xbf16>) -> tensor<1x32x?x128xbf16> {
  %y = attn.rope ins(%x : tensor<1x32x?x128xbf16>) outs(%init : tensor<1x32x?x128xbf16>)
         {scaling = #attn.rope_llama3<8.0, 1.0, 4.0, 8192>, base = 5.0e+05 : f64} -> tensor<1x32x?x128xbf16>
  return %y : tensor<1x32x?x128xbf16>
}

func.func @positions(%empty: tensor<?x512xf32>) -> (tensor<?x512xf32>, tensor<12xf32>) {
  %t = attn.sinusoidal outs(%empty : tensor<?x512xf32>) -> tensor<?x512xf32>
  %slopes = attn.alibi_slopes : tensor<12xf32>
  return %t, %slopes : tensor<?x512xf32>, tensor<12xf32>
}

func.func @kv_append(%k: tensor<?x8x128xbf16>, %v: tensor<?x8x128xbf16>, %slots: tensor<?xi64>, %kp: tensor<?x8x16x128xbf16>, %vp: tensor<?x8x16x128xbf16>) -> (tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>) {
  %kc, %vc = attn.kv_append ins(%k, %v : tensor<?x8x128xbf16>, tensor<?x8x128xbf16>) slots(%slots : tensor<?xi64>)
               outs(%kp, %vp : tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>)
               -> tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>
  return %kc, %vc : tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>
}

func.func @kv_gather(%pool: tensor<?x8x16x128xbf16>, %tables: tensor<4x?xi32>, %lens: tensor<4xi32>, %dense: tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16> {
  %d = attn.kv_gather ins(%pool : tensor<?x8x16x128xbf16>) pages(%tables : tensor<4x?xi32>) kv_lens(%lens : tensor<4xi32>)
         outs(%dense : tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16>
  return %d : tensor<4x8x?x128xbf16>
}

func.func @ssd(%x: tensor<1x?x64x64xf32>, %dt: tensor<1x?x64xf32>, %a: tensor<64xf32>, %b: tensor<1x?x1x128xf32>, %c: tensor<1x?x1x128xf32>, %bias: tensor<64xf32>, %d: tensor<64xf32>, %z: tensor<1x?x64x64xf32>, %init: tensor<1x?x64x64xf32>, %s0: tensor<1x64x64x128xf32>) -> (tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>) {
  %y, %s1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<1x?x64x64xf32>, tensor<1x?x64xf32>, tensor<64xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
         dt_bias(%bias : tensor<64xf32>) skip(%d : tensor<64xf32>) gate(%z : tensor<1x?x64x64xf32>)
         outs(%init, %s0 : tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>) {softplus, dt_limit = array<f64: 1.0e-03, 1.0e-01>}
         -> tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>
  return %y, %s1 : tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>
}

func.func @linear_attention(%q: tensor<1x4x?x128xf32>, %k: tensor<1x4x?x128xf32>, %v: tensor<1x4x?x128xf32>, %g: tensor<1x4x?xf32>, %init: tensor<1x4x?x128xf32>, %s0: tensor<1x4x128x128xf32>) -> (tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>) {
  %o, %s1 = attn.linear_attention ins(%q, %k, %v : tensor<1x4x?x128xf32>, tensor<1x4x?x128xf32>, tensor<1x4x?x128xf32>)
         decay(%g : tensor<1x4x?xf32>) outs(%init, %s0 : tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>)
         {scale = 8.8388347648318447e-02 : f64} -> tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>
  return %o, %s1 : tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>
}

func.func @ssm_scan(%u: tensor<1x?x4096xf32>, %delta: tensor<1x?x4096xf32>, %a: tensor<4096x16xf32>, %b: tensor<1x?x1x16xf32>, %c: tensor<1x?x1x16xf32>, %bias: tensor<4096xf32>, %d: tensor<4096xf32>, %init: tensor<1x?x4096xf32>, %h0: tensor<1x4096x16xf32>) -> (tensor<1x?x4096xf32>, tensor<1x4096x16xf32>) {
  %y, %h1 = attn.ssm_scan ins(%u, %delta, %a, %b, %c : tensor<1x?x4096xf32>, tensor<1x?x4096xf32>, tensor<4096x16xf32>, tensor<1x?x1x16xf32>, tensor<1x?x1x16xf32>)
         dt_bias(%bias : tensor<4096xf32>) skip(%d : tensor<4096xf32>)
         outs(%init, %h0 : tensor<1x?x4096xf32>, tensor<1x4096x16xf32>) {softplus}
         -> tensor<1x?x4096xf32>, tensor<1x4096x16xf32>
  return %y, %h1 : tensor<1x?x4096xf32>, tensor<1x4096x16xf32>
}

func.func @ssm_step(%x: tensor<8x64x64xf32>, %dt: tensor<8x64xf32>, %a: tensor<64xf32>, %b: tensor<8x1x128xf32>, %c: tensor<8x1x128xf32>, %slots: tensor<8xi32>, %init: tensor<8x64x64xf32>, %pool: tensor<?x64x64x128xf32>) -> (tensor<8x64x64xf32>, tensor<?x64x64x128xf32>) {
  %y, %s1 = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<8x64x64xf32>, tensor<8x64xf32>, tensor<64xf32>, tensor<8x1x128xf32>, tensor<8x1x128xf32>)
         slots(%slots : tensor<8xi32>) outs(%init, %pool : tensor<8x64x64xf32>, tensor<?x64x64x128xf32>) {softplus}
         -> tensor<8x64x64xf32>, tensor<?x64x64x128xf32>
  return %y, %s1 : tensor<8x64x64xf32>, tensor<?x64x64x128xf32>
}

func.func @causal_conv1d(%x: tensor<1x?x256xf32>, %w: tensor<256x4xf32>, %b: tensor<256xf32>, %init: tensor<1x?x256xf32>, %s0: tensor<1x3x256xf32>) -> (tensor<1x?x256xf32>, tensor<1x3x256xf32>) {
  %y, %s1 = attn.causal_conv1d ins(%x, %w : tensor<1x?x256xf32>, tensor<256x4xf32>) bias(%b : tensor<256xf32>)
         outs(%init, %s0 : tensor<1x?x256xf32>, tensor<1x3x256xf32>) {silu} -> tensor<1x?x256xf32>, tensor<1x3x256xf32>
  return %y, %s1 : tensor<1x?x256xf32>, tensor<1x3x256xf32>
}

func.func @scan_chunk(%q: tensor<?x128xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>, %g: tensor<?xf32>, %w: tensor<?xf32>, %init: tensor<?x64xf32>, %s0: tensor<128x64xf32>) -> (tensor<?x64xf32>, tensor<128x64xf32>) {
  %y, %s1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x64xf32>) decay(%g : tensor<?xf32>)
         write(%w : tensor<?xf32>) outs(%init, %s0 : tensor<?x64xf32>, tensor<128x64xf32>) chunked {max_tokens = 64 : i64}
         -> tensor<?x64xf32>, tensor<128x64xf32>
  return %y, %s1 : tensor<?x64xf32>, tensor<128x64xf32>
}

func.func @kv_dequantize(%codes: tensor<4x8x?x128xi8>, %s: tensor<4x8x?xf32>, %init: tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16> {
  %k = attn.kv_dequantize ins(%codes : tensor<4x8x?x128xi8>) scale(%s : tensor<4x8x?xf32>)
         at affine_map<(b, h, n, d) -> (b, h, n)> outs(%init : tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16>
  return %k : tensor<4x8x?x128xbf16>
}

func.func @kv_quantize(%k: tensor<?x8x128xbf16>, %ci: tensor<?x8x128xi8>, %si: tensor<?x8xf32>) -> (tensor<?x8x128xi8>, tensor<?x8xf32>) {
  %c, %s = attn.kv_quantize ins(%k : tensor<?x8x128xbf16>) at affine_map<(t, h, d) -> (t, h)>
             outs(%ci, %si : tensor<?x8x128xi8>, tensor<?x8xf32>) -> tensor<?x8x128xi8>, tensor<?x8xf32>
  return %c, %s : tensor<?x8x128xi8>, tensor<?x8xf32>
}

func.func @kv_score(%q: tensor<4x32x?x128xbf16>, %k: tensor<4x8x?x128xbf16>, %lse: tensor<4x32x?xf32>, %lens: tensor<4xi32>, %init: tensor<4x8x?xf32>) -> tensor<4x8x?xf32> {
  %s = attn.kv_score ins(%q, %k : tensor<4x32x?x128xbf16>, tensor<4x8x?x128xbf16>) lse(%lse : tensor<4x32x?xf32>)
         kv_lens(%lens : tensor<4xi32>) outs(%init : tensor<4x8x?xf32>) {queries = 32 : i64} -> tensor<4x8x?xf32>
  return %s : tensor<4x8x?xf32>
}

func.func @kv_evict(%s: tensor<4x8x?xf32>, %lens: tensor<4xi32>, %ki: tensor<4x8x1024xi32>, %ci: tensor<4x8xi32>) -> (tensor<4x8x1024xi32>, tensor<4x8xi32>) {
  %kept, %counts = attn.kv_evict scores(%s : tensor<4x8x?xf32>) kv_lens(%lens : tensor<4xi32>)
         outs(%ki, %ci : tensor<4x8x1024xi32>, tensor<4x8xi32>) {recent = 32 : i64, pool = 5 : i64}
         -> tensor<4x8x1024xi32>, tensor<4x8xi32>
  return %kept, %counts : tensor<4x8x1024xi32>, tensor<4x8xi32>
}

func.func @page_tables(%list: tensor<?xi32>, %starts: tensor<5xi32>) -> tensor<4x?xi32> {
  %t = attn.page_tables ins(%list : tensor<?xi32>) starts(%starts : tensor<5xi32>) -> tensor<4x?xi32>
  return %t : tensor<4x?xi32>
}

func.func @linformer_project(%k: tensor<1x8x?x64xf32>, %e: tensor<4096x256xf32>, %init: tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32> {
  %kr = attn.linformer_project ins(%k, %e : tensor<1x8x?x64xf32>, tensor<4096x256xf32>)
          outs(%init : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
  return %kr : tensor<1x8x256x64xf32>
}

func.func @favor_features(%k: tensor<?x64xf32>, %w: tensor<64x256xf32>, %init: tensor<?x256xf32>, %decay: tensor<?xf32>, %max: tensor<1xf32>) -> (tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>) {
  %f, %g, %m = attn.favor_features ins(%k, %w : tensor<?x64xf32>, tensor<64x256xf32>)
                 outs(%init, %decay, %max : tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>) {max_tokens = 64 : i64}
                 -> tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>
  return %f, %g, %m : tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>
}

func.func @pair_products(%q: tensor<?x128xf32>, %k: tensor<?x128xf32>, %init: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %g = attn.pair_products ins(%q, %k : tensor<?x128xf32>, tensor<?x128xf32>) outs(%init : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %g : tensor<64x64xf32>
}

func.func @hippo() -> (tensor<64x64xf64>, tensor<64xf64>, tensor<32x2xf64>, tensor<1x32x2xf64>, tensor<32x2xf64>) {
  %a, %b = attn.hippo legs : tensor<64x64xf64>, tensor<64xf64>
  %lambda, %p, %c = attn.hippo legs : tensor<32x2xf64>, tensor<1x32x2xf64>, tensor<32x2xf64>
  return %a, %b, %lambda, %p, %c : tensor<64x64xf64>, tensor<64xf64>, tensor<32x2xf64>, tensor<1x32x2xf64>, tensor<32x2xf64>
}

func.func @s4_kernel(%delta: tensor<256xf32>, %a: tensor<256x32x2xf32>, %b: tensor<256x32x2xf32>, %c: tensor<256x32x2xf32>, %p: tensor<256x1x32x2xf32>, %init: tensor<256x?xf32>) -> tensor<256x?xf32> {
  %k = attn.s4_kernel ins(%delta, %a, %b, %c : tensor<256xf32>, tensor<256x32x2xf32>, tensor<256x32x2xf32>, tensor<256x32x2xf32>)
         low_rank(%p, %p : tensor<256x1x32x2xf32>, tensor<256x1x32x2xf32>) outs(%init : tensor<256x?xf32>) {bilinear, complex}
         -> tensor<256x?xf32>
  return %k : tensor<256x?xf32>
}

func.func @fft_conv(%u: tensor<1x?x256xf32>, %k: tensor<256x?xf32>, %d: tensor<256xf32>, %init: tensor<1x?x256xf32>) -> tensor<1x?x256xf32> {
  %y = attn.fft_conv ins(%u, %k : tensor<1x?x256xf32>, tensor<256x?xf32>) skip(%d : tensor<256xf32>)
         outs(%init : tensor<1x?x256xf32>) -> tensor<1x?x256xf32>
  return %y : tensor<1x?x256xf32>
}
