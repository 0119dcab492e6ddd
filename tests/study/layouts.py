"""Databases as earlier versions of humangrade made them: layout 1 (0.1.0), and 2 to 6 (until November 2026)."""

import sqlite3
from pathlib import Path

_BOTH = """
CREATE TABLE evaluators (id INTEGER NOT NULL, name VARCHAR NOT NULL, token VARCHAR NOT NULL, PRIMARY KEY (id),
    UNIQUE (name), UNIQUE (token));
CREATE TABLE meta ("key" VARCHAR NOT NULL, value VARCHAR NOT NULL, PRIMARY KEY ("key"));
CREATE TABLE scores (item VARCHAR NOT NULL, metric VARCHAR NOT NULL, score FLOAT NOT NULL, signature VARCHAR NOT NULL,
    PRIMARY KEY (item, metric));
CREATE TABLE assignments (id INTEGER NOT NULL, public_id VARCHAR NOT NULL, evaluator_id INTEGER NOT NULL,
    task VARCHAR NOT NULL, item VARCHAR NOT NULL, repeat INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (id),
    UNIQUE (evaluator_id, task, item, repeat), CHECK (repeat >= 0), UNIQUE (public_id),
    FOREIGN KEY(evaluator_id) REFERENCES evaluators (id));
CREATE TABLE rating_events (id INTEGER NOT NULL, assignment_id INTEGER NOT NULL, client_id VARCHAR NOT NULL,
    rating INTEGER NOT NULL, rated_at VARCHAR NOT NULL, response_ms INTEGER, PRIMARY KEY (id),
    CHECK (rating BETWEEN 1 AND 5), FOREIGN KEY(assignment_id) REFERENCES assignments (id), UNIQUE (client_id));
CREATE INDEX ix_rating_events_assignment_id ON rating_events (assignment_id);
CREATE TABLE ratings (assignment_id INTEGER NOT NULL, rating INTEGER NOT NULL, rated_at VARCHAR, response_ms INTEGER,
    PRIMARY KEY (assignment_id), CHECK (rating BETWEEN 1 AND 5),
    FOREIGN KEY(assignment_id) REFERENCES assignments (id));
"""
_SET_SCORES = """
CREATE TABLE set_scores ("set" VARCHAR NOT NULL, metric VARCHAR NOT NULL, score FLOAT NOT NULL, n INTEGER NOT NULL,
    signature VARCHAR NOT NULL{}, PRIMARY KEY ("set", metric));
"""
_NOTES = """
CREATE TABLE score_notes (item VARCHAR NOT NULL, metric VARCHAR NOT NULL, note VARCHAR NOT NULL,
    PRIMARY KEY (item, metric));
"""
_ROWS = """
INSERT INTO evaluators VALUES (1, 'ann', 'token-of-ann'), (2, 'bob', 'token-of-bob');
INSERT INTO assignments VALUES (1, 'public-1', 1, 'aesthetic', 'a.png', 0, 0), (2, 'public-2', 1, 'aesthetic', 'b.png',
    0, 1), (3, 'public-3', 2, 'aesthetic', 'a.png', 0, 0);
INSERT INTO rating_events VALUES (1, 1, 'c1', 2, '2026-10-01T10:00:00.000+00:00', 900),
    (2, 1, 'c2', 4, '2026-10-01T10:00:05.000+00:00', 500);
INSERT INTO ratings VALUES (1, 4, '2026-10-01T10:00:05.000+00:00', 500);
INSERT INTO scores VALUES ('a.png', 'ssim', 0.5, '');
"""


_WORDINGS = """
CREATE TABLE wordings (id INTEGER NOT NULL, task VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    question VARCHAR NOT NULL, levels VARCHAR NOT NULL, show_references BOOLEAN NOT NULL, show_prompt BOOLEAN NOT NULL,
    asked_from VARCHAR NOT NULL, note VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_wordings_task ON wordings (task);
CREATE TABLE history (id INTEGER NOT NULL, at VARCHAR NOT NULL, what VARCHAR NOT NULL, PRIMARY KEY (id));
ALTER TABLE ratings ADD COLUMN wording_id INTEGER REFERENCES wordings (id);
ALTER TABLE rating_events ADD COLUMN wording_id INTEGER REFERENCES wordings (id);
INSERT INTO wordings VALUES (1, 'aesthetic', 'f', 'How good?', '["a", "b", "c", "d", "e"]', 0, 0, 't', '');
UPDATE ratings SET wording_id = 1;
UPDATE rating_events SET wording_id = 1;
INSERT INTO history VALUES (1, 't', 'Something was done.');
INSERT INTO meta VALUES ('report_seen:2', '2026-10-02T10:00:00.000+00:00');
"""


_ANSWERS = """
ALTER TABLE evaluators ADD COLUMN report_seen_at VARCHAR;
UPDATE evaluators SET report_seen_at = '2026-10-02T10:00:00.000+00:00' WHERE id = 2;
DELETE FROM meta WHERE "key" = 'report_seen:2';
DROP INDEX ix_rating_events_assignment_id;
ALTER TABLE ratings RENAME TO old_ratings;
ALTER TABLE rating_events RENAME TO old_events;
CREATE TABLE ratings (assignment_id INTEGER NOT NULL, axis VARCHAR DEFAULT '' NOT NULL, rating INTEGER NOT NULL,
    rated_at VARCHAR, response_ms INTEGER, wording_id INTEGER, PRIMARY KEY (assignment_id, axis),
    FOREIGN KEY(assignment_id) REFERENCES assignments (id), FOREIGN KEY(wording_id) REFERENCES wordings (id))
    WITHOUT ROWID;
CREATE TABLE rating_events (id INTEGER NOT NULL, assignment_id INTEGER NOT NULL, axis VARCHAR DEFAULT '' NOT NULL,
    client_id VARCHAR NOT NULL, rating INTEGER NOT NULL, rated_at VARCHAR NOT NULL, response_ms INTEGER,
    wording_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(assignment_id) REFERENCES assignments (id), UNIQUE (client_id),
    FOREIGN KEY(wording_id) REFERENCES wordings (id));
INSERT INTO ratings SELECT assignment_id, '', rating, rated_at, response_ms, wording_id FROM old_ratings;
INSERT INTO rating_events SELECT id, assignment_id, '', client_id, rating, rated_at, response_ms, wording_id
    FROM old_events;
DROP TABLE old_ratings;
DROP TABLE old_events;
CREATE INDEX ix_rating_events_assignment_id ON rating_events (assignment_id);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('4');
"""

_SCALE = """
ALTER TABLE wordings ADD COLUMN scale VARCHAR DEFAULT '[1, 2, 3, 4, 5]' NOT NULL;
UPDATE alembic_version SET version_num = '5';
"""

_ROUND = """
ALTER TABLE assignments ADD COLUMN round INTEGER DEFAULT '1' NOT NULL;
UPDATE alembic_version SET version_num = '6';
"""


def make_database(path: Path, layout: int) -> None:
    """A database of an earlier layout: two evaluators, three assignments, one rating that was changed once."""
    later = layout >= 2
    script = _BOTH + _SET_SCORES.format(", low FLOAT, high FLOAT, note VARCHAR" if later else "")
    script += (_NOTES if later else "") + _ROWS + (_WORDINGS if layout >= 3 else "")
    script += (_ANSWERS if layout >= 4 else "") + (_SCALE if layout >= 5 else "")
    script += _ROUND if layout >= 6 else ""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(script)
        rows = [("schema", "4 or later" if layout >= 4 else str(layout)), ("owner_token", "token-of-owner")]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    connection.close()
