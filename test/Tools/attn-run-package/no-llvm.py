# What runs packages links no LLVM.
#
# RUN: %python %s %attn_bin/attn-run-package %attn_lib/libattn_runtime.so

import subprocess
import sys

for path in sys.argv[1:]:
    text = subprocess.run(["ldd", path], check=True, capture_output=True,
                          text=True).stdout
    wrong = [line.strip() for line in text.splitlines()
             if any(word in line for word in ("LLVM", "MLIR", "lld", "not found"))]
    assert "libc.so" in text and not wrong, (path, wrong)
