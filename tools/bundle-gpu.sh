#!/bin/sh
# Packs what a GPU machine without LLVM needs to run the GPU suite.
#
#   tools/bundle-gpu.sh [BUILD [FOLDER]]      default: build build/gpu-bundle
#
# The folder holds the runner with its libraries, packages of all cases of
# test/gpu/cases with their references, cases of the sweep of test/EndToEnd, the
# benchmarks, and check-gpu.sh, which runs them. It is at most 60 MiB.
#
#   ATTN_GPU_CHIP    compiled for (default sm_80, which later chips run from PTX)
#   ATTN_GPU_SWEEP   cases of the sweep (default 200)
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
out=${2:-$build/gpu-bundle}
chip=${ATTN_GPU_CHIP:-sm_80}
limit_kib=$((60 * 1024))

rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/cases"
for tool in attn-run-package attn-smoke-packages attn-gpu-sweep; do
  cp "$build/bin/$tool" "$out/bin/"
done
cp "$build/lib/libattn_runtime.so" "$out/lib/"

# Libraries that such a machine may lack; those of the C and C++ runtimes it has.
ldd "$out/bin/attn-run-package" "$out/lib/libattn_runtime.so" |
  awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -E 'lib(zip|crypto|bz2|lzma|zstd|z)\.so' | while read -r library; do
    cp -L "$library" "$out/lib/"
  done
omp=$(ldconfig -p | awk '/libomp\.so\.5/ {print $NF; exit}')
for candidate in "${omp:-}" /usr/lib/llvm-22/lib/libomp.so.5; do
  if [ -n "$candidate" ] && [ -e "$candidate" ] && [ ! -e "$out/lib/libomp.so.5" ]; then
    cp -L "$candidate" "$out/lib/libomp.so.5"
  fi
done
for file in "$out"/bin/* "$out"/lib/*; do
  strip --strip-unneeded "$file"
done

# Hand-written kernels, and their references in MLIR.
"$out/bin/attn-smoke-packages" "$out/cases"
rm "$out/cases/fake.attnpkg"
attn_run="$build/bin/attn-run --no-cache"
for module in "$root"/test/gpu/cases/*.mlir; do
  name=$(basename "$module" .mlir)
  # The sizes of a case are on its line "// SIZES: ...".
  sed -n 's|^// SIZES: *||p' "$module" > "$out/cases/$name.sizes"
  $attn_run "$module" --emit=reference -o "$out/cases/$name.ref.attnpkg"
  if grep -q '^// HAND-WRITTEN' "$module"; then
    continue
  fi
  target=$(sed -n 's|^// TARGET: *||p' "$module")
  $attn_run "$module" --target="${target:-$chip}" --emit=package \
    -o "$out/cases/$name.attnpkg"
done
# Recurrences token by token, as chips before Hopper have all of them; those of
# chunks are rounded more than this check allows (recurrences.py).
inputs=$root/test/Tools/attn-run/Inputs
cases=$root/test/gpu/recurrence_cases.py
python3 "$cases" "$inputs/recurrences.mlir" "$out/cases"
python3 "$cases" "$inputs/states.mlir" "$out/cases" \
  favor favor_state favor_plain favor_exact
python3 "$cases" "$inputs/long-convolutions.mlir" "$out/cases" linformer linformer_bf16
for module in "$out"/cases/rec-*.mlir; do
  $attn_run "$module" --emit=reference -o "${module%.mlir}.ref.attnpkg"
  $attn_run "$module" --target=sm_80 --emit=package -o "${module%.mlir}.attnpkg"
  rm "$module"
done
# Blocks of models: mixers of several kinds, with their projections.
for block in jamba-block:block gemma3-group:group mamba2:prefill mamba2:decode; do
  module=$root/docs/examples/${block%:*}.mlir
  entry=${block#*:}
  case=$out/cases/block-${block%:*}-$entry
  sed -n "s|^// RUN: attn-run %s \(--entry $entry .*\)--random 1 --check\(.*\)\$|\1\2|p" \
    "$module" > "$case.sizes"
  $attn_run "$module" --entry "$entry" --emit=reference -o "$case.ref.attnpkg"
  $attn_run "$module" --entry "$entry" --target="$chip" --emit=package -o "$case.attnpkg"
done
# Examples of the documentation, with the sizes of their RUN lines, as they are
# and, where these say so, in bf16.
examples="alibi bias bigbird document-starts documents learned-sink
  llama3-8b-layer memref mqa packed-bits packed-qkv relative-bias rope
  rope-scalings sink-window sliding-window snapkv softcap zone-maps"
for name in $examples; do
  for dtype in f32 bf16; do
    case=$out/cases/example-$name-$dtype
    module=$root/docs/examples/$name.mlir
    if [ $dtype = bf16 ] && ! grep -q 'RUN: sed .s/xf32>/xbf16>/g' "$module"; then
      continue
    fi
    sed -n 's|^// RUN: attn-run %s \(.*\) --random 1 --check$|\1|p' "$module" > "$case.sizes"
    sed "s/xf32>/x$dtype>/g" "$module" > "$case.mlir"
    $attn_run "$case.mlir" --emit=reference -o "$case.ref.attnpkg"
    $attn_run "$case.mlir" --target="$chip" --emit=package -o "$case.attnpkg"
    rm "$case.mlir"
  done
done
"$build/bin/attn-gpu-sweep-packages" "$out/sweep" "$chip" "${ATTN_GPU_SWEEP:-200}"
mkdir "$out/bench"
python3 "$root/test/gpu/bench_modules.py" "$out/bench"
python3 "$root/test/gpu/codes.py" --modules "$out/bench"
for module in "$out"/bench/*.mlir; do
  target=$chip
  # What fp8 has instructions for is no older.
  case $chip in sm_80 | sm_86) ! grep -q f8E4M3FN "$module" || target=sm_89 ;; esac
  $attn_run "$module" --target="$target" --emit=package -o "${module%.mlir}.attnpkg"
  rm "$module"
done
$attn_run "$root/docs/examples/paged-decode.mlir" --target="$chip" --emit=package \
  -o "$out/bench/step.attnpkg"
for file in check-gpu.sh pytorch.py bench.py bench_modules.py ragged.py codes.py generate.py; do
  cp "$root/test/gpu/$file" "$out/"
done

size=$(du -sk "$out" | cut -f1)
echo "bundle-gpu: $out, $((size / 1024)) MiB, $(ls "$out/cases" | grep -c '\.sizes$') cases, $(ls "$out/sweep" | wc -l) of the sweep"
if [ "$size" -gt "$limit_kib" ]; then
  echo "bundle-gpu: error: more than $((limit_kib / 1024)) MiB" >&2
  exit 1
fi
