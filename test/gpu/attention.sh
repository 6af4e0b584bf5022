#!/bin/sh
# Packs what attention.py times, for a machine with a GPU and PyTorch.
#
#   test/gpu/attention.sh BUILD FOLDER [KIND-SIZE...]
#
# A kind is full or causal, and f16 or f8 in front of it for other than bf16:
# causal-128, f16-full-64, causal-192v128 where V has other columns. f8 is e4m3
# with scales and results of bf16. There:
# timeout 300 python3 attention.py ./libattn_runtime.so *.attnpkg
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
out=$2
shift 2
[ $# -gt 0 ] || set -- full-128 causal-128 full-64 causal-64
rm -rf "$out"
mkdir -p "$out"
for name in "$@"; do
  size=${name##*-}
  value=${size#*v}
  size=${size%v*}
  type=bf16
  result=bf16
  mask=
  scales=
  arguments=
  case $name in
  f16-*) type=f16 result=f16 ;;
  f8-*)
    type=f8E4M3FN
    f="tensor<f32>"
    g="tensor<$((2048 / size))xf32>"
    arguments=", %qs: $f, %ks: $g, %vs: $g"
    scales="scales(%qs, %ks, %vs : $f, $g, $g)"
    ;;
  esac
  case $name in *causal*) mask='mask(#attn.causal)' ;; esac
  t="tensor<?x$((2048 / size))x?x${size}x$type>"
  u="tensor<?x$((2048 / size))x?x${value}x$type>"
  o="tensor<?x$((2048 / size))x?x${value}x$result>"
  cat > "$out/$name.mlir" <<END
func.func @f(%q: $t {attn.dims = ["b", "h", "sq", "d"]}, %k: $t {attn.dims = ["b", "h", "sk", "d"]},
             %v: $u {attn.dims = ["b", "h", "sk", "e"]},
             %o: $o {attn.dims = ["b", "h", "sq", "e"], attn.donated}$arguments) -> $o {
  %r = attn.attention ins(%q, %k, %v : $t, $t, $u) $scales outs(%o : $o) $mask -> $o
  return %r : $o
}
END
  "$build/bin/attn-run" --no-cache "$out/$name.mlir" --target sm_90 \
    --emit=package -o "$out/$name.attnpkg"
done
cp "$build/lib/libattn_runtime.so" "$root/test/gpu/pytorch.py" \
  "$root/test/gpu/attention.py" "$out/"
# Libraries that such a machine may lack.
ldd "$build/lib/libattn_runtime.so" |
  awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -E 'lib(zip|crypto|bz2|lzma|zstd|z)\.so' | while read -r library; do
    cp -L "$library" "$out/"
  done
