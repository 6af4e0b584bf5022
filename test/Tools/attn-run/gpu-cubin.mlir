// REQUIRES: ptxas
// RUN: attn-run %s --target sm_90 --emit=package --no-cache -o %t.attnpkg
// RUN: %python -c "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).namelist())" %t.attnpkg | FileCheck %s --check-prefix=BOTH
// RUN: env ATTN_PTXAS= attn-run %s --target sm_90 --emit=package --no-cache -o %t.attnpkg
// RUN: %python -c "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).namelist())" %t.attnpkg | FileCheck %s --check-prefix=PTX
// RUN: env ATTN_PTXAS=false not attn-run %s --target sm_90 --emit=package --no-cache -o %t.attnpkg 2>&1 | FileCheck %s --check-prefix=ERROR

// Machine code where there is an assembler, and PTX for later chips.
// BOTH: kernels.cubin
// BOTH-SAME: kernels.ptx
// PTX-NOT: kernels.cubin
// PTX: kernels.ptx
// ERROR: attn-run: error: {{.*}}false for sm_90a:
func.func @f(%q: tensor<1x1x128x64xf16>, %k: tensor<1x1x128x64xf16>, %v: tensor<1x1x128x64xf16>) -> tensor<1x1x128x64xf16> {
  %init = tensor.empty() : tensor<1x1x128x64xf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x1x128x64xf16>, tensor<1x1x128x64xf16>, tensor<1x1x128x64xf16>)
      outs(%init : tensor<1x1x128x64xf16>) -> tensor<1x1x128x64xf16>
  return %o : tensor<1x1x128x64xf16>
}
