"""Counts what an asyncio loop gets done; a program of its own for each module.

    python asyncio_ticks.py MODULE alone|busy SECONDS

prints how many times a second `await asyncio.sleep(0)` comes back, with MODULE
in the place of `select` and the epoll selector on it; "busy" runs beside a
thread that only computes.
"""

import importlib
import sys
import threading
import time
from typing import Any


def compute_until(stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        for _ in range(1000):
            number = (number * 3 + 1) % 1_000_003


def ticks_per_second(asyncio: Any, selector: Any, seconds: float) -> float:
    async def count() -> float:
        ticks, began = 0, time.perf_counter()
        end = began + seconds
        while time.perf_counter() < end:
            await asyncio.sleep(0)
            ticks += 1
        return ticks / (time.perf_counter() - began)

    loop = asyncio.SelectorEventLoop(selector)
    try:
        return float(loop.run_until_complete(count()))
    finally:
        loop.close()


def main(module_name: str, company: str, seconds: str) -> None:
    module = importlib.import_module(module_name)
    sys.modules["select"] = module
    asyncio = importlib.import_module("asyncio")
    selectors = importlib.import_module("selectors")
    if selectors.select is not module:
        sys.exit("selectors was imported before its select could be replaced")
    stop = threading.Event()
    if company == "busy":
        threading.Thread(target=compute_until, args=(stop,)).start()
    try:
        print(ticks_per_second(asyncio, selectors.EpollSelector(), float(seconds)))
    finally:
        stop.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
