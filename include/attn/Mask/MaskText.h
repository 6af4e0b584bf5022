//===- MaskText.h - forms and polynomials as one reads them ---------------===//

#ifndef ATTN_MASK_MASKTEXT_H
#define ATTN_MASK_MASKTEXT_H

#include "attn/Mask/MaskSet.h"
#include "attn/Mask/Polynomial.h"

#include <string>

namespace attn {

/// Names of dimensions (by number) and symbols.
struct MaskNames {
  std::vector<std::string> dims, symbols;
};

/// `s - 2*floor(q / 4) + 1`.
std::string toText(const LinearForm &form, const MaskNames &names);
/// Over one denominator: `(s^2 + s) / 2`.
std::string toText(const Polynomial &polynomial, const MaskNames &names);
/// That all forms are 0 or more: `s >= 4 and l <= 2`; empty for no form.
std::string toText(const MaskTerm &term, const MaskNames &names);

} // namespace attn

#endif // ATTN_MASK_MASKTEXT_H
