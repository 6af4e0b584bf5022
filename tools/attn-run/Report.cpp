//===- ReportText.cpp - the text of --report and --bench ------------------===//

#include "Report.h"

#include "attn/Runtime/DType.h"
#include "attn/Target/CostModel.h"
#include "attn/Target/GPUCostModel.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

using namespace attn;
using namespace attn::run;

namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char *format, ...) {
  char buffer[512];
  va_list list;
  va_start(list, format);
  std::vsnprintf(buffer, sizeof(buffer), format, list);
  va_end(list);
  return buffer;
}

std::string bytesText(double bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  return print(unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

/// "1.234 G", for counts.
std::string countText(double count) {
  const char *units[] = {"", " k", " M", " G", " T"};
  int unit = 0;
  while (count >= 1000 && unit < 4) {
    count /= 1000;
    ++unit;
  }
  return print(unit ? "%.3f%s" : "%.0f%s", count, units[unit]);
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/// Of a decode tile: all heads of a group and queries, or pieces of them.
int64_t rowsOfGroup(const Work &work) {
  return work.queries * (work.queryHeads / std::max<int64_t>(work.keyHeads, 1));
}
int64_t piecesOfGroup(const Work &work) {
  int64_t rows = std::max<int64_t>(work.tiles.rows, 1);
  return std::max<int64_t>((rowsOfGroup(work) + rows - 1) / rows, 1);
}

AttentionWork costOf(const Work &work) {
  AttentionWork cost;
  cost.flops = work.flops;
  cost.exps = work.exps;
  cost.bytes = work.floorBytes;
  cost.headSize = work.headSize;
  cost.valueSize = work.valueSize;
  cost.rows = work.tiles.rows;
  cost.keys = work.tiles.keys;
  cost.narrow = rt::sizeOf(work.element) < 4;
  cost.codes = work.element == rt::DType::kF8E4M3FN;
  cost.tf32 = work.tf32;
  cost.dots = work.tiles.dots;
  cost.fewRows = work.isDecode;
  cost.warpgroups = work.tiles.warpgroups;
  if (work.isDecode && cost.rows > 0) {
    double rows = rowsOfGroup(work);
    cost.filled = rows > 0 ? rows / (piecesOfGroup(work) * cost.rows) : 1;
  }
  return cost;
}

PredictedTime predict(const Work &work, double flops, double bytes) {
  if (!work.schedule.empty()) {
    PredictedTime time;
    time.products = work.flops / flops;
    time.memory = work.floorBytes / bytes;
    return time;
  }
  return predictTime(costOf(work), flops, bytes);
}

std::string explainGPUBound(const Work &work, const GPUDescription &gpu) {
  int64_t rows = std::max<int64_t>(work.tiles.rows, 1);
  int64_t heads =
      work.isDecode ? work.keyHeads * piecesOfGroup(work) : work.queryHeads;
  int64_t parts = !work.isDecode ? (work.queries + rows - 1) / rows
                  : work.tiles.split > 0
                      ? (work.keys + work.tiles.split - 1) / work.tiles.split
                      : 1;
  int64_t tiles = work.batch * heads * parts;
  if (work.isDecode && work.tiles.blocks > 0) {
    tiles = std::min(tiles, std::max(work.batch * heads, work.tiles.blocks));
  }
  GPUTime time = predictGPUTime(costOf(work), tiles, gpu);
  const char *name = time.tail > time.longest() / 2    ? "launch tail"
                     : time.longest() == time.memory   ? "memory"
                     : time.longest() == time.products ? "products"
                                                       : "exponentials";
  return print("  bound      %s: %.4f ms of products, %.4f ms of "
               "exponentials, %.4f ms of memory; %.4f ms of borders of %lld "
               "tiles and the last wave\n"
               "  predicted  %.4f ms, products %.2f of it, on %s (%lld "
               "multiprocessors, %.2f GHz)\n",
               name, time.products * 1e3, time.exps * 1e3, time.memory * 1e3,
               time.tail * 1e3, static_cast<long long>(tiles),
               time.total() * 1e3, ratio(time.products, time.total()),
               gpu.chip.c_str(), static_cast<long long>(gpu.processors),
               gpu.gigahertz);
}

std::string explainBound(const Work &work, const Machine &machine) {
  if (std::optional<GPUDescription> gpu = GPUDescription::get(machine.gpu)) {
    return explainGPUBound(work, *gpu);
  }
  double peak =
      machine.cores * 1e9 *
      (work.element == rt::DType::kF64 ? machine.peakF64 : machine.peakF32);
  double read = machine.cores * machine.readGBs * 1e9;
  if (peak <= 0 || read <= 0) {
    return "";
  }
  PredictedTime time = predict(work, peak, read);
  bool compute = time.total() > time.memory;
  std::string text =
      print("  bound      %s: %.3f ms of products, %.3f ms of softmax and "
            "%.3f ms of tiles at %.0f GFLOP/s, %.3f ms of memory at %.0f "
            "GB/s\n",
            compute ? "arithmetic" : "memory", time.products * 1e3,
            time.softmax * 1e3, time.tiles * 1e3, peak * 1e-9,
            time.memory * 1e3, read * 1e-9);
  text += print("             (%lld cores, %lld-bit vectors, %.1f GHz; %.1f "
                "FLOP a byte of the floor)\n",
                static_cast<long long>(machine.cores),
                static_cast<long long>(machine.vectorBits), machine.gigahertz,
                ratio(work.flops, work.floorBytes));
  return text;
}

std::string explainTiles(const Work &work) {
  std::string text = print("  tiles      %s: %lld rows x %lld keys a step",
                           work.isDecode ? "decode form" : "prefill form",
                           static_cast<long long>(work.tiles.rows),
                           static_cast<long long>(work.tiles.keys));
  if (work.tiles.lanes > 0) {
    text += print(", panels of %lld rows (%lld vectors)",
                  static_cast<long long>(work.tiles.lanes),
                  static_cast<long long>(work.tiles.vectors));
  }
  if (work.isDecode && work.tiles.split > 0) {
    text += print(", split every %lld keys",
                  static_cast<long long>(work.tiles.split));
  }
  text += "\n";
  return work.tiles.why.empty()
             ? text
             : text + "             " + work.tiles.why + "\n";
}

/// Bytes of keys and values that a token has in the cache of one op.
double bytesPerToken(const Work &work) {
  return double(work.keyHeads) * work.keyBytes;
}

std::string explainCache(const Work &work) {
  double token = bytesPerToken(work);
  return print(
      "  cache      %lld pages of %lld slots; %s a token (%lld heads x "
      "(%lld + %lld) x %.3g B), %s in all\n",
      static_cast<long long>(work.pages), static_cast<long long>(work.pageSize),
      bytesText(token).c_str(), static_cast<long long>(work.keyHeads),
      static_cast<long long>(work.headSize),
      static_cast<long long>(work.valueSize),
      work.keyBytes / double(work.headSize + work.valueSize),
      bytesText(token * work.pages * work.pageSize).c_str());
}

std::string explainRecurrence(const Work &work, const Machine &machine) {
  std::string text =
      print("  problem    batch %lld, %lld tokens, %s\n",
            static_cast<long long>(work.batch),
            static_cast<long long>(work.queries), rt::nameOf(work.element));
  text += "  work       " + countText(work.flops) + "FLOP, floor " +
          bytesText(work.floorBytes) + " (each operand and result once)\n";
  text += machine.gpu.empty() ? explainBound(work, machine) : "";
  std::string step = work.tiles.rows == 1 ? "token by token"
                                          : std::to_string(work.tiles.rows) +
                                                " tokens at a time";
  return text + print("  schedule   %s, %s: %s\n", work.schedule.c_str(),
                      step.c_str(), work.tiles.why.c_str());
}

std::string explainOp(const Work &work, const Machine &machine) {
  std::string text = work.op;
  if (!work.location.empty()) {
    text += " at " + work.location;
  }
  if (!work.known) {
    return text + ": sizes are made by the program ('" + work.unknown +
           "'), nothing can be said ahead\n";
  }
  if (!work.schedule.empty()) {
    return text + "\n" + explainRecurrence(work, machine);
  }
  text += "\n" + print("  problem    batch %lld, %lld query heads, %lld key "
                       "heads, %lld queries, %lld keys, head sizes %lld and "
                       "%lld, %s, %s%s%s\n",
                       static_cast<long long>(work.batch),
                       static_cast<long long>(work.queryHeads),
                       static_cast<long long>(work.keyHeads),
                       static_cast<long long>(work.queries),
                       static_cast<long long>(work.keys),
                       static_cast<long long>(work.headSize),
                       static_cast<long long>(work.valueSize),
                       rt::nameOf(work.element), work.layout.c_str(),
                       work.hasMask || work.hasMaskRegion ? ", masked" : "",
                       work.hasScore ? ", score region" : "");
  text += "  work       " + countText(work.flops) + "FLOP, " +
          countText(work.exps) + " exps over " + countText(double(work.pairs)) +
          " visible pairs" +
          print(" (%.1f %%",
                100 * ratio(double(work.pairs), double(work.allPairs))) +
          " of " + countText(double(work.allPairs)) + ")" +
          (work.exact ? "" : ", at full lengths: the program makes them") +
          (work.hasMaskRegion ? ", before the mask region" : "") + "\n";
  text += "  bytes      floor " + bytesText(work.floorBytes) +
          " (what is visible, and each result, once); this schedule asks for " +
          bytesText(work.scheduleBytes) +
          print(" (%.2f x the floor, from the caches where a head's keys and "
                "values fit)\n",
                ratio(work.scheduleBytes, work.floorBytes));
  text += "             materialised form " + bytesText(work.naiveBytes) +
          print(" (%.1f x this schedule, %.1f x the floor)\n",
                ratio(work.naiveBytes, work.scheduleBytes),
                ratio(work.naiveBytes, work.floorBytes));
  if (work.pageSize > 0) {
    text += explainCache(work);
  }
  return text + explainBound(work, machine) + explainTiles(work);
}

} // namespace

std::string attn::run::explain(const std::vector<Work> &work,
                               const Machine &machine,
                               const std::vector<std::string> &notes) {
  std::string text =
      work.empty() ? "no attention op or recurrence in this function\n" : "";
  double token = 0;
  int64_t layers = 0;
  for (const Work &op : work) {
    text += explainOp(op, machine);
    if (op.pageSize > 0 && op.known) {
      token += bytesPerToken(op);
      ++layers;
    }
  }
  if (layers > 1) {
    text += print("%lld paged layers: %s a token\n",
                  static_cast<long long>(layers), bytesText(token).c_str());
  }
  for (const std::string &note : notes) {
    text += note + "\n";
  }
  return text;
}

std::string attn::run::describeTiming(const Timing &timing,
                                      const std::vector<Work> &work,
                                      const Ceilings &ceilings) {
  std::string text =
      print("time       median %.3f ms, min %.3f ms of %d calls\n",
            timing.median * 1e3, timing.min * 1e3, timing.calls);
  double flops = 0, bytes = 0, predicted = 0;
  bool known = !work.empty();
  for (const Work &op : work) {
    known &= op.known;
    flops += op.flops;
    bytes += op.floorBytes;
    predicted +=
        predict(op, ceilings.gflops * 1e9, ceilings.readGBs * 1e9).total();
  }
  if (!known || timing.median <= 0) {
    return text;
  }
  double gflops = flops / timing.median * 1e-9;
  double gbs = bytes / timing.median * 1e-9;
  text += print("rate       %.1f GFLOP/s, %.2f of the measured %.1f (%d "
                "threads, %d-bit multiply-adds)\n",
                gflops, ratio(gflops, ceilings.gflops), ceilings.gflops,
                ceilings.threads, ceilings.vectorBits);
  text += print("           %.2f GB/s of the floor, %.2f of the measured %.1f "
                "(reads of %s)\n",
                gbs, ratio(gbs, ceilings.readGBs), ceilings.readGBs,
                bytesText(double(ceilings.bytes)).c_str());
  text += print("predicted  %.3f ms at these measured ceilings, %.2f of the "
                "median\n",
                predicted * 1e3, ratio(predicted, timing.median));
  return text;
}
