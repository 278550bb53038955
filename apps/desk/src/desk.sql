-- Boards, who may see them, and what is on them. Cards and lists that are archived, and cards in the trash, keep
-- their place: they can be restored to it, and others may have been put beside them meanwhile.
CREATE TABLE desk_board (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    archived BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE TABLE desk_member (
    board TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    role BIGINT NOT NULL,
    PRIMARY KEY (board, user_id)
);
CREATE INDEX desk_member_user ON desk_member (user_id, board);
CREATE TABLE desk_label (
    board TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    hue BIGINT NOT NULL,
    PRIMARY KEY (board, id)
);
CREATE TABLE desk_list (
    board TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    ord TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    archived BIGINT NOT NULL,
    edits TEXT NOT NULL,
    PRIMARY KEY (board, id),
    UNIQUE (board, ord)
);
CREATE TABLE desk_card (
    board TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    list TEXT COLLATE "C" NOT NULL,
    ord TEXT COLLATE "C" NOT NULL,
    title TEXT NOT NULL,
    labels TEXT NOT NULL,
    assignees TEXT NOT NULL,
    due TEXT, -- NULL: there is none
    archived BIGINT NOT NULL,
    trashed_ms BIGINT, -- NULL: it is not in the trash
    described BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    edits TEXT NOT NULL,
    PRIMARY KEY (board, id),
    UNIQUE (board, list, ord)
);
CREATE INDEX desk_card_shown ON desk_card (board, list) WHERE archived = 0 AND trashed_ms IS NULL;
CREATE INDEX desk_card_trash ON desk_card (trashed_ms) WHERE trashed_ms IS NOT NULL;
CREATE TABLE desk_description (
    board TEXT COLLATE "C" NOT NULL,
    card TEXT COLLATE "C" NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (board, card)
)
