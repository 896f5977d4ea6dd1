-- What licences there were. A snapshot is one state of some families: taken_at
-- is when it was first found, seen_at when last, both microseconds since 1970 in
-- UTC. Licences that did not change are kept once, by the hash of their JSON.

-- +goose Up

CREATE TABLE snapshots (
    base_url TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    families TEXT   NOT NULL,   -- with commas between them
    taken_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    PRIMARY KEY (base_url, id)
);

CREATE TABLE snapshot_contents (
    hash     TEXT   NOT NULL PRIMARY KEY,
    size     BIGINT NOT NULL,   -- bytes of licences
    licences BLOB   NOT NULL    -- JSON, compressed by gzip
);

CREATE TABLE snapshot_parts (
    base_url    TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    family      TEXT NOT NULL,
    hash        TEXT NOT NULL REFERENCES snapshot_contents (hash),
    PRIMARY KEY (base_url, snapshot_id, family)
);

CREATE INDEX snapshot_parts_by_hash ON snapshot_parts (hash);
