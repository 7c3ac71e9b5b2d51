//! The steps from one version of the tables to the next.

use super::Step;

/// Step N leads from version N to version N + 1. A published step is never edited.
///
/// Instants are seconds since 1970; lists of addresses and ids are JSON arrays of strings; `kind`
/// and `state` are the names of `wit/types.wit`. `octets`, `spool` and `recipe` are the stored
/// form of a body: literal octets, a large message kept elsewhere, and how they interleave.
pub(super) const STEPS: &[Step] = &[
    Step {
        both: "
-- Files beside the database that rows refer to. Other files there are orphans.
CREATE TABLE spool (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL
) STRICT;

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    pec_id TEXT,
    message_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- NULL once all is carried out: what is kept then is who, what and when.
    octets BLOB,
    spool INTEGER REFERENCES spool (id),
    recipe TEXT
) STRICT;
CREATE INDEX message_pec_id ON message (pec_id) WHERE pec_id IS NOT NULL;
CREATE INDEX message_held ON message (id) WHERE octets IS NOT NULL;
CREATE INDEX message_spool ON message (spool) WHERE spool IS NOT NULL;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    -- Does not depend on row numbers: names files, seeds entropy.
    key TEXT NOT NULL UNIQUE,
    action TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES message (id),
    at INTEGER NOT NULL,
    reverse_path TEXT NOT NULL,
    recipients TEXT NOT NULL,
    confirm INTEGER NOT NULL DEFAULT 0,
    -- For confirm: how the deposit failed, NULL if it did not. For bounce: how the relay failed.
    failure TEXT,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    seq INTEGER UNIQUE
) STRICT;
CREATE INDEX outbox_pending ON outbox (id, next_at) WHERE state = 'pending';
CREATE INDEX outbox_message ON outbox (message);

CREATE TABLE tracked (
    pec_id TEXT PRIMARY KEY,
    message_id TEXT,
    sender TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    subject TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    -- Counts changes, so that a transaction can tell that what it saw is still so.
    version INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE tracked_recipient (
    pec_id TEXT NOT NULL REFERENCES tracked (pec_id),
    position INTEGER NOT NULL,
    address TEXT NOT NULL,
    certified INTEGER NOT NULL,
    state TEXT NOT NULL,
    warned INTEGER NOT NULL,
    deadline INTEGER,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (pec_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tracked_recipient_due ON tracked_recipient (deadline, pec_id, position)
    WHERE deadline IS NOT NULL;

CREATE TABLE taken_in_charge (
    pec_id TEXT NOT NULL,
    -- In lower case: the same mailbox is the same recipient.
    mailbox TEXT NOT NULL,
    recipient TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (pec_id, mailbox)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    pec_id TEXT,
    message_id TEXT,
    at INTEGER NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    generated TEXT NOT NULL,
    provider TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX log_pec_id ON log (pec_id) WHERE pec_id IS NOT NULL;

CREATE TABLE infected (
    id INTEGER PRIMARY KEY,
    pec_id TEXT,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    octets BLOB NOT NULL,
    spool INTEGER REFERENCES spool (id),
    recipe TEXT
) STRICT;
CREATE INDEX infected_spool ON infected (spool) WHERE spool IS NOT NULL;

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE memo (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came in and was answered with success: the same again is a repetition.
CREATE TABLE fingerprint (
    fingerprint BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    code INTEGER NOT NULL,
    status TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprint_at ON fingerprint (at);

CREATE TABLE usage (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    at INTEGER NOT NULL,
    recipients INTEGER NOT NULL
) STRICT;
CREATE INDEX usage_account ON usage (account, at, recipients);
CREATE INDEX usage_at ON usage (at);

CREATE TABLE directory (
    -- One row.
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sha256 TEXT NOT NULL,
    providers INTEGER NOT NULL,
    domains INTEGER NOT NULL,
    certificates INTEGER NOT NULL
) STRICT;
CREATE TABLE directory_provider (
    id INTEGER PRIMARY KEY,
    dn TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT,
    mail_receipt TEXT NOT NULL
) STRICT;
CREATE TABLE directory_domain (
    domain TEXT NOT NULL,
    provider INTEGER NOT NULL REFERENCES directory_provider (id),
    PRIMARY KEY (domain, provider)
) STRICT, WITHOUT ROWID;
CREATE TABLE directory_certificate (
    provider INTEGER NOT NULL REFERENCES directory_provider (id),
    position INTEGER NOT NULL,
    sha1 TEXT NOT NULL,
    certificate BLOB NOT NULL,
    PRIMARY KEY (provider, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_certificate_sha1 ON directory_certificate (sha1, provider);
",
        postgres: "",
    },
    Step {
        both: "
-- Look-ups are answered from memory; the tables are read as a whole.
DROP INDEX directory_certificate_sha1;
ALTER TABLE directory ADD COLUMN signers TEXT NOT NULL DEFAULT '';

-- The newest file of each name that others may fetch.
CREATE TABLE publication (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    content BLOB NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
) STRICT;
",
        postgres: "",
    },
    Step {
        both: "
-- Two providers may use one PEC id, by malice if not by chance. What was taken in charge before
-- this step counts for every provider (provider '').
ALTER TABLE taken_in_charge RENAME TO taken_in_charge_before;
CREATE TABLE taken_in_charge (
    pec_id TEXT NOT NULL,
    -- Distinguished name of the directory record of the provider that signed.
    provider TEXT NOT NULL,
    -- In lower case: the same mailbox is the same recipient.
    mailbox TEXT NOT NULL,
    recipient TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (pec_id, provider, mailbox)
) STRICT, WITHOUT ROWID;
INSERT INTO taken_in_charge (pec_id, provider, mailbox, recipient, at)
    SELECT pec_id, '', mailbox, recipient, at FROM taken_in_charge_before;
DROP TABLE taken_in_charge_before;
",
        postgres: "",
    },
    Step {
        both: "
-- Who is carrying an item out, and until when nobody else may: seconds since 1970 by the
-- database's clock, whatever time the host lives in.
ALTER TABLE outbox ADD COLUMN claimed_by TEXT;
ALTER TABLE outbox ADD COLUMN claimed_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_due ON outbox (next_at, id) WHERE state = 'pending';
CREATE INDEX outbox_claimed ON outbox (claimed_by) WHERE claimed_by IS NOT NULL;
",
        postgres: "
-- Large messages: hosts that share a database share no folder. Stored as they are, since what is
-- large in mail is compressed already.
ALTER TABLE spool ADD COLUMN made_at BIGINT NOT NULL
    DEFAULT extract(epoch FROM statement_timestamp())::bigint;
CREATE TABLE spool_chunk (
    spool BIGINT NOT NULL REFERENCES spool (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    octets BYTEA NOT NULL,
    PRIMARY KEY (spool, number)
);
ALTER TABLE spool_chunk ALTER COLUMN octets SET STORAGE EXTERNAL;

-- Numbers that transactions need not wait for each other to get; one that fails leaves a gap.
CREATE SEQUENCE relay_seq AS BIGINT;

-- What SQLite calls its clock.
CREATE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE sql STABLE
    AS 'SELECT extract(epoch FROM statement_timestamp())::bigint';
",
    },
    Step {
        both: "
-- How often somebody took an item in hand: from the second time on, one before may have carried it
-- out and not lived to say so. Of what waits since before this step nobody knows.
ALTER TABLE outbox ADD COLUMN claims INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET claims = 1 WHERE state = 'pending';
",
        postgres: "",
    },
    Step {
        both: "",
        postgres: "
-- Signatures and base64 are most of a small message, and not worth trying to compress.
ALTER TABLE message ALTER COLUMN octets SET STORAGE EXTERNAL;
ALTER TABLE infected ALTER COLUMN octets SET STORAGE EXTERNAL;
-- Each change of a row is a new version of it with an entry in each index: one index less. What
-- it was for, outbox_due does nearly as well.
DROP INDEX outbox_pending;
",
    },
    Step {
        both: "",
        postgres: "
-- Only what is relayed has a number, and a row without one needs no entry.
ALTER TABLE outbox DROP CONSTRAINT outbox_seq_key;
CREATE UNIQUE INDEX outbox_seq ON outbox (seq) WHERE seq IS NOT NULL;
",
    },
    Step {
        both: "",
        postgres: "
-- Claimed items are read by their numbers; to renew all claims, once in a while, is a walk over what
-- waits. So nothing that a claim changes is in an index, and the version of a row that it makes needs no
-- entry in any where there is room for it beside the one before. The price is room: a third of the table.
DROP INDEX outbox_claimed;
ALTER TABLE outbox SET (fillfactor = 70);
",
    },
    Step {
        both: "",
        postgres: "
-- Where statements are told as one, the server must see for itself that nothing is committed when one
-- of them changed nothing. The detail says which, by its number.
CREATE FUNCTION must_change(changed BIGINT, part BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS '
BEGIN
    IF changed = 0 THEN
        RAISE EXCEPTION ''a statement changed nothing; all is undone, and the host knows''
            USING ERRCODE = ''PEC01'', DETAIL = part;
    END IF;
    RETURN changed;
END';
",
    },
];
