//===- AttnOps.td - all ops of the dialect, for the generators -------------===//
#ifndef ATTN_DIALECT_ATTN_ATTNOPS_TD
#define ATTN_DIALECT_ATTN_ATTNOPS_TD

include "attn/Dialect/Attn/AttentionOps.td"
include "attn/Dialect/Attn/CacheOps.td"
include "attn/Dialect/Attn/EvictOps.td"
include "attn/Dialect/Attn/FeatureOps.td"
include "attn/Dialect/Attn/LongConvOps.td"
include "attn/Dialect/Attn/PositionOps.td"
include "attn/Dialect/Attn/RecurrenceOps.td"
include "attn/Dialect/Attn/QuantOps.td"
include "attn/Dialect/Attn/TileOps.td"

#endif // ATTN_DIALECT_ATTN_ATTNOPS_TD
