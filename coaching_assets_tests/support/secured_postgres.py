"""Debian's Postgres with TLS, passwords, client certificates and ICU: the embedded one is built without them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from coaching_assets.demo import postgres_folder
from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.demo.supervision import free_port, supervised, wait_until

PASSWORD = "hush @/#:?%&=+'\\é"
CERTIFIED = "certified"
"""A role that needs a client certificate, and no password."""

ACCESS = f"""
hostssl all {CERTIFIED} all cert
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""
MISSING = "Debian's Postgres is not installed: `make servers` installs it, or says how."


@dataclass(frozen=True)
class SecuredPostgres:
    """A running server. Its folder holds its sockets and the certificates `ca`, `server` and `client`."""

    server: EmbeddedPostgres
    folder: Path

    @property
    def port(self) -> int:
        """The port of both loopback addresses and of the socket."""
        return self.server.port


@contextmanager
def secured_postgres(folder: Path) -> Iterator[SecuredPostgres]:
    """Run the server on an empty cluster in `folder`.

    In CI, a machine without it is a failure; elsewhere the test is skipped.
    """
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if programs is None or not (programs / "initdb").exists():
        pytest.fail(MISSING) if os.environ.get("CI") == "true" else pytest.skip(MISSING)
    user, data, log, port = postgres_folder.system_user(), folder / "data", folder / "postgres.log", free_port()
    postgres_folder.allow_access(data, user)
    (folder / "password").write_text(PASSWORD)
    write_certificates(folder)
    data.mkdir(mode=0o700)
    if user:
        for path in (folder, data, folder / "password", folder / "server.key"):
            shutil.chown(path, user, user)
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    options = ["--username=postgres", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", "--encoding=UTF8"]
    initdb = [str(programs / "initdb"), f"--pgdata={data}", "--locale=C.UTF-8", *options]
    subprocess.run(initdb, check=True, capture_output=True, cwd=data, **as_user)  # type: ignore[call-overload]
    (data / "pg_hba.conf").write_text(ACCESS)
    settings = {
        **{"listen_addresses": "127.0.0.1,::1", "unix_socket_directories": str(folder), "fsync": "off", "ssl": "on"},
        **{"ssl_cert_file": str(folder / "server.crt"), "ssl_key_file": str(folder / "server.key")},
        "ssl_ca_file": str(folder / "ca.crt"),
    }
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with supervised(command, log, None, user) as process:

        def ready() -> int | None:
            found = postgres_folder.postmaster(data)
            return found[0] if found and found[2] else None

        pid = wait_until(process, log, ready)
        yield SecuredPostgres(EmbeddedPostgres("127.0.0.1", port, pid, log), folder)


def write_certificates(folder: Path) -> None:
    """Write an authority, a certificate for the server, and one for the role that needs it."""
    authority = ec.generate_private_key(ec.SECP256R1())
    for name, common_name in (("ca", "authority"), ("server", "localhost"), ("client", CERTIFIED)):
        key = authority if name == "ca" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        hosts = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(host)) for host in ("127.0.0.1", "::1"))]
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(name == "ca", None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(authority, hashes.SHA256())
        )
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_file = folder / f"{name}.key"
        key_file.write_bytes(key.private_bytes(*private))
        key_file.chmod(0o600)
