# RUN: %python %s attn-run
# REQUIRES: ptxas
"""Kernel families through `ptxas -v` for every chip: no spill, no warning."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../gpu"))
import bench_modules

CHIPS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


F8 = "f8E4M3FN"  # products on warpgroups alone


def module(b, h, hk, sq, sk, d, e, dtype, mask="", attributes=""):
    out = "bf16" if dtype == F8 else dtype
    q, k, v, o = (
        f"tensor<{b}x{n}x{s}x{c}x{t}>"
        for n, s, c, t in ((h, sq, d, dtype), (hk, sk, d, dtype), (hk, sk, e, dtype),
                           (h, sq, e, out))
    )
    return f"""func.func @f(%q: {q}, %k: {k}, %v: {v}) -> {o} {{
  %i = tensor.empty() : {o}
  %o = attn.attention ins(%q, %k, %v : {q}, {k}, {v}) outs(%i : {o}) {mask} {attributes} -> {o}
  return %o : {o}
}}
"""


def paged(heads, key_heads, sq, slots, d, e, dtype, mask="", attributes=""):
    q, o = (f"tensor<?x{heads}x{sq}x{c}x{dtype}>" for c in (d, e))
    k, v = (f"tensor<?x{key_heads}x{slots}x{c}x{dtype}>" for c in (d, e))
    return f"""func.func @f(%q: {q}, %k: {k}, %v: {v}, %t: tensor<?x?xi32>, %l: tensor<?xi32>,
    %o: {o} {{attn.donated}}) -> {o} {{
  %r = attn.attention ins(%q, %k, %v : {q}, {k}, {v}) kv_lens(%l : tensor<?xi32>)
      pages(%t : tensor<?x?xi32>) outs(%o : {o}) {mask} {attributes} -> {o}
  return %r : {o}
}}
"""


CAUSAL, WINDOW = "mask(#attn.causal)", "mask(#attn.window<1023, 0>)"
FAMILIES = {
    "full d128": module(1, 4, 4, 512, 512, 128, 128, "bf16"),
    "causal d128": module(1, 4, 4, 512, 512, 128, 128, "bf16", CAUSAL),
    "window d64": module(1, 4, 4, 512, 512, 64, 64, "f16", WINDOW),
    "causal d80": module(1, 4, 4, 512, 512, 80, 80, "bf16", CAUSAL),
    "causal d192/128": module(1, 4, 4, 512, 512, 192, 128, "bf16", CAUSAL),
    "causal d256": module(1, 4, 4, 512, 512, 256, 256, "bf16", CAUSAL),
    "full d256": module(1, 4, 4, 512, 512, 256, 256, "f16"),
    "causal d192": module(1, 4, 4, 512, 512, 192, 192, "bf16", CAUSAL),
    "causal d64/128": module(1, 4, 4, 512, 512, 64, 128, "bf16", CAUSAL),
    "window d256/64": module(1, 4, 4, 512, 512, 256, 64, "bf16", WINDOW),
    "window d160": module(1, 4, 4, 512, 512, 160, 160, "bf16", WINDOW),
    "odd d20": module(1, 4, 2, 333, 517, 20, 20, "f16", CAUSAL),
    "decode d128": module(4, 32, 8, 1, 4096, 128, 128, "bf16"),
    "few rows d64": module(4, 32, 8, 4, 4096, 64, 64, "bf16", CAUSAL),
    "causal d96": module(2, 4, 4, 512, 700, 96, 96, "bf16", CAUSAL),
    "full d128 f16": module(1, 4, 4, 512, 512, 128, 128, "f16"),
    "fp8 full d128": module(1, 4, 2, 512, 512, 128, 128, F8),
    "fp8 causal d128": module(1, 4, 2, 512, 512, 128, 128, F8, CAUSAL),
    "fp8 window d64": module(1, 4, 4, 512, 512, 64, 64, F8, WINDOW),
    "fp8 causal d96": module(1, 4, 4, 512, 512, 96, 96, F8, CAUSAL),
    "fp8 causal d192/128": module(1, 4, 4, 512, 512, 192, 128, F8, CAUSAL),
    "paged d128": paged(32, 8, 1, 16, 128, 128, "bf16"),
    "paged d64": paged(8, 2, "?", 3, 64, 64, "f16", CAUSAL),
    "paged d80": paged(8, 2, "?", 1, 80, 80, "bf16", WINDOW),
    "paged d576/512": paged(16, 1, 1, 64, 576, 512, "bf16"),
    "paged f32": paged(8, 2, 1, 16, 64, 64, "f32"),
    "codes i8 f16": bench_modules.coded("i8", heads=64, element="f16"),
    "codes int4 paged": bench_modules.coded("int4", 64),
    "codes e5m2": bench_modules.coded("e5m2", 64, heads=8),
    "tf32 d128": module(1, 4, 4, 512, 512, 128, 128, "f32", "", "{tf32}"),
    "tf32 causal d64": module(1, 4, 4, 512, 512, 64, 64, "f32", CAUSAL, "{tf32}"),
    "tf32 odd d20": module(1, 4, 2, 333, 517, 20, 20, "f32", WINDOW, "{tf32}"),
    "tf32 d256": module(1, 4, 4, 512, 512, 256, 256, "f32", CAUSAL, "{tf32}"),
    "tf32 decode d128": module(4, 32, 8, 1, 4096, 128, 128, "f32", "", "{tf32}"),
    "tf32 paged d64": paged(8, 2, "?", 16, 64, 64, "f32", CAUSAL, "{tf32}"),
    "f32": module(1, 4, 4, 100, 100, 64, 64, "f32", CAUSAL),
    "f64": module(1, 4, 4, 100, 100, 40, 48, "f64"),
}

# Recurrences token by token, which every chip has.
RECURRENCES = os.path.join(os.path.dirname(__file__), "..", "gpu", "recurrences")
for name in ("scan", "conv", "key_gla", "gated_delta", "ssd", "slots1"):
    with open(os.path.join(RECURRENCES, f"{name}.mlir")) as file:
        FAMILIES[name] = file.read()

# What is timed, with all that masks and scores can say, where most of it is;
# recurrences, which have no other place.
TIMED = dict(bench_modules.modules())
for entry in sorted(os.listdir(RECURRENCES)):
    with open(os.path.join(RECURRENCES, entry)) as file:
        TIMED[entry] = file.read()

# Bytes that are known to spill: a register too many beside three blocks, and
# up to ten where rows are columns on pages; up to eight in rare steps beside
# three warpgroups of rows.
KNOWN = {(name, "sm_90"): spilled for name, spilled in (
    ("paged d64", 4), ("causal d80", 32), ("causal d96", 4), ("ragged-64-1", 4),
    ("ragged-pages-64", 8), ("codes int4 paged", 40), ("coded-int4-64", 40),
    ("coded-int4-token-64", 4))}
KNOWN[("codes int4 paged", "sm_100")] = 8

failed = False
with tempfile.TemporaryDirectory() as folder:
    for name, text in {**FAMILIES, **TIMED}.items():
        source, ptx = f"{folder}/f.mlir", f"{folder}/f.ptx"
        with open(source, "w") as file:
            file.write(text)
        hopper = name in TIMED or F8 in text
        for chip in ("sm_90",) if hopper else CHIPS:
            made = subprocess.run(
                [*sys.argv[1:], source, "--target", chip, "--emit=ptx", "-o", ptx],
                capture_output=True, text=True)
            said = made.stderr
            if made.returncode == 0:
                # Warpgroup instructions have their own architecture.
                arch = "sm_90a" if chip == "sm_90" else chip
                assembled = subprocess.run(
                    ["ptxas", "-v", f"-arch={arch}", ptx, "-o", f"{folder}/f.cubin"],
                    capture_output=True, text=True)
                said = assembled.stderr
                spills = re.findall(r"(\d+) bytes spill", said)
                bad = (assembled.returncode != 0 or "warning" in said or "(C75" in said
                       or not spills
                       or any(int(n) > KNOWN.get((name, chip), 0) for n in spills))
            else:
                bad = True
            if bad:
                failed = True
                print(f"{name}, {chip}:\n{said}")
sys.exit(failed)
