# SPDX-License-Identifier: Apache-2.0
"""What this machine can do: the roofs under which every kernel stays.

Memory bandwidth is that of copying 128 MiB (read and written bytes both count), arithmetic that of a float32
matrix product; the best of seven, with as many threads as are asked for.  The matrix product runs on all
threads of its library unless ``OPENBLAS_NUM_THREADS`` was set before NumPy was imported.
"""

import threading
import time
from itertools import pairwise

import numpy as np

ROUNDS = 7


def bandwidth(threads):
    """GB/s of copying; by CPU time where one thread does it, which other programs disturb less."""
    a = np.ones(32 << 20, np.float32)
    b = np.zeros_like(a)
    cuts = np.linspace(0, a.size, threads + 1).astype(int)
    best = 0.0
    for _ in range(ROUNDS):
        if threads == 1:
            start = time.thread_time()
            np.copyto(b, a)
            best = max(best, 2 * a.nbytes / (time.thread_time() - start))
            continue
        parts = [slice(*ends) for ends in pairwise(cuts)]
        work = [threading.Thread(target=np.copyto, args=(b[part], a[part])) for part in parts]
        start = time.perf_counter()
        for t in work:
            t.start()
        for t in work:
            t.join()
        best = max(best, 2 * a.nbytes / (time.perf_counter() - start))
    return best / 1e9


def arithmetic(clock=time.perf_counter):
    """GFLOP/s of a float32 matrix product."""
    m = np.ones((1536, 1536), np.float32)
    best = 0.0
    for _ in range(ROUNDS):
        start = clock()
        m @ m
        best = max(best, 2 * 1536**3 / (clock() - start))
    return best / 1e9
