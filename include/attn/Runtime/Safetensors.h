//===- Safetensors.h - named tensors in one file ----------------*- C++ -*-===//
// Source: huggingface.co/docs/safetensors, "Format": u64 header length, JSON
// header, data. Strict: the tensors must tile the data without hole or overlap.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_SAFETENSORS_H
#define ATTN_RUNTIME_SAFETENSORS_H

#include "attn/Runtime/Tensor.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

struct TensorFile {
  /// In the order of their data.
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Null when there is none of that name.
  Tensor *find(std::string_view name);
  const Tensor *find(std::string_view name) const;
};

/// Errors: kBadInput, naming the file and the tensor (header length, JSON,
/// duplicate name, unsupported dtype, offsets, shape against bytes,
/// truncation). Bools other than 0 become 1.
Result<TensorFile> readSafetensors(const std::string &path);

/// The same from memory; `name` stands for the file in messages.
Result<TensorFile> parseSafetensors(std::string_view bytes,
                                    const std::string &name);

/// A tensor to be written: borrowed.
struct NamedTensorRef {
  std::string name;
  const Tensor *tensor;
};

/// Writes atomically. The data of wider types comes first, so that every tensor
/// is aligned to its element. Errors: kUsage for a duplicate, reserved or
/// non-UTF-8 name, kRuntime for the disk.
Status
writeSafetensors(const std::string &path,
                 const std::vector<NamedTensorRef> &tensors,
                 const std::map<std::string, std::string> &metadata = {});

} // namespace attn::rt

#endif // ATTN_RUNTIME_SAFETENSORS_H
