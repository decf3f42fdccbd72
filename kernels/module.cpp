// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

std::vector<Binder> &binders() {
    static std::vector<Binder> list;
    return list;
}

static std::atomic<int> threads{0};
int thread_count() {
    int n = threads.load();
    return n > 0 ? n : std::max(1u, std::thread::hardware_concurrency());
}
static void set_threads(int n) { threads.store(n); }

static std::string level() {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return "avx512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return "avx2";
    return "sse41";
#else
    return "base";
#endif
}

NB_MODULE(LEVEL, m) {
    m.def("set_threads", &set_threads, "n"_a);
    m.def("thread_count", &thread_count);
    m.def("cpu_level", &level);
    for (auto bind : binders()) bind(m);
}
