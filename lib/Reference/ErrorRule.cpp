//===- ErrorRule.cpp - when a result is good enough -----------------------===//

#include "attn/Reference/ErrorRule.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace attn::ref;

namespace {

/// How many roundings of the result's size the absolute term grants.
double countOfRoundings(Precision precision) {
  switch (precision) {
  case Precision::kF64:
    return 256;
  case Precision::kF32:
    return 8;
  case Precision::kTF32:
  case Precision::kF16:
  case Precision::kBF16:
    return 2;
  }
  return 0;
}

/// Half the smallest subnormal number.
double tiny(Precision precision) {
  switch (precision) {
  case Precision::kF64:
    return 0x1p-1074;
  case Precision::kF32:
  case Precision::kTF32: // results are f32
    return 0x1p-150;
  case Precision::kF16:
    return 0x1p-25;
  case Precision::kBF16:
    return 0x1p-134;
  }
  return 0;
}

bool sameSpecial(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || a == b;
}

struct Norms {
  double maxAbs = 0, relL2 = 0;
  int64_t worst = -1;
};

/// Over the elements where the reference is finite. A difference that is not
/// finite counts as infinite.
Norms measure(const std::vector<double> &reference,
              const std::vector<double> &other) {
  Norms norms;
  // Scaled by the largest magnitude, so that no square over- or underflows.
  double refMax = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (!std::isfinite(reference[i])) {
      continue;
    }
    refMax = std::max(refMax, std::fabs(reference[i]));
    double error = std::fabs(other[i] - reference[i]);
    if (std::isnan(error)) {
      error = INFINITY;
    }
    if (norms.worst < 0 || error > norms.maxAbs) {
      norms.maxAbs = error;
      norms.worst = static_cast<int64_t>(i);
    }
  }
  if (norms.maxAbs == 0 || refMax == 0 || std::isinf(norms.maxAbs)) {
    norms.relL2 = norms.maxAbs == 0 ? 0 : INFINITY;
    return norms;
  }
  double errorSum = 0, refSum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (std::isfinite(reference[i])) {
      double error = (other[i] - reference[i]) / norms.maxAbs;
      double ref = reference[i] / refMax;
      errorSum += error * error;
      refSum += ref * ref;
    }
  }
  norms.relL2 = std::sqrt(errorSum / refSum) * (norms.maxAbs / refMax);
  return norms;
}

} // namespace

ErrorReport attn::ref::checkError(const std::vector<double> &exact,
                                  const std::vector<double> &plain,
                                  const std::vector<double> &candidate,
                                  Precision precision) {
  ErrorReport report;
  if (exact.size() != candidate.size() || exact.size() != plain.size()) {
    report.text = "mismatch: expected " + std::to_string(exact.size()) +
                  " elements, but got " + std::to_string(candidate.size());
    return report;
  }
  char line[512];
  double refMax = 0;
  std::vector<double> reference = exact;
  for (size_t i = 0; i < reference.size(); ++i) {
    // What the format cannot hold may come as the infinity it rounds to.
    if (std::isinf(candidate[i]) &&
        roundTo(precision, exact[i]) == candidate[i]) {
      reference[i] = candidate[i];
    }
    if (std::isfinite(reference[i])) {
      refMax = std::max(refMax, std::fabs(reference[i]));
    }
    bool special = !std::isfinite(reference[i]) || !std::isfinite(candidate[i]);
    if (special && !sameSpecial(reference[i], candidate[i])) {
      report.worst = static_cast<int64_t>(i);
      report.worstRef = reference[i];
      report.worstGot = candidate[i];
      report.maxAbs = report.relL2 = INFINITY;
      std::snprintf(line, sizeof(line),
                    "mismatch: element %lld is %g, but got %g",
                    static_cast<long long>(i), reference[i], candidate[i]);
      report.text = line;
      return report;
    }
  }

  Norms ours = measure(reference, candidate);
  Norms theirs = measure(reference, plain);
  double roundings = countOfRoundings(precision) * unitRoundoff(precision);
  report.maxAbs = ours.maxAbs;
  report.relL2 = ours.relL2;
  report.plainMaxAbs = theirs.maxAbs;
  report.plainRelL2 = theirs.relL2;
  report.maxAbsBound = 2 * theirs.maxAbs + roundings * refMax + tiny(precision);
  report.relL2Bound = 2 * theirs.relL2 + roundings;
  // Where all of the reference is 0 a relative error means nothing.
  bool l2Good = refMax == 0 || report.relL2 <= report.relL2Bound;
  report.ok = report.maxAbs <= report.maxAbsBound && l2Good;
  report.worst = ours.worst;
  if (report.worst >= 0) {
    report.worstRef = reference[static_cast<size_t>(report.worst)];
    report.worstGot = candidate[static_cast<size_t>(report.worst)];
  }
  std::snprintf(line, sizeof(line),
                "%s: max abs error %.3g (bound %.3g), relative L2 %.3g (bound "
                "%.3g), worst at element %lld: expected %.9g, but got %.9g",
                report.ok ? "ok" : "mismatch", report.maxAbs,
                report.maxAbsBound, report.relL2, report.relL2Bound,
                static_cast<long long>(report.worst), report.worstRef,
                report.worstGot);
  report.text = line;
  return report;
}

std::string attn::ref::indexText(int64_t index,
                                 const std::vector<int64_t> &shape) {
  std::vector<int64_t> parts(shape.size(), 0);
  for (size_t d = shape.size(); d-- > 0;) {
    int64_t size = std::max<int64_t>(shape[d], 1);
    parts[d] = index % size;
    index /= size;
  }
  std::string text = "[";
  for (size_t d = 0; d < parts.size(); ++d) {
    text += (d ? ", " : "") + std::to_string(parts[d]);
  }
  return text + "]";
}
