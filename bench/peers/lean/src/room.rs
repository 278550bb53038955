//! Rooms and their fan-out: a publication is framed once and appended to its room's batch; when the
//! other tasks of the turn have run, the flusher sends each batch with one `send` a subscriber.

use std::{cell::RefCell, collections::HashMap, convert::Infallible, rc::Rc};

use tokio::sync::Notify;

use crate::{connection::Link, wire};

/// Everything that the one thread of the server shares.
#[derive(Default)]
pub(crate) struct Hub {
    rooms: RefCell<HashMap<String, Rc<Room>>>,
    /// Rooms whose batch is not empty.
    unsent: RefCell<Vec<Rc<Room>>>,
    flush: Notify,
}

/// One room; rooms are never removed.
#[derive(Default)]
pub(crate) struct Room {
    subscribers: RefCell<Vec<Rc<Link>>>,
    batch: RefCell<Vec<u8>>,
}

impl Hub {
    /// The room of that name, made where there is none.
    pub(crate) fn room(&self, name: &str) -> Rc<Room> {
        if let Some(room) = self.rooms.borrow().get(name) {
            return Rc::clone(room);
        }
        let room = Rc::new(Room::default());
        self.rooms.borrow_mut().insert(name.to_owned(), Rc::clone(&room));
        room
    }

    /// Frames `data`, which is raw JSON, for everyone in the room. Without a room nobody hears it.
    pub(crate) fn publish(&self, name: &str, data: &str) {
        let rooms = self.rooms.borrow();
        let Some(room) = rooms.get(name) else { return };
        let mut batch = room.batch.borrow_mut();
        if batch.is_empty() {
            self.unsent.borrow_mut().push(Rc::clone(room));
            self.flush.notify_one();
        }
        let parts = [r#"{"type":"msg","room":""#, name, r#"","data":"#, data, "}"];
        wire::write_frame(&mut batch, wire::TEXT, &parts.map(str::as_bytes));
    }

    /// Sends batches, for as long as the server runs.
    pub(crate) async fn flush(self: Rc<Self>) -> Infallible {
        loop {
            self.flush.notified().await;
            for room in self.unsent.take() {
                room.send_batch();
            }
        }
    }
}

impl Room {
    pub(crate) fn add(&self, link: Rc<Link>) {
        self.subscribers.borrow_mut().push(link);
    }

    pub(crate) fn remove(&self, link: &Rc<Link>) {
        let mut subscribers = self.subscribers.borrow_mut();
        if let Some(index) = subscribers.iter().position(|other| Rc::ptr_eq(other, link)) {
            subscribers.swap_remove(index);
        }
    }

    fn send_batch(&self) {
        let batch = self.batch.take();
        for link in self.subscribers.borrow().iter() {
            link.send(&batch);
        }
    }
}
