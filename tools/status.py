#!/usr/bin/env python3
"""Writes docs/Status.md from the sources and docs/status-notes.md.

usage: status.py [--check]   with --check: fail if the file is not up to date
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
YES, NO, NONE = "yes", "**no**", "–"
TD = "include/attn/Dialect/Attn"


def files(pattern):
    return sorted(ROOT.glob(pattern))


def texts(*patterns):
    return {p: p.read_text() for pattern in patterns for p in files(pattern)}


def having(pattern, sources):
    return [path for path, text in sources.items() if re.search(pattern, text)]


def mark(condition):
    return YES if condition else NO


def table(head, rows):
    lines = ["| %s |" % " | ".join(head), "|%s" % ("---|" * len(head))]
    return "\n".join(lines + ["| %s |" % " | ".join(row) for row in rows])


def link(path):
    name = str(path.relative_to(ROOT))
    return "[%s](../%s)" % (path.name, name)


def ops():
    syntax = texts("test/Dialect/Attn/*.mlir")
    round_trip = {p: t for p, t in syntax.items() if "--verify-roundtrip" in t}
    invalid = (ROOT / "test/Dialect/Attn/invalid.mlir").read_text()
    examples = syntax[ROOT / "test/Dialect/Attn/examples.mlir"]
    verifiers = "".join(texts("dialects/Attn/*.cpp").values())
    reference = texts("passes/Graph/*.cpp", "passes/Tile/DecomposeOnline.cpp")
    tiling = texts("dialects/Attn/Tiling*.cpp")
    lowering = texts("passes/CPU/Lower*.cpp", "passes/Tile/ExpandKeyLoop.cpp",
                     "passes/Tile/TileAttention.cpp", "passes/Tile/TileRecurrence.cpp",
                     "passes/Graph/Expand*.cpp")
    bufferize = (ROOT / "dialects/Attn/Bufferize.cpp").read_text()
    runs = texts("test/EndToEnd/ModuleText.cpp", "docs/examples/*.mlir",
                 "test/Inputs/attention_cases.py", "test/**/*-run.test",
                 "test/**/Inputs/*.mlir")
    # What tiling makes of attn.attention runs wherever that does.
    makers = texts("passes/Tile/Tile*.cpp", "passes/CPU/OrientTiles.cpp")
    rows = []
    for path in files(TD + "/*Ops.td"):
        for d in re.finditer(r"^def Attn_(\w+) : Attn_\w*Op<\"(\w+)\"(.*?)(?=^def |\Z)",
                             path.read_text(), re.M | re.S):
            cls, name, body = d.groups()
            spelled = r"attn\.%s\b" % name
            labels = re.findall(r"\* `(%s_c\d+)`:" % name, body)
            verified = [c for c in labels if c in verifiers and "[%s]" % c in invalid]
            data = re.search("DestinationStyleOpInterface|RecurrenceTraits|SumTraits|cacheDeclaration", body)
            run = mark(having(spelled, runs))
            if run == NO and having(r"\b%s::create" % cls, makers):
                run = "through `attn.attention`"
            rows.append([
                "`attn.%s`" % name, link(path),
                mark(re.search(spelled, examples)),
                "%d of %d" % (len(verified), len(labels)) if labels else NONE,
                mark(having(spelled, round_trip)),
                mark("Model<%s>" % cls in bufferize or cls in bufferize) if data else NONE,
                mark(having(r"\b%s\b" % cls, reference)) if data else NONE,
                mark(having(r"\b%s::getTiledImplementation" % cls, tiling))
                if "TilingInterface" in body else NONE,
                mark(having(r"\b%s\b" % cls, lowering)) if name != "yield" else NONE,
                run if name != "yield" else NONE,
            ])
    return table(["op", "defined in", "example", "constraints tested", "round trip",
                  "bufferizes", "reference or linalg form", "tiles", "lowered for CPU",
                  "test that runs it"], rows)


def dashed(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def passes():
    sources = texts("passes/*/*.cpp")
    tests = texts("test/Passes/*/*.mlir", "test/Passes/*/*.test")
    rows = []
    for path in files("include/attn/Passes/*Passes.td"):
        for cls, name in re.findall(r"^def (\w+) : \w*Pass<\"(attn-[\w-]+)\"",
                                    path.read_text(), re.M):
            source = having(r"#define GEN_PASS_DEF_%s\b" % cls.upper(), sources)
            # The test of the same name, or one that runs the pass, alone or in
            # the pipeline of its stage.
            stem = dashed(re.sub("Pass$", "", cls))
            same = [p for p in tests if p.stem in (stem, name[len("attn-"):])]
            by_name = having(r"RUN:.*\b%s(?![\w-])" % name, tests)
            test = same or by_name
            rows.append(["`%s`" % name,
                         source[0].parent.name if source else NO,
                         link(source[0]) if source else NO,
                         link(test[0]) if test else NO])
    return table(["pass", "level", "source", "lit test"], rows)


def pipelines():
    text = (ROOT / "lib/Pipelines/Pipelines.cpp").read_text()
    tests = texts("test/**/*.mlir", "test/**/*.test")
    rows = []
    for name, what in re.findall(r"PassPipelineRegistration<\w*>\w*\(\s*\"([\w-]+)\",\s*\"([^\"]+)\"", text):
        rows.append(["`%s`" % name, what,
                     mark(having(r"(?<![a-z])-?%s(?![\w-])" % name, tests))])
    return table(["pipeline", "what", "used by name in a test"], rows)


def masks():
    base = (ROOT / (TD + "/AttnBase.td")).read_text()
    sweep = (ROOT / "test/EndToEnd/Case.cpp").read_text()
    examples = texts("docs/examples/*.mlir")
    rows = []
    for name, body in re.findall(
            r"^def Attn_\w+Attr : Attn_(?:Count)?(?:Masks?)?Attr<\"\w+\", \"(\w+)\">(.*?)^}",
            base, re.M | re.S):
        summary = re.search(r"summary = \"([^\"]+)\"", body).group(1)
        found = having(r"#attn\.%s\b" % name, examples)
        rows.append(["`#attn.%s`" % name, summary,
                     mark("#attn.%s" % name in sweep),
                     link(found[0]) if found else NONE])
    return table(["mask", "pairs", "in the sweep", "example"], rows)


def inputs():
    base = (ROOT / (TD + "/AttnBase.td")).read_text()
    sweep = "".join(texts("test/EndToEnd/*.cpp", "test/EndToEnd/*.h").values())
    rows = []
    for dtype in re.search(r"def Attn_Float : AnyTypeOf<\[([^\]]+)\]", base).group(1).split(", "):
        rows.append(["element type", "`%s`" % dtype.lower(), mark("k" + dtype in sweep)])
    block = re.search(r"def Attn_Layout : I32EnumAttr<(.*?)\]> {", base, re.S).group(1)
    for layout in re.findall(r"I32EnumAttrCase<\"\w+\", \d, \"(\w+)\"", block):
        rows.append(["layout", "`%s`" % layout, mark("k" + layout.capitalize() in sweep)])
    for what, names in (("form", {"tensors": "kEmpty", "donated tensors": "kDonated", "memrefs": "kMemref"}),
                        ("input", {"separate": "kSeparate", "packed along heads": "kPackedHeads",
                                   "packed along head sizes": "kPackedSizes", "v inside k": "kValueInKey"}),
                        ("sizes", {"static": "Shapes::kStatic", "dynamic lengths": "kDynamicLengths",
                                   "all dynamic but head sizes": "Shapes::kDynamic\\b"})):
        for name, symbol in names.items():
            rows.append([what, name, mark(re.search(symbol, sweep))])
    return table(["", "", "in the sweep"], rows)


def targets():
    text = (ROOT / "lib/Target/TargetDescription.cpp").read_text()
    tests = "".join(texts("test/**/*.mlir", "test/**/*.test", "test/**/*.cpp").values())
    rows = [["x86-64 with AVX-512", "yes" if "avx512vl" in text else NO, "the host, where it has them"],
            ["x86-64 with AVX2", "yes" if '"avx2"' in text else NO,
             "`--target x86-64-v3`" if "x86-64-v3" in tests else NO]]
    chips = re.search(r"names\[\] = {([^}]*)}",
                      (ROOT / "lib/Target/GPUDescription.cpp").read_text()).group(1)
    ptx = "".join(texts("test/PTX/*").values())
    for chip in re.findall(r"sm_\w+", chips):
        tested = re.search(r"RUN: attn-run .*--target %s --emit=ptx" % chip, ptx)
        rows.append(["NVIDIA `%s`" % chip, YES,
                     "its PTX, assembled where there is a ptxas" if tested else NO])
    return table(["target", "code", "tested by"], rows)


def notes():
    text = (ROOT / "docs/status-notes.md").read_text()
    sources = "".join(texts("**/attn/**/*.td", "passes/**/*.cpp", "passes/**/*.h", "lib/**/*.cpp",
                            "tools/attn-run/*.cpp", "dialects/**/*.cpp", "runtime/**/*.cpp").values())
    sources = re.sub(r"\"\s*\n\s*\"", "", sources)
    sources = re.sub(r"\s+", " ", sources)
    missing = [quote for quote in re.findall(r"\"([^\"]+)\"", text)
               if quote not in sources]
    if missing:
        sys.exit("docs/status-notes.md quotes what the sources do not say: %s" % missing)
    return text


def main():
    parts = [
        "# Status", "",
        "Written by `tools/status.py` from the sources and `docs/status-notes.md`: do not edit.",
        "*The sweep* is `test/EndToEnd`: random problems against `lib/Reference`.", "",
        "## Ops", "", ops(), "", "## Passes", "", passes(), "",
        "## Pipelines", "", pipelines(), "", "`attn-reference` runs in every `attn-run --check`.", "",
        "## Masks", "", masks(), "", "## Inputs", "", inputs(), "",
        "## Targets", "", targets(), "", notes().rstrip(), ""]
    text = "\n".join(parts)
    path = ROOT / "docs/Status.md"
    if "--check" not in sys.argv[1:]:
        path.write_text(text)
        return 0
    if path.exists() and path.read_text() == text:
        return 0
    print("docs/Status.md is not up to date: run tools/status.py")
    old = path.read_text().splitlines() if path.exists() else []
    for line in text.splitlines():
        if line not in old:
            print("+ " + line)
    return 1


if __name__ == "__main__":
    sys.exit(main())
