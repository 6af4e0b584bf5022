# The tests of attn, in this directory and in docs/examples (lit.site.cfg.py says
# which). ATTN_OPT_ROUNDTRIP=1 in the environment makes every
# attn-opt of every test print its module, parse it again (as text and as
# bytecode) and compare.

import os
import shutil

import lit.formats


config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py"]
config.excludes = ["lit.cfg.py", "lit.site.cfg.py", "unit", "bench", "gpu", "Inputs"]
config.test_exec_root = config.attn_suite_binary_dir

opt = os.path.join(config.attn_tools_dir, "attn-opt")
if os.environ.get("ATTN_OPT_ROUNDTRIP", "0") not in ("", "0"):
    opt += " --verify-roundtrip"
    config.available_features.add("roundtrip")


def tool(name, command):
    """`name` as a word of a command line, not as a part of a path."""
    config.substitutions.append((r"(?<![\w./-])%s(?![\w./-])" % name, command))


tool("attn-opt", opt)
tool("FileCheck", config.filecheck)
tool("not", config.not_tool)
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%attn_source", config.attn_source_dir))
config.substitutions.append(
    ("%cases", os.path.join(os.path.dirname(__file__), "Inputs", "attention_cases.py"))
)

run = os.path.join(config.attn_tools_dir, "attn-run")
if os.path.exists(run):
    config.available_features.add("attn-run")
    tool("attn-run", run)

config.substitutions.append(("%attn_bin", config.attn_tools_dir))
# "attn_lib" is no prefix of another word here.
config.substitutions.append((r"%attn_lib\b", config.attn_lib_dir))
for name in ("attn-run-package", "attn-smoke-packages"):
    tool(name, os.path.join(config.attn_tools_dir, name))
fake_cuda = os.path.join(config.attn_lib_dir, "libAttnFakeCuda.so")
if os.path.exists(fake_cuda):
    config.available_features.add("fake-cuda")
    config.substitutions.append(("%fake_cuda", fake_cuda))
    config.substitutions.append((
        "%fake_cublaslt", os.path.join(config.attn_lib_dir, "libAttnFakeCublasLt.so")))

if shutil.which("ptxas"):
    config.available_features.add("ptxas")

# The plugin inside MLIR's own mlir-opt.
plugin = os.path.join(config.attn_lib_dir, "libAttnPlugin.so")
mlir_opt = os.path.join(config.llvm_tools_dir, "mlir-opt")
if os.path.exists(plugin) and os.path.exists(mlir_opt):
    config.available_features.add("plugin")
    config.substitutions.append(("%attn_plugin", plugin))
    tool("mlir-opt", mlir_opt)

if config.mlir_runner and not config.mlir_runner.endswith("-NOTFOUND"):
    libraries = ",".join(
        os.path.join(config.llvm_lib_dir, "lib%s.so" % name)
        for name in ("mlir_c_runner_utils", "mlir_runner_utils")
    )
    config.available_features.add("mlir-runner")
    tool(
        "mlir-runner",
        "%s -e main -entry-point-result=void -O0 -shared-libs=%s"
        % (config.mlir_runner, libraries),
    )
# From scalar code (scf, memref, arith, math, linalg) to what mlir-runner takes.
config.substitutions.append(
    (
        "%lower_scalar",
        "-one-shot-bufferize=bufferize-function-boundaries "
        "-buffer-deallocation-pipeline -convert-linalg-to-loops "
        "-scf-forall-to-for -expand-strided-metadata -lower-affine "
        "-convert-math-to-libm -convert-scf-to-cf -convert-to-llvm "
        "-reconcile-unrealized-casts",
    )
)

# Tests see no setting of the user that changes what the tools do.
for name in ("XDG_CACHE_HOME", "HOME"):
    config.environment[name] = os.path.join(config.test_exec_root, "home")
