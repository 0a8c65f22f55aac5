"""Runs programs as whole processes, and says how long they took; and how much work the whole machine did."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

BIN = Path(sys.executable).parent


class ProgramFailed(Exception):
    """A measured program ended with another status than 0; the message ends with what it said."""


@dataclass(frozen=True)
class Ended:
    """A process that ended well."""

    seconds: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program of this environment to its end.

    Raises:
        ProgramFailed: it did not end with status 0.
    """
    with tempfile.TemporaryFile() as output:
        started = monotonic()
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]], env=dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
        process.wait()
        seconds = monotonic() - started
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode != 0:
        raise ProgramFailed(f"{' '.join(command)} ended with status {process.returncode}: …{said[-3000:]}")
    return Ended(seconds, said)


def run_python(code: str, environment: Mapping[str, str]) -> Ended:
    """Run a line of Python."""
    return run(["python", "-W", "ignore", "-c", code], environment)


def core_seconds() -> float:
    """Seconds that all cores together have been busy since the machine started, for any process.

    By Linux' /proc/stat, whose first line counts user, nice, system, idle, iowait, irq, softirq and steal (proc(5)).
    """
    ticks = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
