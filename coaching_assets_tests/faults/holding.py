"""Holds a sync up at a row that it writes, so that something can happen at that very moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import sql

from coaching_assets_tests.faults.scene import Scene

KEY = 7_001
WAITING = "select pid from pg_locks where locktype = 'advisory' and objid = %s and not granted"


@contextmanager
def meanwhile(scene: Scene, schema: str, table: str, act: Callable[[int], object]) -> Iterator[None]:
    """Do something, once, while a sync is in the middle of writing the table; `act` is given its process id."""
    name = sql.Identifier(schema, table)
    with scene.world.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "create function public.hold_up() returns trigger language plpgsql as"
            f" $$ begin perform pg_advisory_xact_lock({KEY}); return new; end $$"
        )
        cursor.execute(
            sql.SQL(
                "create trigger hold_up before insert or update on {} for each row execute function public.hold_up()"
            ).format(name)
        )
    holder = psycopg2.connect(scene.world.deployment.postgres.url(scene.database))
    with holder.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", (KEY,))
    holder.commit()
    over = threading.Event()
    failed: list[BaseException] = []

    def wait_and_act() -> None:
        try:
            while not over.wait(0.02):
                if found := scene.world.query(WAITING, [KEY]):
                    act(found[0][0])
                    return
            raise AssertionError(f"nothing was written to {schema}.{table}")
        except BaseException as error:
            failed.append(error)
        finally:
            holder.close()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]
    scene.world.query("drop function public.hold_up() cascade")
