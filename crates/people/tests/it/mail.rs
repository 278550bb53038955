//! The outbox: letters come from committed transactions, and are tried until they are taken.

use std::{sync::atomic::Ordering, time::Duration};

use veche_people::{
    accounts::Email,
    mail::{Letter, Recipient},
};
use veche_store::{Error, Tx};

use crate::support::House;

fn letter(subject: &str) -> Letter {
    let email = Email::parse("ann@example.com").expect("an address");
    let to = Recipient { email, name: "Ann".into() };
    Letter::new(to, subject, "the secret text", "<p>the secret text</p>").expect("it is right")
}

async fn write(house: &House, subject: &str, and_fail: bool) -> Result<(), Error> {
    let (post, letter) = (house.post.clone(), letter(subject));
    let write = async move |tx: &mut Tx| {
        post.write(tx, &letter).await?;
        if and_fail { Err(Error::Other("on purpose".into())) } else { Ok(()) }
    };
    house.store.write(write).await
}

/// Red where a letter is sent by `write` itself.
#[tokio::test]
async fn a_letter_is_of_a_committed_transaction() {
    let house = House::open().await;
    write(&house, "never", true).await.expect_err("it fails");
    write(&house, "once", false).await.expect("it is written");
    let sent = house.mail().await;
    assert_eq!(sent.iter().map(|mail| mail.letter.subject()).collect::<Vec<_>>(), ["once"]);
    assert!(house.mail().await.is_empty(), "once");
    assert_eq!(house.count("SELECT COUNT(*) FROM mail").await, 0, "nothing of it is kept");
}

/// Red where `schedule` has other pauses, or a letter that is given up keeps its text.
#[tokio::test]
async fn a_letter_that_is_not_taken_is_tried_five_times() {
    let house = House::open().await;
    house.letters.is_closed.store(true, Ordering::Relaxed);
    write(&house, "again", false).await.expect("it is written");
    let mut tries = 0;
    for pause in [0, 1, 5, 30, 120] {
        house.clock.advance(Duration::from_mins(pause).saturating_sub(Duration::from_millis(1)));
        if pause > 0 {
            assert_eq!(house.post.deliver_due().await, 0, "not before {pause} minutes");
        }
        house.clock.advance(Duration::from_millis(1));
        tries += house.post.deliver_due().await;
    }
    assert_eq!(tries, 5);
    assert_eq!(house.count("SELECT COUNT(*) FROM mail WHERE given_up_ms IS NULL").await, 1);
    house.letters.is_closed.store(false, Ordering::Relaxed);
    house.clock.advance(Duration::from_hours(2));
    assert!(house.mail().await.is_empty(), "it is given up");
    let left = "SELECT COUNT(*) FROM mail WHERE given_up_ms IS NOT NULL AND text = '' AND html = ''
                AND reason = 'closed on Sundays' AND subject = 'again'";
    assert_eq!(house.count(left).await, 1);

    // Red without the deletion in `give_up`.
    house.letters.is_closed.store(true, Ordering::Relaxed);
    house.clock.advance(Duration::from_hours(24 * 30));
    write(&house, "much later", false).await.expect("it is written");
    for _ in 0..6 {
        house.post.deliver_due().await;
        house.clock.advance(Duration::from_hours(2));
    }
    assert_eq!(house.count("SELECT COUNT(*) FROM mail WHERE subject = 'again'").await, 0);
    assert_eq!(house.count("SELECT COUNT(*) FROM mail WHERE given_up_ms IS NOT NULL").await, 1);
}

#[tokio::test]
async fn a_letter_goes_out_when_the_post_office_opens_again() {
    let house = House::open().await;
    house.letters.is_closed.store(true, Ordering::Relaxed);
    write(&house, "later", false).await.expect("it is written");
    assert_eq!(house.post.deliver_due().await, 1);
    house.letters.is_closed.store(false, Ordering::Relaxed);
    assert!(house.mail().await.is_empty(), "not yet");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.letter().await.0.letter.subject(), "later");
}

/// The worker itself, woken and by its own look.
#[tokio::test]
async fn the_worker_sends_what_is_written_while_it_waits() {
    let house = House::open().await;
    let worker = tokio::spawn(house.post.clone().deliver());
    for subject in ["first", "second"] {
        write(&house, subject, false).await.expect("it is written");
        house.post.wake();
        let sent = loop {
            if let Some(mail) = house.letters.take().pop() {
                break mail;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(sent.letter.subject(), subject);
    }
    write(&house, "third", false).await.expect("it is written");
    let sent = loop {
        // Nobody wakes it: it looks every few seconds of its clock.
        house.clock.advance(Duration::from_secs(1));
        if let Some(mail) = house.letters.take().pop() {
            break mail;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(sent.letter.subject(), "third");
    worker.abort();
}
