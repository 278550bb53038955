//! Who may do what: the decision, and the declarations that are refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use veche_kernel::{
    Audience, Decision, Grants, Namespace, Principal, Retain, Right, Rules, RulesError, UserId,
};

const RIGHTS: [Right; 4] = [Right::Subscribe, Right::Publish, Right::Presence, Right::History];

fn open(name: &str) -> Namespace {
    Namespace {
        subscribe: Audience::Anyone,
        publish: Audience::Anyone,
        presence: Audience::Anyone,
        history: Audience::Anyone,
        ..Namespace::new(name)
    }
}

fn check(rules: &Rules, user: Option<&str>, right: Right, channel: &str, expected: Decision) {
    let user = user.map(UserId::from);
    let decision = rules.decide(Principal { user: user.as_ref(), grants: None }, right, channel);
    assert_eq!(decision, expected, "{user:?} {right:?} {channel:?}");
}

#[test]
fn each_right_has_its_own_audience() {
    let rules = Rules::new([Namespace {
        subscribe: Audience::Anyone,
        publish: Audience::Users,
        ..Namespace::new("room")
    }])
    .unwrap();
    for (right, ann, guest) in [
        (Right::Subscribe, Decision::Allowed, Decision::Allowed),
        (Right::Publish, Decision::Allowed, Decision::Denied),
        (Right::Presence, Decision::Denied, Decision::Denied),
        (Right::History, Decision::Denied, Decision::Denied),
    ] {
        check(&rules, Some("ann"), right, "room:1", ann);
        check(&rules, Some("guest:7"), right, "room:1", guest);
        check(&rules, None, right, "room:1", Decision::Denied);
    }
}

#[test]
fn a_name_that_only_looks_like_a_namespace_is_denied() {
    let rules = Rules::new([open("room")]).unwrap();
    check(&rules, Some("ann"), Right::Subscribe, "room:", Decision::Allowed);
    check(&rules, Some("ann"), Right::Subscribe, "room:a:b", Decision::Allowed);
    for channel in ["room", "rooms:1", "roo:1", "Room:1", " room:1", ":room:1", "a:room:1", "rооm:1", "", ":"]
    {
        check(&rules, Some("ann"), Right::Subscribe, channel, Decision::Denied);
    }
}

#[test]
fn the_empty_namespace_owns_names_without_a_colon_and_no_others() {
    let rules = Rules::new([open("")]).unwrap();
    check(&rules, Some("ann"), Right::Publish, "lobby", Decision::Allowed);
    check(&rules, Some("ann"), Right::Publish, "room:1", Decision::Denied);
    check(&rules, Some("ann"), Right::Publish, ":lobby", Decision::Denied);
    check(&rules, Some("ann"), Right::Publish, "lobby:", Decision::Denied);
}

#[test]
fn what_nobody_declared_is_closed_and_ephemeral() {
    let rules = Rules::new([open("room")]).unwrap();
    assert!(rules.namespace("desk:1").is_none());
    assert_eq!(*rules.undeclared("desk:1"), Namespace::new("desk"));
    for right in RIGHTS {
        check(&rules, Some("ann"), right, "desk:1", Decision::Denied);
        check(&Rules::default(), Some("ann"), right, "room:1", Decision::Denied);
    }
}

fn refused(namespace: Namespace) -> String {
    Rules::new([namespace]).unwrap_err().to_string()
}

#[test]
fn a_refusal_names_the_namespace_and_the_key() {
    let twice = Rules::new([open("room"), open("desk"), open("room")]).unwrap_err();
    assert_eq!(twice, RulesError::Duplicate { namespace: "room".into() });
    for name in ["a:b", ":", "room*", "*", "a\nb", "a\0", &"x".repeat(254)] {
        let error = Rules::new([open(name)]).unwrap_err();
        assert_eq!(error, RulesError::InvalidName { namespace: name.into() });
    }
    let room = || Namespace::new("room");
    let retain = Retain::default;
    for (namespace, key) in [
        (Namespace { coalesce_ms: 6, ..room() }, "coalesce_ms"),
        (Namespace { replay_limit: 1_000_001, ..room() }, "replay_limit"),
        (Namespace { dedupe: Duration::MAX, ..room() }, "dedupe"),
        (Namespace { max_members: u32::MAX, ..room() }, "max_members"),
        (Namespace { retain: Retain { count: 1_000_001, ..retain() }, ..room() }, "retain.count"),
        (Namespace { retain: Retain { ttl: Duration::MAX, ..retain() }, ..room() }, "retain.ttl"),
        (Namespace { retain: Retain { bytes: usize::MAX, ..retain() }, ..room() }, "retain.bytes"),
    ] {
        let message = refused(namespace);
        assert!(message.starts_with("namespace \"room\": ") && message.contains(key), "{message}");
    }
}

#[test]
fn values_at_their_bounds_are_accepted() {
    let retain = Retain { count: 1_000_000, ttl: Duration::ZERO, bytes: 0 };
    let namespace = Namespace { coalesce_ms: 5, replay_limit: 1_000_000, retain, ..open("room") };
    assert!(Rules::new([namespace, open(&"x".repeat(253)), open("")]).is_ok());
}

/// Namespaces whose names are prefixes of each other, differ in case, or are look-alikes.
const NAMES: [&str; 12] =
    ["", "r", "ro", "room", "rooms", "Room", "rооm", "users", "guest", "game ", "канал", "a-b_c.d"];

fn audience() -> impl Strategy<Value = Audience> {
    prop_oneof![Just(Audience::Nobody), Just(Audience::Owner), Just(Audience::Users), Just(Audience::Anyone)]
}

fn namespaces() -> impl Strategy<Value = Vec<Namespace>> {
    let rights = (audience(), audience(), audience(), audience());
    let names = proptest::sample::subsequence(NAMES.to_vec(), 0..=NAMES.len());
    (names, proptest::collection::vec(rights, NAMES.len())).prop_map(|(names, rights)| {
        let with_rights = |(name, rights): (&str, (Audience, Audience, Audience, Audience))| {
            let (subscribe, publish, presence, history) = rights;
            Namespace { subscribe, publish, presence, history, ..Namespace::new(name) }
        };
        names.into_iter().zip(rights).map(with_rights).collect()
    })
}

fn channel() -> impl Strategy<Value = String> {
    let name = || proptest::sample::select(NAMES.to_vec());
    prop_oneof![
        4 => (name(), "[a-z:0-9]{0,4}").prop_map(|(name, rest)| format!("{name}:{rest}")),
        2 => (name(), ":{0,3}", name()).prop_map(|(a, colons, b)| format!("{a}{colons}{b}")),
        1 => (":{1,2}", name()).prop_map(|(colons, name)| format!("{colons}{name}")),
        1 => (name(), "[ \u{200b}a-z]", ":[0-9]{0,2}").prop_map(|(a, b, c)| format!("{a}{b}{c}")),
        1 => "[\u{20}-\u{7e}]{0,12}",
    ]
}

/// Patterns with rights, as a token says them: channels, beginnings of channels, and what is neither.
fn granted() -> impl Strategy<Value = Vec<(String, Vec<Right>)>> {
    let pattern = prop_oneof![
        3 => channel(),
        3 => (channel(), 0..8_usize).prop_map(|(name, cut)| {
            let cut = (0..=cut.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap();
            format!("{}*", &name[..cut])
        }),
        1 => channel().prop_map(|name| format!("{name}*")),
        1 => Just("user:*".to_owned()),
    ];
    let rights = proptest::sample::subsequence(RIGHTS.to_vec(), 0..=RIGHTS.len());
    let some = proptest::collection::vec((pattern, rights), 0..6);
    prop_oneof![2 => Just(Vec::new()), 1 => some]
}

fn user() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        4 => "[a-z]{1,8}".prop_map(Some),
        3 => "guest:[a-z0-9]{0,6}".prop_map(Some),
        2 => "(Guest:|guest|guests:|xguest:)[a-z]{0,3}".prop_map(Some),
        1 => Just(None),
    ]
}

/// The rules read again, from the documents: a scan of the declarations, no table, no splitting.
fn oracle(declared: &[Namespace], user: Option<&str>, right: Right, channel: &str) -> bool {
    let owns = |namespace: &&Namespace| {
        if namespace.name.is_empty() {
            !channel.bytes().any(|byte| byte == b':')
        } else {
            channel.strip_prefix(namespace.name.as_str()).is_some_and(|rest| rest.starts_with(':'))
        }
    };
    let owners: Vec<_> = declared.iter().filter(owns).collect();
    assert!(owners.len() <= 1, "a channel has one namespace at most: {channel:?}");
    owners.iter().any(|namespace| {
        let audience = [namespace.subscribe, namespace.publish, namespace.presence, namespace.history]
            [RIGHTS.iter().position(|r| *r == right).unwrap()];
        let is_guest = user.is_some_and(|user| user.get(..6) == Some("guest:"));
        let is_owner = user.is_some_and(|user| channel == format!("{}:{user}", namespace.name));
        let signed_in = audience == Audience::Users || (audience == Audience::Owner && is_owner);
        user.is_some() && (audience == Audience::Anyone || (signed_in && !is_guest))
    })
}

/// What a token's patterns say, read by their text.
fn granted_by(patterns: &[(String, Vec<Right>)], right: Right, channel: &str) -> bool {
    let covers = |pattern: &str| match pattern.split_once('*') {
        Some((beginning, rest)) => rest.is_empty() && channel.get(..beginning.len()) == Some(beginning),
        None => channel == pattern,
    };
    let is_personal = channel.get(..5) == Some("user:");
    !is_personal && patterns.iter().any(|(pattern, rights)| rights.contains(&right) && covers(pattern))
}

#[test]
fn the_decision_agrees_with_the_documents() {
    // Red: `decide` without the grants, or with grants in personal channels; `covers` by `contains`.
    let mut runner = TestRunner::deterministic();
    let mut allowed = 0_u64;
    let principal = |_| {
        let (user, patterns) = (user(), granted()).new_tree(&mut runner).unwrap().current();
        let patterns = if user.is_some() { patterns } else { Vec::new() };
        let grants = patterns.iter().map(|(text, rights)| (text.as_str(), rights.iter().copied().collect()));
        // A malformed pattern refuses its token: the bearer has none.
        let grants = Grants::new(grants).ok();
        let patterns = if grants.is_some() { patterns } else { Vec::new() };
        (user, patterns, grants)
    };
    let principals: Vec<_> = (0..1_000).map(principal).collect();
    let with_grants = principals.iter().filter(|(_, patterns, _)| !patterns.is_empty()).count();
    assert!(with_grants > 100, "{with_grants}");
    for _ in 0..10 {
        let declared = namespaces().new_tree(&mut runner).unwrap().current();
        let rules = Rules::new(declared.clone()).unwrap();
        let some = (0..80).map(|_| channel().new_tree(&mut runner).unwrap().current());
        let owned = principals.iter().step_by(50).filter_map(|(user, ..)| user.as_ref());
        let owned = owned.flat_map(|user| [format!("room:{user}"), format!("user:{user}")]);
        let channels: Vec<_> = some.chain(owned).collect();
        for (text, patterns, grants) in &principals {
            let id = text.as_deref().map(UserId::from);
            let principal = Principal { user: id.as_ref(), grants: grants.as_ref() };
            for channel in &channels {
                for right in RIGHTS {
                    let expected = oracle(&declared, text.as_deref(), right, channel)
                        || granted_by(patterns, right, channel);
                    let decision = rules.decide(principal, right, channel);
                    let who = (text, patterns);
                    assert_eq!(decision == Decision::Allowed, expected, "{who:?} {right:?} {channel:?}");
                    allowed += u64::from(expected);
                }
            }
        }
    }
    // Both answers must be common, or the agreement says nothing.
    assert!((200_000..3_000_000).contains(&allowed), "{allowed}");
}
