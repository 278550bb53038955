CREATE TABLE friend_pair (
    low TEXT COLLATE "C" NOT NULL,
    high TEXT COLLATE "C" NOT NULL,
    bond BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    low_blocks BIGINT NOT NULL,
    high_blocks BIGINT NOT NULL,
    low_deaf_ms BIGINT NOT NULL,
    high_deaf_ms BIGINT NOT NULL,
    PRIMARY KEY (low, high)
);
CREATE INDEX friend_pair_low ON friend_pair (low, bond, high);
CREATE INDEX friend_pair_high ON friend_pair (high, bond, low);
