"""Generation on a paged cache on one GPU, through the C ABI.

usage: generate.py LIBRARY paged-decode.attnpkg      (of docs/examples/paged-decode.mlir)

Each step appends a token to every sequence (its key turns by its position) and
attends to all of the cache, in one launch plan. Keys and values that were
appended are kept densely beside it, turned in f64 by PyTorch, and each step is
compared with attention to them. Slots that hold no token are NaN.
"""

import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import Package, error, load

HEADS, KEY_HEADS, SLOTS, SIZE = 8, 2, 16, 128
COLUMNS, STEPS = 32, 150


def turned(x, position):
    """Keys (heads, size) of a token at `position`."""
    half = SIZE // 2
    f = 10000.0 ** (-torch.arange(half, dtype=torch.float64, device=x.device) / half)
    cos, sin = torch.cos(position * f), torch.sin(position * f)
    u, w = x.double()[..., :half], x.double()[..., half:]
    return torch.cat([u * cos - w * sin, w * cos + u * sin], -1).to(x.dtype)


def main(library, path):
    step = Package(load(library), path, "step")
    torch.manual_seed(0)
    starts = [0, 37, 300]
    b, pages = len(starts), len(starts) * COLUMNS
    draw = lambda *shape: torch.randn(*shape, device="cuda", dtype=torch.bfloat16)
    pools = [torch.full((pages, KEY_HEADS, SLOTS, SIZE), float("nan"), device="cuda",
                        dtype=torch.bfloat16) for _ in range(2)]
    tables = torch.randperm(pages, device="cuda").view(b, COLUMNS).to(torch.int32)
    dense = [[draw(KEY_HEADS, n, SIZE) for n in starts] for _ in range(2)]
    for pool, rows in zip(pools, dense):
        for n in range(b):
            for at in range(starts[n]):
                pool[tables[n, at // SLOTS], :, at % SLOTS] = rows[n][:, at]
    lens = torch.tensor(starts, device="cuda", dtype=torch.int32)
    q, k, v = draw(b, HEADS, 1, SIZE), draw(b, KEY_HEADS, SIZE), draw(b, KEY_HEADS, SIZE)
    out = torch.full_like(q, float("nan"))
    launch = step.bind([q, k, v, tables, lens, *pools], [out, *pools])
    worst = 0.0
    for _ in range(STEPS):
        for x in (q, k, v):
            x.copy_(torch.randn_like(x))
        lens += 1
        launch()
        for n in range(b):
            new = (turned(k[n], lens[n].item() - 1), v[n])
            for rows, x in zip(dense, new):
                rows[n] = torch.cat([rows[n], x.unsqueeze(1)], 1)
            expected = F.scaled_dot_product_attention(
                q[n:n + 1].float(), dense[0][n].unsqueeze(0).float(),
                dense[1][n].unsqueeze(0).float(), enable_gqa=True)
            worst = max(worst, error(out[n:n + 1], expected))
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    lens -= 1
    start.record()
    for _ in range(100):
        launch()
    end.record()
    torch.cuda.synchronize()
    print(f"generate: {STEPS} tokens of {b} sequences, error {worst:.1e}, "
          f"{10 * start.elapsed_time(end):.1f} us a step")
    if not worst < 1e-2:
        raise SystemExit("generate: too far from PyTorch")


if __name__ == "__main__":
    main(*sys.argv[1:])
