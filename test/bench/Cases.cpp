//===- Cases.cpp - the attention problems of attn-bench
//---------------------===//

#include "Cases.h"

#include <algorithm>
#include <sstream>

namespace attn::bench {

std::string Case::shape(bool query) const {
  std::ostringstream out;
  int64_t heads = query ? queryHeads : keyHeads;
  int64_t length = query ? queries : keys;
  out << batch << "x" << (bshd ? length : heads) << "x"
      << (bshd ? heads : length) << "x" << headSize;
  return out.str();
}

std::string Case::module() const {
  std::string q = "tensor<" + shape(true) + "x" + dtype + ">";
  std::string k = "tensor<" + shape(false) + "x" + dtype + ">";
  std::ostringstream out;
  out << "func.func @f(%q: " << q << ", %k: " << k << ", %v: " << k << ") -> "
      << q << " {\n"
      << "  %init = tensor.empty() : " << q << "\n"
      << "  %o = attn.attention ins(%q, %k, %v : " << q << ", " << k << ", "
      << k << ")" << (bshd ? " layout(bshd)" : "") << "\n"
      << "    outs(%init : " << q << ")"
      << (mask.empty() ? "" : " mask(" + mask + ")");
  if (!score.empty()) {
    out << " score {\n  ^bb0(%x: f32, %b: index, %h: index, %i: index, "
           "%j: index):\n";
  }
  if (score == "softcap") {
    out << "    %cap = arith.constant 50.0 : f32\n"
           "    %u = arith.divf %x, %cap : f32\n"
           "    %t = math.tanh %u : f32\n"
           "    %y = arith.mulf %t, %cap : f32\n";
  } else if (score == "alibi") {
    // Slopes 2^(-8 (h + 1) / H).
    out << "    %one = arith.constant 1 : index\n"
           "    %h1 = arith.addi %h, %one : index\n"
           "    %h2 = arith.index_cast %h1 : index to i32\n"
           "    %h3 = arith.sitofp %h2 : i32 to f32\n"
           "    %e = arith.constant "
        << -8.0 / static_cast<double>(queryHeads)
        << " : f32\n"
           "    %s = arith.mulf %h3, %e : f32\n"
           "    %slope = math.exp2 %s : f32\n"
           "    %d = arith.subi %j, %i : index\n"
           "    %d1 = arith.index_cast %d : index to i32\n"
           "    %d2 = arith.sitofp %d1 : i32 to f32\n"
           "    %bias = arith.mulf %slope, %d2 : f32\n"
           "    %y = arith.addf %x, %bias : f32\n";
  }
  if (!score.empty()) {
    out << "    attn.yield %y : f32\n  }";
  }
  out << " -> " << q << "\n  return %o : " << q << "\n}\n";
  return out.str();
}

double Case::visiblePairs() const {
  double pairs = 0;
  for (int64_t i = 0; i < queries; ++i) {
    int64_t position = i + keys - queries;
    int64_t lo = 0, hi = keys;
    if (mask == "#attn.causal" || mask.rfind("#attn.window", 0) == 0) {
      hi = std::clamp<int64_t>(position + 1, 0, keys);
    }
    if (mask == "#attn.window<1023, 0>") {
      lo = std::clamp<int64_t>(position - 1023, 0, hi);
    }
    pairs += static_cast<double>(hi - lo);
  }
  return pairs * static_cast<double>(batch * queryHeads);
}

double Case::keyBytes() const {
  return 2.0 * static_cast<double>(batch * keyHeads * keys * headSize) *
         (dtype == "f32" ? 4 : 2);
}

std::vector<Case> allCases() {
  std::vector<Case> cases;
  auto add = [&](Case c) { cases.push_back(std::move(c)); };
  std::string causal = "#attn.causal";
  auto base = [](std::string name, std::string group, double bar) {
    Case c;
    c.name = std::move(name);
    c.group = std::move(group);
    c.bar = bar;
    return c;
  };
  for (int64_t size : {128, 64}) {
    for (const char *dtype : {"f32", "bf16", "f16"}) {
      for (bool masked : {false, true}) {
        Case c = base(std::string(dtype) + " D" + std::to_string(size) +
                          (masked ? " causal" : " full"),
                      "prefill", 0.35);
        c.dtype = dtype;
        c.headSize = size;
        c.mask = masked ? causal : "";
        add(c);
      }
    }
  }
  for (int64_t length : {512, 1024}) {
    Case c = base("f32 D128 full S" + std::to_string(length), "short", 0.35);
    c.queries = c.keys = length;
    add(c);
  }
  {
    Case c = base("f32 D128 window 1024 S16384", "window", 0.35);
    c.queries = c.keys = 16384;
    c.mask = "#attn.window<1023, 0>";
    add(c);
  }
  for (int64_t size : {80, 96, 192, 256}) {
    Case c = base("f32 D" + std::to_string(size) + " full", "sizes", 0.35);
    c.headSize = size;
    add(c);
  }
  {
    Case c = base("f32 D128 full bshd", "layout", 0.35);
    c.bshd = true;
    add(c);
  }
  for (int64_t keyHeads : {8, 32}) {
    Case c = base("f32 D128 full 32/" + std::to_string(keyHeads) + " S2048",
                  "gqa", 0.35);
    c.queryHeads = 32;
    c.keyHeads = keyHeads;
    c.queries = c.keys = 2048;
    add(c);
  }
  for (const char *score : {"", "softcap", "alibi"}) {
    Case c =
        base(std::string("f32 D128 causal S2048 ") + (*score ? score : "plain"),
             "score", 0.35);
    c.queries = c.keys = 2048;
    c.mask = causal;
    c.score = score;
    add(c);
  }
  for (const char *dtype : {"f32", "bf16", "f16"}) {
    Case c = base(std::string(dtype) + " decode 32/8 32k", "decode", 0.35);
    c.dtype = dtype;
    c.queryHeads = 32;
    c.keyHeads = 8;
    c.queries = 1;
    c.keys = 32768;
    c.ceiling = Ceiling::kRead;
    add(c);
  }
  {
    Case c = base("f32 D64 causal S256", "smoke", 0);
    c.queryHeads = 2;
    c.keyHeads = 1;
    c.queries = c.keys = 256;
    c.headSize = 64;
    c.mask = causal;
    add(c);
  }
  return cases;
}

} // namespace attn::bench
