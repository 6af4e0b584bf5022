#!/usr/bin/env python3
"""Draws the masks of docs/masks, and writes what docs/Masks.md says of them.

usage: mask_docs.py ATTN_OPT [--check]   with --check: fail if they are not up to date

Each docs/masks/*.mlir starts with comments: a title, a text, and `explain:` with the
options of attn-explain-mask. In the page, what stands between `<!-- NAME -->` and
`<!-- /NAME -->` is made from NAME.mlir.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "Masks.md"


def explain(attn_opt, source, options, form):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        option = "--attn-explain-mask=%s target=x86-64-v3 format=%s output=%s" % (
            options, form, out)
        run = subprocess.run([attn_opt, str(source), option, "-o", "/dev/null"],
                             capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stderr)
        return out.read_text()


def section(attn_opt, source):
    """(markdown, svg) of a mask."""
    lines = source.read_text().splitlines()
    comments = []
    for line in lines:
        if not line.startswith("// "):
            break
        comments.append(line[3:])
    title, text = comments[0], comments[1:-1]
    options = comments[-1].split("explain:")[1].strip()
    facts = json.loads(explain(attn_opt, source, options, "json"))[0]
    svg = explain(attn_opt, source, options, "svg")
    op = re.search(r"^  (%o = attn\.attention .*?)\n  return", source.read_text(),
                   re.M | re.S).group(1)
    op = re.sub(r"^  ", "", op, flags=re.M)
    sizes = ", ".join("%s = %s" % item for item in facts["sizes"].items())
    counted = "{:,} of {:,} pairs ({:.1f} %)".format(
        facts["visible"], facts["pairs"], 100 * facts["visible"] / facts["pairs"])
    says = ["Visible at %s: %s." % (sizes, counted)]
    for case in facts["formula"]:
        says.append("- `%s`%s" % (
            case["pairs"], " where `%s`" % case["when"] if case["when"] else ""))
    rung = re.sub(r" in line \d+", "", facts["rung"])
    page = ["## " + title, "", "![%s](masks/%s.svg)" % (title, source.stem), ""]
    page += text + ["", "```mlir", op, "```", ""]
    page += says[:1] + ([""] + says[1:] if says[1:] else []) + ["", "Rung: " + rung + "."]
    if not facts["formula"]:
        return "\n".join(page), svg
    page += ["", "Loops %s:" % facts["loopsNote"], "", "```"]
    page += ["%-7s %s to %s" % (l["kind"], l["lower"], l["upper"])
             for l in facts["loops"]]
    page += facts["definitions"] + ["```"]
    return "\n".join(page), svg


def main():
    attn_opt = sys.argv[1]
    check = "--check" in sys.argv[2:]
    page = PAGE.read_text()
    made, wrong = {}, []
    for source in sorted((ROOT / "docs" / "masks").glob("*.mlir")):
        text, svg = section(attn_opt, source)
        made[source.with_suffix(".svg")] = svg
        marks = "<!-- %s -->" % source.stem, "<!-- /%s -->" % source.stem
        if marks[0] not in page or marks[1] not in page:
            wrong.append("docs/Masks.md: has no place for '%s'" % source.stem)
            continue
        start = page.index(marks[0]) + len(marks[0])
        page = page[:start] + "\n" + text + "\n" + page[page.index(marks[1]):]
    made[PAGE] = page
    for path, text in made.items():
        old = path.read_text() if path.exists() else None
        if old != text and check:
            wrong.append("%s: is not up to date, run tools/mask_docs.py" %
                         path.relative_to(ROOT))
        elif old != text:
            path.write_text(text)
    print("\n".join(wrong))
    return bool(wrong) or len(made) < 2


if __name__ == "__main__":
    sys.exit(main())
