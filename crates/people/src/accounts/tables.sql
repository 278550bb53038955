-- People, and how they show who they are. No secret is here in the clear: passwords are Argon2id, tokens SHA-256.
CREATE TABLE account (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" UNIQUE, -- NULL: nobody writes to them, as to the demonstration's users
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    password TEXT, -- in the PHC format; NULL: they sign in by other means
    created_ms BIGINT NOT NULL
);
-- Who registered and has not confirmed the address. Several of one address stand beside each other: whoever
-- confirms one has its mail and knows its password.
CREATE TABLE account_registration (
    token BYTEA NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    password TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE INDEX account_registration_email ON account_registration (email);
CREATE TABLE account_reset (
    token BYTEA NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    until_ms BIGINT NOT NULL
);
CREATE INDEX account_reset_account ON account_reset (account);
CREATE TABLE account_session (
    token BYTEA NOT NULL PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX account_session_account ON account_session (account, seen_ms)
