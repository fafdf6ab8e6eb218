"""Run named steps with their output kept together, timed, and a verdict a line: for `make lint` and `make test`."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One command; `env` is added to the environment."""

    name: str
    command: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    stop_lane_on_failure: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a step ended; `code` is None where it was not run because an earlier one failed."""

    step: Step
    code: int | None
    seconds: float


def run_lanes(lanes: Sequence[Sequence[Step]], environment: dict[str, str]) -> list[Outcome]:
    """Run the lanes side by side, the steps of a lane one after the other; print each step's output when it ends."""
    printing = threading.Lock()
    outcomes: list[Outcome] = []

    def run_lane(lane: Sequence[Step]) -> None:
        broken = False
        for step in lane:
            if broken:
                outcomes.append(Outcome(step, None, 0.0))
                continue
            started = time.monotonic()
            done = subprocess.run(
                step.command,
                env={**environment, **step.env},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                check=False,
            )
            seconds = time.monotonic() - started
            outcomes.append(Outcome(step, done.returncode, seconds))
            broken = done.returncode != 0 and step.stop_lane_on_failure
            with printing:
                print(f"\n=== {step.name}: {'ok' if done.returncode == 0 else 'FAILED'} in {seconds:.0f} s")
                print(done.stdout.rstrip(), flush=True)

    threads = [threading.Thread(target=run_lane, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def report(title: str, outcomes: Sequence[Outcome]) -> int:
    """Print one line a step and return 0 if all passed, else 1."""
    print(f"\n{title}")
    for outcome in outcomes:
        word = {0: "ok", None: "NOT RUN, an earlier step failed"}.get(outcome.code, f"FAILED (exit {outcome.code})")
        print(f"  {outcome.step.name:<24} {word}  {outcome.seconds:.0f} s")
    sys.stdout.flush()
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1
