# The C ABI from Python: a package on the CPU, one over the fake driver, errors.
#
# REQUIRES: fake-cuda, attn-run
# RUN: attn-run --no-cache %S/../Tools/attn-run/Inputs/ops.mlir --emit=package -o %t.attnpkg
# RUN: attn-smoke-packages %t.dir
# RUN: env ATTN_CUDA_DRIVER=%fake_cuda %python %s %attn_lib/libattn_runtime.so %t.attnpkg %t.dir/fake.attnpkg

import ctypes
import sys

P = ctypes.c_void_p


class DType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8)]


class Tensor(ctypes.Structure):
    _fields_ = [("data", P), ("dtype", DType), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64))]


class ValueInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", DType),
                ("rank", ctypes.c_int32), ("is_scalar", ctypes.c_int32),
                ("is_donated", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64))]


F32, I64 = DType(2, 32), DType(0, 64)


def tensor(address, dtype, shape, strides=None):
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    steps = strides and (ctypes.c_int64 * len(strides))(*strides)
    return Tensor(address, dtype, len(shape), sizes, steps)


def aligned(floats):
    """A buffer that starts at a multiple of 64 bytes, and its address."""
    buffer = (ctypes.c_float * (len(floats) + 16))()
    skip = -ctypes.addressof(buffer) % 64 // 4
    buffer[skip:skip + len(floats)] = floats
    return buffer, ctypes.addressof(buffer) + 4 * skip, skip


def main(library, cpu, gpu):
    lib = ctypes.CDLL(library)
    lib.attn_error.restype = ctypes.c_char_p
    lib.attn_package_function_name.restype = ctypes.c_char_p
    lib.attn_package_target.restype = ctypes.c_char_p
    for name in ("attn_package_free", "attn_function_free"):
        getattr(lib, name).restype = None

    def check(code, expected=0):
        assert code == expected, (code, lib.attn_error())

    assert lib.attn_runtime_abi() == 1
    package, function = P(), P()
    check(lib.attn_package_load(b"/nowhere", ctypes.byref(package)), 2)
    assert b"/nowhere" in lib.attn_error()
    check(lib.attn_package_load_memory(b"PK..", 4, ctypes.byref(package)), 2)

    with open(cpu, "rb") as file:
        data = file.read()
    check(lib.attn_package_load_memory(data, len(data), ctypes.byref(package)))
    assert lib.attn_package_target(package) == b"cpu"
    names = [lib.attn_package_function_name(package, i)
             for i in range(lib.attn_package_num_functions(package))]
    assert b"scale" in names, names
    assert lib.attn_package_function_name(package, 99) is None
    check(lib.attn_function_open(package, b"nothing", 0, ctypes.byref(function)), 2)
    assert b"no function 'nothing'" in lib.attn_error()
    check(lib.attn_function_open(package, b"scale", 0, ctypes.byref(function)))
    lib.attn_package_free(package)  # the function keeps it
    info = ValueInfo()
    check(lib.attn_function_argument(function, 0, ctypes.byref(info)))
    assert info.rank == 2 and info.dtype.bits == 32, info.name
    check(lib.attn_function_argument(function, 99, ctypes.byref(info)), 2)

    a, a_at, _ = aligned([1, 2, 3, 4, 5, 6, 7, 8])
    b, b_at, _ = aligned([1, 1, 1, 1, 2, 2, 2, 2])
    out, out_at, skip = aligned([0] * 8)
    s = ctypes.c_float(2)
    rows = ctypes.c_int64(0)
    args = (Tensor * 3)(tensor(a_at, F32, [2, 4]), tensor(b_at, F32, [2, 4]),
                        tensor(ctypes.addressof(s), F32, []))
    results = (Tensor * 2)(tensor(out_at, F32, [2, 4]),
                           tensor(ctypes.addressof(rows), I64, []))
    check(lib.attn_function_launch(function, None, args, 3, results, 2))
    assert list(out[skip:skip + 8]) == [4, 6, 8, 10, 14, 16, 18, 20]
    assert rows.value == 2
    args[0] = tensor(a_at, F32, [2, 4], [1, 2])
    check(lib.attn_function_launch(function, None, args, 3, results, 2), 2)
    assert b"argument 0: expected a contiguous tensor" in lib.attn_error()
    args[0] = tensor(a_at, DType(9, 32), [2, 4])
    check(lib.attn_function_launch(function, None, args, 3, results, 2), 2)
    assert b"no dtype of code 9" in lib.attn_error()
    lib.attn_function_free(function)

    check(lib.attn_package_load(gpu.encode(), ctypes.byref(package)))
    assert lib.attn_package_target(package) == b"cuda"
    check(lib.attn_function_open(package, b"fake", 7, ctypes.byref(function)), 4)
    assert b"no CUDA device 7" in lib.attn_error()
    check(lib.attn_function_open(package, b"fake", 0, ctypes.byref(function)))
    args = (Tensor * 1)(tensor(a_at, F32, [2, 4]))
    shape = (ctypes.c_int64 * 2)()
    check(lib.attn_function_result_shape(function, args, 1, 0, shape))
    assert list(shape) == [2, 4]
    results = (Tensor * 1)(tensor(out_at, F32, [2, 4]))
    check(lib.attn_function_launch(function, None, args, 1, results, 1))
    # The fake copies: its plan is a copy of the argument.
    assert list(out[skip:skip + 8]) == [1, 2, 3, 4, 5, 6, 7, 8]
    results[0] = tensor(out_at + 4, F32, [2, 4])
    check(lib.attn_function_launch(function, None, args, 1, results, 1), 2)
    assert b"multiple of 16" in lib.attn_error()
    lib.attn_function_free(function)
    lib.attn_package_free(package)


if __name__ == "__main__":
    main(*sys.argv[1:])
