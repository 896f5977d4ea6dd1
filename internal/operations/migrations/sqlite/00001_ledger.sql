-- The ledger of operations. Times are microseconds since 1970 in UTC, 0 for
-- none. What is looked up has a column; the whole operation is in document, as
-- JSON, and the columns repeat parts of it.

-- +goose Up

CREATE TABLE operations (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL CHECK (kind IN ('order', 'edit', 'terminate')),
    family      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('proposed', 'sending', 'succeeded', 'rejected', 'unknown', 'not_applied', 'declined', 'expired')),
    base_url    TEXT    NOT NULL,
    phrase      TEXT    UNIQUE,     -- digest; NULL for an edit
    fingerprint TEXT    NOT NULL,
    licence     TEXT    NOT NULL,   -- key number in canonical spelling; '' where there is none
    server_ip   TEXT    NOT NULL,   -- of an order; '' where there is none
    expires_at  BIGINT  NOT NULL,
    claimed_at  BIGINT  NOT NULL,
    deadline    BIGINT  NOT NULL,
    settled_at  BIGINT  NOT NULL,
    document    TEXT    NOT NULL
);

CREATE INDEX operations_by_age         ON operations (base_url, seq);
CREATE INDEX operations_by_state       ON operations (base_url, state, seq);
CREATE INDEX operations_by_fingerprint ON operations (base_url, fingerprint, state);
CREATE INDEX operations_by_licence     ON operations (base_url, family, licence, kind, state, claimed_at);
CREATE INDEX operations_by_server      ON operations (base_url, server_ip, seq);
CREATE INDEX operations_to_expire      ON operations (expires_at) WHERE state = 'proposed';
CREATE INDEX operations_by_claim       ON operations (base_url, kind, state, claimed_at);

-- The family's key numbers just before an order was sent, as a JSON array.
CREATE TABLE baselines (
    operation_id TEXT NOT NULL PRIMARY KEY REFERENCES operations (id),
    key_numbers  TEXT NOT NULL
);

-- Every step of every operation. A row's hash covers the row before it.
CREATE TABLE history (
    seq          BIGINT NOT NULL PRIMARY KEY,
    operation_id TEXT   NOT NULL REFERENCES operations (id),
    at           BIGINT NOT NULL,
    content      TEXT   NOT NULL,   -- JSON
    previous     TEXT   NOT NULL,
    hash         TEXT   NOT NULL
);

CREATE INDEX history_by_operation ON history (operation_id, seq);

-- The last row of the history, so that one missing at its end is found.
CREATE TABLE history_head (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT  NOT NULL,
    hash TEXT    NOT NULL
);

INSERT INTO history_head (one, seq, hash) VALUES (1, 0, '');

-- +goose StatementBegin
CREATE TRIGGER history_keeps_its_rows BEFORE DELETE ON history
BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER history_keeps_its_words BEFORE UPDATE ON history
BEGIN
    SELECT RAISE(ABORT, 'the history is append-only');
END;
-- +goose StatementEnd
