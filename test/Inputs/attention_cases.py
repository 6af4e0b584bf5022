# Small cases that together use every feature of attn.attention, with their
# results by a direct evaluation of the definition, for tests that run code:
#
#   attention_cases.py lower COMMAND...   pipes a module through COMMAND; its
#                                         main prints the results of all cases
#   attention_cases.py check FILE         compares what main printed

import itertools
import math
import subprocess
import sys

MASKS = {
    "": lambda q, k: True,
    "#attn.causal": lambda q, k: k <= q,
    "#attn.window<2, 1>": lambda q, k: q - 2 <= k <= q + 1,
    "#attn.window<-1, 0>": lambda q, k: k <= q,
    "#attn.or<#attn.sink<1>, #attn.window<1, 0>>": lambda q, k: k < 1
    or q - 1 <= k <= q,
    "#attn.and<#attn.causal, #attn.sink<3>>": lambda q, k: k <= q and k < 3,
}
B, HQ, HKV, D, E = 2, 4, 2, 3, 2


class Case:
    def __init__(self, number, layout, mask, sq, sk, **features):
        self.number, self.layout, self.mask = number, layout, mask
        self.sq, self.sk = sq, sk
        self.sink = features.get("sink", False)
        self.score = features.get("score", False)
        self.offset = features.get("offset")
        self.kv_lens = features.get("kv_lens")
        # Ragged: sequences of these lengths.
        self.lens_q, self.lens_k = [sq, 0, 1], [sk, 2, sk + 1]
        thd = layout == "thd"
        self.tokens_q = sum(self.lens_q) if thd else sq
        self.tokens_k = sum(self.lens_k) if thd else sk

    def shape(self, heads, sequence, size):
        return {
            "bhsd": [B, heads, sequence, size],
            "bshd": [B, sequence, heads, size],
            "thd": [sequence, heads, size],
        }[self.layout]

    def at(self, shape, b, h, s, d):
        """The row-major position of an element."""
        point = {"bhsd": [b, h, s, d], "bshd": [b, s, h, d], "thd": [s, h, d]}
        position = 0
        for n, i in zip(shape, point[self.layout]):
            position = position * n + i
        return position

    def data(self, shape, seed):
        count = math.prod(shape)
        return [((i * 37 + seed * 11 + self.number * 5) % 29 - 14) / 8 for i in range(count)]

    def inputs(self):
        q = self.shape(HQ, self.tokens_q, D)
        k = self.shape(HKV, self.tokens_k, D)
        v = self.shape(HKV, self.tokens_k, E)
        return [(s, self.data(s, n)) for n, s in enumerate((q, k, v))]

    SINKS = [0.5, -1.0, 0.0, 2.0]
    BIAS = [[((h * 5 + d * 3) % 7 - 3) / 4 for d in range(64)] for h in range(HQ)]

    def expected(self):
        (qs, q), (ks, k), (vs, v) = self.inputs()
        os = self.shape(HQ, self.tokens_q, E)
        out = [0.0] * math.prod(os)
        lse_shape = [HQ, self.tokens_q] if self.layout == "thd" else [B, HQ, self.sq]
        lse = [0.0] * math.prod(lse_shape)
        for b in range(3 if self.layout == "thd" else B):
            sq, sk, q0, k0 = self.sq, self.sk, 0, 0
            if self.layout == "thd":
                sq, sk = self.lens_q[b], self.lens_k[b]
                q0, k0 = sum(self.lens_q[:b]), sum(self.lens_k[:b])
            if self.kv_lens:
                sk = self.kv_lens[b]
            offset = sk - sq if self.offset is None else self.offset
            for h, i in itertools.product(range(HQ), range(sq)):
                g, p = h // (HQ // HKV), i + offset
                scores = {}
                for j in range(sk):
                    if not MASKS[self.mask](p, j):
                        continue
                    x = sum(
                        q[self.at(qs, b, h, q0 + i, d)] * k[self.at(ks, b, g, k0 + j, d)]
                        for d in range(D)
                    ) / math.sqrt(D)
                    if self.score:
                        x = 2 * math.tanh(x / 2) + self.BIAS[h][j - p + 32] + 0.25 * b
                    scores[j] = x
                total = sum(math.exp(x) for x in scores.values())
                if self.sink:
                    total += math.exp(self.SINKS[h])
                row = (h * self.tokens_q + q0 + i) if self.layout == "thd" else (
                    (b * HQ + h) * self.sq + i)
                lse[row] = math.log(total) if total else -math.inf
                for e in range(E):
                    out[self.at(os, b, h, q0 + i, e)] = (
                        sum(math.exp(x) * v[self.at(vs, b, g, k0 + j, e)] for j, x in scores.items())
                        / total
                        if total
                        else 0.0
                    )
        return out + lse

    def module(self):
        """A function of this case that prints its results."""

        def tensor(shape, element="f64"):
            return "tensor<%sx%s>" % ("x".join(map(str, shape)), element)

        def dense(name, values, shape, element):
            flat = tensor([len(values)], element)
            text = ["  %%%s_flat = arith.constant dense<[%s]> : %s" % (
                name, ", ".join(map(str, values)), flat)]
            if len(shape) == 1:
                return [text[0].replace("_flat", "")]
            groups = "[[%s]]" % ", ".join(map(str, range(len(shape))))
            text.append("  %%%s = tensor.expand_shape %%%s_flat %s output_shape %s : %s into %s" % (
                name, name, groups, list(shape), flat, tensor(shape, element)))
            return text

        text = ["func.func private @case%d() {" % self.number]
        types = []
        for name, (shape, values) in zip("qkv", self.inputs()):
            text += dense(name, values, shape, "f64")
            types.append(tensor(shape))
        out = tensor(self.shape(HQ, self.tokens_q, E))
        lse = tensor([HQ, self.tokens_q] if self.layout == "thd" else [B, HQ, self.sq])
        text += ["  %%oi = tensor.empty() : %s" % out, "  %%li = tensor.empty() : %s" % lse]
        clauses = "layout(%s) " % self.layout
        if self.offset is not None:
            text.append("  %%offset = arith.constant %d : index" % self.offset)
            clauses += "offset(%offset) "
        if self.kv_lens:
            text += dense("lens", self.kv_lens, [B], "i32")
            clauses += "kv_lens(%%lens : tensor<%dxi32>) " % B
        if self.layout == "thd":
            for name, lens in ("cq", self.lens_q), ("ck", self.lens_k):
                text += dense(name, [0] + list(itertools.accumulate(lens)), [4], "i32")
            clauses += "cu_seqlens(%cq, %ck : tensor<4xi32>, tensor<4xi32>) "
        if self.sink:
            text += dense("sink", self.SINKS, [HQ], "f64")
            clauses += "sink(%%sink : tensor<%dxf64>) " % HQ
        score = ""
        if self.score:
            text += dense("bias", sum(self.BIAS, []), [HQ, 64], "f64")
            score = """
    score(%bias at affine_map<(b, h, i, j) -> (h, j - i + 32)> : tensor<4x64xf64>) {
    ^bb0(%x: f64, %e: f64, %b: index, %h: index, %i: index, %j: index):
      %two = arith.constant 2.0 : f64
      %0 = arith.divf %x, %two : f64
      %1 = math.tanh %0 : f64
      %2 = arith.mulf %1, %two : f64
      %3 = arith.addf %2, %e : f64
      %4 = arith.index_cast %b : index to i64
      %5 = arith.sitofp %4 : i64 to f64
      %quarter = arith.constant 0.25 : f64
      %6 = arith.mulf %5, %quarter : f64
      %7 = arith.addf %3, %6 : f64
      attn.yield %7 : f64
    }"""
        mask = "mask(%s) " % self.mask if self.mask else ""
        text.append("  %%r:2 = attn.attention ins(%%q, %%k, %%v : %s) %souts(%%oi, %%li : %s, %s) %s%s -> %s, %s" % (
            ", ".join(types), clauses, out, lse, mask, score, out, lse))
        for n, type in enumerate((out, lse)):
            rank = type.count("x")
            ivs = ", ".join("%%i%d" % d for d in range(rank))
            text.append("  %%c0_%d = arith.constant 0 : index\n  %%c1_%d = arith.constant 1 : index" % (n, n))
            for d, size in enumerate(type[len("tensor<"):].split("x")[:-1]):
                text.append("  %%n%d_%d = arith.constant %s : index" % (n, d, size))
                text.append("  scf.for %%i%d = %%c0_%d to %%n%d_%d step %%c1_%d {" % (d, n, n, d, n))
            text.append("    %%x = tensor.extract %%r#%d[%s] : %s" % (n, ivs, type))
            text.append("    func.call @printF64(%x) : (f64) -> ()\n    func.call @printNewline() : () -> ()")
            text += ["  }"] * rank
        return "\n".join(text + ["  return", "}"])


def cases():
    number = 0
    for layout, mask in itertools.product(("bhsd", "bshd", "thd"), MASKS):
        yield Case(number, layout, mask, 3, 5, sink=number % 2 == 1, score=number % 3 == 1)
        number += 1
    for layout, mask in itertools.product(("bhsd", "bshd"), MASKS):
        yield Case(number, layout, mask, 4, 6, kv_lens=[2, 6], sink=number % 3 == 1,
                   score=number % 2 == 1)
        yield Case(number + 1, layout, mask, 4, 6, offset=-1, score=number % 3 == 0)
        yield Case(number + 2, layout, mask, 5, 2, kv_lens=[0, 1], offset=3)
        number += 3


def check(path):
    got = [float(x) for x in open(path).read().split()]
    want = [x for case in cases() for x in case.expected()]
    assert len(got) == len(want), (len(got), len(want))
    for case in cases():
        for i, w in enumerate(case.expected()):
            g = got.pop(0)
            # Results are printed with six digits.
            if g != w and not abs(g - w) <= 1e-5 * max(1, abs(w)):
                sys.exit("case %s: element %d is %r, not %r" % (vars(case), i, g, w))


def lower(command):
    source = "func.func private @printF64(f64)\nfunc.func private @printNewline()\n"
    source += "\n".join(case.module() for case in cases())
    source += "\nfunc.func @main() {\n%s\n  return\n}\n" % "\n".join(
        "  call @case%d() : () -> ()" % case.number for case in cases())
    result = subprocess.run(command + ["-"], input=source, text=True, stdout=subprocess.PIPE)
    sys.stdout.write(result.stdout)
    sys.exit(result.returncode)


if sys.argv[1] == "check":
    check(sys.argv[2])
else:
    lower(sys.argv[2:])
