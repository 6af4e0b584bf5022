"""Cost by length, of recurrences beside causal attention: one sequence.

usage: crossover.py LIBRARY      (beside the packages of recurrences.sh)

Prints milliseconds for lengths from 2,048 to 1,048,576: causal attention of 16
heads of 128 next to linear attention of the same heads, GLA, the state space of
Mamba-2 (64 heads of 64, state 128) and the scan of Mamba-1 (4096 channels, state
16). A launch to warm up, then the median of 5; from a second a launch on, one.
"""

import sys

import torch

import recurrences
from recurrences import BF16, Function


def bf16(*shape):
    return torch.randn(*shape, device="cuda", dtype=BF16)


def f32(*shape):
    return torch.randn(*shape, device="cuda")


def time(launch):
    times = []
    while len(times) < 6:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        launch()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
        if times[0] > 1000:
            return times[0]
    return sorted(times[1:])[2]


def heads(tokens, name, extra=()):
    q, k, v = (bf16(1, 16, tokens, 128) for _ in range(3))
    o = torch.empty_like(v)
    states = [f32(1, 16, 128, 128)] if extra else []
    out = [torch.empty_like(s) for s in states]
    return Function(name).bind([q, k, v, *extra, *states], [o, *out])


def ssd(tokens):
    x, (b, c) = bf16(1, tokens, 64, 64), (bf16(1, tokens, 1, 128) for _ in range(2))
    y, dt = torch.empty_like(x), f32(1, tokens, 64)
    a, bias, d = -f32(64).abs(), f32(64) - 4, f32(64)
    return Function("ssd").bind([x, dt, a, b, c, bias, d], [y])


def scan(tokens):
    u, dt, z = (bf16(1, tokens, 4096) for _ in range(3))
    b, c = (bf16(1, tokens, 1, 16) for _ in range(2))
    a, bias, d = -f32(4096, 16).exp(), f32(4096) - 4, f32(4096)
    s0, y = f32(1, 4096, 16), torch.empty_like(u)
    return Function("scan").bind([u, dt, a, b, c, bias, d, z, s0], [y, torch.empty_like(s0)])


WORK = {
    "attention": lambda s: heads(s, "causal"),
    "linear": lambda s: heads(s, "linear"),
    "gla": lambda s: heads(s, "key_gla", [-f32(1, 16, s, 128).abs() * 0.05]),
    "ssd": ssd,
    "scan": scan,
}


def main():
    print(torch.cuda.get_device_name(), *WORK, sep=", ", flush=True)
    for power in range(11, 21):
        row = []
        for make in WORK.values():
            row.append(f"{time(make(1 << power)):.3f}")
            torch.cuda.empty_cache()
        print(1 << power, *row, sep=", ", flush=True)


if __name__ == "__main__":
    recurrences.load(sys.argv[1])
    main()
