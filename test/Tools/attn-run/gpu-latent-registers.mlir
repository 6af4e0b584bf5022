// REQUIRES: ptxas
// RUN: attn-run %s --target sm_90 --emit=ptx > %t.ptx
// RUN: ptxas -v -arch=sm_90a %t.ptx -o %t.cubin 2>&1 | FileCheck %s

// Accumulators of two warpgroups of one tile, in registers.
// CHECK-NOT: C75
// CHECK-COUNT-3: 0 bytes spill stores, 0 bytes spill loads
// CHECK-NOT: C75
func.func @f(%q: tensor<?x128x1x576xbf16> {attn.dims = ["b", "h", "one", "d"]},
    %k: tensor<?x1x?x576xbf16> {attn.dims = ["b", "hk", "s", "d"]}, %out: tensor<?x128x1x512xbf16> {attn.donated})
    -> tensor<?x128x1x512xbf16> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %k, %c0 : tensor<?x1x?x576xbf16>
  %s = tensor.dim %k, %c2 : tensor<?x1x?x576xbf16>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, 1, %s, 512] [1, 1, 1, 1] : tensor<?x1x?x576xbf16> to tensor<?x1x?x512xbf16>
  %r = attn.attention ins(%q, %k, %v : tensor<?x128x1x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16>)
      outs(%out : tensor<?x128x1x512xbf16>) {scale = 7.2168784e-02 : f32} -> tensor<?x128x1x512xbf16>
  return %r : tensor<?x128x1x512xbf16>
}
