//===- Check.h - compare results with the oracle --------------------------===//
// The oracle is the same module, compiled to its materialised form in f64
// (attn-decompose-reference). docs/Spec.md, "attn-run --check", has the bound.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_CHECK_H
#define ATTN_TOOLS_ATTN_RUN_CHECK_H

#include "Compare.h"
#include "Work.h"

#include <string>
#include <vector>

namespace attn::run {

/// Where `got` first leaves the bound of `comparison`, row by row (the last
/// dimension being a row), and how the rows beyond it are spread over the tiles
/// of `work`, which may be empty.
std::string traceNumerics(const std::string &name, const rt::Tensor &got,
                          const rt::Tensor &expected,
                          const Comparison &comparison,
                          const std::vector<Work> &work);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_CHECK_H
