CREATE TABLE channel (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    epoch TEXT NOT NULL,
    head BIGINT NOT NULL,
    floor BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE TABLE publication (
    channel TEXT COLLATE "C" NOT NULL,
    "offset" BIGINT NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    sender_user TEXT,
    sender_session TEXT,
    op_id TEXT,
    key TEXT,
    time_ms BIGINT NOT NULL,
    left_out TEXT NOT NULL,
    PRIMARY KEY (channel, "offset")
);
CREATE TABLE operation (
    channel TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    op_id TEXT COLLATE "C" NOT NULL,
    "offset" BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (channel, author, op_id)
);
CREATE INDEX operation_until ON operation (until_ms);
CREATE TABLE reply (
    user_id TEXT COLLATE "C" NOT NULL,
    op_id TEXT COLLATE "C" NOT NULL,
    reply TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, op_id)
);
CREATE INDEX reply_until ON reply (until_ms);
CREATE TABLE ack (
    user_id TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    "offset" BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, device)
);
CREATE INDEX ack_until ON ack (until_ms);
