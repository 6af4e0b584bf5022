//===- GpuReport.cpp - the text of --bench on a GPU -----------------------===//

#include "GpuReport.h"

#include <cstdio>

using namespace attn::run;

std::string attn::run::describeGpuTiming(const GpuCall::Times &times,
                                         const std::vector<Work> &work,
                                         const GpuCeilings &ceilings) {
  double flops = 0, bytes = 0;
  for (const Work &op : work) {
    flops += op.flops;
    bytes += op.floorBytes;
  }
  char line[256];
  std::snprintf(line, sizeof(line),
                "bench %d calls: median %.6g ms, min %.6g ms, host %.3g us a "
                "launch, as a graph %.6g ms\n",
                times.calls, times.median * 1e3, times.min * 1e3,
                times.host * 1e6, times.graph * 1e3);
  std::string text = line;
  double tflops = flops / times.median * 1e-12;
  double rate = bytes / times.median * 1e-9;
  std::snprintf(line, sizeof(line),
                "  %.4g TFLOP/s, %.3f of %.4g (mma.sync bf16); %.4g GB/s, "
                "%.3f of %.4g (copy)\n",
                tflops, tflops / ceilings.mmaTflops, ceilings.mmaTflops, rate,
                rate / ceilings.copyGBs, ceilings.copyGBs);
  return text + line;
}
