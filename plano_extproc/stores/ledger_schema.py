"""The tables of the ledger, as the steps that made them. A step that was released is never changed.

Both databases have the same tables. `ledger` can only be added to: its triggers refuse every change of a row.
"""

from typing import Final

VERSIONS: Final = "CREATE TABLE IF NOT EXISTS ledger_versions (version INTEGER PRIMARY KEY, applied_at {now})"

_TABLES: Final = """
CREATE TABLE ledger (
    node TEXT NOT NULL, number BIGINT NOT NULL, form INTEGER NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
    at BIGINT NOT NULL, tenant TEXT NOT NULL, agent TEXT NOT NULL, tier INTEGER NOT NULL, client TEXT NOT NULL,
    action TEXT NOT NULL, decision TEXT NOT NULL, confidence {real}, input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL, nanos BIGINT, model TEXT NOT NULL, status INTEGER NOT NULL, trace_id TEXT NOT NULL,
    request_id TEXT NOT NULL, reason TEXT NOT NULL, side_effects TEXT NOT NULL,
    PRIMARY KEY (node, number)
);
CREATE TABLE ledger_heads (node TEXT PRIMARY KEY, number BIGINT NOT NULL, hash TEXT NOT NULL);
"""

_LOOKED_UP: Final = """
CREATE INDEX ledger_by_tenant ON ledger (tenant, agent, at);
CREATE INDEX ledger_by_time ON ledger (at);
"""

_FIXED_SQLITE: Final = """
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'rows of the ledger are never changed'); END;
CREATE TRIGGER ledger_is_not_shortened BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'rows of the ledger are never removed'); END;
"""

_FIXED_POSTGRES: Final = """
CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of the ledger are never changed or removed'; END $$;
CREATE TRIGGER ledger_is_fixed BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses();
CREATE TRIGGER ledger_is_not_emptied BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses();
"""

SQLITE: Final = (_TABLES.format(real="REAL"), _LOOKED_UP, _FIXED_SQLITE)
POSTGRES: Final = (_TABLES.format(real="DOUBLE PRECISION"), _LOOKED_UP, _FIXED_POSTGRES)
"""The steps, in order; the first one makes version 1."""

COLUMNS: Final = (
    "at", "tenant", "agent", "tier", "client", "action", "decision", "confidence", "input_tokens", "output_tokens",
    "nanos", "model", "status", "trace_id", "request_id", "reason", "side_effects",
)  # fmt: skip
"""The values of an entry, in the order in which they are written and read, behind those of its place."""

PLACE: Final = ("node", "number", "form", "previous", "hash")
