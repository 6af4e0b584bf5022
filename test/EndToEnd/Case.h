//===- Case.h - one attention problem of the sweep --------------*- C++ -*-===//
// A case is what is compiled once: a module, with the sizes that it is launched
// at. Cases come from a seed alone, on every platform alike, so that a failure
// is named by its seed.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_ENDTOEND_CASE_H
#define ATTN_TEST_ENDTOEND_CASE_H

#include "attn/Reference/Attention.h"
#include "attn/Runtime/DType.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attn::sweep {

/// The generator of all random choices (SplitMix64).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next();
  /// Uniform in [0, count).
  int64_t below(int64_t count) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(count));
  }
  bool oneIn(int64_t count) { return below(count) == 0; }
  template <typename T> const T &pick(const std::vector<T> &from) {
    return from[static_cast<size_t>(below(static_cast<int64_t>(from.size())))];
  }

private:
  uint64_t state;
};

struct Mask {
  std::string text;    ///< of the attribute; empty: no mask
  ref::MaskFn visible; ///< null: everything is
  /// Ends of a band that holds all visible pairs, for `Score::kBandBias`.
  std::optional<std::pair<int64_t, int64_t>> band;
};
const std::vector<Mask> &allMasks();
/// The mask of `text`, one of the above.
const Mask &maskOf(const std::string &text);

enum class Shapes { kStatic, kDynamicLengths, kDynamic };
enum class Inputs {
  kSeparate,
  kPackedHeads, ///< q, k, v side by side along the heads of one tensor
  kPackedSizes, ///< q, k, v side by side in the rows of one tensor
  kValueInKey,  ///< v is the head of k's rows (MLA)
};
enum class Outs { kEmpty, kDonated, kMemref };
enum class KvLens { kNone, kSome, kExtreme };
enum class Sinks { kNone, kFinite, kInfinite /* some -inf: no sink */ };
/// A mask region beside the attribute (MaskRegion.h).
enum class Region {
  kNone,
  kDocuments, ///< equal elements at (i) and (j)
  kStarts,    ///< keys from an ascending element at (i) on
  kBits,      ///< a bit of a word at (i, j floordiv 32)
  kLists,     ///< `#attn.blocks`
  kAffine,    ///< arithmetic that becomes sets
};
/// Which rows of k and v hold NaN.
enum class Poison {
  kLengths, ///< those behind the keys in use
  kHidden,  ///< all that no query sees
};
enum class Score {
  kNone,
  kSoftCap,
  kSoftCapRead, ///< the cap is a captured tensor of rank 0
  kAlibi,       ///< slopes captured at (h)
  kBias,        ///< captured at (h, i, j)
  kKeyBias,     ///< captured at (b, h, 0, j)
  kRelative,    ///< captured at (h, j - i)
  kBandBias,    ///< the same, with entries for visible pairs only
  kPoint,       ///< computed from b, h, i and j
  kBranch,      ///< a branch, and a function without a vector form
};

/// How a case is compiled: fields of CompileOptions. Cases themselves need no
/// compiler, so that a machine with a GPU and no LLVM has them too.
struct Schedule {
  std::string target = "host";
  int64_t rows = 0, keys = 0, split = 0; ///< tile sizes; 0: cost model
  bool openmp = true;
};

/// The sizes of one launch: one entry a sequence; equal but for `thd`.
struct Lengths {
  std::vector<int64_t> queries, keys;
};

struct Case {
  uint64_t seed = 0; ///< of the data too
  rt::DType dtype = rt::DType::kF32;
  rt::DType outType = rt::DType::kF32;
  bool tf32 = false; ///< of f32
  ref::Layout layout = ref::Layout::kBhsd;
  std::string mask;
  Region region = Region::kNone;
  int64_t heads = 4, keyHeads = 4;
  int64_t size = 64, valueSize = 64;
  Shapes shapes = Shapes::kStatic;
  Inputs inputs = Inputs::kSeparate;
  Outs outs = Outs::kEmpty;
  KvLens kvLens = KvLens::kNone;
  Sinks sinks = Sinks::kNone;
  Score score = Score::kNone;
  Poison poison = Poison::kHidden;
  bool lse = true;
  std::optional<double> scale;
  std::optional<int64_t> offset;
  Schedule options;
  /// Slots of a page where k and v are pools of pages; 0: they are not.
  int64_t pageSize = 0;
  bool nhd = false;
  uint64_t pageSeed = 1;         ///< of the order of the pages
  std::vector<Lengths> launches; ///< one for static shapes

  bool paged() const { return pageSize > 0; }
  bool ragged() const { return layout == ref::Layout::kThd; }
  /// f64 for f64, f32 for all others.
  rt::DType accumulator() const {
    return dtype == rt::DType::kF64 ? dtype : rt::DType::kF32;
  }
  /// Values of `kv_lens` at `lengths`; they may lie outside of 0...Sk.
  std::vector<int64_t> kvLengthsAt(const Lengths &lengths) const;
  /// Keys of each sequence in use.
  std::vector<int64_t> keysInUse(const Lengths &lengths) const;
  /// Position of the first query of each sequence.
  std::vector<int64_t> offsetsAt(const Lengths &lengths) const;
  /// Multiplications of the largest launch.
  double work() const;
  /// One line of everything that the module does not show.
  std::string describe() const;
  /// "axis=value" for each axis, for coverage.
  std::vector<std::string> features() const;
};

/// The case of `seed`, with at most about `maxWork` multiplications.
Case randomCase(uint64_t seed, double maxWork);

/// `count` cases that cover as many pairs of axis values as a greedy choice
/// finds.
std::vector<Case> sampleCases(uint64_t seed, int64_t count, double maxWork);

/// The work of a case on a GPU, whose reference a CPU computes.
constexpr double kGPUWork = 60e6;

/// `c` with the sizes of tiles that the cost model of the GPU `chip` chooses.
Case onGPU(Case c, const std::string &chip);

/// A tensor that the score region captures.
struct Captured {
  rt::DType dtype;
  std::string map;            ///< the affine map, as text
  std::vector<int64_t> shape; ///< at one launch
};
/// What the score of `c` captures, with its shape at `lengths`.
std::optional<Captured> capturedOf(const Case &c, const Lengths &lengths);
/// The constant that the map adds so that indices start at 0.
int64_t captureShift(const Case &c);

/// The module of `c`: one function `f`.
std::string moduleText(const Case &c);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_CASE_H
