/*===- Runtime.h - run compiled packages from C ---------------------*- C
-*-===*\
|* The ABI of libattn_runtime.so, which links no LLVM. Tensors are given as *|
|* DLPack describes them: data, dtype (code, bits), shape and strides in *|
|* elements. Functions return 0, or the exit code that attn-run has for the *|
|* error; attn_error() then has its text. Handles may be used by one thread at a
*|
|* time. *|
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_C_RUNTIME_H
#define ATTN_C_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTN_RUNTIME_ABI 1

typedef struct AttnPackage AttnPackage;
typedef struct AttnFunction AttnFunction;

/* Codes of DLDataTypeCode. */
enum {
  ATTN_INT = 0,
  ATTN_UINT = 1,
  ATTN_FLOAT = 2,
  ATTN_BFLOAT = 4,
  ATTN_BOOL = 6,
  ATTN_FLOAT8_E4M3FN = 10,
  ATTN_FLOAT8_E5M2 = 12
};

typedef struct AttnDType {
  uint8_t code;
  uint8_t bits;
} AttnDType;

/* A tensor in the memory of the function's target, or a scalar (rank 0) in
   memory of the host. Null strides mean row-major. */
typedef struct AttnTensor {
  void *data;
  AttnDType dtype;
  int32_t rank;
  const int64_t *shape;
  const int64_t *strides;
} AttnTensor;

typedef struct AttnValueInfo {
  const char *name; /* lives as long as the package */
  AttnDType dtype;
  int32_t rank;
  int32_t is_scalar;
  int32_t is_donated;   /* an argument that the function may write */
  const int64_t *shape; /* -1: known at a call */
} AttnValueInfo;

/* ATTN_RUNTIME_ABI of the library. */
int attn_runtime_abi(void);

/* Text of this thread's last error; never null. */
const char *attn_error(void);

int attn_package_load(const char *path, AttnPackage **package);
int attn_package_load_memory(const void *bytes, size_t size,
                             AttnPackage **package);
void attn_package_free(AttnPackage *package);
int attn_package_num_functions(const AttnPackage *package);
/* Null beyond the last. */
const char *attn_package_function_name(const AttnPackage *package, int index);
/* "cpu" or "cuda". */
const char *attn_package_target(const AttnPackage *package);

/* Loads a function; `device` is the CUDA device, whose primary context is used,
   and of no matter for a CPU. The function keeps the package alive. */
int attn_function_open(AttnPackage *package, const char *name, int device,
                       AttnFunction **function);
void attn_function_free(AttnFunction *function);
int attn_function_num_arguments(const AttnFunction *function);
int attn_function_num_results(const AttnFunction *function);
int attn_function_argument(const AttnFunction *function, int index,
                           AttnValueInfo *info);
int attn_function_result(const AttnFunction *function, int index,
                         AttnValueInfo *info);

/* The shape of result `index` of a call, as many sizes as its rank. Functions
   of a CPU tell shapes of results that follow from names of sizes alone. */
int attn_function_result_shape(AttnFunction *function,
                               const AttnTensor *arguments, int num_arguments,
                               int index, int64_t *shape);

/* Calls the function. On a GPU it starts on `stream` (a CUstream; null is the
   default stream) and returns; on a CPU it is done on return. Results are
   contiguous memory of the caller. One that lies in a donated argument may have
   null data on a GPU. Tensors start at multiples of 16 bytes. */
int attn_function_launch(AttnFunction *function, void *stream,
                         const AttnTensor *arguments, int num_arguments,
                         const AttnTensor *results, int num_results);

#ifdef __cplusplus
}
#endif

#endif
