"""An application that reads and writes its tables while a sync publishes."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from coaching_assets_tests.faults.ledger import Trial

STUCK = "60s"
"""A lock that outlives this is never released: Postgres cancels the statement, and the test fails."""
WORKERS = 3
LOOK_EVERY_SECONDS = 0.01

A_CALL = (
    f"(select id from calls where mod(abs(hashtext(id::text)::bigint), {WORKERS}) = %(worker)s"
    " order by random() limit 1)"
)
"""Each worker has calls of its own, so that it waits for a sync and never for another worker."""

WRITES = (
    f"update calls set overall_score = overall_score where id = {A_CALL}",
    f"update speakers set role = role where call_id = {A_CALL}",
    f"update transcripts set sentiment = sentiment where call_id = {A_CALL}",
    f"select id from calls where id = {A_CALL} for key share",
)
"""They lock rows and change nothing, so that what the application owns can be compared afterwards."""

READS = (
    "select count(*) from (select from transcripts where text like '%%price%%' limit 20) as found",
    "select title, date from calls order by date desc nulls last limit 20",
    "select name, sum(talk_time_seconds) from speakers group by name",
)

LONGEST_WAIT = (
    "select coalesce(max(extract(epoch from clock_timestamp() - waitstart)), 0)::float from pg_locks"
    " where not granted and pid = any(%s)"
)


@contextmanager
def at_work(url: str, trial: Trial) -> Iterator[None]:
    """Read and write, from several connections at once, until the end of the block.

    Raises:
        psycopg2.Error: a statement of the application's failed, for example because a lock was never released.
    """
    over, failed, done = threading.Event(), [], [0] * WORKERS
    connections = [psycopg2.connect(url, options=f"-c lock_timeout={STUCK}") for _ in range(WORKERS)]
    pids = [connection.info.backend_pid for connection in connections]

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            with closing(connections[number]) as connection:
                while not over.is_set():
                    statement = chance.choice(WRITES + READS)
                    with connection, connection.cursor() as cursor:
                        cursor.execute(statement, {"worker": number})
                    done[number] += 1
        except psycopg2.Error as error:
            failed.append(error)

    def watch() -> None:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            while not over.wait(LOOK_EVERY_SECONDS):
                cursor.execute(LONGEST_WAIT, (pids,))
                longest = (cursor.fetchone() or (0.0,))[0]
                trial.longest_wait = max(trial.longest_wait or 0.0, longest)
                connection.rollback()

    trial.longest_wait = 0.0
    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    threads.append(threading.Thread(target=watch))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    assert all(done), "the application was at work"
