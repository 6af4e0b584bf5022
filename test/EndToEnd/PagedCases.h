//===- PagedCases.h - attention on pages, axis by axis ----------*- C++ -*-===//
// Page sizes against layouts, types, groups, masks and forms (decode, a chunk
// of a prompt, ragged queries), on ragged lengths with poisoned slots and table
// tails.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_ENDTOEND_PAGEDCASES_H
#define ATTN_TEST_ENDTOEND_PAGEDCASES_H

#include "Case.h"

namespace attn::sweep {

/// A case on pages of 16, with dynamic lengths.
Case pagedCase(const std::string &mask, const Lengths &lengths);
/// Decode, a chunk of a prompt, and ragged queries; with an empty sequence.
std::vector<Case> pagedForms(const std::string &mask);

/// The whole product, and the stride of a sample: it is prime to the sizes of
/// all axes, so that each value is met with all the others' soon.
int64_t countPagedCases();
constexpr int64_t kPagedStride = 37;
Case pagedCaseAt(int64_t number);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_PAGEDCASES_H
