// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @static
// CHECK: attn.block_summary %{{.*}} dim(1) block(4) : tensor<3x9x2xf32> -> tensor<3x3x2x2xf32>
func.func @static(%x: tensor<3x9x2xf32>) -> tensor<3x3x2x2xf32> {
  %r = attn.block_summary %x dim(1) block(4) : tensor<3x9x2xf32> -> tensor<3x3x2x2xf32>
  return %r : tensor<3x3x2x2xf32>
}

// CHECK-LABEL: func.func @dynamic
// CHECK: attn.block_summary %{{.*}} dim(0) block(128) : tensor<?xi64> -> tensor<?x2xi64>
func.func @dynamic(%x: tensor<?xi64>) -> tensor<?x2xi64> {
  %r = attn.block_summary %x dim(0) block(128) : tensor<?xi64> -> tensor<?x2xi64>
  return %r : tensor<?x2xi64>
}
