//===- RecurrenceCases.cpp - recurrences and long convolutions ------------===//
// One model width for all: 512, that is 8 heads of 64 for attention and linear
// attention, 16 heads of 64 with 128 states for Mamba-2, 1024 channels with 16
// states for Mamba-1, and 512 channels for convolutions.
//===----------------------------------------------------------------------===//

#include "Cases.h"

#include <algorithm>

namespace attn::bench {

namespace {

/// `text` with $S, $W, ... replaced.
std::string with(std::string text,
                 std::initializer_list<std::pair<char, int64_t>> sizes) {
  for (auto [name, size] : sizes) {
    std::string key{'$', name};
    for (size_t at; (at = text.find(key)) != std::string::npos;) {
      text.replace(at, 2, std::to_string(size));
    }
  }
  return text;
}

struct Kind {
  const char *name;
  const char *text;
  /// Multiply-adds count two; of one token.
  double flops;
  double bytes; ///< that a token must move
  Ceiling ceiling;
  ScanPeer::Sizes peer; ///< none for 0 heads
};

constexpr double kChunk = 64;

const Kind kKinds[] = {
    {"ssd",
     R"(
func.func @f(%x: tensor<1x$Sx16x64xf32>, %dt: tensor<1x$Sx16xf32>, %a: tensor<16xf32>, %b: tensor<1x$Sx1x128xf32>, %c: tensor<1x$Sx1x128xf32>, %bias: tensor<16xf32>, %d: tensor<16xf32>) -> tensor<1x$Sx16x64xf32> {
  %e = tensor.empty() : tensor<16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]} ins(%a : tensor<16xf32>) outs(%e : tensor<16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<16xf32>
  %i = tensor.empty() : tensor<1x$Sx16x64xf32>
  %y = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<1x$Sx16x64xf32>, tensor<1x$Sx16xf32>, tensor<16xf32>, tensor<1x$Sx1x128xf32>, tensor<1x$Sx1x128xf32>)
      dt_bias(%bias : tensor<16xf32>) skip(%d : tensor<16xf32>) outs(%i : tensor<1x$Sx16x64xf32>) {softplus} -> tensor<1x$Sx16x64xf32>
  return %y : tensor<1x$Sx16x64xf32>
})",
     4 * 16 * 64 * 128 + kChunk * (128 + 16 * 64),
     4 * (2 * 1024 + 16 + 256),
     Ceiling::kFma,
     {0, 16, 64, 128, false}},
    {"linear attention",
     R"(
func.func @f(%q: tensor<1x8x$Sx64xf32>, %k: tensor<1x8x$Sx64xf32>, %v: tensor<1x8x$Sx64xf32>) -> tensor<1x8x$Sx64xf32> {
  %i = tensor.empty() : tensor<1x8x$Sx64xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>)
      outs(%i : tensor<1x8x$Sx64xf32>) {elu1, normalized} -> tensor<1x8x$Sx64xf32>
  return %y : tensor<1x8x$Sx64xf32>
})",
     8 * (4 * 64 * 64 + kChunk * 128),
     4 * 4 * 512,
     Ceiling::kFma,
     {0, 0, 0, 0, false}},
    {"favor 128",
     R"(
func.func @f(%q: tensor<1x8x$Sx64xf32>, %k: tensor<1x8x$Sx64xf32>, %v: tensor<1x8x$Sx64xf32>, %w: tensor<128x64xf32>) -> tensor<1x8x$Sx64xf32> {
  %i = tensor.empty() : tensor<1x8x$Sx64xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>) favor(%w : tensor<128x64xf32>)
      outs(%i : tensor<1x8x$Sx64xf32>) {normalized} -> tensor<1x8x$Sx64xf32>
  return %y : tensor<1x8x$Sx64xf32>
})",
     8 * (4 * 128 * 64 + 4 * 128 * 64 + kChunk * (128 + 64)),
     4 * 4 * 512,
     Ceiling::kFma,
     {0, 0, 0, 0, false}},
    {"GLA",
     R"(
func.func @f(%q: tensor<1x8x$Sx64xf32>, %k: tensor<1x8x$Sx64xf32>, %v: tensor<1x8x$Sx64xf32>, %g: tensor<1x8x$Sx64xf32>) -> tensor<1x8x$Sx64xf32> {
  %i = tensor.empty() : tensor<1x8x$Sx64xf32>
  %n = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%g : tensor<1x8x$Sx64xf32>) outs(%i : tensor<1x8x$Sx64xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<1x8x$Sx64xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>, tensor<1x8x$Sx64xf32>) decay(%n : tensor<1x8x$Sx64xf32>)
      outs(%i : tensor<1x8x$Sx64xf32>) -> tensor<1x8x$Sx64xf32>
  return %y : tensor<1x8x$Sx64xf32>
})",
     8 * 5 * 64 * 64,
     4 * 5 * 512,
     Ceiling::kFma,
     {0, 0, 0, 0, false}},
    {"Mamba-1",
     R"(
func.func @f(%u: tensor<1x$Sx1024xf32>, %delta: tensor<1x$Sx1024xf32>, %a: tensor<1024x16xf32>, %b: tensor<1x$Sx1x16xf32>, %c: tensor<1x$Sx1x16xf32>, %d: tensor<1024xf32>) -> tensor<1x$Sx1024xf32> {
  %e = tensor.empty() : tensor<1024x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d, n) -> (d, n)>, affine_map<(d, n) -> (d, n)>], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<1024x16xf32>) outs(%e : tensor<1024x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<1024x16xf32>
  %i = tensor.empty() : tensor<1x$Sx1024xf32>
  %y = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<1x$Sx1024xf32>, tensor<1x$Sx1024xf32>, tensor<1024x16xf32>, tensor<1x$Sx1x16xf32>, tensor<1x$Sx1x16xf32>)
      skip(%d : tensor<1024xf32>) outs(%i : tensor<1x$Sx1024xf32>) {softplus} -> tensor<1x$Sx1024xf32>
  return %y : tensor<1x$Sx1024xf32>
})",
     5 * 1024 * 16,
     4 * 3 * 1024,
     Ceiling::kFma,
     {0, 1024, 1, 16, true}},
    {"S4D, convolution",
     R"(
func.func @f(%u: tensor<1x$Sx512xf32>, %k: tensor<512x$Sxf32>, %d: tensor<512xf32>) -> tensor<1x$Sx512xf32> {
  %i = tensor.empty() : tensor<1x$Sx512xf32>
  %y = attn.fft_conv ins(%u, %k : tensor<1x$Sx512xf32>, tensor<512x$Sxf32>) skip(%d : tensor<512xf32>) outs(%i : tensor<1x$Sx512xf32>) -> tensor<1x$Sx512xf32>
  return %y : tensor<1x$Sx512xf32>
})",
     0,
     4 * 3 * 512,
     Ceiling::kRead,
     {0, 0, 0, 0, false}},
    {"Linformer 256",
     R"(
func.func @f(%q: tensor<1x8x$Sx64xf32>, %k: tensor<1x8x$Sx64xf32>, %v: tensor<1x8x$Sx64xf32>, %e: tensor<$Sx256xf32>, %f: tensor<$Sx256xf32>) -> tensor<1x8x$Sx64xf32> {
  %n = tensor.empty() : tensor<1x8x256x64xf32>
  %kr = attn.linformer_project ins(%k, %e : tensor<1x8x$Sx64xf32>, tensor<$Sx256xf32>) outs(%n : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
  %vr = attn.linformer_project ins(%v, %f : tensor<1x8x$Sx64xf32>, tensor<$Sx256xf32>) outs(%n : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
  %i = tensor.empty() : tensor<1x8x$Sx64xf32>
  %o = attn.attention ins(%q, %kr, %vr : tensor<1x8x$Sx64xf32>, tensor<1x8x256x64xf32>, tensor<1x8x256x64xf32>) outs(%i : tensor<1x8x$Sx64xf32>) -> tensor<1x8x$Sx64xf32>
  return %o : tensor<1x8x$Sx64xf32>
})",
     8 * 8 * 64 * 256,
     4 * 4 * 512,
     Ceiling::kFma,
     {0, 0, 0, 0, false}},
};

Case caseOf(const Kind &kind, int64_t tokens) {
  Case c;
  c.name = "S" + std::to_string(tokens) + " " + kind.name;
  c.group = "recurrences";
  c.text = with(kind.text, {{'S', tokens}});
  c.work = kind.flops * static_cast<double>(tokens);
  c.bytes = kind.bytes * static_cast<double>(tokens);
  c.ceiling = kind.ceiling;
  if (kind.peer.heads > 0 && tokens == 4096) {
    c.peer = kind.peer;
    c.peer.tokens = tokens;
  }
  return c;
}

} // namespace

std::vector<Case> recurrenceCases() {
  std::vector<Case> cases;
  for (int64_t tokens = 2048; tokens <= 131072; tokens *= 2) {
    for (const Kind &kind : kKinds) {
      cases.push_back(caseOf(kind, tokens));
    }
    Case attention;
    attention.name = "S" + std::to_string(tokens) + " causal attention";
    attention.group = "recurrences";
    attention.queryHeads = attention.keyHeads = 8;
    attention.queries = attention.keys = tokens;
    attention.headSize = 64;
    attention.mask = "#attn.causal";
    attention.keysSeen = [](const Case &, int64_t i) { return i + 1; };
    cases.push_back(attention);
  }
  return cases;
}

} // namespace attn::bench
