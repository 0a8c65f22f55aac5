"""`make demo` as a user runs it: it serves the UI until Ctrl-C, stops its servers, and keeps its data."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).parents[2]
DEMO = [sys.executable, "-W", "ignore", "-m", "coaching_assets.demo"]


def environment(**further: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "HOME"}}
    return kept | {"PYTHONPATH": str(REPOSITORY), "DEMO_SCALE": "0.1", "PYTHONUNBUFFERED": "1"} | further


@pytest.mark.slow
def test_the_demo_serves_until_interrupted_and_keeps_its_data(tmp_path: Path) -> None:
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    demo = subprocess.Popen(DEMO, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    started: list[psutil.Process] = []
    try:
        printed = []
        for line in demo.stdout:
            printed.append(line)
            if found := re.search(r"UI: (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(printed))
        with urllib.request.urlopen(found[1], timeout=60) as page:
            assert b"dagster" in page.read().lower()
        started = psutil.Process(demo.pid).children(recursive=True)
        assert {"postgres"} <= {process.name() for process in started}
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
    assert demo.returncode == 0
    assert psutil.wait_procs(started, timeout=30)[1] == []

    second = subprocess.run(DEMO, cwd=tmp_path, env=environment(DEMO_EXIT="1"), capture_output=True, text=True)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Using the sample data" in second.stdout
    figures = [line.split()[1:] for line in second.stdout.splitlines() if line.startswith("coaching/")]
    assert len(figures) == 6
    assert all(line[:4] == ["0", "0", "0", "0"] for line in figures), "inserted, updated, unchanged, deleted"
