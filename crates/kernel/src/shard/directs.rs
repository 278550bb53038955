//! What is for one session alone, in its place among what its channels carry.

use std::{collections::VecDeque, mem};

use bytes::Bytes;
use smallvec::SmallVec;
use veche_protocol::server::ServerFrame;

use super::{Direct, Link, Shard};
use crate::inbox::{Entry, SessionKey, Text};

impl Shard {
    /// Sends a frame to one session after everything that the inbox held before.
    pub(crate) fn reply(&self, link: &Link, frame: &ServerFrame<'_>) {
        self.inbox.push(Entry::Direct { session: self.key(link), text: Text::Made(link.text(frame)) });
    }

    /// Queues a reply behind the batches, begun by now, of the session's channels.
    pub(super) fn direct(&self, session: SessionKey, text: Text) {
        let Some(link) = self.session(session) else { return };
        let state = link.state.borrow();
        let behind = state.subscriptions.iter().map(|it| &it.channel).filter(|it| it.dirty.get());
        let fences = behind.map(|channel| (channel.clone(), channel.begun.get())).collect();
        self.directs.borrow_mut().push_back(Direct { session, text, fences });
    }

    /// Sends the replies whose batches have left; of one session always in order.
    pub(super) fn send_directs(&self) {
        if self.directs.borrow().is_empty() {
            return;
        }
        let waiting = mem::take(&mut *self.directs.borrow_mut());
        let mut held: SmallVec<[SessionKey; 8]> = SmallVec::new();
        let mut kept = VecDeque::new();
        for direct in waiting {
            let behind = direct.fences.iter().any(|(channel, fence)| channel.is_behind(*fence));
            if behind || held.contains(&direct.session) {
                held.push(direct.session);
                kept.push_back(direct);
            } else if let Some(link) = self.session(direct.session) {
                let text = direct.text.of(&link);
                link.send(link.encoding.frame(text), self.node.limits.backlog_bytes);
            }
        }
        kept.append(&mut self.directs.borrow_mut());
        self.directs.replace(kept);
    }

    /// Sends a frame of the transport itself, such as a pong.
    pub fn send_control(&self, link: &Link, frame: Bytes) {
        link.send(frame, self.node.limits.backlog_bytes);
    }
}
