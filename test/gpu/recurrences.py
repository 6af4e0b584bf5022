"""Compiled recurrences on one GPU, through the C ABI and PyTorch.

usage: recurrences.py LIBRARY      (beside the packages of recurrences.sh)

Outputs and final states are compared on the whole with the recurrence in f64,
token by token on the device, from random inputs: lengths that no chunk divides,
decays that clear the state within a chunk, initial states. 200 launches into
poisoned memory must agree bit by bit, every second one behind other traffic.
Then times, medians of 30 with a cold L2, and GB/s of the bytes that must move,
beside a copy in the same run. Exit code 1 on mismatch.
"""

import ctypes
import sys

import torch
import torch.nn.functional as F

from pytorch import describe

BF16, F32, F64 = torch.bfloat16, torch.float32, torch.float64
BOUND = 3.5e-3
failures = 0


def random(*shape, dtype=F32):
    return torch.randn(*shape, device="cuda").to(dtype)


def check(code):
    if code:
        raise RuntimeError(attn.attn_error().decode())


class Function:
    made = {}

    def __new__(cls, name):
        if name not in cls.made:
            self = cls.made[name] = super().__new__(cls)
            package, self.function = ctypes.c_void_p(), ctypes.c_void_p()
            check(attn.attn_package_load(f"{name}.attnpkg".encode(), ctypes.byref(package)))
            check(attn.attn_function_open(package, name.encode(), 0, ctypes.byref(self.function)))
        return cls.made[name]

    def bind(self, arguments, results):
        ins, outs = describe(arguments), describe(results)
        keep = (arguments, results)

        def launch():
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            check(attn.attn_function_launch(self.function, stream, ins, len(keep[0]), outs,
                                            len(keep[1])))

        return launch


def recur(x, b, c, decay, weight, state=None):
    """x B S H P, b and c B S G N, decay and weight B S H: y, and the state B H P N."""
    batch, tokens, heads, size = x.shape
    b, c = (t.double().repeat_interleave(heads // t.shape[2], 2) for t in (b, c))
    if state is None:
        state = torch.zeros(batch, heads, size, b.shape[-1], device="cuda", dtype=F64)
    state = state.double().clone()
    x, factor = x.double() * weight[..., None], decay.exp()
    y = torch.empty_like(x)
    for t in range(tokens):
        state.mul_(factor[:, t, :, None, None])
        state.addcmul_(x[:, t, :, :, None], b[:, t, :, None, :])
        y[:, t] = (state @ c[:, t, :, :, None])[..., 0]
    return y, state


def error(result, expected):
    return ((result.double() - expected).norm() / expected.norm()).item()


def time(launch, count=30):
    flush = torch.empty(64 << 20, dtype=torch.int32, device="cuda")
    times = []
    for _ in range(count + 5):
        flush.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        launch()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times[5:])[count // 2]


def differences(launch, result, count=200):
    launch()
    first, bad = result.clone(), 0
    flush = torch.empty(64 << 20, dtype=torch.int32, device="cuda")
    for i in range(count):
        result.fill_(float("nan"))
        if i % 2:
            flush.zero_()
        launch()
        bad += not torch.equal(result, first)
    return bad


def report(name, launch, result, pairs=(), repeat=True, moved=0):
    global failures
    launch()
    torch.cuda.synchronize()
    errors = [error(have, want) for have, want in pairs]
    text = f"{name:36}" + "".join(f" {e:.2e}" for e in errors)
    bad = differences(launch, result) if repeat else 0
    failures += bad > 0 or any(not e <= BOUND for e in errors)
    text += f" differ {bad}" if bad else ""
    if moved:
        ms = time(launch)
        text += f" {ms:.3f} ms, {moved / ms / 1e6:.0f} GB/s"
    print(text, flush=True)


def linear(batch, tokens, verify=True, timed=False, decay=None, name="linear"):
    """decay: None, or the slope of random ones, with states."""
    q, k, v = (random(batch, 16, tokens, 128, dtype=BF16) for _ in range(3))
    o = torch.empty_like(v)
    arguments, results = [q, k, v], [o]
    g = torch.zeros(batch, tokens, 16, device="cuda", dtype=F64)
    s0 = s1 = None
    if decay is not None:
        given = F.logsigmoid(random(batch, 16, tokens)) * decay
        g, s0 = given.double().transpose(1, 2), random(batch, 16, 128, 128)
        s1 = torch.empty_like(s0)
        arguments, results, name = arguments + [given, s0], [o, s1], "gla"
    launch = Function(name).bind(arguments, results)
    pairs = []
    if verify:
        launch()
        y, s = recur(*(t.transpose(1, 2) for t in (v, k, q)), g, torch.ones_like(g),
                     None if s0 is None else s0.transpose(2, 3))
        pairs.append((o, (y * 128**-0.5).transpose(1, 2)))
        if s1 is not None:
            pairs.append((s1, s.transpose(2, 3)))
    report(f"{name} B{batch} S{tokens}" + (f" decay {decay}" if decay else ""), launch, o, pairs,
           moved=batch * tokens * 16 * (1024 + 4 * (decay is not None)) if timed else 0)


def retnet(batch, tokens):
    q, k = (random(batch, tokens, 16, 64, dtype=BF16) for _ in range(2))
    v = random(batch, tokens, 16, 128, dtype=BF16)
    g = torch.log1p(-(2.0 ** (-5 - torch.arange(16, device="cuda").float())))
    o, s1 = torch.empty_like(v), torch.empty(batch, 16, 64, 128, device="cuda")
    launch = Function("retnet").bind([q, k, v, g], [o, s1])
    decay = g.double().expand(batch, tokens, 16)
    y, s = recur(v, k, q, decay, torch.ones_like(decay))
    report(f"retnet B{batch} S{tokens}", launch, o, [(o, y), (s1, s.transpose(2, 3))])


def parameters(heads, shift):
    rates = -torch.arange(1, heads + 1, device="cuda").float() / 4
    return rates, random(heads) - 4 + shift, random(heads)


def ssd(batch, tokens, shift=0, verify=True, timed=False, gated=False, heads=64, documents=0):
    """shift: of dt_bias; from 4 on most chunks decay by more than 120 bits."""
    x, z = (random(batch, tokens, heads, 64, dtype=BF16) for _ in range(2))
    b, c = (random(batch, tokens, 1, 128, dtype=BF16) for _ in range(2))
    dt, (a, bias, d) = random(batch, tokens, heads), parameters(heads, shift)
    y = torch.empty_like(x)
    arguments, results, name = [x, dt, a, b, c, bias, d], [y], "ssd"
    s0 = s1 = None
    if gated:
        s0 = random(batch, heads, 64, 128)
        s1 = torch.empty_like(s0)
        arguments, results, name = arguments + [z, s0], [y, s1], "gated"
    starts = torch.zeros(batch, tokens, device="cuda", dtype=torch.bool)
    if documents:
        starts[:, 1:] = torch.rand(batch, tokens - 1, device="cuda") < documents / tokens
        arguments, name = arguments + [starts.cumsum(1).int()], "ids"
    launch = Function(name).bind(arguments, results)
    pairs = []
    if verify:
        w = F.softplus(dt.double() + bias.double())
        w = w.clamp(1e-3, 1e-1) if gated else w
        decay = (w * a.double()).masked_fill(starts[..., None], float("-inf"))
        r, s = recur(x, b, c, decay, w, s0)
        r += d.double()[:, None] * x.double()
        r = r * F.silu(z.double()) if gated else r
        pairs = [(y, r)] + ([(s1, s)] if gated else [])
    bytes_a_token = heads * (64 * (6 if gated else 4) + 4) + 512
    report(f"{name} B{batch} S{tokens} shift {shift}", launch, y, pairs,
           moved=batch * tokens * bytes_a_token if timed else 0)


def scan(batch, tokens, verify=True, timed=False):
    """Mamba-1: 4096 channels with 16 states, gate, states in and out."""
    u, z = (random(batch, tokens, 4096, dtype=BF16) for _ in range(2))
    dt = random(batch, tokens, 4096, dtype=BF16)
    b, c = (random(batch, tokens, 1, 16, dtype=BF16) for _ in range(2))
    a, bias, d = -random(4096, 16).exp(), random(4096) - 4, random(4096)
    s0 = random(batch, 4096, 16)
    y, s1 = torch.empty_like(u), torch.empty_like(s0)
    launch = Function("scan").bind([u, dt, a, b, c, bias, d, z, s0], [y, s1])
    pairs = []
    if verify:
        state, out = s0.double(), torch.empty(batch, tokens, 4096, device="cuda", dtype=F64)
        for t in range(tokens):
            w = F.softplus(dt[:, t].double() + bias.double())
            state.mul_((w[..., None] * a.double()).exp_())
            state.addcmul_((w * u[:, t].double())[..., None], b[:, t].double())
            out[:, t] = (state @ c[:, t, 0, :, None].double())[..., 0]
        out += d.double() * u.double()
        pairs = [(y, out * F.silu(z.double())), (s1, state)]
    report(f"scan B{batch} S{tokens}", launch, y, pairs,
           moved=batch * tokens * (8 * 4096 + 64) if timed else 0)


def conv(batch, tokens, verify=True, timed=False):
    x, s0 = random(batch, tokens, 4096, dtype=BF16), random(batch, 3, 4096, dtype=BF16)
    w, bias = random(4096, 4), random(4096)
    y, s1 = torch.empty_like(x), torch.empty_like(s0)
    launch = Function("conv").bind([x, w, bias, s0], [y, s1])
    pairs = []
    if verify:
        rows = torch.cat([s0, x], 1).double()
        sums = bias.double() + sum(w[:, i].double() * rows[:, i:i + tokens] for i in range(4))
        pairs = [(y, F.silu(sums)), (s1, rows[:, -3:])]
    report(f"conv B{batch} S{tokens}", launch, y, pairs,
           moved=batch * tokens * 4 * 4096 if timed else 0)


def of_keys(name, batch, tokens, slope=0.1, size=128, verify=True, timed=False, alike=0):
    """Decays of keys (key_gla), and the delta rule (delta, gated_delta).

    slope: of decays; 4 and more decay by more than 120 bits in a chunk. alike: what all keys
    have in common.
    """
    q, v = (random(batch, 16, tokens, size, dtype=BF16) for _ in range(2))
    k = F.normalize(random(batch, 16, tokens, size) + alike, dim=-1).to(BF16)
    s0 = random(batch, 16, size, size)
    extra, g, beta = [], None, None
    if name == "key_gla":
        g = F.logsigmoid(random(batch, 16, tokens, size)) * slope
        if slope > 4:  # some keys alone, some tokens alone
            g = g * (torch.rand(batch, 16, 1, size, device="cuda") < 0.5)
            g[:, :, tokens // 2] = float("-inf")
        extra = [g]
    if name == "gated_delta":
        g = F.logsigmoid(random(batch, 16, tokens)) * slope
        extra = [g]
    if name != "key_gla":
        beta = torch.sigmoid(random(batch, 16, tokens))
        extra = extra + [beta]
    o, s1 = torch.empty_like(v), torch.empty_like(s0)
    launch = Function(name + "64" * (size == 64)).bind([q, k, v, *extra, s0], [o, s1])
    pairs = []
    if verify:
        state, out = s0.double(), torch.empty(v.shape, device="cuda", dtype=F64)
        for t in range(tokens):
            key, value = k[:, :, t].double(), v[:, :, t].double()
            if g is not None:
                factor = g[:, :, t].double().exp()
                state.mul_(factor[..., None] if name == "key_gla" else factor[..., None, None])
            if beta is not None:
                seen = (key[..., None, :] @ state)[..., 0, :]
                value = beta[:, :, t, None].double() * (value - seen)
            state.addcmul_(key[..., None], value[..., None, :])
            out[:, :, t] = (q[:, :, t, None].double() @ state)[..., 0, :]
        pairs = [(o, out * size**-0.5), (s1, state)]
    numbers = 512 * (name == "key_gla") + 4 * (beta is not None) + 4 * (name == "gated_delta")
    report(f"{name} {size} B{batch} S{tokens} slope {slope}", launch, o, pairs,
           moved=batch * tokens * 16 * (1024 + numbers) if timed else 0)


def slots(batch, pool):
    """Slots of a pool, one of them none: as a step on the states in order."""
    x, z, dt = (random(batch, 4096, dtype=BF16) for _ in range(3))
    b, c = (random(batch, 1, 16, dtype=BF16) for _ in range(2))
    a, bias, d = -random(4096, 16).exp(), random(4096) - 4, random(4096)
    at = torch.randperm(pool, device="cuda")[:batch].int()
    states = random(pool, 4096, 16)
    alone, before = states[at.long()].clone(), states.clone()
    want, got = torch.empty_like(x), torch.empty_like(x)
    Function("step1").bind([x, dt, a, b, c, bias, d, z, alone], [want, alone])()
    at[1] = -1
    Function("slots1").bind([x, dt, a, b, c, bias, d, z, at, states], [got, states])()
    torch.cuda.synchronize()
    used = torch.ones(batch, dtype=torch.bool, device="cuda")
    used[1] = False
    before[at[used].long()] = alone[used]
    good = torch.equal(got[used], want[used]) and not got[1].any() and torch.equal(states, before)
    global failures
    failures += not good
    print(f"slots of Mamba-1 B{batch} of {pool}".ljust(36), "agree" if good else "DIFFER", flush=True)


def step(mamba, batch, verify=True, timed=False):
    if mamba == 2:
        shape, dt_type, rest, n = (batch, 64, 64), F32, (64,), 128
        a, bias, d = parameters(64, 0)
    else:
        shape, dt_type, rest, n = (batch, 4096), BF16, (4096,), 16
        a = -random(4096, 16).exp()
        bias, d = random(4096) - 4, random(4096)
    x, z = random(*shape, dtype=BF16), random(*shape, dtype=BF16)
    dt, b, c = random(batch, *rest, dtype=dt_type), *(random(batch, 1, n, dtype=BF16) for _ in "bc")
    state = random(*shape, n)
    y, w = torch.empty_like(x), F.softplus(dt.double() + bias.double())
    if mamba == 2:
        w, skip = w[..., None], d.double()[:, None]
        factor = (w * a.double()[:, None]).exp()[..., None]
        rows = lambda t: t.double()[:, :, None]
    else:
        skip, factor, rows = d.double(), (w[..., None] * a.double()).exp(), lambda t: t.double()
    now = state.double() * factor + (w * x.double())[..., None] * rows(b)
    out = ((now * rows(c)).sum(-1) + skip * x.double()) * F.silu(z.double())
    launch = Function(f"step{mamba}").bind([x, dt, a, b, c, bias, d, z, state], [y, state])
    # In place: the state is that of one step once.
    launch()
    pairs = [(y.clone(), out), (state.clone(), now)]
    report(f"step of Mamba-{mamba} B{batch}", launch, y, pairs if verify else [], repeat=False,
           moved=2 * state.numel() * 4 + 3 * x.numel() * 2 if timed else 0)


def copy_bandwidth():
    source = torch.empty(256 << 20, dtype=F32, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / time(lambda: target.copy_(source), 10) / 1e6


def main():
    torch.manual_seed(0)
    print(torch.cuda.get_device_name(), f"copy {copy_bandwidth():.0f} GB/s", flush=True)
    for tokens in (1, 63, 64, 1000):
        linear(2, tokens)
        ssd(1, tokens)
    for shift in (4, 8):
        ssd(3, 777, shift)
    ssd(2, 500, 2, gated=True)
    ssd(3, 130, gated=True)
    for decay in (0.1, 4, 50):
        linear(2, 333, decay=decay)
    retnet(2, 450)
    for mamba in (1, 2):
        step(mamba, 3)
        step(mamba, 128, timed=True)
    for documents in (3, 200):
        ssd(2, 777, documents=documents)
    slots(5, 9)
    for tokens in (1, 63, 1000):
        scan(2, tokens)
        conv(2, tokens)
        for name in ("key_gla", "delta", "gated_delta"):
            of_keys(name, 2, tokens)
    for name in ("key_gla", "gated_delta"):
        for slope in (1, 4, 50):
            of_keys(name, 2, 333, slope)
        of_keys(name, 3, 200, 0.1, size=64)
        of_keys(name, 3, 200, 20, size=64)
    of_keys("delta", 2, 500, alike=0.2)
    scan(8, 8192, timed=True)
    conv(8, 8192, timed=True)
    for name in ("key_gla", "delta", "gated_delta"):
        of_keys(name, 8, 8192, verify=False, timed=True)
    of_keys("key_gla", 8, 8192, 4, verify=False, timed=True)
    linear(8, 8192, timed=True)
    ssd(8, 2048, -2)
    for batch, tokens in ((8, 2048), (8, 8192), (2, 65536)):
        ssd(batch, tokens, -2, verify=False, timed=True)
    ssd(8, 8192, 4, verify=False, timed=True)
    ssd(8, 8192, -2, verify=False, timed=True, documents=16)
    ssd(8, 8192, -2, verify=False, timed=True, gated=True)
    linear(8, 2048, verify=False, timed=True)
    linear(8, 8192, verify=False, timed=True, decay=0.1)
    print("recurrences: " + (f"{failures} FAILED" if failures else "all agree"))
    sys.exit(failures > 0)


def load(library):
    global attn
    attn = ctypes.CDLL(library)
    attn.attn_error.restype = ctypes.c_char_p


if __name__ == "__main__":
    load(sys.argv[1])
    main()
