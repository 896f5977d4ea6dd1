-- What servers on one ledger share besides the operations.

-- +goose Up

-- Random keys by their names, made by whoever asks for one first.
CREATE TABLE shared_keys (
    name TEXT NOT NULL PRIMARY KEY,
    key  BYTEA NOT NULL
);

-- Sessions that were ended and are to stay so until a time, in microseconds since
-- 1970 in UTC, by the hex SHA-256 of their id.
CREATE TABLE ended_sessions (
    digest     TEXT   NOT NULL PRIMARY KEY,
    dead_until BIGINT NOT NULL
);
