//! How many connections each address has.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The count, shared by the acceptor and all connections.
#[derive(Debug)]
pub(crate) struct Addresses {
    most: u32,
    counts: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection's place in the count; it is given back when this goes.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// `most` 0 = no bound.
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection, unless the address has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_as_many_places_as_it_may() {
        let addresses = Addresses::new(2);
        let one = IpAddr::from([127, 0, 0, 1]);
        let first = addresses.enter(one);
        let second = addresses.enter("::ffff:127.0.0.1".parse().expect("an address"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.enter(one).is_none(), "a mapped address is the same one");
        assert!(addresses.enter([127, 0, 0, 2].into()).is_some());
        drop(first);
        assert!(addresses.enter(one).is_some());
        drop(second);
        assert!(addresses.counts().is_empty(), "nothing is kept of who left");
    }
}
