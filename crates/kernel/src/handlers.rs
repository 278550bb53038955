//! Handlers by their events' names.

use std::{collections::HashMap, time::Duration};

use crate::{
    handler::BoundHandler,
    module::{BuildError, Entry, Module},
};

/// How a handler is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) deadline: Duration,
    pub(crate) concurrent: bool,
    /// Returning nothing is no answer.
    pub(crate) quiet: bool,
}

/// One event's handler.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) handler: BoundHandler,
    pub(crate) options: Options,
}

/// Handlers by their events' names.
#[derive(Default)]
pub(crate) struct Handlers {
    exact: HashMap<String, Registered>,
    prefixes: Vec<(String, Registered)>,
}

impl Handlers {
    /// Adds a module's entry. Whether a name is the protocol's own is the caller's to know.
    pub(crate) fn add(&mut self, entry: Entry<()>, module: &str) -> Result<(), BuildError> {
        let invalid =
            |why| BuildError::InvalidEvent { event: entry.event.clone(), module: module.into(), why };
        let registered = Registered { handler: (entry.bind)(()), options: entry.options };
        veche_protocol::name::check_event(&entry.event).map_err(|_| invalid("it is no event name"))?;
        let doubled = match entry.event.split_once('{') {
            None => self.exact.insert(entry.event.clone(), registered).is_some(),
            Some((prefix, rest)) => {
                if prefix.is_empty() || rest.find('}') != Some(rest.len() - 1) {
                    return Err(invalid("a parameter stands at the end, as in balance:updated:{user}"));
                }
                let doubled = self.prefixes.iter().any(|(known, _)| known == prefix);
                self.prefixes.push((prefix.to_owned(), registered));
                doubled
            }
        };
        if doubled {
            return Err(BuildError::DoubledEvent { event: entry.event, module: module.into() });
        }
        Ok(())
    }

    /// The handlers of a module that is for one door's own events, whatever their names.
    pub(crate) fn of(module: Module) -> Result<Self, BuildError> {
        let mut handlers = Self::default();
        for mut entry in module.entries {
            entry.options.quiet = true;
            handlers.add(entry, &module.name)?;
        }
        Ok(handlers)
    }

    /// The handler of an event, and the event's parameter.
    pub(crate) fn find<'a>(&self, event: &'a str) -> Option<(&Registered, Option<&'a str>)> {
        if let Some(registered) = self.exact.get(event) {
            return Some((registered, None));
        }
        let longest = |found: &(usize, _)| found.0;
        self.prefixes
            .iter()
            .filter_map(|(prefix, registered)| {
                let parameter = event.strip_prefix(prefix.as_str()).filter(|rest| !rest.is_empty())?;
                Some((prefix.len(), (registered, Some(parameter))))
            })
            .max_by_key(longest)
            .map(|(_, found)| found)
    }
}
