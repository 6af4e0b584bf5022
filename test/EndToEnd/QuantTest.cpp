//===- QuantTest.cpp - caches of few bits ---------------------------------===//
// Codes against the formats' own definitions, and attention on codes against
// attention on the numbers that they stand for.
//===----------------------------------------------------------------------===//

#include "CallText.h"

#include "attn/Reference/Attention.h"
#include "attn/Reference/ErrorRule.h"
#include "attn/Reference/Precision.h"

#include <cmath>

using namespace attn;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

std::vector<double> random(int64_t count, uint64_t stream) {
  return randomTensor({count}, stream).toDoubles();
}

// ggml's quantize_row_q8_0 and quantize_row_q4_0, in its own arithmetic.
TEST(Quant, GgmlBlocksAreRead) {
  constexpr int64_t kRows = 5, kSize = 96;
  std::vector<double> x = random(kRows * kSize, 0);
  std::vector<double> q8, q4, is8, is4;
  auto half = [](std::vector<double> &bytes, double d) {
    uint16_t bits = rt::toF16(d);
    bytes.push_back(static_cast<int8_t>(bits & 0xff));
    bytes.push_back(static_cast<int8_t>(bits >> 8));
  };
  for (int64_t block = 0; block < kRows * kSize; block += 32) {
    float most = 0, signedMost = 0;
    for (int64_t j = 0; j < 32; ++j) {
      auto v = static_cast<float>(x[block + j]);
      if (std::fabs(v) > most) {
        most = std::fabs(v);
        signedMost = v;
      }
    }
    float d8 = most / 127, d4 = signedMost / -8;
    half(q8, d8);
    half(q4, d4);
    double stored8 = rt::fromF16(rt::toF16(d8));
    double stored4 = rt::fromF16(rt::toF16(d4));
    auto nibble = [&](int64_t j) {
      return std::min(
          15, static_cast<int>(static_cast<float>(x[block + j]) / d4 + 8.5f));
    };
    for (int64_t j = 0; j < 32; ++j) {
      double code = std::round(static_cast<float>(x[block + j]) / d8);
      q8.push_back(code);
      is8.push_back(code * stored8);
      is4.push_back((nibble(j) - 8) * stored4);
      EXPECT_NEAR(is8.back(), x[block + j], d8 * 0.6);
    }
    for (int64_t j = 0; j < 16; ++j) {
      q4.push_back(static_cast<int8_t>(nibble(j) | nibble(j + 16) << 4));
    }
  }
  std::vector<Tensor> out = call(R"(
func.func @f(%a: tensor<5x102xi8>, %b: tensor<5x54xi8>) -> (tensor<5x96xf32>, tensor<5x96xf32>) {
  %i = tensor.empty() : tensor<5x96xf32>
  %j = tensor.empty() : tensor<5x96xf32>
  %x = attn.kv_dequantize ins(%a : tensor<5x102xi8>) packed(q8_0) outs(%i : tensor<5x96xf32>) -> tensor<5x96xf32>
  %y = attn.kv_dequantize ins(%b : tensor<5x54xi8>) packed(q4_0) outs(%j : tensor<5x96xf32>) -> tensor<5x96xf32>
  return %x, %y : tensor<5x96xf32>, tensor<5x96xf32>
})",
                                 *Tensor::fromValues(DType::kI8, {5, 102}, q8),
                                 *Tensor::fromValues(DType::kI8, {5, 54}, q4));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].toDoubles(), is8);
  EXPECT_EQ(out[1].toDoubles(), is4);
}

// s = (max - min) / 15, q = rne((x - min) / s), for a channel of 32 tokens; a
// group of equal elements is read back as it was.
TEST(Quant, KiviGroups) {
  constexpr int64_t kTokens = 64, kSize = 32, kGroup = 32;
  std::vector<double> x = random(kTokens * kSize, 1);
  for (int64_t t = 0; t < kGroup; ++t) {
    x[t * kSize + 5] = 0.75;
  }
  std::vector<Tensor> out = call(R"(
func.func @f(%x: tensor<64x32xf32>) -> (tensor<64x16xi8>, tensor<2x32xf32>, tensor<2x32xf32>, tensor<64x32xf32>) {
  %c = tensor.empty() : tensor<64x16xi8>
  %s = tensor.empty() : tensor<2x32xf32>
  %z = tensor.empty() : tensor<2x32xf32>
  %i = tensor.empty() : tensor<64x32xf32>
  %0:3 = attn.kv_quantize ins(%x : tensor<64x32xf32>) packed(int4) at affine_map<(n, d) -> (n floordiv 32, d)>
      outs(%c, %s, %z : tensor<64x16xi8>, tensor<2x32xf32>, tensor<2x32xf32>) -> tensor<64x16xi8>, tensor<2x32xf32>, tensor<2x32xf32>
  %y = attn.kv_dequantize ins(%0#0 : tensor<64x16xi8>) packed(int4) scale(%0#1 : tensor<2x32xf32>) zero(%0#2 : tensor<2x32xf32>)
      at affine_map<(n, d) -> (n floordiv 32, d)> outs(%i : tensor<64x32xf32>) -> tensor<64x32xf32>
  return %0#0, %0#1, %0#2, %y : tensor<64x16xi8>, tensor<2x32xf32>, tensor<2x32xf32>, tensor<64x32xf32>
})",
                                 *Tensor::fromValues(DType::kF32, {64, 32}, x));
  ASSERT_EQ(out.size(), 4u);
  for (int64_t group = 0; group < kTokens / kGroup; ++group) {
    for (int64_t d = 0; d < kSize; ++d) {
      auto at = [&](int64_t t) {
        return static_cast<float>(x[(group * kGroup + t) * kSize + d]);
      };
      float least = at(0), most = at(0);
      for (int64_t t = 0; t < kGroup; ++t) {
        least = std::min(least, at(t));
        most = std::max(most, at(t));
      }
      float scale = std::max((most - least) / 15, 1e-6f);
      EXPECT_EQ(out[1].get(group * kSize + d), scale);
      EXPECT_EQ(out[2].get(group * kSize + d), least);
      for (int64_t t = 0; t < kGroup; ++t) {
        int64_t row = group * kGroup + t;
        auto bits = static_cast<uint8_t>(
            static_cast<int8_t>(out[0].get(row * kSize / 2 + d / 2)));
        int code = d % 2 ? bits >> 4 : bits & 15;
        EXPECT_EQ(code, std::nearbyint((at(t) - least) / scale));
        EXPECT_NEAR(out[3].get(row * kSize + d), at(t), scale * 0.5001);
      }
    }
  }
  EXPECT_EQ(out[3].get(5), 0.75);
}

//===----------------------------------------------------------------------===//
// Attention on codes
//===----------------------------------------------------------------------===//

struct Format {
  const char *element, *packed; // of the codes
  DType dtype;
  int64_t perByte;
};
const Format kFormats[] = {{"i8", "", DType::kI8, 1},
                           {"f8E4M3FN", "", DType::kF8E4M3FN, 1},
                           {"f8E5M2", "", DType::kF8E5M2, 1},
                           {"i8", "packed(int4)", DType::kI8, 2}};

struct Grain {
  const char *map; // of a pool
  std::vector<int64_t> (*shape)(int64_t pages, int64_t slots, int64_t size);
  int64_t (*at)(int64_t slots, int64_t size, int64_t p, int64_t h, int64_t n,
                int64_t d);
};
constexpr int64_t kKeyHeads = 2;
const Grain kGrains[] = {
    {"affine_map<(p, h, n, d) -> (0)>",
     [](int64_t, int64_t, int64_t) { return std::vector<int64_t>{1}; },
     [](int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) -> int64_t {
       return 0;
     }},
    {"affine_map<(p, h, n, d) -> (h)>",
     [](int64_t, int64_t, int64_t) { return std::vector<int64_t>{kKeyHeads}; },
     [](int64_t, int64_t, int64_t, int64_t h, int64_t, int64_t) { return h; }},
    {"affine_map<(p, h, n, d) -> (p, h, n)>",
     [](int64_t pages, int64_t slots, int64_t) {
       return std::vector<int64_t>{pages, kKeyHeads, slots};
     },
     [](int64_t slots, int64_t, int64_t p, int64_t h, int64_t n, int64_t) {
       return (p * kKeyHeads + h) * slots + n;
     }},
    {"affine_map<(p, h, n, d) -> (p, h, n, d floordiv 32)>",
     [](int64_t pages, int64_t slots, int64_t size) {
       return std::vector<int64_t>{pages, kKeyHeads, slots, size / 32};
     },
     [](int64_t slots, int64_t size, int64_t p, int64_t h, int64_t n,
        int64_t d) {
       return ((p * kKeyHeads + h) * slots + n) * (size / 32) + d / 32;
     }},
    {"affine_map<(p, h, n, d) -> (p, h, d)>", // a channel, for a page of tokens
     [](int64_t pages, int64_t, int64_t size) {
       return std::vector<int64_t>{pages, kKeyHeads, size};
     },
     [](int64_t, int64_t size, int64_t p, int64_t h, int64_t, int64_t d) {
       return (p * kKeyHeads + h) * size + d;
     }}};

std::string typeOf(const std::vector<int64_t> &shape, const char *element) {
  std::string text = "tensor<";
  for (int64_t size : shape) {
    text += std::to_string(size) + "x";
  }
  return text + element + ">";
}

/// Sequences of 37, 0 and 64 keys on pages in a scattered order; slots without
/// a key, and their scales, are poisoned where the format can.
void checkAttention(const Format &format, const Grain &grain, int64_t slots,
                    int64_t queries, DType dtype) {
  constexpr int64_t kSize = 64, kHeads = 8, kBatch = 3, kMost = 64;
  const int64_t lengths[kBatch] = {37, 0, 64};
  int64_t columns = (kMost + slots - 1) / slots, pages = columns * kBatch + 1;
  bool narrow = dtype == DType::kBF16;
  const char *element = narrow ? "bf16" : "f32";
  std::string codes =
      typeOf({pages, kKeyHeads, slots, kSize / format.perByte}, format.element);
  std::vector<int64_t> scaleShape = grain.shape(pages, slots, kSize);
  std::string scale = typeOf(scaleShape, "f32");
  std::string pool = typeOf({pages, kKeyHeads, slots, kSize}, element);
  std::string q = typeOf({kBatch, kHeads, queries, kSize}, element);
  std::string tables = typeOf({kBatch, columns}, "i32");
  auto decode = [&](const std::string &name) {
    return "  %" + name + "d = attn.kv_dequantize ins(%" + name + " : " +
           codes + ") " + format.packed + " scale(%" + name + "s : " + scale +
           ") at " + grain.map + " outs(%w : " + pool + ") -> " + pool + "\n";
  };
  std::string module =
      "func.func @f(%q: " + q + ", %k: " + codes + ", %v: " + codes +
      ", %ks: " + scale + ", %vs: " + scale + ", %t: " + tables +
      ", %l: tensor<3xi32>) -> " + q + " {\n  %w = tensor.empty() : " + pool +
      "\n  %i = tensor.empty() : " + q + "\n" + decode("k") + decode("v") +
      "  %o = attn.attention ins(%q, %kd, %vd : " + q + ", " + pool + ", " +
      pool + ") kv_lens(%l : tensor<3xi32>) pages(%t : " + tables +
      ") outs(%i : " + q + ") mask(#attn.causal) -> " + q +
      "\n  return %o : " + q + "\n}\n";

  std::vector<double> table;
  for (int64_t n = 0; n < kBatch * columns; ++n) {
    table.push_back(static_cast<double>((n * 7 + 3) % (kBatch * columns)));
  }
  auto scales = [&](uint64_t stream) {
    int64_t count = 1;
    for (int64_t size : scaleShape) {
      count *= size;
    }
    std::vector<double> values = random(count, stream);
    for (double &value : values) {
      // Of few bits, so that products with codes are exact.
      value = std::ldexp(1 + (value > 0), format.perByte == 2 ? -3 : -6);
    }
    return values;
  };
  std::vector<double> numbers[2], stored[2],
      scaleOf[2] = {scales(3), scales(4)};
  for (int n = 0; n < 2; ++n) {
    std::vector<double> raw = random(pages * kKeyHeads * slots * kSize, 5 + n);
    Tensor held = *Tensor::create(format.dtype, {1});
    bool isFloat = rt::isFloat(format.dtype);
    double spread = isFloat ? 60 : format.perByte == 2 ? 3 : 50;
    for (double &x : raw) {
      held.set(0, std::fmax(std::fmin(x * spread, 127), -128));
      x = held.get(0);
      x = format.perByte == 2 ? std::fmax(std::fmin(x, 7), -8) : x;
    }
    numbers[n] = raw;
  }
  // Which slots hold keys; the others are poisoned.
  std::vector<bool> used(pages * slots, false);
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t j = 0; j < lengths[b]; ++j) {
      auto page = static_cast<int64_t>(table[b * columns + j / slots]);
      used[page * slots + j % slots] = true;
    }
  }
  std::vector<double> exact[2];
  for (int n = 0; n < 2; ++n) {
    for (int64_t b = 0; b < kBatch; ++b) {
      for (int64_t h = 0; h < kKeyHeads; ++h) {
        for (int64_t j = 0; j < kMost; ++j) {
          auto p = static_cast<int64_t>(table[b * columns + j / slots]);
          for (int64_t d = 0; d < kSize; ++d) {
            int64_t slot = j % slots;
            double x =
                numbers[n][((p * kKeyHeads + h) * slots + slot) * kSize + d] *
                scaleOf[n][grain.at(slots, kSize, p, h, slot, d)];
            if (narrow) {
              x = ref::roundTo(ref::Precision::kBF16, x);
            }
            exact[n].push_back(x);
          }
        }
      }
    }
    for (int64_t at = 0; at < static_cast<int64_t>(numbers[n].size()); ++at) {
      int64_t row = at / kSize, p = row / slots / kKeyHeads;
      if (!used[p * slots + row % slots] && rt::isFloat(format.dtype)) {
        numbers[n][at] = std::nan("");
      }
    }
    for (size_t at = 0; at < numbers[n].size(); ++at) {
      if (format.perByte == 1) {
        stored[n].push_back(numbers[n][at]);
      } else if (at % 2) {
        auto low = static_cast<int>(numbers[n][at - 1]) & 15;
        auto high = static_cast<int>(numbers[n][at]) & 15;
        stored[n].push_back(static_cast<int8_t>(low | high << 4));
      }
    }
  }
  std::vector<double> queriesOf = random(kBatch * kHeads * queries * kSize, 9);
  Tensor qTensor =
      *Tensor::fromValues(dtype, {kBatch, kHeads, queries, kSize}, queriesOf);
  queriesOf = qTensor.toDoubles();
  std::vector<int64_t> shape = {pages, kKeyHeads, slots,
                                kSize / format.perByte};
  std::vector<Tensor> out =
      call(module, std::move(qTensor),
           *Tensor::fromValues(format.dtype, shape, stored[0]),
           *Tensor::fromValues(format.dtype, shape, stored[1]),
           *Tensor::fromValues(DType::kF32, scaleShape, scaleOf[0]),
           *Tensor::fromValues(DType::kF32, scaleShape, scaleOf[1]),
           *Tensor::fromValues(DType::kI32, {kBatch, columns}, table),
           *Tensor::fromValues(DType::kI32, {kBatch}, {37, 0, 64}));
  ASSERT_EQ(out.size(), 1u);
  ref::AttentionProblem problem;
  problem.q =
      ref::View::contiguous(queriesOf.data(), {kBatch, kHeads, queries, kSize});
  problem.k =
      ref::View::contiguous(exact[0].data(), {kBatch, kKeyHeads, kMost, kSize});
  problem.v =
      ref::View::contiguous(exact[1].data(), {kBatch, kKeyHeads, kMost, kSize});
  problem.kvLengths = {37, 0, 64};
  problem.mask = [](const ref::Point &p) { return p.k <= p.q; };
  ref::Precision precision =
      narrow ? ref::Precision::kBF16 : ref::Precision::kF32;
  ref::AttentionResult reference = ref::attention(problem);
  ref::AttentionResult plain = ref::plainAttention(problem, precision);
  ASSERT_TRUE(reference.ok()) << reference.error;
  ref::ErrorReport report =
      ref::checkError(reference.out, plain.out, out[0].toDoubles(), precision);
  EXPECT_TRUE(report.ok) << report.text << "\n" << module;
}

TEST(Quant, AttentionOnCodes) {
  int64_t number = 0;
  for (const Format &format : kFormats) {
    for (const Grain &grain : kGrains) {
      for (int64_t slots : {1, 16, 40}) {
        for (int64_t queries : {1, 20}) {
          // 3 is prime to the sizes of the axes but one.
          if (number++ % 3 == 0) {
            checkAttention(format, grain, slots, queries,
                           number % 2 ? DType::kF32 : DType::kBF16);
          }
        }
      }
    }
  }
}

} // namespace
