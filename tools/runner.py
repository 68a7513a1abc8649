"""Runs steps side by side, one for each core, stage after stage.

Each step is a process group of its own that writes to build/logs/<step>.log;
the log is shown when the step fails. An interrupt ends every step under way.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from .shell import BUILD, ROOT, Failure, say
from .steps import Stage, Step

TIME_LIMIT = 20 * 60.0
_GRACE = 5.0
_HEARTBEAT = 60.0
_SUMMARY = re.compile(
    r"\d+ (passed|failed|errors?)\b|^(Ok|Fail|Timeout): +[1-9]|\d+ functions, median"
)


def _log_of(step: Step) -> Path:
    return BUILD / "logs" / f"{step.name}.log"


def _summary(log: str) -> list[str]:
    """The lines in which test runners say how many tests passed."""
    lines = [line.strip() for line in log.splitlines()]
    return [line for line in lines if _SUMMARY.search(line)]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the process and what else is in its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)


@asynccontextmanager
async def _process(step: Step) -> AsyncIterator[asyncio.subprocess.Process]:
    with _log_of(step).open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *step.command,
            cwd=ROOT,
            env={**os.environ, **step.variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _end(process)


async def _verdict(step: Step) -> str:
    """Runs a step: "ok", or in what way it failed."""
    try:
        async with _process(step) as process:
            code = await asyncio.wait_for(process.wait(), TIME_LIMIT)
    except TimeoutError:
        return f"no end after {TIME_LIMIT / 60:.0f} minutes"
    except OSError as error:
        _log_of(step).write_text(f"{error}\n")
        return "cannot start"
    return "ok" if code == 0 else f"exit status {code}"


class Runner:
    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)
        loop = asyncio.get_running_loop()
        self._passed = {step.name: loop.create_future() for step in steps}
        self._under_way: dict[str, float] = {}
        self.failed: list[str] = []

    async def run(self) -> None:
        heartbeat = asyncio.create_task(self._tell_what_is_running())
        for stage in Stage:
            async with asyncio.TaskGroup() as group:
                for step in self._steps:
                    if step.stage == stage:
                        group.create_task(self._run_step(step))
        heartbeat.cancel()

    async def _run_step(self, step: Step) -> None:
        needs = {name: await self._passed[name] for name in step.needs}
        absent = [name for name, passed in needs.items() if not passed]
        if absent:
            self._report(step, f"not run, needs {' '.join(absent)}", 0)
            return
        async with self._slots:
            self._under_way[step.name] = start = time.monotonic()
            verdict = await _verdict(step)
            del self._under_way[step.name]
        self._report(step, verdict, time.monotonic() - start, _log_of(step))

    def _report(
        self, step: Step, verdict: str, seconds: float, log: Path | None = None
    ) -> None:
        passed = verdict == "ok"
        self._passed[step.name].set_result(passed)
        say(f"{'ok  ' if passed else 'FAIL'} {step.name:<16} {seconds:7.1f} s")
        text = log.read_text(errors="replace") if log else ""
        if passed:
            for line in _summary(text):
                say(f"     {line}")
            return
        self.failed.append(step.name)
        say(f"---- {step.name}: {verdict}")
        if text:
            say(f"{text.rstrip()}\n---- end of {step.name}")

    async def _tell_what_is_running(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            now = time.monotonic()
            steps = [f"{n} ({now - t:.0f} s)" for n, t in self._under_way.items()]
            say(f"...  {', '.join(steps)}")


async def _run(steps: list[Step]) -> list[str]:
    main = asyncio.current_task()
    assert main
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    runner = Runner(steps)
    await runner.run()
    return runner.failed


def run_steps(steps: list[Step]) -> bool:
    """Runs the steps, tells of each, and says whether all passed."""
    (BUILD / "logs").mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    try:
        failed = asyncio.run(_run(steps))
    except asyncio.CancelledError:
        raise Failure("ended by a signal") from None
    took = f"{time.monotonic() - start:.0f} s"
    if failed:
        say(f"FAILED in {took}: {' '.join(failed)}")
    else:
        say(f"all {len(steps)} steps passed in {took}")
    return not failed
