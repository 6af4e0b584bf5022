#!/usr/bin/env bash
# From a bare Debian machine to the main job: an attention layer of Llama-3-8B,
# compiled, checked against its definition in f64, timed and explained.
# An argument sets the length: tools/quickstart.sh 16384
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

length=${1:-4096}
if ! [[ $length =~ ^[0-9]+$ ]]; then
  echo "usage: tools/quickstart.sh [length]" >&2
  exit 2
fi
attn_setup
attn_build attn-run attn-opt
cd "$ATTN_ROOT"
command=("$ATTN_BUILD_DIR/bin/attn-run" docs/examples/llama3-8b-layer.mlir
  --set "s=$length" --random 1 --check --bench 3 --report)
attn_say "run: ${command[*]}"
exec "${command[@]}"
