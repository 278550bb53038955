//! Where users' devices stand in their personal channels.

use std::time::Duration;

use veche_kernel::{
    ChannelName, UserId,
    log::{Device, Place},
};

use super::desk::Desk;

const DAY: Duration = Duration::from_hours(24);

fn device(name: &str) -> Device {
    Device::of(&UserId::from("ann"), Some(name))
}

async fn tell(desk: &Desk, count: usize) {
    for _ in 0..count {
        let tell = async |tx: &mut crate::Tx| {
            let channel = ChannelName::parse("user:ann").expect("it is a name");
            tx.channel(&channel).await?.publish("notification", "1").await
        };
        desk.store.write(tell).await.expect("publishes");
    }
}

async fn place(desk: &Desk, name: &str) -> (u64, Option<u64>) {
    let Place { head, acked } = desk.store.place(&device(name)).await.expect("it is known");
    (head.offset, acked)
}

/// Red where the last acknowledgement won.
pub(super) async fn an_acknowledgement_never_goes_back(desk: &Desk) {
    tell(desk, 9).await;
    for offset in [3, 7, 5] {
        assert_eq!(desk.store.ack(&device("phone"), offset).await, Ok(true));
    }
    assert_eq!(desk.store.ack(&device("laptop"), 4).await, Ok(true));
    assert_eq!(place(desk, "phone").await, (9, Some(7)));
    assert_eq!(place(desk, "laptop").await, (9, Some(4)));
}

/// Red where the head of the first look was not kept: what came between the looks was passed over.
pub(super) async fn a_new_device_stands_at_the_head_from_then_on(desk: &Desk) {
    assert_eq!(place(desk, "phone").await, (0, None));
    tell(desk, 2).await;
    assert_eq!(place(desk, "phone").await, (2, Some(0)));
    assert_eq!(place(desk, "laptop").await, (2, None));
    tell(desk, 1).await;
    assert_eq!(place(desk, "laptop").await, (3, Some(2)));
}

/// Red without the look at the head.
pub(super) async fn what_was_never_published_is_not_acknowledged(desk: &Desk) {
    assert_eq!(desk.store.ack(&device("phone"), 1).await, Ok(false));
    tell(desk, 1).await;
    assert_eq!(desk.store.ack(&device("phone"), 2).await, Ok(false));
    assert_eq!(place(desk, "phone").await, (1, None));
}

/// Red where a look does not prolong what is remembered.
pub(super) async fn a_device_is_remembered_for_30_days_after_it_was_seen(desk: &Desk) {
    place(desk, "phone").await;
    for _ in 0..40 {
        desk.clock.advance(DAY);
        place(desk, "phone").await;
    }
    tell(desk, 1).await;
    desk.clock.advance(29 * DAY);
    assert_eq!(place(desk, "phone").await, (1, Some(0)));
    desk.clock.advance(30 * DAY);
    assert_eq!(place(desk, "phone").await, (1, None));
}
