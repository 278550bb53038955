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
INSERT INTO channel (name, epoch, head, floor, changed_ms) VALUES ('log:1', 'aaaaaaaaaaa', 0, 0, 0);
