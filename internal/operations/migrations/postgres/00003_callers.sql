-- Who proposed an operation, so that a caller's own can be listed and counted;
-- '' where nobody had to say who they are.

-- +goose Up

ALTER TABLE operations ADD COLUMN principal TEXT NOT NULL DEFAULT '';

UPDATE operations SET principal = COALESCE(document::json #>> '{actor,principal}', '');

CREATE INDEX operations_by_caller ON operations (base_url, principal, seq);
