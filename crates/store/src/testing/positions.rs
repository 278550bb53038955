//! Offsets, epochs and locks.

use std::{collections::HashSet, sync::Arc};

use smallvec::smallvec;
use tokio::sync::Barrier;
use veche_kernel::{
    Position, Publication, Sender, UserId,
    broker::{Head, History},
};

use super::desk::{ALL, Desk, name, offsets, rules};
use crate::{Error, Tx, params};

pub(super) async fn offsets_count_from_one_without_a_hole(desk: &Desk) {
    let head = desk.store.head(&desk.channel).await.expect("makes a head");
    assert_eq!((head.offset, head.floor), (0, 0));
    for offset in 1..=100 {
        let published = desk.append(desk.publication("1"), &rules()).await;
        assert_eq!(published.position, Some(Position { epoch: head.epoch, offset }));
    }
    assert_eq!(desk.offsets(ALL).await, (1..=100).collect::<Vec<_>>());
    assert_eq!(desk.read(ALL).await.head, Some(Head { offset: 100, ..head }));
}

pub(super) async fn channels_count_for_themselves(desk: &Desk) {
    desk.append_many(3).await;
    let publication = Publication { channel: name("room:2"), ..desk.publication("1") };
    let position = desk.append(publication, &rules()).await.position.expect("it is positioned");
    assert_eq!(position.offset, 1);
    assert_ne!(position.epoch, desk.read(ALL).await.head.expect("it has a head").epoch);
}

/// Red where a failed write was committed.
pub(super) async fn a_rollback_leaves_no_hole(desk: &Desk) {
    desk.append_many(2).await;
    for _ in 0..3 {
        let channel = desk.channel.clone();
        let write = async move |tx: &mut Tx| -> Result<(), Error> {
            let position = tx.channel(&channel).await?.publish("noted", "1").await?;
            assert_eq!(position.offset, 3, "the place of the one before was taken");
            Err(Error::Other("on purpose".into()))
        };
        desk.store.write(write).await.expect_err("it fails on purpose");
    }
    desk.append_many(1).await;
    assert_eq!(desk.offsets(ALL).await, [1, 2, 3]);
    assert_eq!(offsets(&desk.delivered()), [1, 2, 3]);
}

/// Red where a group was delivered backwards, and where a failed write of a group was kept.
pub(super) async fn concurrent_writers_meet_in_one_order(desk: &Desk) {
    const WRITERS: usize = 8;
    const EACH: usize = 100;
    let start = Arc::new(Barrier::new(WRITERS));
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, start) = (desk.store.clone(), Arc::clone(&start));
            let drafts: Vec<_> = (0..EACH).map(|n| desk.publication(&format!("[{writer},{n}]"))).collect();
            tokio::spawn(async move {
                start.wait().await;
                let mut last = 0;
                for (n, draft) in drafts.into_iter().enumerate() {
                    // Every third one fails after it has published.
                    let fails = n % 3 == 2;
                    let write = async move |tx: &mut Tx| {
                        let position = tx.publish(draft.clone()).await?;
                        if fails { Err(Error::Other("on purpose".into())) } else { Ok(position) }
                    };
                    let Ok(position) = store.write(write).await else { continue };
                    assert!(position.offset > last, "a writer's own order was lost");
                    last = position.offset;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let kept = (WRITERS * (EACH - EACH / 3)) as u64;
    let found = desk.read(ALL).await.publications;
    assert_eq!(offsets(&found), (1..=kept).collect::<Vec<_>>());
    assert_eq!(desk.delivered(), found, "what was delivered is not what was saved");
    let texts: HashSet<_> = found.iter().map(|publication| &*publication.data).collect();
    assert_eq!(texts.len() as u64, kept, "something was published twice");
}

pub(super) async fn a_position_is_known_inside_the_transaction(desk: &Desk) {
    let channel = desk.channel.clone();
    let write = async move |tx: &mut Tx| -> Result<Vec<u64>, Error> {
        let mut lock = tx.channel(&channel).await?;
        assert_eq!(lock.head().offset, 0);
        let first = lock.publish("noted", "1").await?;
        assert_eq!(lock.head().offset, 1);
        tx.execute("INSERT INTO note (id) VALUES ($1)", params![first.offset.cast_signed()]).await?;
        let second = tx.channel(&channel).await?.publish("noted", "2").await?;
        Ok(vec![first.offset, second.offset])
    };
    assert_eq!(desk.store.write(write).await, Ok(vec![1, 2]));
    assert_eq!(desk.notes().await, [1]);
}

/// Red without `note_lock`.
pub(super) async fn channels_are_locked_in_the_order_of_their_names(desk: &Desk) {
    let [a, b] = [name("room:a"), name("room:b")];
    let names = [b.clone(), a.clone()];
    let wrong = async move |tx: &mut Tx| -> Result<(), Error> {
        tx.channel(&b).await?;
        tx.channel(&a).await.map(|_| ())
    };
    let error = desk.store.write(wrong).await;
    assert_eq!(error, Err(Error::Order { locked: "room:b".into(), asked: "room:a".into() }));
    let right = async move |tx: &mut Tx| -> Result<(), Error> {
        tx.channels(&names).await?;
        for channel in &names {
            tx.channel(channel).await?.publish("noted", "1").await?;
        }
        Ok(())
    };
    desk.store.write(right).await.expect("both are locked");
}

pub(super) async fn an_epoch_stays(desk: &Desk) {
    let head = desk.store.head(&desk.channel).await.expect("makes a head");
    assert_eq!(desk.store.head(&desk.channel).await, Ok(head));
    desk.append_many(2).await;
    assert_eq!(desk.store.head(&desk.channel).await, Ok(Head { offset: 2, ..head }));
}

/// Red where `snapshot` took the head before its transaction.
pub(super) async fn state_and_head_are_of_one_moment(desk: &Desk) {
    let (store, channel) = (desk.store.clone(), desk.channel.clone());
    let writing = tokio::spawn(async move {
        for id in 1..=200_i64 {
            let channel = channel.clone();
            let write = async move |tx: &mut Tx| -> Result<(), Error> {
                tx.execute("INSERT INTO note (id) VALUES ($1)", params![id]).await?;
                tx.channel(&channel).await?.publish("noted", id.to_string()).await.map(|_| ())
            };
            store.write(write).await.expect("writes");
        }
    });
    let mut seen = 0;
    while seen < 200 {
        let state =
            async |tx: &mut crate::ReadTx| tx.one("SELECT COUNT(*) FROM note", []).await?.get::<u64>(0);
        let (notes, head) = desk.store.snapshot(&desk.channel, state).await.expect("reads");
        assert_eq!(notes, head.offset);
        seen = notes;
    }
    writing.await.expect("no panic");
}

pub(super) async fn a_publication_comes_back_as_it_was_published(desk: &Desk) {
    let [ann, bob] = desk.sessions;
    let plain = desk.publication("null");
    let full = Publication {
        event: "card.moved".into(),
        data: "{\"text\":\"'Ünï' \\\"$1\\\"\"}".into(),
        sender: Some(Sender { user: UserId::from("ann"), session: ann }),
        op_id: Some("op-1".into()),
        key: Some("card:1".into()),
        time_ms: 1_234_567_890_123,
        exclude: smallvec![ann, bob],
        ..plain.clone()
    };
    for publication in [&plain, &full] {
        desk.append(publication.clone(), &rules()).await;
    }
    let History { head, publications } = desk.read(ALL).await;
    let epoch = head.expect("it has a head").epoch;
    for (place, publication) in [plain, full].into_iter().enumerate() {
        let position = Some(Position { epoch, offset: place as u64 + 1 });
        assert_eq!(*publications[place], Publication { position, ..publication });
    }
    assert_eq!(desk.delivered(), publications);
}
