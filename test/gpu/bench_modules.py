"""Modules that bench.py times.

usage: bench_modules.py FOLDER      writes FOLDER/<name>.mlir

`prefill-<d>-<causal>`, `ragged-<d>-<causal>`, `ragged-pages-<slots>`,
`mask-<name>` (16 heads, D 128), `decode` (32 query heads
on 8 key heads, D 128), `paged-<layout>-<slots>` (the same on pages) and
`latent-<heads>` (absorbed MLA on pages), `latent-dense-<heads>`; bf16, lengths dynamic.
`coded-<kind>` and `coded-<kind>-<slots>` are decode on a cache of codes, dense or on pages.
"""

import sys

NAMES = '{attn.dims = ["b", "%s", "%s", "d"]%s}'


def module(heads, key_heads, size, mask="", score="", captured="", queries="s"):
    """A function `f` of q, k, v, out and `captured`, that writes to out."""
    def of(n):
        return f"tensor<?x{n}x?x{size}xbf16>"

    q, k = of(heads), of(key_heads)
    more = ", " + captured if captured else ""
    return f"""func.func @f(
    %q: {q} {NAMES % ("h", queries, "")}, %k: {k} {NAMES % ("g", "s", "")},
    %v: {k} {NAMES % ("g", "s", "")},
    %out: {q} {NAMES % ("h", queries, ", attn.donated")}{more}) -> {q} {{
  %r = attn.attention ins(%q, %k, %v : {q}, {k}, {k}) outs(%out : {q})
      {mask}
      {score} -> {q}
  return %r : {q}
}}
"""


DOCUMENTS = """mask(#attn.causal) and(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<?xi32>,
                             %ids at affine_map<(b, h, i, j) -> (j)> : tensor<?xi32>) {
      ^bb0(%mine: i32, %other: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %mine, %other : i32
        attn.yield %same : i1
      }"""
STARTS = """mask(#attn.causal) and(%starts at affine_map<(b, h, i, j) -> (i)> ascending : tensor<?xi32>) {
      ^bb0(%start: i32, %b: index, %h: index, %i: index, %j: index):
        %first = arith.index_cast %start : i32 to index
        %behind = arith.cmpi sge, %j, %first : index
        attn.yield %behind : i1
      }"""
BLOCKS = """mask(%blocks at affine_map<(b, h, i, j) -> (i floordiv 128, j floordiv 128)> : tensor<?x?xi1>) {
      ^bb0(%seen: i1, %b: index, %h: index, %i: index, %j: index):
        attn.yield %seen : i1
      }"""
ALIBI = """score {
      ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
        %one = arith.constant 1 : index
        %factor = arith.constant -0.5 : f32
        %next = arith.addi %h, %one : index
        %n = arith.index_cast %next : index to i32
        %number = arith.sitofp %n : i32 to f32
        %power = arith.mulf %number, %factor : f32
        %slope = math.exp2 %power : f32
        %d = arith.subi %j, %i : index
        %m = arith.index_cast %d : index to i32
        %distance = arith.sitofp %m : i32 to f32
        %bias = arith.mulf %slope, %distance : f32
        %y = arith.addf %x, %bias : f32
        attn.yield %y : f32
      }"""
SOFTCAP = """score {
      ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
        %cap = arith.constant 3.0e+01 : f32
        %part = arith.divf %x, %cap : f32
        %bent = math.tanh %part : f32
        %y = arith.mulf %bent, %cap : f32
        attn.yield %y : f32
      }"""

CAUSAL = "mask(#attn.causal)"
MASKS = {
    "causal": (CAUSAL, "", ""),
    "window": ("mask(#attn.window<1023, 0>)", "", ""),
    "longformer": ("mask(#attn.or<#attn.window<512, 512>, #attn.global<64>>)", "", ""),
    "sink": ("mask(#attn.and<#attn.causal, #attn.or<#attn.sink<4>, #attn.window<1023, 0>>>)",
             "", ""),
    "documents": (DOCUMENTS, "", '%ids: tensor<?xi32> {attn.dims = ["s"]}'),
    "starts": (STARTS, "", '%starts: tensor<?xi32> {attn.dims = ["s"]}'),
    "prefix": ("mask(#attn.or<#attn.prefix<2048>, #attn.causal>)", "", ""),
    "alibi": (CAUSAL, ALIBI, ""),
    "softcap": (CAUSAL, SOFTCAP, ""),
    "bigbird": (BLOCKS, "", '%blocks: tensor<?x?xi1> {attn.dims = ["n", "n"]}'),
    "dilated": ("mask(#attn.and<#attn.causal, #attn.window<2047, 0>, #attn.dilated<4>>)",
                "", ""),
}


def paged(layout, slots):
    """Decode on pages of `slots` slots."""
    q = "tensor<?x32x1x128xbf16>"
    shape = f"8x{slots}" if layout == "hnd" else f"{slots}x8"
    pool = f"tensor<?x{shape}x128xbf16>"
    names = NAMES.replace('"b", "%s", "%s", "d"', '"pages", "%s", "%s", "d"') % (
        *(("g", "slots") if layout == "hnd" else ("slots", "g")), "")
    tables = "tensor<?x?xi32>" + (", nhd" if layout == "nhd" else "")
    return f"""func.func @f(
    %q: {q} {NAMES % ("h", "one", "")}, %k: {pool} {names}, %v: {pool} {names},
    %tables: tensor<?x?xi32> {{attn.dims = ["b", "columns"]}},
    %lens: tensor<?xi32> {{attn.dims = ["b"]}},
    %out: {q} {NAMES % ("h", "one", ", attn.donated")}) -> {q} {{
  %r = attn.attention ins(%q, %k, %v : {q}, {pool}, {pool})
      kv_lens(%lens : tensor<?xi32>) pages(%tables : {tables})
      outs(%out : {q}) -> {q}
  return %r : {q}
}}
"""


# Of K and V: (map from (b or page, h, n, d), what is behind the first size of the
# scales). Scales of KIVI are f16, with zeros.
HEADS = ("(b, h, n, d) -> (h)", None)
TOKENS = ("(b, h, n, d) -> (b, h, n)", ())
CODES = {
    "e4m3": ("f8E4M3FN", 128, "f32", HEADS, HEADS),
    "e5m2": ("f8E5M2", 128, "f32", HEADS, HEADS),
    "i8": ("i8", 128, "f32", TOKENS, TOKENS),
    "int4": ("i8", 64, "f16", ("(b, h, n, d) -> (b, h, n floordiv 32, d)", (32, 128)),
             ("(b, h, n, d) -> (b, h, n, d floordiv 32)", (1, 4))),
    "int4-token": ("i8", 64, "f16", ("(b, h, n, d) -> (b, h, n floordiv 64, d)", (64, 128)),
                   ("(b, h, n, d) -> (b, h, n)", ())),
}


def coded(kind, slots=0, heads=32, element="bf16", slot_order="hnd"):
    """Decode on a cache of codes, dense or on pages of `slots` slots."""
    code, columns, scale, *grains = CODES[kind]
    q = f"tensor<?x{heads}x1x128x{element}>"
    size = slots or "?"
    pool, wide = (f"tensor<?x8x{size}x{c}>" for c in (f"{columns}x{code}", f"128x{element}"))
    names = '{attn.dims = [%s, "g", "%s", "%s"]}'
    first = '"pages"' if slots else '"b"'
    arguments, body = [], ""
    packed = " packed(int4)" if columns == 64 else ""
    for name, (map_, shape) in zip("kv", grains):
        arguments.append(f"%{name}: {pool} {names % (first, 'slots' if slots else 's', 'bytes')}")
        if shape is None:
            type_, dims = f"tensor<8x{scale}>", '"g"'
        else:
            group = shape[0] if shape else 1
            keys = slots // group if slots else "?"
            more = f"x{shape[1]}" if shape else ""
            type_ = f"tensor<?x8x{keys}{more}x{scale}>"
            dims = f'{first}, "g", "{name}n"' + (f', "{name}c"' if shape else "")
        arguments.append(f"%{name}s: {type_} {{attn.dims = [{dims}]}}")
        zero = ""
        if packed:
            arguments.append(f"%{name}z: {type_} {{attn.dims = [{dims}]}}")
            zero = f" zero(%{name}z : {type_})"
        body += f"""  %{name}d = attn.kv_dequantize ins(%{name} : {pool}){packed} scale(%{name}s : {type_}){zero}
      at affine_map<{map_}> outs(%whole : {wide}) -> {wide}
"""
    dynamic = "" if slots else ", %s"
    sizes = "" if slots else f"""  %c2 = arith.constant 2 : index
  %s = tensor.dim %k, %c2 : {pool}
"""
    tables, pages = "", ""
    if slots:
        tables = """    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]},
"""
        pages = "kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>)"
    lines = ",\n    ".join(arguments)
    return f"""func.func @f(
    %q: {q} {NAMES % ("h", "one", "")},
    {lines},
{tables}    %out: {q} {NAMES % ("h", "one", ", attn.donated")}) -> {q} {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %k, %c0 : {pool}
{sizes}  %whole = tensor.empty(%n{dynamic}) : {wide}
{body}  %r = attn.attention ins(%q, %kd, %vd : {q}, {wide}, {wide}) {pages}
      outs(%out : {q}) -> {q}
  return %r : {q}
}}
"""


def latent(heads):
    """Decode of absorbed latent attention on pages of 64, V the first 512 of K."""
    q, out = f"tensor<?x{heads}x1x576xbf16>", f"tensor<?x{heads}x1x512xbf16>"
    pool, v = "tensor<?x64x1x576xbf16>", "tensor<?x64x1x512xbf16>"
    return f"""func.func @f(
    %q: {q} {NAMES % ("h", "one", "")}, %pool: {pool},
    %tables: tensor<?x?xi32> {{attn.dims = ["b", "columns"]}},
    %lens: tensor<?xi32> {{attn.dims = ["b"]}},
    %out: {out} {{attn.donated}}) -> {out} {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %pool, %c0 : {pool}
  %v = tensor.extract_slice %pool[0, 0, 0, 0] [%n, 64, 1, 512] [1, 1, 1, 1] : {pool} to {v}
  %r = attn.attention ins(%q, %pool, %v : {q}, {pool}, {v})
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>, nhd)
      outs(%out : {out}) {{scale = 7.2168784e-02 : f32}} -> {out}
  return %r : {out}
}}
"""


def latent_dense(heads):
    """The same on contiguous keys."""
    q, out = f"tensor<?x{heads}x1x576xbf16>", f"tensor<?x{heads}x1x512xbf16>"
    k, v = "tensor<?x1x?x576xbf16>", "tensor<?x1x?x512xbf16>"
    return f"""func.func @f(
    %q: {q} {NAMES % ("h", "one", "")}, %k: {k} {NAMES % ("hk", "s", "")},
    %out: {out} {{attn.donated}}) -> {out} {{
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %k, %c0 : {k}
  %s = tensor.dim %k, %c2 : {k}
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, 1, %s, 512] [1, 1, 1, 1] : {k} to {v}
  %r = attn.attention ins(%q, %k, %v : {q}, {k}, {v})
      outs(%out : {out}) {{scale = 7.2168784e-02 : f32}} -> {out}
  return %r : {out}
}}
"""


def ragged(heads, size, mask):
    """Sequences of different lengths, one after the other."""
    t = f"tensor<?x{heads}x{size}xbf16>"
    names = '{attn.dims = ["t", "h", "d"]%s}'
    ends = "tensor<?xi32>"
    return f"""func.func @f(
    %q: {t} {names % ""}, %k: {t} {names % ""}, %v: {t} {names % ""},
    %cu: {ends} {{attn.dims = ["ends"]}}, %out: {t} {names % ", attn.donated"}) -> {t} {{
  %r = attn.attention ins(%q, %k, %v : {t}, {t}, {t}) layout(thd)
      cu_seqlens(%cu, %cu : {ends}, {ends}) outs(%out : {t}) {mask} -> {t}
  return %r : {t}
}}
"""


def paged_prefill(slots):
    """Ragged queries on pages of `slots` slots, 32 heads on 8."""
    q, pool = "tensor<?x32x128xbf16>", f"tensor<?x8x{slots}x128xbf16>"
    names = '{attn.dims = ["pages", "g", "slots", "d"]}'
    return f"""func.func @f(
    %q: {q} {{attn.dims = ["t", "h", "d"]}}, %k: {pool} {names}, %v: {pool} {names},
    %tables: tensor<?x?xi32> {{attn.dims = ["b", "columns"]}},
    %lens: tensor<?xi32> {{attn.dims = ["b"]}}, %cu: tensor<?xi32> {{attn.dims = ["ends"]}},
    %out: {q} {{attn.dims = ["t", "h", "d"], attn.donated}}) -> {q} {{
  %r = attn.attention ins(%q, %k, %v : {q}, {pool}, {pool}) layout(thd)
      kv_lens(%lens : tensor<?xi32>) cu_seqlens(%cu : tensor<?xi32>) pages(%tables : tensor<?x?xi32>)
      outs(%out : {q}) {CAUSAL} -> {q}
  return %r : {q}
}}
"""


LATENT_HEADS = (16, 128)
PAGES = [("hnd", 16), ("hnd", 64), ("nhd", 16), ("nhd", 1)]


def modules():
    for size in (64, 128):
        for causal in (0, 1):
            yield (f"prefill-{size}-{causal}",
                   module("?", "?", size, CAUSAL if causal else ""))
            yield f"ragged-{size}-{causal}", ragged(2048 // size, size, CAUSAL if causal else "")
    for slots in (16, 64, 128):
        yield f"ragged-pages-{slots}", paged_prefill(slots)
    for name, (mask, score, captured) in MASKS.items():
        yield f"mask-{name}", module(16, 16, 128, mask, score, captured)
    for layout, slots in PAGES:
        yield f"paged-{layout}-{slots}", paged(layout, slots)
    for heads in LATENT_HEADS:
        yield f"latent-{heads}", latent(heads)
        yield f"latent-dense-{heads}", latent_dense(heads)
    for kind in CODES:
        yield f"coded-{kind}", coded(kind)
        yield f"coded-{kind}-64", coded(kind, 64)
    yield "decode", module(32, 8, 128, queries="one").replace("?x32x?x", "?x32x1x")


if __name__ == "__main__":
    for name, text in modules():
        with open(f"{sys.argv[1]}/{name}.mlir", "w") as file:
            file.write(text)
