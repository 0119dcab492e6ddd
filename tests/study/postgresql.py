"""A PostgreSQL server of the tests' own: in a temporary folder, without a port, ended with them."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import psycopg

ACCOUNT = "nobody"  # the server refuses to run as root


def programs() -> Path | None:
    """Where PostgreSQL's programs are, on PATH or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return places[-1].parent if places else None


def place_for_others() -> str | None:
    """Where a temporary folder is to stand that the server's account can enter; None for the usual place."""
    if os.getuid() != 0:
        return None
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        folder = Path(place).resolve()
        if all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents)):
            return place
    return None


class Server:
    """A cluster in a folder, reached through a socket there."""

    def __init__(self, folder: Path, binaries: Path):
        self._binaries, self._data = binaries, folder / "data"
        self.folder = folder
        if os.getuid() == 0:
            shutil.chown(folder, ACCOUNT)
        english = (
            "--locale-provider=icu",
            "--icu-locale=en-US",
        )  # sorts names otherwise than SQLite, as most servers do
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", *english)
        self.start()

    def start(self) -> None:
        settings = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "-o", settings, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def demand_password(self, role: str) -> None:
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
        self.sql("SELECT pg_reload_conf()")

    def sql(self, statement: str) -> list[tuple]:
        with psycopg.connect(host=str(self.folder), user="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, schema: str, user: str = "postgres") -> str:
        """The address of a schema of its own, in which a study finds room."""
        return f"postgresql://{user}@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def _run(self, program: str, *arguments: object) -> str:
        line = [str(self._binaries / program), *map(str, arguments)]
        if os.getuid() == 0:
            line = ["setpriv", f"--reuid={ACCOUNT}", "--regid=nogroup", "--clear-groups", *line]
        place = {"cwd": self.folder, "env": os.environ | {"LC_ALL": "C.UTF-8"}}
        with (self.folder / "said").open("w+") as said:  # pg_ctl's server keeps a pipe open
            done = subprocess.run(line, stdout=said, stderr=said, stdin=subprocess.DEVNULL, **place)
            said.seek(0)
            words = said.read()
        assert done.returncode == 0, f"{program}: {words}"
        return words.strip()
