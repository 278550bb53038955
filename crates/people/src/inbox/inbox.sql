CREATE TABLE inbox (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE TABLE notification (
    user_id TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL,
    bundle BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    "group" TEXT COLLATE "C",
    actors TEXT NOT NULL,
    count BIGINT NOT NULL,
    target TEXT,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    state BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX notification_state ON notification (user_id, state, id);
CREATE INDEX notification_group ON notification (user_id, "group", id);
CREATE INDEX notification_age ON notification (at_ms);
CREATE TABLE notification_actor (
    user_id TEXT COLLATE "C" NOT NULL,
    bundle BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, bundle, actor)
);
CREATE INDEX notification_actor_age ON notification_actor (at_ms);
CREATE TABLE notification_setting (
    user_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    in_app BIGINT NOT NULL,
    by_mail BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind)
);
