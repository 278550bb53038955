//! A client's copy of a board: a snapshot, and every event after it. What the web UI does, in as few words.

use serde::de::DeserializeOwned;
use serde_json::Value;
use veche_desk::wire::{
    CardId,
    events::{
        BoardChanged, CardAssigned, CardChanged, CardCreated, CardDeleted, CardLabelled, CardMoved,
        CardRestored, LabelRemoved, LabelSet, ListChanged, ListCreated, ListMoved, ListRekeyed, ListsRekeyed,
        MemberRemoved, MemberSet,
    },
    parts::{Card, Label, Member, Snapshot},
};

/// The copy.
#[derive(Debug, Clone)]
pub(crate) struct Replica(Snapshot);

impl Replica {
    pub(crate) fn of(snapshot: Value) -> Self {
        let mut replica = Self(serde_json::from_value(snapshot).expect("it is a snapshot"));
        replica.sort();
        replica
    }

    pub(crate) fn offset(&self) -> u64 {
        self.0.position.offset
    }

    /// Where to subscribe from.
    pub(crate) fn position(&self) -> Value {
        serde_json::to_value(&self.0.position).expect("it serialises")
    }

    /// The board's id.
    pub(crate) fn name(&self) -> String {
        self.0.board.id.to_string()
    }

    /// What it shows; counts are those of the cards that are here.
    pub(crate) fn board(mut self) -> Snapshot {
        self.sort();
        self.0
    }

    /// Applies a publication of the board's channel. Each comes once and in order.
    pub(crate) fn apply(&mut self, frame: &Value) {
        let offset = frame["offset"].as_u64().expect("a board's events have offsets");
        assert_eq!(offset, self.offset() + 1, "{frame} came after {}", self.offset());
        self.0.position.offset = offset;
        let kind = frame["type"].as_str().expect("it has a type");
        let data = &frame["data"];
        match kind.split_once('.').expect("a name in two parts").0 {
            "card" => self.apply_to_card(kind, data, offset),
            _ => self.apply_to_board(kind, data, offset),
        }
    }

    fn apply_to_card(&mut self, kind: &str, data: &Value, offset: u64) {
        match kind {
            "card.created" => self.0.cards.push(read::<CardCreated>(data).card),
            "card.restored" => self.0.cards.push(read::<CardRestored>(data).card),
            "card.changed" => self.change(read(data), offset),
            "card.deleted" => self.hide(&read::<CardDeleted>(data).card),
            "card.moved" => {
                let CardMoved { card, list, ord } = read(data);
                self.touch(&card, offset, |card| {
                    (card.list, card.ord, card.at.place) = (list, ord, offset);
                });
            }
            "card.labelled" => {
                let CardLabelled { card, add, remove } = read(data);
                self.touch(&card, offset, |card| change_set(&mut card.labels, add, &remove));
            }
            "card.assigned" => {
                let CardAssigned { card, add, remove } = read(data);
                self.touch(&card, offset, |card| change_set(&mut card.assignees, add, &remove));
            }
            other => panic!("{other} is no event of a card"),
        }
    }

    fn change(&mut self, event: CardChanged, offset: u64) {
        let CardChanged { card, title, description, due, archived, restored } = event;
        if archived == Some(true) {
            return self.hide(&card);
        }
        if let Some(restored) = restored {
            return self.0.cards.push(restored);
        }
        self.touch(&card, offset, |card| {
            if let Some(title) = title {
                (card.title, card.at.title) = (title, offset);
            }
            if let Some(text) = description {
                (card.described, card.at.description) = (!text.is_empty(), offset);
            }
            if let Some(due) = due {
                (card.due, card.at.due) = (due, offset);
            }
        });
    }

    fn apply_to_board(&mut self, kind: &str, data: &Value, offset: u64) {
        let board = &mut self.0;
        match kind {
            "board.changed" => {
                let BoardChanged { title, archived } = read(data);
                board.board.title = title.unwrap_or_else(|| board.board.title.clone());
                board.board.archived = archived.unwrap_or(board.board.archived);
            }
            "list.created" => board.lists.push(read::<ListCreated>(data).list),
            "list.changed" => {
                let ListChanged { list, title, archived } = read(data);
                let Some(list) = board.lists.iter_mut().find(|known| known.id == list) else { return };
                if let Some(title) = title {
                    (list.title, list.at.title) = (title, offset);
                }
                if let Some(archived) = archived {
                    (list.archived, list.at.archived) = (archived, offset);
                }
            }
            "list.moved" => {
                let ListMoved { list, ord } = read(data);
                let Some(list) = board.lists.iter_mut().find(|known| known.id == list) else { return };
                (list.ord, list.at.place) = (ord, offset);
            }
            "lists.rekeyed" => {
                for (list, ord) in read::<ListsRekeyed>(data).keys {
                    board
                        .lists
                        .iter_mut()
                        .filter(|known| known.id == list)
                        .for_each(|it| it.ord.clone_from(&ord));
                }
            }
            "list.rekeyed" => {
                for (card, ord) in read::<ListRekeyed>(data).keys {
                    board
                        .cards
                        .iter_mut()
                        .filter(|known| known.id == card)
                        .for_each(|it| it.ord.clone_from(&ord));
                }
            }
            _ => self.apply_to_sets(kind, data),
        }
    }

    fn apply_to_sets(&mut self, kind: &str, data: &Value) {
        let board = &mut self.0;
        match kind {
            "label.set" => {
                let LabelSet { label: id, name, hue } = read(data);
                board.labels.retain(|known| known.id != id);
                board.labels.push(Label { id, name, hue });
            }
            "label.removed" => {
                let LabelRemoved { label } = read(data);
                board.labels.retain(|known| known.id != label);
                board.cards.iter_mut().for_each(|card| card.labels.retain(|known| *known != label));
            }
            "member.set" => {
                let MemberSet { user, name, role } = read(data);
                board.members.retain(|known| known.user != user);
                board.members.push(Member { user, name, role });
            }
            "member.removed" => {
                let MemberRemoved { user } = read(data);
                board.members.retain(|known| known.user != user);
                board.cards.iter_mut().for_each(|card| card.assignees.retain(|known| *known != user));
            }
            other => panic!("{other} is no event of a board"),
        }
    }

    fn touch(&mut self, card: &CardId, offset: u64, change: impl FnOnce(&mut Card)) {
        // One that is hidden is not here, and comes whole when it is shown again.
        let Some(card) = self.0.cards.iter_mut().find(|known| known.id == *card) else { return };
        card.changed = offset;
        change(card);
    }

    fn hide(&mut self, card: &CardId) {
        self.0.cards.retain(|known| known.id != *card);
    }

    fn sort(&mut self) {
        let Snapshot { members, labels, lists, cards, .. } = &mut self.0;
        members.sort_by(|one, other| one.user.cmp(&other.user));
        labels.sort_by(|one, other| one.id.cmp(&other.id));
        lists.sort_by(|one, other| (&one.ord, &one.id).cmp(&(&other.ord, &other.id)));
        let place = |card: &Card| lists.iter().position(|list| list.id == card.list);
        cards.sort_by(|one, other| {
            (place(one), &one.ord, &one.id).cmp(&(place(other), &other.ord, &other.id))
        });
        for list in lists {
            list.count = cards.iter().filter(|card| card.list == list.id).count() as u64;
        }
    }
}

fn read<T: DeserializeOwned>(data: &Value) -> T {
    serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{data}: {error}"))
}

fn change_set<T: Ord>(set: &mut Vec<T>, add: Vec<T>, remove: &[T]) {
    set.retain(|thing| !remove.contains(thing));
    set.extend(add);
    set.sort_unstable();
}
