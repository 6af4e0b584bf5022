"""Compiled attention beside PyTorch on one GPU, in one process and in turn.

usage: bench.py LIBRARY FOLDER... [--only SECTION,...] [--rounds N]

Each FOLDER holds packages of the modules of bench_modules.py. Sections:
  prefill  S = 2k ... 16k tokens (16k a batch, heads * d = 2048) next to SDPA's
           FLASH_ATTENTION backend
  masks    16k tokens, 16 heads, D 128, next to FlexAttention, with the time that
           it takes to build its mask and to compile
  decode   one query, 32 heads on 8, D 128: GB/s of K and V
  paged    the same on pages in random order, next to contiguous keys, with the
           share of the merge
  latent   decode of absorbed latent attention (576 / 512), on pages of 64 and on
           contiguous keys: GB/s of the cache, TFLOP/s, the share of the merge
  load     milliseconds from a package to the end of its first call
bf16. Medians of do_bench over the rounds; results are compared first.
"""

import ctypes
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.profiler import ProfilerActivity, profile
from triton.testing import do_bench

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pytorch
from bench_modules import LATENT_HEADS, PAGES


class Package:
    """A function of a package, launched on the current stream."""

    def __init__(self, library, path, name):
        self.attn = library
        package = ctypes.c_void_p()
        self.function = ctypes.c_void_p()
        self.check(library.attn_package_load(path.encode(), ctypes.byref(package)))
        self.check(library.attn_function_open(package, name.encode(), 0,
                                              ctypes.byref(self.function)))

    def check(self, code):
        if code:
            raise RuntimeError(self.attn.attn_error().decode())

    def bind(self, arguments, results):
        """A launch of it on these tensors."""
        inputs, outputs = pytorch.describe(arguments), pytorch.describe(results)

        def launch():
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            self.check(self.attn.attn_function_launch(
                self.function, stream, inputs, len(arguments), outputs, len(results)))

        return launch


def load(path):
    library = ctypes.CDLL(path)
    library.attn_error.restype = ctypes.c_char_p
    return library


def time_in_turn(calls, rounds):
    """Milliseconds of each call: the median over `rounds` rounds."""
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(do_bench(call, warmup=20, rep=80, return_mode="median"))
    return {name: statistics.median(list_) for name, list_ in times.items()}


def error(got, expected):
    return ((got.float() - expected).norm() / expected.norm()).item()


def draw(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def prefill(library, folders, rounds):
    for d in (128, 64):
        for causal in (0, 1):
            packages = {os.path.basename(folder): Package(
                library, f"{folder}/prefill-{d}-{causal}.attnpkg", "f")
                for folder in folders}
            for s in (2048, 4096, 8192, 16384):
                b, h = 16384 // s, 2048 // d
                q, k, v = (draw(b, h, s, d) for _ in range(3))

                def flash():
                    with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
                        return F.scaled_dot_product_attention(q, k, v, is_causal=bool(causal))

                calls, errors = {"flash": flash}, []
                expected = flash().float()
                for name, package in packages.items():
                    out = torch.full_like(q, float("nan"))
                    calls[name] = package.bind([q, k, v, out], [out])
                    calls[name]()
                    errors.append(error(out, expected))
                times = time_in_turn(calls, rounds)
                work = 4 * s * s * d * h * b / (2 if causal else 1) / 1e9
                row = f"d{d} {'causal' if causal else 'full  '} s{s:6d}"
                for name, ms in times.items():
                    row += f" | {name} {work / ms:6.1f} {times['flash'] / ms:5.3f}"
                print(row + f" | error {max(errors):.1e}", flush=True)


def mask_cases(s):
    """(score, mask, what the region captures) of each case, for FlexAttention."""
    ids = torch.sort(torch.randint(0, 12, (s,), device="cuda", dtype=torch.int32)).values
    starts = torch.searchsorted(ids, ids).to(torch.int32)
    blocks = s // 128
    at = torch.arange(blocks, device="cuda")
    big = ((at[:, None] - at[None, :]).abs() <= 1) | (at[None, :] < 2) | (at[:, None] < 2)
    big = big.scatter(1, torch.stack([torch.randperm(blocks, device="cuda")[:3]
                                      for _ in range(blocks)]), True)

    def alibi(score, b, h, i, j):
        return score + torch.exp2(-((h + 1) * 0.5)) * (j - i)

    def causal(b, h, i, j):
        return i >= j

    def same(b, h, i, j):
        return (i >= j) & (ids[i] == ids[j])

    return {
        "window": (None, lambda b, h, i, j: (i >= j) & (i - j < 1024), []),
        "longformer": (None, lambda b, h, i, j: ((i - j).abs() <= 512) | (j < 64) | (i < 64), []),
        "sink": (None, lambda b, h, i, j: (i >= j) & ((i - j < 1024) | (j < 4)), []),
        "documents": (None, same, [ids]),
        "starts": (None, same, [starts]),
        "prefix": (None, lambda b, h, i, j: (j < 2048) | (i >= j), []),
        "alibi": (alibi, causal, []),
        "softcap": (lambda x, b, h, i, j: 30.0 * torch.tanh(x / 30.0), causal, []),
        "bigbird": (None, lambda b, h, i, j: big[i // 128, j // 128], [big]),
        "dilated": (None, lambda b, h, i, j: (i >= j) & (i - j < 2048) & ((i - j) % 4 == 0), []),
    }


def masks(library, folders, rounds):
    s, h, d = 16384, 16, 128
    flex = torch.compile(flex_attention, dynamic=False)
    for case, (score, mask, captured) in mask_cases(s).items():
        if not os.path.exists(f"{folders[0]}/mask-{case}.attnpkg"):
            continue
        q, k, v = (draw(1, h, s, d) for _ in range(3))
        start = time.perf_counter()
        block_mask = create_block_mask(mask, None, None, s, s, device="cuda")
        torch.cuda.synchronize()
        built = time.perf_counter() - start
        torch._dynamo.reset()
        start = time.perf_counter()
        expected = flex(q, k, v, score_mod=score, block_mask=block_mask).float()
        torch.cuda.synchronize()
        compiled = time.perf_counter() - start
        calls = {"flex": lambda: flex(q, k, v, score_mod=score, block_mask=block_mask)}
        errors = []
        for folder in folders:
            out = torch.full_like(q, float("nan"))
            package = Package(library, f"{folder}/mask-{case}.attnpkg", "f")
            call = package.bind([q, k, v, out, *captured], [out])
            call()
            errors.append(error(out, expected))
            calls[os.path.basename(folder)] = call
        times = time_in_turn(calls, rounds)
        row = f"{case:10s}"
        for name, ms in times.items():
            row += f" | {name} {ms:7.4f} ms {times['flex'] / ms:5.3f}"
        print(row + f" | error {max(errors):.1e} | flex: mask {built * 1e3:.0f} ms, "
              f"compile {compiled:.1f} s", flush=True)


def decode(library, folders, rounds):
    for b, s in ((16, 8192), (64, 4096), (1, 131072)):
        k, v, q = draw(b, 8, s, 128), draw(b, 8, s, 128), draw(b, 32, 1, 128)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True).float()
        x = draw(2 ** 30)
        y = torch.empty_like(x)
        calls, errors = {"copy": lambda: y.copy_(x)}, []
        for folder in folders:
            out = torch.full_like(q, float("nan"))
            call = Package(library, f"{folder}/decode.attnpkg", "f").bind([q, k, v, out], [out])
            call()
            errors.append(error(out, expected))
            calls[os.path.basename(folder)] = call
        times = time_in_turn(calls, rounds)
        copy = 4 * x.numel() / times.pop("copy") / 1e6
        row = f"decode {b} x {s}: copy {copy:.0f} GB/s"
        for name, ms in times.items():
            speed = 4 * k.numel() / ms / 1e6
            row += f" | {name} {ms:.4f} ms {speed:.0f} GB/s {speed / copy:.3f}"
        print(row + f" | error {max(errors):.1e}", flush=True)


def kernel_share(call, suffix):
    """Of the time of the kernels of a call, that of those named so."""
    with profile(activities=[ProfilerActivity.CUDA]) as made:
        for _ in range(5):
            call()
        torch.cuda.synchronize()
    times = {e.key: e.self_device_time_total for e in made.key_averages()}
    return sum(t for key, t in times.items() if key.endswith(suffix)) / max(1, sum(times.values()))


def pooled(x, layout, slots):
    """A dense (b, h, s, d) as pages in random order: the pool and its tables."""
    b, h, s, d = x.shape
    count = b * s // slots
    order = torch.randperm(count, device="cuda")
    pages = x.view(b, h, s // slots, slots, d).permute(0, 2, 1, 3, 4).reshape(count, h, slots, d)
    if layout == "nhd":
        pages = pages.transpose(1, 2)
    pool = torch.empty_like(pages, memory_format=torch.contiguous_format)
    pool[order] = pages
    return pool, order.view(b, s // slots).to(torch.int32)


def paged(library, folders, rounds):
    x = draw(2 ** 30)
    y = torch.empty_like(x)
    for b, s in ((32, 4096), (16, 8192), (1, 131072), (1, 8192)):
        k, v, q = draw(b, 8, s, 128), draw(b, 8, s, 128), draw(b, 32, 1, 128)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True).float()
        lens = torch.full((b,), s, dtype=torch.int32, device="cuda")
        calls, errors, shares, kept = {"copy": lambda: y.copy_(x)}, [], [], []
        for folder in folders:
            name = os.path.basename(folder)
            out = torch.full_like(q, float("nan"))
            calls[name + " dense"] = Package(library, f"{folder}/decode.attnpkg",
                                             "f").bind([q, k, v, out], [out])
            for layout, slots in PAGES:
                torch.manual_seed(1)
                kp, tables = pooled(k, layout, slots)
                torch.manual_seed(1)
                vp, _ = pooled(v, layout, slots)
                out = torch.full_like(q, float("nan"))
                package = Package(library, f"{folder}/paged-{layout}-{slots}.attnpkg", "f")
                call = package.bind([q, kp, vp, tables, lens, out], [out])
                call()
                errors.append(error(out, expected))
                shares.append(kernel_share(call, "_1"))
                kept.append((kp, vp, tables, out, package))
                calls[f"{name} {layout} {slots}"] = call
        times = time_in_turn(calls, rounds)
        copy = 4 * x.numel() / times.pop("copy") / 1e6
        print(f"paged {b} x {s}: copy {copy:.0f} GB/s, merge {max(shares):.3f}, "
              f"error {max(errors):.1e}")
        for name, ms in times.items():
            speed = 4 * k.numel() / ms / 1e6
            print(f"  {name:24s} {1e3 * ms:8.1f} us {speed:6.0f} GB/s {speed / copy:.3f}", flush=True)


def latent(library, folders, rounds):
    for heads in LATENT_HEADS:
        for b, s in ((128, 4096), (16, 8192), (1, 65536)):
            cache, q = draw(b, 1, s, 576), draw(b, heads, 1, 576)
            expected = torch.empty(b, heads, 1, 512, device="cuda")
            for n in range(b):
                p = (q[n, :, 0].float() @ cache[n, 0].float().T * 192 ** -0.5).softmax(-1)
                expected[n, :, 0] = p @ cache[n, 0, :, :512].float()
            pool, tables = pooled(cache, "nhd", 64)
            lens = torch.full((b,), s, dtype=torch.int32, device="cuda")
            calls, errors, shares, kept = {}, [], {}, []
            for folder in folders:
                for form, keys in (("latent", [pool, tables, lens]), ("latent-dense", [cache])):
                    out = draw(b, heads, 1, 512)
                    package = Package(library, f"{folder}/{form}-{heads}.attnpkg", "f")
                    call = package.bind([q, *keys, out], [out])
                    call()
                    errors.append(error(out, expected))
                    kept.append((package, out))
                    name = f"{os.path.basename(folder)} {form}"
                    calls[name] = call
                    shares[name] = kernel_share(call, "_2")
            print(f"latent {heads} heads, {b} x {s}: error {max(errors):.1e}")
            for name, ms in time_in_turn(calls, rounds).items():
                print(f"  {name:20s} {1e3 * ms:7.1f} us {2 * cache.numel() / ms / 1e6:5.0f} GB/s "
                      f"{2 * heads * 1088 * b * s / ms / 1e9:4.0f} TFLOP/s, "
                      f"merge {shares[name]:.3f}", flush=True)


def load_times(library, folders, rounds):
    for folder in folders:
        for size in (64, 128):
            x = draw(1, 16, 1024, size)
            out = torch.empty_like(x)
            torch.cuda.synchronize()
            start = time.perf_counter()
            package = Package(library, f"{folder}/prefill-{size}-1.attnpkg", "f")
            package.bind([x, x, x, out], [out])()
            torch.cuda.synchronize()
            print(f"load {os.path.basename(folder)}: prefill-{size}-1 with its first call "
                  f"{1e3 * (time.perf_counter() - start):.1f} ms")


SECTIONS = {"prefill": prefill, "masks": masks, "decode": decode, "paged": paged,
            "latent": latent, "load": load_times}


def option(arguments, name, default):
    if name not in arguments:
        return default
    at = arguments.index(name)
    value = arguments[at + 1]
    del arguments[at:at + 2]
    return value


def main(arguments):
    rounds = int(option(arguments, "--rounds", "3"))
    sections = option(arguments, "--only", ",".join(SECTIONS)).split(",")
    torch.manual_seed(0)
    print(torch.__version__, torch.cuda.get_device_name())
    library = load(arguments[0])
    for section in sections:
        SECTIONS[section](library, arguments[1:], rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
