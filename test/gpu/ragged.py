"""Ragged batches beside PyTorch on one GPU, in one process and in turn.

usage: ragged.py LIBRARY FOLDER [--rounds N]

FOLDER holds packages of the modules `ragged-<d>-<causal>`, `ragged-pages-<slots>`
and `prefill-<d>-<causal>` of bench_modules.py. 16k tokens, heads * d = 2048, bf16: sequences of random lengths and
of equal ones, next to FlashAttention-2 on the same batch (`_flash_attention_forward`),
FlexAttention with a mask of documents, and our dense form where lengths are equal.
Then chunks of prompts (512 queries of each of 8 sequences of 4k or 16k keys, 32 heads on 8)
on pages of 16, 64 and 128 slots, next to the same on contiguous keys by flash.
Results are compared first, with one sequence of NaN too, which no other may see.
"""

import os
import sys

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench import Package, draw, error, load, option, time_in_turn

TOKENS = 16384


def reference(q, k, v, ends, causal):
    out = torch.zeros_like(q, dtype=torch.float32)
    for a, b in zip(ends, ends[1:]):
        s = torch.einsum("ihd,jhd->hij", q[a:b].float(), k[a:b].float()) / q.shape[2] ** 0.5
        if causal:
            s.masked_fill_(torch.ones(b - a, b - a, device="cuda").triu(1).bool(), float("-inf"))
        out[a:b] = torch.einsum("hij,jhd->ihd", torch.softmax(s, -1), v[a:b].float())
    return out


def lengths():
    """Where sequences start and end, by name."""
    generator = torch.Generator().manual_seed(1)
    cuts = torch.sort(torch.randperm(TOKENS - 1, generator=generator)[:11] + 1).values
    yield "12 random", [0, *cuts.tolist(), TOKENS]
    short = torch.randint(1, 2 * TOKENS // 128, (128,), generator=generator).cumsum(0)
    short = (short * TOKENS // short[-1]).tolist()
    yield "128 random", [0, *short]
    for length in (2048, 8192):
        yield f"{TOKENS // length} of {length}", list(range(0, TOKENS + 1, length))


def check(package, d, causal, q, k, v, ends, name):
    """The error, with a sequence of NaN and rows behind the last one as well."""
    cu = torch.tensor(ends, device="cuda", dtype=torch.int32)
    out = torch.full_like(q, 7)
    package.bind([q, k, v, cu, out], [out])()
    expected = reference(q, k, v, ends, causal)
    worst = error(out, expected)
    kept = torch.ones(TOKENS, device="cuda", dtype=torch.bool)
    kept[ends[1]:ends[2]] = False
    spoiled = [x.masked_fill(~kept[:, None, None], float("nan")) for x in (q, k, v)]
    out.fill_(7)
    package.bind([*spoiled, cu, out], [out])()
    worst = max(worst, error(out[kept], expected[kept]))
    part = torch.tensor([0, 0, *ends[1:-1]], device="cuda", dtype=torch.int32)
    out.fill_(7)
    package.bind([q, k, v, part, out], [out])()
    last = ends[-2]
    worst = max(worst, error(out[:last], expected[:last]))
    if not worst < 6e-3 or not (out[last:] == 7).all():
        print(f"MISMATCH d {d} causal {causal} {name}: {worst:.2e}")
    return worst


def documents(q, k, v, cu, causal):
    """The same by FlexAttention."""
    ids = torch.searchsorted(cu[1:], torch.arange(TOKENS, device="cuda"), right=True)

    def same(b, h, i, j):
        return (ids[i] == ids[j]) & ((i >= j) if causal else (i > -1))

    torch._dynamo.reset()
    flex = torch.compile(flex_attention, dynamic=False)
    mask = create_block_mask(same, None, None, TOKENS, TOKENS, device="cuda")
    heads = [x.transpose(0, 1)[None].contiguous() for x in (q, k, v)]
    return lambda: flex(*heads, block_mask=mask)


def run(library, folder, d, causal, rounds):
    package = Package(library, f"{folder}/ragged-{d}-{causal}.attnpkg", "f")
    h = 2048 // d
    for name, ends in lengths():
        q, k, v = (draw(TOKENS, h, d) for _ in range(3))
        worst = check(package, d, causal, q, k, v, ends, name)
        cu = torch.tensor(ends, device="cuda", dtype=torch.int32)
        longest = max(b - a for a, b in zip(ends, ends[1:]))
        out = torch.empty_like(q)
        calls = {"ours": package.bind([q, k, v, cu, out], [out])}

        def flash():
            return torch.ops.aten._flash_attention_forward(
                q, k, v, cu, cu, longest, longest, 0.0, bool(causal), False)

        peers = {"flash": flash}
        even = len({b - a for a, b in zip(ends, ends[1:])}) == 1
        if not even:
            peers["flex"] = documents(q, k, v, cu, causal)
        if even:
            dense = [x.view(-1, longest, h, d).transpose(1, 2).contiguous() for x in (q, k, v)]
            result = torch.empty_like(dense[0])
            peers["dense"] = Package(library, f"{folder}/prefill-{d}-{causal}.attnpkg", "f").bind(
                [*dense, result], [result])
        for peer, call in peers.items():
            try:
                call()
                calls[peer] = call
            except RuntimeError as problem:
                print(f"{peer}: {str(problem)[:100]}")
        times = time_in_turn(calls, rounds)
        work = sum((b - a) ** 2 for a, b in zip(ends, ends[1:])) * 4 * 2048 / 1e9
        row = f"d {d} {'causal' if causal else 'full':6s} {name:12s}"
        for peer, ms in times.items():
            row += f" | {peer} {ms:.4f} ms {work / (1 + causal) / ms:5.0f} x {ms / times['ours']:.2f}"
        print(row + f" | error {worst:.1e}", flush=True)


def pages(library, folder, rounds):
    b, queries, h, g, d = 8, 512, 32, 8, 128
    for keys in (4096, 16384):
        q, k, v = draw(b * queries, h, d), draw(b * keys, g, d), draw(b * keys, g, d)
        cu, ck = (torch.arange(b + 1, device="cuda", dtype=torch.int32) * n
                  for n in (queries, keys))

        def flash():
            return torch.ops.aten._flash_attention_forward(
                q, k, v, cu, ck, queries, keys, 0.0, True, False)[0]

        expected, calls, errors = flash().float(), {"flash": flash}, []
        lens = torch.full((b,), keys, device="cuda", dtype=torch.int32)
        for slots in (16, 64, 128):
            count = b * keys // slots
            order = torch.randperm(count, device="cuda")
            pools = []
            for x in (k, v):
                pool = torch.empty(count, g, slots, d, device="cuda", dtype=x.dtype)
                pool[order] = x.view(count, slots, g, d).transpose(1, 2)
                pools.append(pool)
            tables = order.to(torch.int32).view(b, -1)
            out = torch.full_like(q, float("nan"))
            call = Package(library, f"{folder}/ragged-pages-{slots}.attnpkg", "f").bind(
                [q, *pools, tables, lens, cu, out], [out])
            call()
            errors.append(error(out, expected))
            calls[f"pages of {slots}"] = call
        work = b * h * d * 4 * queries * (keys - queries / 2) / 1e9
        row = f"8 x 512 of {keys} keys"
        for name, ms in time_in_turn(calls, rounds).items():
            row += f" | {name} {ms:.4f} ms {work / ms:5.0f}"
        print(row + f" | error {max(errors):.1e}", flush=True)


def main(arguments):
    rounds = int(option(arguments, "--rounds", "3"))
    torch.manual_seed(0)
    print(torch.__version__, torch.cuda.get_device_name())
    library = load(arguments[0])
    for d in (128, 64):
        for causal in (0, 1):
            run(library, arguments[1], d, causal, rounds)
    pages(library, arguments[1], rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
