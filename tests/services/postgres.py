"""A real PostgreSQL, from the wheel `pgserver` (16) or from the directory of programs that POSTGRES_BIN names."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from tests.services.process import Server, ServiceMissing

USER = "postgres"


def find_postgres() -> Path:
    """Return the directory that holds initdb and postgres, or raise `ServiceMissing`."""
    if named := os.environ.get("POSTGRES_BIN"):
        if _has_programs(Path(named)):
            return Path(named)
        raise ServiceMissing(f"POSTGRES_BIN={named} holds no initdb and postgres")
    if (
        spec := find_spec("pgserver")
    ) and spec.origin:  # found, not imported: its import takes a lock in the home directory
        shipped = Path(spec.origin).parent / "pginstall" / "bin"
        if _has_programs(shipped):
            return shipped
    raise ServiceMissing("no PostgreSQL: the wheel pgserver has one up to Python 3.12, else set POSTGRES_BIN")


def _has_programs(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in ("initdb", "postgres"))


class PostgresServer(Server):
    """One PostgreSQL on a random loopback port, without fsync.

    PostgreSQL refuses to run as root: then it runs as `nobody`.
    """

    stop_signal = signal.SIGINT  # "fast": open connections are cut

    def __init__(self, programs: Path | None = None, **options: str) -> None:
        programs = programs or find_postgres()
        super().__init__(owner=_nobody() if os.geteuid() == 0 else None)
        self.options = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", **options}
        self.password = secrets.token_hex(8)
        self.programs = programs if not self.owner or _open_to_all(programs / "postgres") else self._copy(programs)
        self._made = 0

    def _copy(self, programs: Path) -> Path:
        """Return a copy that `nobody` can reach: a checkout below /root is closed to it.

        The programs find their files relative to themselves, and the libraries that the wheel ships in `pgserver.libs`
        beside its package.
        """
        package, install = programs.parents[1], self.directory / "install"
        for directory in (package / programs.parent.name, package.with_name("pgserver.libs")):
            shutil.copytree(directory, install / directory.relative_to(package.parent), symlinks=True)
        return install / programs.relative_to(package.parent)

    @property
    def cluster(self) -> Path:
        """Return the directory of the databases."""
        return self.directory / "cluster"

    @property
    def dsn(self) -> str:
        """Return the address of the database `postgres`, as a URL."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def settings(self, name: str = "postgres") -> dict[str, Any]:
        """Return a Django DATABASES entry for database `name`."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": USER,
            "PASSWORD": self.password,
            "HOST": "127.0.0.1",
            "PORT": self.port,
        }

    def create_database(self) -> str:
        """Make a new empty database and return its name; `settings(name)` leads Django to it."""
        self._made += 1
        name = f"made_{self._made}"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name

    def start(self) -> None:
        """Make the cluster if there is none, and start the server."""
        if not self.cluster.exists():
            self._initdb()
        super().start()

    def _initdb(self) -> None:
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        command = [str(self.programs / "initdb"), "-D", str(self.cluster), "-U", USER, "-E", "UTF8", "--no-locale"]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
        uid, gid = self.owner or (None, None)
        made = subprocess.run(
            command,
            cwd=self.directory,
            capture_output=True,
            text=True,
            user=uid,
            group=gid,
            extra_groups=[] if uid is not None else None,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")

    def command(self) -> list[str]:
        """Return the server's command line."""
        fixed = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        named = {**fixed, **self.options}
        words = [word for name, value in named.items() for word in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.cluster), *words]

    def is_ready(self) -> bool:
        """Say whether it takes a query."""
        with psycopg.connect(self.dsn, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _open_to_all(path: Path) -> bool:
    """Say whether any user may run the program at `path`."""
    return all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.resolve().parents))
