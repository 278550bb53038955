//! Users' personal channels, as those know them who publish there.

use std::sync::Arc;

use veche_kernel::{ChannelName, Event, Namespace, Publication, UserId};
use veche_store::{Error, Tx};

/// The personal channel of a signed-in user: `user:{id}`. `None` for a guest, and for an id that no channel
/// can be named after.
///
/// A transaction locks its channels in the order of their names. One that tells several people, or that
/// publishes in a channel whose name comes before `user:`, locks all of them first:
///
/// ```
/// use veche_kernel::{ChannelName, UserId};
/// use veche_people::channel_of;
/// use veche_store::{Error, Tx};
///
/// async fn lock(tx: &mut Tx, room: &ChannelName, guest: &UserId) -> Result<(), Error> {
///     let personal = channel_of(guest);
///     let channels: Vec<_> = personal.into_iter().chain([room.clone()]).collect();
///     tx.channels(&channels).await
/// }
/// ```
pub fn channel_of(user: &UserId) -> Option<ChannelName> {
    if user.is_guest() || user.as_str().is_empty() {
        return None;
    }
    ChannelName::parse(&format!("{}:{user}", Namespace::PERSONAL)).ok()
}

/// Publishes an event to all devices of a user, now or when they come back.
pub(crate) async fn tell<E: Event>(tx: &mut Tx, user: &UserId, event: &E) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Other(format!("failed to tell {user}: {error}"));
    let channel = channel_of(user).ok_or_else(|| failed(&"there is no such channel"))?;
    let data = serde_json::to_string(event).map_err(|error| failed(&error))?;
    let publication = Publication::new(channel, event.name(), Arc::from(data), tx.now_ms());
    tx.publish(publication).await.map(|_| ())
}

/// Locks the personal channels of these users, in their order.
pub(crate) async fn lock(tx: &mut Tx, users: &[&UserId]) -> Result<(), Error> {
    let channels: Vec<_> = users.iter().filter_map(|user| channel_of(user)).collect();
    tx.channels(&channels).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red where the id was pasted into the name unchecked.
    #[test]
    fn only_a_user_whose_id_is_a_name_has_a_channel() {
        let name = |id: &str| channel_of(&UserId::from(id)).map(|channel| channel.to_string());
        assert_eq!(name("ann").as_deref(), Some("user:ann"));
        for id in ["", "guest:1", "a*", "a\nb", &"x".repeat(251)] {
            assert_eq!(name(id), None, "{id:?}");
        }
    }
}
