# Links between the documents lead somewhere.
#
# RUN: %python %s %attn_source

import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
wrong = []
pages = [source / "README.md"] + sorted((source / "docs").glob("*.md"))
for page in pages:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        if not (page.parent / target).exists():
            wrong.append("%s: there is no '%s'" % (page.relative_to(source), target))
print("\n".join(wrong))
sys.exit(bool(wrong) or len(pages) < 2)
