"""Runs steps of the main job: `python -m coaching_assets_tests.bench.stage gong_calls publish_calls`.

Without steps it runs all, as `coaching sync` does. The seconds that each took, without the start of the process, and
the most memory that the process held, in bytes, stand on the last line, as JSON.
"""

import json
import re
import sys
from pathlib import Path

from coaching_assets.startup import begin_collection, postponed_collection

PREFIX = "figures: "


def main(steps: list[str]) -> int:
    """Run these steps, or all; the exit status says whether they worked."""
    with postponed_collection():
        return run_steps(steps)


def run_steps(steps: list[str]) -> int:
    """Run these steps, or all, once what they need is imported."""
    from dagster import AssetsDefinition

    from coaching_assets.definitions import defs, sync_job
    from coaching_assets.defs.instance import instance_of_this_process
    from coaching_assets.publish.preflight import check_connections
    from coaching_assets.settings import load_settings

    check_connections(load_settings())
    keys = [
        key
        for asset in defs.assets or ()
        if isinstance(asset, AssetsDefinition) and asset.is_materializable and (not steps or asset.op.name in steps)
        for key in asset.keys
    ]
    begin_collection()
    with instance_of_this_process() as instance:
        result = sync_job().execute_in_process(instance=instance, asset_selection=keys)
        seconds = {
            event.step_key: event.step_success_data.duration_ms / 1000
            for event in result.all_events
            if event.is_step_success
        }
    print(PREFIX + json.dumps({"steps": seconds, "peak_bytes": peak_bytes()}))
    return 0 if result.success else 1


def peak_bytes() -> int:
    """The most memory that this process held.

    By Linux' /proc: what `getrusage` says is at least what the process held that started this one (exec_mmap in
    Linux' fs/exec.c), and that holds the benchmark's data.
    """
    peak = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert peak is not None
    return int(peak[1]) * 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
