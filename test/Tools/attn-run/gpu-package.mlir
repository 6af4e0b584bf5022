// RUN: attn-run %s --target sm_90 --emit=package -o %t.attnpkg
// RUN: %python -c "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('manifest.json').decode())" %t.attnpkg | FileCheck %s

// Sizes are symbols, the number of queries chooses among variants, and what the
// parts of a decode need is a temporary.
// CHECK-DAG: "kind": "cuda"
// CHECK-DAG: "plan":
// CHECK-DAG: "name": "a0_2"
// CHECK-DAG: "symbol": "f_0"
// CHECK-DAG: "symbol": "f_1"
// CHECK-DAG: "name": "t0"
// CHECK-DAG: "when":
// CHECK-DAG: "kernels.ptx"
// CHECK-DAG: "chip": "sm_90a"
// Many rows are a stream: boxes for the copy engine, and no more blocks than
// multiprocessors.
// CHECK-DAG: "property": "multiprocessors"
// CHECK-DAG: "tensor_map":
// CHECK-DAG: "swizzle": 128
func.func @f(%q: tensor<1x8x?x64xf16>, %k: tensor<1x2x?x64xf16>, %v: tensor<1x2x?x64xf16>) -> tensor<1x8x?x64xf16> {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x8x?x64xf16>
  %init = tensor.empty(%s) : tensor<1x8x?x64xf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x?x64xf16>, tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>)
      outs(%init : tensor<1x8x?x64xf16>) -> tensor<1x8x?x64xf16>
  return %o : tensor<1x8x?x64xf16>
}
