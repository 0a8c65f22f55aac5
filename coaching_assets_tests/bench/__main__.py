"""`make bench` and `make bench-quick`: measures, prints a table of ratios, and writes it as JSON and as a plot."""

import argparse
import tempfile
from pathlib import Path
from time import monotonic

from rich.console import Console

from coaching_assets_tests.bench.measures import MEASURES
from coaching_assets_tests.bench.outcome import Outcome
from coaching_assets_tests.bench.report import machine, plot, print_outcomes, write_json
from coaching_assets_tests.bench.servers import running_servers
from coaching_assets_tests.bench.sizes import SIZES

NARROWEST = 120


def main() -> None:
    """Run the measurements that are asked for; all by default."""
    names = [measure.__name__ for measure in MEASURES]
    parser = argparse.ArgumentParser(prog="python -m coaching_assets_tests.bench")
    parser.add_argument("--sizes", choices=list(SIZES), default="full")
    parser.add_argument("--only", choices=names, action="append", help="only this measurement; may be given again")
    parser.add_argument("--into", type=Path, default=Path(".bench"), help="the folder of the JSON file and the plot")
    arguments = parser.parse_args()
    sizes, console = SIZES[arguments.sizes], Console(width=max(Console().width, NARROWEST))
    started, where = monotonic(), machine()
    arguments.into.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="coaching-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user than this program
        with running_servers(Path(folder)) as servers:
            for measure in MEASURES:
                if arguments.only and measure.__name__ not in arguments.only:
                    continue
                for outcome in measure(servers, sizes):
                    outcomes.append(outcome)
                    line = f"{monotonic() - started:5.0f} s  {outcome.measure}: {outcome.written(outcome.figure)}"
                    console.print(line)
                write_json(arguments.into / "bench.json", outcomes, sizes, where)
                plot(arguments.into / "bench.png", outcomes, sizes, where)
    print_outcomes(console, outcomes, sizes, where)
    console.print(f"Written to {arguments.into}/bench.json and bench.png, in {monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
