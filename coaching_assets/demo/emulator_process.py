"""The process of the BigQuery emulator. It writes its ports to a file.

bqemulator would download DuckDB's spatial extension when it starts; here the extension comes from a wheel.
"""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

LARGEST_MESSAGE_BYTES = 256 * 1024**2


async def serve(project: str, folder: Path | None, ports_file: Path) -> None:
    """Serve until SIGINT or SIGTERM; `ports_file` appears as soon as both protocols answer."""
    import duckdb_extensions
    from bqemulator.config import LogLevel, PersistenceMode, Settings
    from bqemulator.server import EmulatorServer

    duckdb_extensions.import_extension("spatial")
    server = EmulatorServer(
        Settings(
            rest_port=0,
            grpc_port=0,
            default_project_id=project,
            persistence_mode=PersistenceMode.PERSISTENT if folder else PersistenceMode.EPHEMERAL,
            data_dir=folder,
            enable_format_extensions=False,
            # the default folder is shared by all users of the machine, and writable for the first of them only
            upload_staging_dir=ports_file.parent / "uploads",
            # also limits a message of the Read API, which has a fixed number of rows
            write_api_max_request_bytes=LARGEST_MESSAGE_BYTES,
            log_level=LogLevel.WARNING,
        )
    )
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.start()
    try:
        unfinished = ports_file.with_suffix(".unfinished")
        found = {"rest": server.rest_port, "grpc": server.grpc_port, "pid": os.getpid()}
        unfinished.write_text(json.dumps(found))
        os.replace(unfinished, ports_file)
        await stopping.wait()
    finally:
        await server.stop()


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", required=True)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--ports-file", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.project, arguments.folder, arguments.ports_file))


if __name__ == "__main__":
    main()
