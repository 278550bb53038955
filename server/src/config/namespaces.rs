//! `namespaces.*`: the rules of channels.

use veche::{Audience, Class, Namespace, SlowConsumer};

use super::{
    error::Problem,
    reader::{Reader, number, some_time},
    tree::{Key, Value},
    units,
};

impl Reader<'_> {
    pub(super) fn namespaces(&mut self) -> Vec<Namespace> {
        let names = self.tree.names_under("namespaces");
        names.into_iter().map(|name| self.namespace(name)).collect()
    }

    fn namespace(&mut self, name: String) -> Namespace {
        let key = |last: &[&str]| -> Key {
            let segments = ["namespaces", name.as_str()];
            segments.iter().chain(last).map(|segment| (*segment).to_owned()).collect()
        };
        self.check_name(&name, &key(&[]));
        let classes =
            [("ephemeral", Class::Ephemeral), ("memory", Class::Memory), ("durable", Class::Durable)];
        let class = self.one_of(key(&["class"]), Class::default(), &classes);
        // What a durable channel keeps, it keeps for longer.
        let default = match class {
            Class::Durable => Namespace::durable(name.as_str()),
            _ => Namespace::new(name.as_str()),
        };
        let audiences = [
            ("nobody", Audience::Nobody),
            ("owner", Audience::Owner),
            ("users", Audience::Users),
            ("anyone", Audience::Anyone),
        ];
        let policies = [
            ("disconnect", SlowConsumer::Disconnect),
            ("drop_oldest", SlowConsumer::DropOldest),
            ("latest_per_key", SlowConsumer::LatestPerKey),
        ];
        let mut retain = default.retain.clone();
        retain.count = self.count(key(&["retain", "count"]), retain.count);
        retain.ttl = self.parsed(key(&["retain", "ttl"]), retain.ttl, some_time);
        retain.bytes = self.size(key(&["retain", "bytes"]), retain.bytes);
        Namespace {
            class,
            subscribe: self.one_of(key(&["subscribe"]), default.subscribe, &audiences),
            publish: self.one_of(key(&["publish"]), default.publish, &audiences),
            presence: self.one_of(key(&["presence"]), default.presence, &audiences),
            history: self.one_of(key(&["history"]), default.history, &audiences),
            retain,
            replay_limit: self.integer(key(&["replay_limit"]), default.replay_limit, "a whole number"),
            dedupe: self.parsed(key(&["dedupe"]), default.dedupe, units::duration),
            coalesce_ms: self.coalesce(key(&["coalesce_ms"])),
            slow_consumer: self.one_of(key(&["slow_consumer"]), default.slow_consumer, &policies),
            max_members: self.count(key(&["max_members"]), default.max_members),
            name: default.name,
        }
    }

    /// Takes the marker of `[namespaces.NAME]` without keys, and refuses a name that no channel can begin with.
    fn check_name(&mut self, name: &str, key: &Key) {
        let marker = self.tree.take(key);
        let bad = name.contains(|c: char| c == ':' || c == '*' || c.is_control());
        if let Some(entry) = marker.filter(|entry| entry.value != Value::Empty) {
            self.refuse(key, &entry, r#"a table such as { class = "memory" }"#);
        } else if bad && let Some(origin) = self.tree.origin_under(key) {
            let expected = "a name without `:`, `*` and control characters".to_owned();
            let key = "namespaces".to_owned();
            self.problems.push(Problem::Value { key, value: format!("{name:?}"), expected, origin });
        }
    }

    fn coalesce(&mut self, key: Key) -> u8 {
        let expected = "a whole number of milliseconds from 0 to 5";
        self.value(key, 0, |entry| match number(entry) {
            Some(ms @ 0..=5) => Ok(ms.unsigned_abs() as u8),
            _ => Err(expected.to_owned()),
        })
    }
}
