-- Letters that wait for the post office. A letter that it took is deleted; one that was given up stays for 30 days,
-- without its text.
CREATE TABLE mail (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    unsubscribe TEXT, -- NULL: nobody turns such letters off
    written_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL, -- never, once it is given up
    failed BIGINT NOT NULL,
    reason TEXT, -- NULL: it has not failed
    given_up_ms BIGINT -- NULL: it has not been given up
);
CREATE INDEX mail_due ON mail (due_ms)
