"""A study in PostgreSQL: made, served, locked, lost and found again; its password is shown nowhere."""

from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url
from starlette.testclient import TestClient

from metrics.errors import InputError
from study.folder.config import load_config
from study.folder.create import create_study
from study.folder.exporting import table_files
from study.folder.study import DATABASE, open_study
from study.server.app import create_app
from study.store.store import NotSaved, Store
from tests.study.command import run_command
from tests.study.conftest import save_image
from tests.study.stores import events, filled, given_ratings, ids

pytestmark = pytest.mark.postgresql
SECRET = "swordfish77"


@pytest.fixture
def store(postgresql_url):
    store = filled(postgresql_url)
    yield store
    store.close()


@pytest.fixture
def images(tmp_path):
    for number in range(4):
        save_image(tmp_path / "images" / f"{number}.png", number)
    return tmp_path / "images"


def tables(server, url: str) -> list[tuple]:
    schema = url.rpartition("%3D")[2]
    return server.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")


class TestAStudy:
    def make(self, images, url: str):
        folder = images.parent / "study"
        return create_study(folder, images, tasks=("aesthetic",), evaluators=("ann", "bob"), database=url)

    def test_is_made_served_and_exported(self, images, postgresql_url):
        with closing(self.make(images, postgresql_url)) as study:
            assert sorted(file.name for file in study.folder.iterdir()) == ["items.csv", "study.yaml"]
            assert load_config(study.folder / "study.yaml").database == postgresql_url
            client = TestClient(create_app(study))
            link = f"/api/rater/{study.store.evaluators()[0].token}"
            session = client.get(f"{link}/session").json()
            for entry in session["tasks"][0]["assignments"]:
                assert client.put(
                    f"{link}/ratings/{entry['id']}", json={"rating": 4, "client_id": entry["id"]}
                ).is_success
            with closing(open_study(study.folder, watch=True)) as watching:
                assert watching.store.is_read_only
                assert len(table_files(watching)["ratings.csv"].splitlines()) == 5
                with pytest.raises(NotSaved, match="is readonly, so nothing is saved"):
                    watching.store.add_evaluators(["x"])
            assert not (study.folder / DATABASE).exists()

    def test_a_database_that_holds_one_takes_no_second(self, images, postgresql_url):
        filled(postgresql_url).close()
        with pytest.raises(InputError, match="holds a study already; name another, or a schema of its own"):
            self.make(images, postgresql_url)
        assert not (images.parent / "study").exists()
        with closing(Store(postgresql_url)) as store:
            assert len(store.assignments(1)) == 12

    def test_one_that_fails_leaves_nothing(self, images, postgresql_url, postgresql_server, monkeypatch):
        def fail(folder):
            raise InputError("it failed")

        monkeypatch.setattr("study.folder.create.open_study", fail)
        with pytest.raises(InputError, match="it failed"):
            self.make(images, postgresql_url)
        assert not (images.parent / "study").exists()
        assert tables(postgresql_server, postgresql_url) == []

    def test_without_one_there_nothing_is_opened_or_made(self, postgresql_url, postgresql_server):
        with pytest.raises(InputError, match="holds no study"):
            Store(postgresql_url)
        assert tables(postgresql_server, postgresql_url) == []

    @pytest.mark.process
    def test_by_the_command_line(self, images, postgresql_url):
        options = ("--images", images, "--evaluators", "ann", "--database", postgresql_url)
        done = run_command("init", "study", *options, cwd=images.parent)
        assert done.returncode == 0, done.stderr
        withdrawn = run_command("withdraw", "study", "ann", "--yes", cwd=images.parent)
        assert withdrawn.stdout.startswith("Deleted 0 ratings by ann")


class TestThePassword:
    ADDRESS = f"postgresql://ann:{SECRET}@127.0.0.1:1/study"

    def test_is_not_in_what_is_said_of_a_database_that_cannot_be_opened(self):
        with pytest.raises(InputError, match=r"database postgresql://ann@127.0.0.1:1/study cannot be opened") as error:
            Store(self.ADDRESS)
        assert SECRET not in str(error.value)

    @pytest.mark.parametrize(
        "address", [ADDRESS, f"postgresql://h/d?password={SECRET}", f"postgresql://h/d?sslpassword={SECRET}"]
    )
    def test_is_refused_in_study_yaml_and_not_repeated(self, tmp_path, address):
        words = "question: q\n    levels: [a, b, c, d, e]\n"
        (tmp_path / "study.yaml").write_text(f"title: t\ndatabase: {address}\ntasks:\n  look:\n    {words}")
        with pytest.raises(InputError, match=r"line 2: the database's address holds a password; leave it") as error:
            load_config(tmp_path / "study.yaml")
        assert SECRET not in str(error.value)
        with pytest.raises(InputError, match=r"^database: the database's address holds a password") as error:
            create_study(tmp_path / "s", tmp_path, tasks=("aesthetic",), database=address)
        assert SECRET not in str(error.value)

    def test_is_taken_from_the_environment(self, store, postgresql_server, postgresql_url, monkeypatch):
        schema = postgresql_url.rpartition("%3D")[2]
        postgresql_server.sql(f"CREATE ROLE {schema} LOGIN PASSWORD '{SECRET}'")
        postgresql_server.sql(f"GRANT ALL ON SCHEMA {schema} TO {schema}")
        postgresql_server.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {schema}")
        postgresql_server.demand_password(schema)
        address = postgresql_server.url(schema, user=schema)
        with pytest.raises(InputError, match=r"no password supplied.*and the password in PGPASSWORD"):
            Store(address)
        monkeypatch.setenv("PGPASSWORD", SECRET)
        with closing(Store(address)) as opened:
            assert len(opened.evaluators()) == 2 and SECRET not in opened.name

    def test_an_address_that_is_none(self):
        for address in ("postgresql//x", "mysql://h/d"):
            with pytest.raises(InputError, match=r"address cannot be read|is SQLite's file or PostgreSQL, not mysql"):
                Store(address)


class TestTrouble:
    def rate(self, store, place: int, rating: int):
        return store.rate(1, ids(store, 1)[place], rating, f"c{place}")

    def test_a_lost_connection_is_made_anew(self, store, postgresql_server):
        self.rate(store, 0, 3)
        postgresql_server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        target = ids(store, 1)[1]
        postgresql_server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert store.rate(1, target, 4, "c1").rating == 4
        assert sorted(store.ratings_table()["rating"]) == [3, 4]

    def test_a_server_that_is_down_is_called_so_and_what_was_saved_is_there_afterwards(self, store, postgresql_server):
        target = ids(store, 1)[1]
        self.rate(store, 0, 3)
        postgresql_server.stop()
        try:
            with pytest.raises(NotSaved, match=r"^postgresql://postgres@.* does not answer .*so nothing is saved"):
                store.rate(1, target, 4, "c1")
            with pytest.raises(NotSaved, match="does not answer"):
                store.progress()
        finally:
            postgresql_server.start()
        assert store.rate(1, target, 4, "c1").rating == 4
        assert len(events(store)) == 2

    def test_a_lock_that_another_program_keeps(self, store, postgresql_url):
        target = ids(store, 1)[0]
        with store._database.writer.begin():
            store._database.writer.exec_driver_sql("SET lock_timeout = '100ms'")
        with psycopg.connect(postgresql_url) as other:
            other.execute("LOCK TABLE ratings IN EXCLUSIVE MODE")
            with pytest.raises(NotSaved, match=r"Another program keeps postgresql://postgres@.* locked"):
                store.rate(1, target, 4, "c")
        assert store.rate(1, target, 4, "c").rating == 4
        assert given_ratings(store, 1)[target] == 4

    def test_a_server_that_only_reads_is_read(self, store, postgresql_url):
        self.rate(store, 0, 3)
        with closing(Store(f"{postgresql_url} -cdefault_transaction_read_only=on")) as archived:
            assert archived.is_read_only and archived.ratings_table()["rating"].tolist() == [3]
            with pytest.raises(NotSaved, match="is readonly"):
                archived.rate(1, ids(archived, 1)[1], 3, "c")

    def test_a_commit_is_on_disk_before_it_returns(self, store):
        with store._write() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"

    def test_a_reader_sees_one_state_however_much_it_asks(self, store):
        target = ids(store, 1)[0]
        with store._read() as connection:
            count = "SELECT count(*) FROM ratings"
            assert connection.exec_driver_sql(count).scalar() == 0
            store.rate(1, target, 3, "c")
            assert connection.exec_driver_sql(count).scalar() == 0


def test_nothing_of_who_withdrew_is_in_the_tables_files(store, postgresql_server, postgresql_url):
    schema = postgresql_url.rpartition("%3D")[2]
    store.add_evaluators(["Wilhelmina-Zyx"])
    assert store.withdraw("Wilhelmina-Zyx") == (0, True)
    postgresql_server.sql("CHECKPOINT")
    for (table,) in tables(postgresql_server, postgresql_url):
        ((place,),) = postgresql_server.sql(f"SELECT pg_relation_filepath('{schema}.{table}')")
        content = (postgresql_server.folder / "data" / place).read_bytes()
        assert b"Wilhelmina-Zyx" not in content
        assert table != "evaluators" or b"bob" in content


def test_two_studies_in_one_database_do_not_wait_for_each_other(store, postgresql_server):
    postgresql_server.sql("CREATE SCHEMA IF NOT EXISTS elsewhere")
    with closing(filled(postgresql_server.url("elsewhere"))) as other:
        target = ids(other, 1)[0]
        with store._write():
            assert other.rate(1, target, 3, "c").rating == 3
    assert given_ratings(store, 1)[ids(store, 1)[0]] is None
    assert make_url(postgresql_server.url("elsewhere")).host is None
    postgresql_server.sql("DROP SCHEMA elsewhere CASCADE")
