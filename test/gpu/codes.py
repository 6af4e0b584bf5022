"""Decode on caches of codes on one GPU: results next to f64, and speed.

usage: codes.py LIBRARY FOLDER [--only check,time] [--rounds N]

FOLDER holds packages of the modules of `codes.py --modules FOLDER`, which writes them.
check: random codes and scales, lengths ragged and 0, NaN in every slot and scale that no
key in use has, 1, 4, 7 and 8 query heads a key head; the reference is f64 arithmetic on the
decoded elements.
time: 32 heads on 8, D 128, next to bf16 and a copy; cold L2, merge included.
"""

import os
import sys

import bench_modules

CHECKS = [(kind, slots, heads, element)
          for kind in bench_modules.CODES
          for slots, heads, element in ((0, 32, "bf16"), (64, 32, "bf16"), (64, 8, "bf16"),
                                        (64, 56, "bf16"), (0, 64, "f16"), (64, 32, "f16"))]
SIZES = ((16, 16384), (4, 65536), (1, 131072), (1, 16384), (1, 8192))


def name_of(kind, slots, heads, element):
    return f"check-{kind}-{slots}-{heads}-{element}"


def write_modules(folder):
    named = dict(bench_modules.modules())
    for name in [*(f"coded-{k}{s}" for k in bench_modules.CODES for s in ("", "-64")),
                 "decode", "paged-hnd-64"]:
        with open(f"{folder}/{name}.mlir", "w") as file:
            file.write(named[name])
    for check in CHECKS:
        with open(f"{folder}/{name_of(*check)}.mlir", "w") as file:
            file.write(bench_modules.coded(*check))


def draw_codes(kind, b, s):
    """Codes of a dense cache, (scale, zero) and elements in f64."""
    code, columns, scale_type, *grains = bench_modules.CODES[kind]
    real = {"f32": torch.float32, "f16": torch.float16}[scale_type]
    made = []
    for _, shape in grains:
        codes = torch.randint(0, 256, (b, 8, s, columns), device="cuda", dtype=torch.uint8)
        if code == "i8":
            codes = codes.view(torch.int8)
        else:
            # No NaN, no infinity, exponents where a scale leaves 1 or so.
            codes = codes & 0xbf if code == "f8E4M3FN" else codes & 0xbb
            codes = codes.view(torch.float8_e4m3fn if code == "f8E4M3FN" else torch.float8_e5m2)
        if shape is None:
            scale = torch.rand(8, device="cuda") + 0.5
        else:
            group = shape[0] if shape else 1
            size = (b, 8, -(-s // group), *shape[1:])
            spread = 0.02 if columns == 128 else 0.2
            scale = (torch.rand(size, device="cuda") * spread + spread / 4).to(real)
        zero = None
        if columns == 64:
            zero = (torch.randn(scale.shape, device="cuda") * 0.3 - 7 * scale.float()).to(real)
        made.append((codes, scale, zero))
    return made


def decoded(made, kind, which, type_):
    codes, scale, zero = made
    _, columns, _, *grains = bench_modules.CODES[kind]
    shape = grains[which][1]
    if columns == 64:
        wide = codes.view(torch.uint8)
        x = torch.stack([wide & 15, wide >> 4], -1).flatten(-2).to(type_)
    else:
        x = codes.to(type_)
    s = x.shape[2]

    def spread(t):
        if shape is None:
            return t.to(type_)[None, :, None, None]
        t = t.to(type_)
        if shape and shape[0] > 1:
            t = t.repeat_interleave(shape[0], 2)[:, :, :s]
        if not shape or len(shape) < 2:
            return t[..., None]
        return t.repeat_interleave(128 // shape[1], 3)

    if shape == ():
        return x * scale.to(type_)[..., None] + (0 if zero is None else zero.to(type_)[..., None])
    return x * spread(scale) + (0 if zero is None else spread(zero))


def poison(t):
    if t.dtype == torch.int8:
        return torch.full_like(t, 0x55)
    if t.dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        return torch.full(t.shape, 0x7f, dtype=torch.uint8, device="cuda").view(t.dtype)
    return torch.full_like(t, float("nan"))


def on_pages(t, lens, slots, kind_group, order, spare):
    """(b, h, s / group, ...) as pages of `slots` keys; what no key in use has is poison."""
    b, h, n = t.shape[:3]
    per = slots // kind_group
    used = torch.arange(n, device="cuda")[None] * kind_group < lens[:, None]
    raw = t.view(torch.uint8) if t.element_size() == 1 else t
    bad = poison(t).view(raw.dtype) if t.element_size() == 1 else poison(t)
    shape = (b, 1, n) + (1,) * (t.dim() - 3)
    raw = torch.where(used.view(shape), raw, bad)
    raw = raw.view(b, h, n // per, per, *t.shape[3:]).transpose(1, 2).flatten(0, 1)
    pool = bad.flatten()[:1].expand(len(order) + spare, *raw.shape[1:]).clone()
    pool[order] = raw
    return pool.view(t.dtype)


def check(library, folder):
    lens_of = (1000, 0, 1, 64, 65, 517, 1024, 2048)
    worst = {}
    for kind, slots, heads, element in CHECKS:
        type_ = {"bf16": torch.bfloat16, "f16": torch.float16}[element]
        torch.manual_seed(3)
        b, s = (8, 2048) if slots else (3, 1000 if kind != "int4-token" else 1024)
        made = draw_codes(kind, b, s)
        q = torch.randn(b, heads, 1, 128, device="cuda").to(type_)
        lens = torch.tensor(lens_of if slots else [s] * b, device="cuda", dtype=torch.int32)
        k, v = (decoded(made[i], kind, i, torch.float64) for i in (0, 1))
        group = heads // 8
        expected = torch.zeros(b, heads, 1, 128, device="cuda", dtype=torch.float64)
        for n in range(b):
            m = int(lens[n])
            if m:
                kk, vv = (t[n, :, :m].repeat_interleave(group, 0) for t in (k, v))
                p = (q[n].double() @ kk.transpose(1, 2) * 128 ** -0.5).softmax(-1)
                expected[n] = p @ vv
        arguments = [q]
        order = torch.randperm(b * s // slots, device="cuda") if slots else None
        for i, (codes, scale, zero) in enumerate(made):
            shape = bench_modules.CODES[kind][3 + i][1]
            grain = shape[0] if shape else 1
            for t in (codes, scale, zero):
                if t is None:
                    continue
                if slots and not (t is scale and shape is None):
                    t = on_pages(t, lens, slots, 1 if t is codes else grain, order, 3)
                arguments.append(t)
        if slots:
            tables = torch.full((b, s // slots), -(2 ** 30), device="cuda", dtype=torch.int32)
            places = order.view(b, -1).to(torch.int32)
            used = torch.arange(s // slots, device="cuda")[None] * slots < lens[:, None]
            tables = torch.where(used, places, tables)
            arguments += [tables, lens]
        out = torch.full_like(q, float("nan"))
        name = name_of(kind, slots, heads, element)
        try:
            Package(library, f"{folder}/{name}.attnpkg", "f").bind([*arguments, out], [out])()
            torch.cuda.synchronize()
            difference = (out.double() - expected).norm() / expected.norm()
        except RuntimeError as problem:
            print(f"FAIL {name}: {problem}")
            continue
        u = 2.0 ** (-8 if element == "bf16" else -11)
        good = difference.item() <= 2 * u
        worst[element] = max(worst.get(element, 0), difference.item() / u)
        print(f"{'PASS' if good else 'FAIL'} {name} {difference.item():.1e}", flush=True)
    print("worst, in units of roundoff:", {k: round(v, 2) for k, v in worst.items()})


def time_codes(library, folder, rounds):
    x = draw(2 ** 30)
    y = torch.empty_like(x)
    copy = 4 * x.numel() / time_in_turn({"c": lambda: y.copy_(x)}, rounds)["c"] / 1e6
    del x, y
    print(f"copy {copy:.0f} GB/s")
    for b, s in SIZES:
        q = draw(b, 32, 1, 128)
        out = torch.empty_like(q)
        lens = torch.full((b,), s, dtype=torch.int32, device="cuda")
        order = torch.randperm(b * s // 64, device="cuda")
        tables = order.view(b, -1).to(torch.int32)
        k, v = draw(b, 8, s, 128), draw(b, 8, s, 128)
        pools = [on_pages(t, lens, 64, 1, order, 0) for t in (k, v)]
        calls, moved, kept = {}, {}, []
        for name, arguments in (("decode", [q, k, v, out]),
                                ("paged-hnd-64", [q, *pools, tables, lens, out])):
            package = Package(library, f"{folder}/{name}.attnpkg", "f")
            kept.append(package)
            calls[name] = package.bind(arguments, [out])
            moved[name] = 2 * k.numel() * 2
        for kind in bench_modules.CODES:
            made = draw_codes(kind, b, s)
            dense, paged, size = [q], [q], 0
            for i, (codes, scale, zero) in enumerate(made):
                shape = bench_modules.CODES[kind][3 + i][1]
                for t in (codes, scale, zero):
                    if t is None:
                        continue
                    dense.append(t)
                    group = 1 if t is codes or not shape else shape[0]
                    whole = t is scale and shape is None
                    paged.append(t if whole else on_pages(t, lens, 64, group, order, 0))
                    size += t.numel() * t.element_size()
            for name, arguments in ((f"coded-{kind}", [*dense, out]),
                                    (f"coded-{kind}-64", [*paged, tables, lens, out])):
                package = Package(library, f"{folder}/{name}.attnpkg", "f")
                kept.append((package, arguments))
                calls[name] = package.bind(arguments, [out])
                moved[name] = size
        times = time_in_turn(calls, rounds)
        for name, ms in times.items():
            base = times["paged-hnd-64" if name.endswith("-64") else "decode"]
            print(f"{b:3d} x {s:6d} {name:20s} {1e3 * ms:7.1f} us {moved[name] / ms / 1e6:5.0f} GB/s, "
                  f"{base / ms:.2f} of bf16", flush=True)
        del calls, kept
        torch.cuda.empty_cache()


def main(arguments):
    rounds = int(option(arguments, "--rounds", "3"))
    sections = option(arguments, "--only", "check,time").split(",")
    library = load(arguments[0])
    if "check" in sections:
        check(library, arguments[1])
    if "time" in sections:
        time_codes(library, arguments[1], rounds)


if __name__ == "__main__":
    if sys.argv[1] == "--modules":
        write_modules(sys.argv[2])
        sys.exit(0)
    import torch
    from bench import Package, draw, load, option, time_in_turn
    main(sys.argv[1:])
