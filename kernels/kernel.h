// SPDX-License-Identifier: Apache-2.0
// What every kernel file includes: array types, the parallel loop, strict elementary functions, registration.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nb = nanobind;
using namespace nb::literals;

// In<float, 2>: read-only C-contiguous array of two axes; Out<float, 3>: written in place, allocated by the caller.
template <class T, int N> using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N> using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

inline void need(bool ok, const char *what) {
    if (!ok) throw std::invalid_argument(what);
}

// ---- registration: a kernel file ends with  KERNEL("name", function, "a"_a, "b"_a) and is found by the module
using Binder = void (*)(nb::module_ &);
std::vector<Binder> &binders();
struct Register {
    explicit Register(Binder b) { binders().push_back(b); }
};
#define KERNEL_CAT2(a, b) a##b
#define KERNEL_CAT(a, b) KERNEL_CAT2(a, b)
#define KERNEL(name, f, ...)                                                                                           \
    static Register KERNEL_CAT(reg_, __LINE__)(                                                                        \
        [](nb::module_ &m) { m.def(name, &f, __VA_ARGS__, nb::call_guard<nb::gil_scoped_release>()); });

// ---- threads.  The work is cut into the same pieces whatever the number of threads, and a piece writes only its own
// output, so the pixels do not depend on it.  Threads live for one call: nothing to break after fork().
int thread_count();
template <class F> void parallel(int pieces, F &&piece) {
    int n = std::min(thread_count(), pieces);
    if (n <= 1) {
        for (int i = 0; i < pieces; i++) piece(i);
        return;
    }
    std::atomic<int> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    auto work = [&] {
        try {
            for (int i; (i = next.fetch_add(1)) < pieces;) piece(i);
        } catch (...) {  // out of memory in a piece: the first one counts, the others stop
            std::lock_guard<std::mutex> lock(guard);
            if (!failure) failure = std::current_exception();
            next = pieces;
        }
    };
    std::vector<std::thread> pool;
    pool.reserve(n);
    try {
        for (int t = 1; t < n; t++) pool.emplace_back(work);
    } catch (const std::system_error &) {  // no more threads to be had: go on with those there are
    }
    work();
    for (auto &t : pool) t.join();
    if (failure) std::rethrow_exception(failure);
}
// Rows in bands of `band`: f(y0, y1).
template <class F> void parallel_rows(int rows, int band, F &&f) {
    parallel((rows + band - 1) / band, [&](int i) { f(i * band, std::min(rows, (i + 1) * band)); });
}

// Scratch memory of a piece of work: not initialised, kept by its thread for the next piece, in huge pages where the
// system has them (fresh pages cost more than what most kernels compute).
class Scratch {
    void *block = nullptr;
    size_t size = 0;

  public:
    ~Scratch() { std::free(block); }
    template <class T> T *get(size_t n) {
        size_t bytes = (n * sizeof(T) + 64 + 0x1fffff) & ~(size_t)0x1fffff;
        if (bytes > size) {
            std::free(block);
            block = nullptr;
            size = 0;
#if defined(_WIN32)
            block = std::malloc(bytes);
#else
            if (posix_memalign(&block, bytes >= 0x400000 ? 0x200000 : 64, bytes)) block = nullptr;
#if defined(__linux__)
            if (block && bytes >= 0x400000) madvise(block, bytes, MADV_HUGEPAGE);
#endif
#endif
            if (!block) throw std::bad_alloc();
            size = bytes;
        }
        return static_cast<T *>(block);
    }
};

inline int clampi(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }
inline int mirror(int v, int n) {  // reflect without repeating the edge: keeps the CFA phase
    if (n == 1) return 0;
    while (v < 0 || v >= n) v = v < 0 ? -v : 2 * n - 2 - v;
    return v;
}

// ---- elementary functions: own polynomials, so that no libm decides the last bit.  Branch-free: loops vectorise.
inline float as_float(int32_t i) { float f; std::memcpy(&f, &i, 4); return f; }
inline int32_t as_int(float f) { int32_t i; std::memcpy(&i, &f, 4); return i; }

// log2 for x > 0 (finite, normal); error < 1e-6 absolute near 1, relative elsewhere.
inline float log2_(float x) {
    x = x < 1.17549435e-38f ? 1.17549435e-38f : x;
    int32_t i = as_int(x);
    int32_t e = (i - 0x3f3504f3) >> 23;  // mantissa in [sqrt(1/2), sqrt(2))
    float m = as_float(i - e * (1 << 23));
    float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    float p = 2.8853900818f + z * (0.9617966939f + z * (0.5770780164f + z * (0.4121985831f + z * 0.3205988980f)));
    return (float)e + s * p;
}
// 2^x, clamped to the range of a float; relative error < 2e-7.
inline float exp2_(float x) {
    x = x < -126.0f ? -126.0f : x > 127.0f ? 127.0f : x;
    float r = x + 12582912.0f;  // round to nearest integer (1.5 * 2^23)
    int32_t n = as_int(r) - 0x4b400000;
    float f = x - (r - 12582912.0f);
    float p = 1.0f + f * (0.69314718056f + f * (0.24022650696f + f * (0.05550410866f + f * (0.00961812911f +
              f * (0.00133335581f + f * 0.00015403530f)))));
    return p * as_float((n + 127) << 23);
}
inline float pow_(float x, float y) { return x > 0.0f ? exp2_(y * log2_(x)) : 0.0f; }
inline float exp_(float x) { return exp2_(x * 1.44269504089f); }
inline float cbrt_(float x) {
    float a = x < 0 ? -x : x;
    float y = exp2_(log2_(a) * 0.33333333333f);
    y = a > 1e-30f ? y - (y - a / (y * y)) * 0.33333333333f : 0.0f;
    return x < 0 ? -y : y;
}
