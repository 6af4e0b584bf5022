"""Compiled attention beside cuDNN on one GPU, through the C ABI and PyTorch.

usage: attention.py LIBRARY PACKAGE... [--lengths 2048,8192,16384] [--rounds 3]

A package is that of a function (q, k, v, donated o) -> o on B x H x S x D, as
`attention.sh` makes them; its file name says mask and head size: full-128,
causal-64, causal-192v128 (V has other columns), f8-full-128 (e4m3 with scales, results
of bf16; its peer is the same on bf16, and what weights of e4m3 alone would lose is
printed as "plain"). 16k tokens, H D = 2048. Each is compared on the whole with a
reference in f32 of the same inputs, at small shapes with steep scores and at
those that are timed, then timed in turns with cuDNN. Exit code 1 on mismatch.
"""

import argparse
import ctypes
import math
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from triton.testing import do_bench

from pytorch import describe


class Package:
    def __init__(self, library, path):
        self.library = library
        self.name = os.path.basename(path).removesuffix(".attnpkg")
        kind, size = self.name.rsplit("-", 1)
        self.size, self.value_size = (int(part) for part in (size.split("v") * 2)[:2])
        self.causal = "causal" in kind.split("-")[-1]
        parts = kind.split("-")
        self.narrow = "f8" in parts
        self.dtype = (torch.float8_e4m3fn if self.narrow
                      else torch.float16 if "f16" in parts else torch.bfloat16)
        self.result = torch.bfloat16 if self.narrow else self.dtype
        self.limit = 5e-2 if self.narrow else 6e-3
        package, self.function = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(library.attn_package_load(path.encode(), ctypes.byref(package)))
        self.check(library.attn_function_open(package, b"f", 0,
                                              ctypes.byref(self.function)))

    def check(self, code):
        if code:
            raise RuntimeError(self.name + ": " + self.library.attn_error().decode())

    def bind(self, q, k, v, o):
        heads = q.shape[1]
        scales = [torch.full(shape, value, device="cuda") for shape, value in
                  (((), 0.5), ((heads,), 1.5), ((heads,), 0.75))] if self.narrow else []
        every = [q, k, v, o, *scales]
        arguments, results = describe(every), describe([o])
        def call():
            stream = torch.cuda.current_stream().cuda_stream
            self.check(self.library.attn_function_launch(
                self.function, ctypes.c_void_p(stream), arguments, len(every), results, 1))
        return call


def decoded(package, q, k, v):
    """What the codes are, by the scales of `bind`."""
    if not package.narrow:
        return q, k, v
    return q.float() * 0.5, k.float() * 1.5, v.float() * 0.75


def reference(q, k, v, causal, plain=False):
    """In f32, some heads and rows at a time; `plain` with weights of e4m3."""
    out = torch.empty(*q.shape[:3], v.shape[3], dtype=torch.float32, device="cuda")
    sq, sk = q.shape[2], k.shape[2]
    columns = torch.arange(sk, device="cuda")[None]
    for b in range(q.shape[0]):
        for r in range(0, sq, 1024):
            rows = slice(r, min(r + 1024, sq))
            s = q[b, :, rows].float() @ k[b].float().transpose(1, 2)
            s /= math.sqrt(q.shape[3])
            if causal:
                i = torch.arange(r, rows.stop, device="cuda")[:, None] + sk - sq
                s.masked_fill_(columns > i, -math.inf)
            p = torch.softmax(s, -1)
            if plain:
                top = p.amax(-1, keepdim=True)
                p = (p / top).to(torch.float8_e4m3fn).float() * top
            out[b, :, rows] = torch.nan_to_num(p) @ v[b].float()
    return out


def relative(package, q, k, v):
    o = torch.full((*q.shape[:3], v.shape[3]), math.nan, dtype=package.result, device="cuda")
    package.bind(q, k, v, o)()
    torch.cuda.synchronize()
    expected = reference(*decoded(package, q, k, v), package.causal)
    error = ((o.float() - expected).norm() / expected.norm()).item()
    return error if torch.isfinite(o).all() else math.nan


def inputs(package, b, sq, sk):
    """Random q, k and v."""
    def random(s, d):
        x = torch.randn(b, 2048 // package.size, s, d, device="cuda", dtype=package.result)
        return x.to(package.dtype)
    return random(sq, package.size), random(sk, package.size), random(sk, package.value_size)


def small(package):
    """Sizes that no tile divides, and scores that overrun any first guess."""
    dtype = package.result
    worst = 0
    for b, sq, sk, factor in [(1, 1024, 1024, 1), (2, 640, 640, 1), (1, 1000, 1000, 1),
                              (1, 129, 129, 1), (3, 257, 700, 1), (1, 1024, 1024, 8),
                              (1, 1024, 1024, 40), (1, 1024, 1024, 300),
                              (1, 2048, 2048, -20)]:
        q, k, v = inputs(package, b, sq, sk)
        if factor > 0:
            q = (q.to(dtype) * factor).clamp(-448, 448).to(package.dtype)
        else:
            ramp = torch.linspace(-factor, 0.1, sk, device="cuda", dtype=dtype)[:, None]
            k = (k.to(dtype) * ramp).to(package.dtype)
        error = relative(package, q, k, v)
        if not error < package.limit:
            print(f"MISMATCH {package.name} b {b} sq {sq} sk {sk} x {factor}: {error:.2e}",
                  flush=True)
            return math.nan
        worst = max(worst, error)
    q, k, v = inputs(package, 2, 2048, 2048)
    outs = []
    for _ in range(10):
        o = torch.full((*q.shape[:3], v.shape[3]), math.nan, dtype=dtype, device="cuda")
        package.bind(q, k, v, o)()
        outs.append(o.view(torch.int16))
    if any((o != outs[0]).any() for o in outs):
        print(f"MISMATCH {package.name}: two runs differ", flush=True)
        return math.nan
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("packages", nargs="+")
    parser.add_argument("--lengths", default="2048,8192,16384")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rep", type=int, default=60)
    options = parser.parse_args()
    library = ctypes.CDLL(options.library)
    library.attn_error.restype = ctypes.c_char_p
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.cuda.init()
    print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    packages, failed = [], False
    for path in options.packages:
        start = time.perf_counter()
        package = Package(library, path)
        error = small(package)
        print(f"{package.name:24s} error {error:.2e}, {time.perf_counter() - start:.1f} s",
              flush=True)
        failed |= math.isnan(error)
        if not math.isnan(error):
            packages.append(package)
    groups = {}
    for package in packages:
        groups.setdefault((package.size, package.value_size, package.causal, package.dtype),
                          []).append(package)
    for (size, value_size, causal, dtype), group in groups.items():
        for length in map(int, options.lengths.split(",")):
            b, h = 16384 // length, 2048 // size
            q, k, v = inputs(group[0], b, length, length)
            o = torch.empty(*q.shape[:3], value_size, dtype=group[0].result, device="cuda")
            flops = 2 * length * length * (size + value_size) * h * b / (2 if causal else 1)
            calls = {}
            elements = decoded(group[0], q, k, v)
            expected = reference(*elements, causal)
            if group[0].narrow:
                plain = reference(*elements, causal, plain=True)
                print(f"plain at {length}: {((plain - expected).norm() / expected.norm()).item():.2e}")
                del plain
            for package in group:
                o.fill_(math.nan)
                calls[package.name] = package.bind(q, k, v, o)
                calls[package.name]()
                torch.cuda.synchronize()
                error = ((o.float() - expected).norm() / expected.norm()).item()
                if package.narrow:
                    print(f"{package.name} at {length}: {error:.2e}")
                if not error < package.limit:
                    failed = True
                    print(f"MISMATCH {package.name} at {length}: {error:.2e}", flush=True)
            del expected, elements
            if group[0].narrow: # cuDNN's is not in PyTorch
                q, k, v = (x.to(torch.bfloat16) for x in (q, k, v))
            backend = SDPBackend.CUDNN_ATTENTION
            def peer():
                with sdpa_kernel([backend]):
                    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            try:
                peer()
            except RuntimeError as problem:
                print(f"d {size}: cuDNN cannot ({str(problem)[:80]}), the peer is Flash",
                      flush=True)
                backend = SDPBackend.FLASH_ATTENTION
            calls["cudnn"] = peer
            times = {name: [] for name in calls}
            for _ in range(options.rounds):
                for name, call in calls.items():
                    ms = do_bench(call, warmup=20, rep=options.rep,
                                  return_mode="median")
                    times[name].append(flops / ms / 1e9)
            base = statistics.median(times["cudnn"])
            for name, list_ in times.items():
                median = statistics.median(list_)
                print(f"d {size:3d} {value_size:3d} {'causal' if causal else 'full':6s} s {length:5d} "
                      f"{name:24s} {median:6.1f} TFLOP/s  {median / base:.3f} x cuDNN",
                      flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
