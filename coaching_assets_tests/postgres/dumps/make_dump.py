"""Makes the dump of a release: a small database in use, written by that release's own code.

Run it by its path, with the release's code first on the path, in an environment with its dependencies:

    PYTHONPATH=/path/to/release python coaching_assets_tests/postgres/dumps/make_dump.py release_1.sql.gz
"""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from coaching_assets.demo.postgres_folder import postgres_program
from coaching_assets.demo.sample import COMPANY_DOMAIN, change_set, generate, load
from coaching_assets.demo.servers import bigquery_emulator, embedded_postgres

SCALE = 0.02
DATABASE = "release"
OPTIONS = ("--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=500")
"""Plain SQL that any client can run; `COPY ... FROM stdin` would need psql."""

RUN = """
try:
    from coaching_assets.cli.app import main
except ModuleNotFoundError:
    from coaching_assets.cli import main
main()
"""
"""The command of any release; release 0 had it in another module."""

NEWER_THAN_POSTGRES_15 = re.compile(r"^(SET transaction_timeout .*|\\(un)?restrict .*)\n", re.MULTILINE)


def main(target: Path) -> None:
    """Sync the sample and its first change set, erase a call, and dump the database."""
    with (
        TemporaryDirectory(prefix="dump-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres", durable=False) as postgres,
        bigquery_emulator() as emulator,
    ):
        postgres.create_database(DATABASE)
        environment = os.environ | emulator.environment()
        environment |= {"DATABASE_URL": postgres.url(DATABASE), "COMPANY_DOMAINS": COMPANY_DOMAIN}

        def coaching(*arguments: str) -> None:
            command = [sys.executable, "-c", RUN, *arguments]
            subprocess.run(command, check=True, env=environment, cwd=folder)

        coaching("init-db")
        sample = generate(SCALE)
        with emulator.client() as client:
            load(client, emulator.project, sample)
            coaching("sync")
            load(client, emulator.project, change_set(sample, 1))
            coaching("sync")
        coaching("erase", "--yes", "--call", erased_call())
        command = [str(postgres_program("pg_dump")), *OPTIONS, f"--dbname={postgres.url(DATABASE)}"]
        dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = NEWER_THAN_POSTGRES_15.sub("", dump)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def erased_call() -> str:
    """The call that is erased: the first of the sample that is not deleted at the source."""
    calls = change_set(generate(SCALE), 1).rows("gong", "call")
    return min(str(call["id"]) for call in calls if not call["_fivetran_deleted"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
