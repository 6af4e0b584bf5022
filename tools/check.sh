#!/usr/bin/env bash
# Builds everything and runs all tests; ends with ctest's summary.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

attn_setup
attn_build
attn_say "test"
exec ctest --test-dir "$ATTN_BUILD_DIR" --output-on-failure "$@"
