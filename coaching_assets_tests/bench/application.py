"""An application that works on its tables while a sync runs, and the longest that it waited for a lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2

from coaching_assets_tests.bench.servers import Installation

POLL_SECONDS = 0.02
PAUSE_SECONDS = 0.05

WORK = (
    "update calls set product = 'Northbeam One' where id ="
    " (select id from calls order by gong_call_id desc offset floor(random() * 50) limit 1)",
    "update speakers set role = 'ae' where id = (select id from speakers where company_side limit 1)",
    "select count(*) from (select from transcripts where text like '%price%' limit 20) as found",
    "select title, date from calls order by date desc nulls last limit 20",
)
"""What people and the application do: they label calls and speakers, search, and look at the newest calls."""

LONGEST_WAIT = (
    "select coalesce(max(extract(epoch from clock_timestamp() - waitstart)), 0) from pg_locks"
    " where not granted and pid = %s"
)


@dataclass
class Waiting:
    """The longest wait, in seconds, and how many statements ran."""

    longest: float = 0.0
    statements: int = 0


@contextmanager
def in_use(installation: Installation) -> Iterator[Waiting]:
    """Work on the tables for as long as the context lasts."""
    waiting, done = Waiting(), threading.Event()
    application = psycopg2.connect(installation.url, application_name="coaching_application")
    watcher = psycopg2.connect(installation.url)
    pid = application.info.backend_pid

    def work() -> None:
        while not done.wait(PAUSE_SECONDS):
            with application, application.cursor() as cursor:
                cursor.execute(WORK[waiting.statements % len(WORK)])
            waiting.statements += 1

    def watch() -> None:
        watcher.autocommit = True
        with watcher.cursor() as cursor:
            while not done.wait(POLL_SECONDS):
                cursor.execute(LONGEST_WAIT, (pid,))
                row = cursor.fetchone()
                waiting.longest = max(waiting.longest, float(row[0]) if row else 0.0)

    threads = [threading.Thread(target=target) for target in (work, watch)]
    for thread in threads:
        thread.start()
    try:
        yield waiting
    finally:
        done.set()
        for thread in threads:
            thread.join()
        application.close()
        watcher.close()
