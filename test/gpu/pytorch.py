"""A compiled package on PyTorch's stream and memory, through the C ABI.

usage: pytorch.py LIBRARY add.attnpkg      (the package of test/gpu/cases/add.mlir)
"""

import ctypes
import sys
import time

import torch


class DType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8)]


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", DType),
                ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64))]


DTYPES = {torch.float32: DType(2, 32), torch.float16: DType(2, 16),
          torch.bfloat16: DType(4, 16), torch.float64: DType(2, 64),
          torch.int32: DType(0, 32), torch.int64: DType(0, 64),
          torch.bool: DType(6, 8), torch.int8: DType(0, 8),
          torch.float8_e4m3fn: DType(10, 8), torch.float8_e5m2: DType(12, 8)}


def describe(tensors):
    made = (Tensor * len(tensors))()
    for place, t in zip(made, tensors):
        sizes = (ctypes.c_int64 * t.dim())(*t.shape)
        steps = (ctypes.c_int64 * t.dim())(*t.stride())
        place.data, place.dtype, place.rank = t.data_ptr(), DTYPES[t.dtype], t.dim()
        place.shape, place.strides = sizes, steps
    return made


def main(library, path):
    attn = ctypes.CDLL(library)
    attn.attn_error.restype = ctypes.c_char_p

    def check(code):
        if code:
            raise RuntimeError(attn.attn_error().decode())

    torch.cuda.init()
    package, function = ctypes.c_void_p(), ctypes.c_void_p()
    start = time.perf_counter()
    check(attn.attn_package_load(path.encode(), ctypes.byref(package)))
    check(attn.attn_function_open(package, b"add", 0, ctypes.byref(function)))

    x = torch.randn(1000, 300, device="cuda")
    y = torch.empty_like(x)
    arguments, results = describe([x]), describe([y])
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())

    def launch():
        check(attn.attn_function_launch(
            function, ctypes.c_void_p(stream.cuda_stream), arguments, 1, results, 1))

    launch()
    print("loaded and started in %.1f ms" % (1e3 * (time.perf_counter() - start)))
    stream.synchronize()
    assert torch.equal(y, x + x + 1)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(100):
            launch()
        times.append((time.perf_counter() - start) / 100)
        stream.synchronize()
    print("pytorch ok: %.2f us a launch, through ctypes" % (1e6 * min(times)))


if __name__ == "__main__":
    main(*sys.argv[1:])
