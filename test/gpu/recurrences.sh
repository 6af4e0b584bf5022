#!/bin/sh
# Packs what recurrences.py checks and times, for a machine with a GPU and
# PyTorch.
#
#   test/gpu/recurrences.sh BUILD FOLDER
#
# There: timeout 300 python3 recurrences.py ./libattn_runtime.so
#        timeout 300 python3 crossover.py ./libattn_runtime.so
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
out=$2
rm -rf "$out"
mkdir -p "$out"
for module in "$root"/test/gpu/recurrences/*.mlir; do
  "$build/bin/attn-run" --no-cache "$module" --target sm_90 --emit=package \
    -o "$out/$(basename "$module" .mlir).attnpkg"
done
cp "$build/lib/libattn_runtime.so" "$root/test/gpu/pytorch.py" \
  "$root/test/gpu/recurrences.py" "$root/test/gpu/crossover.py" "$out/"
# Libraries that such a machine may lack.
ldd "$build/lib/libattn_runtime.so" |
  awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -E 'lib(zip|crypto|bz2|lzma|zstd|z)\.so' | while read -r library; do
    cp -L "$library" "$out/"
  done
