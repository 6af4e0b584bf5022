//===- InPlace.h - loops that change their destination --------------------===//

#ifndef ATTN_PASSES_INPLACE_H
#define ATTN_PASSES_INPLACE_H

namespace attn {

/// Of an scf.forall on tensors, whose results keep what the loop does not
/// write: they must be in the buffers of its destinations, but for those that
/// start as nothing.
inline constexpr char kInPlaceAttr[] = "attn.in_place";

} // namespace attn

#endif // ATTN_PASSES_INPLACE_H
