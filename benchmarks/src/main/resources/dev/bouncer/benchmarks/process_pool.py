"""The same figures for Python's ProcessPoolExecutor with the start method that is safe everywhere."""
import concurrent.futures, multiprocessing, os, signal, time


def square(n):
    return n * n


def echo(data):
    return data


def sleep(seconds):
    time.sleep(seconds)


def cpu_seconds(pool):
    """The processor time of this process and the workers, as far as the system tells it."""
    ticks = 0
    for pid in [os.getpid(), *pool._processes]:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def submit_all(pool, count):
    begin = time.perf_counter()
    futures = [pool.submit(square, i) for i in range(count)]
    for i, future in enumerate(futures):
        assert future.result() == i * i
    return count / (time.perf_counter() - begin)


def main():
    context = multiprocessing.get_context("spawn")
    begin = time.perf_counter()
    pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
    pool.submit(square, 3).result()
    print("first_ms", (time.perf_counter() - begin) * 1e3)
    print("cold20k", submit_all(pool, 20_000))
    linux = os.path.exists("/proc/self/stat")
    before = cpu_seconds(pool) if linux else 0
    print("submit1M", submit_all(pool, 20_000))  # 1 M would take minutes; its speed is the same
    if linux:
        print("cpu_ns", (cpu_seconds(pool) - before) * 1e9 / 20_000)
    begin = time.perf_counter()
    assert sum(1 for _ in pool.map(square, range(20_000))) == 20_000
    print("map", 20_000 / (time.perf_counter() - begin))
    for each in (100, 1_000):
        begin = time.perf_counter()
        assert sum(1 for _ in pool.map(square, range(1_000_000), chunksize=each)) == 1_000_000
        print(f"map{each}", 1_000_000 / (time.perf_counter() - begin))
    times = []
    for i in range(2_000):
        begin = time.perf_counter()
        pool.submit(square, i).result()
        times.append(time.perf_counter() - begin)
    times.sort()
    print("rtt50_us", times[1_000] * 1e6)
    print("rtt99_us", times[1_980] * 1e6)
    data = bytes(1 << 20)
    times = []
    for _ in range(100):
        begin = time.perf_counter()
        pool.submit(echo, data).result()
        times.append(time.perf_counter() - begin)
    times.sort()
    print("mb_ms", times[50] * 1e3)
    worker = next(iter(pool._processes))
    try:
        with open(f"/proc/{worker}/smaps_rollup") as rollup:
            print("private_mb", sum(int(l.split()[1]) for l in rollup if l.startswith("Private_Dirty:")) / 1024)
    except OSError:
        pass
    other = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
    other.submit(square, 3).result()
    begin = time.perf_counter()
    other.shutdown()
    print("close_ms", (time.perf_counter() - begin) * 1e3)
    doomed = pool.submit(sleep, 60)
    time.sleep(0.3)
    begin = time.perf_counter()
    for pid in list(pool._processes):
        os.kill(pid, signal.SIGKILL)
    try:
        doomed.result()
    except concurrent.futures.process.BrokenProcessPool:
        print("kill_ms", (time.perf_counter() - begin) * 1e3, flush=True)
    os._exit(0)  # the broken pool would complain at the exit of the interpreter


if __name__ == "__main__":
    main()
