//! Where values come from, and how a wrong one is refused.

use std::{fs, path::Path, time::Duration};

use veche::{Audience, Class, Namespace, Retain, SlowConsumer};
use veche_server::config::{Config, ConfigError, DOCUMENT, Host, LogFormat, Overrides, Secret, load_from};

use crate::secret::Folder;

/// Loads from a file's text, `--set`s and an environment.
fn load(file: &str, set: &[&str], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = Folder::new();
    let path = folder.path().join("veche.toml");
    fs::write(&path, file).expect("the folder is ours");
    let overrides =
        Overrides { set: set.iter().map(|text| (*text).to_owned()).collect(), ..Overrides::default() };
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    load_from(&overrides, environment, &path)
}

/// What is said of a wrong configuration, without the folder's path.
fn refusal(file: &str, set: &[&str], environment: &[(&str, &str)]) -> String {
    let text = load(file, set, environment).expect_err("the configuration is wrong").to_string();
    let lines = text.lines().map(|line| line.find("veche.toml").map_or(line, |place| &line[place..]));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_printed_document_is_the_default() {
    assert_eq!(load(DOCUMENT, &[], &[]).expect("it is right"), Config::default());
}

#[test]
fn the_examples_of_the_document_are_right() {
    // Every commented line that is a key or a section becomes one.
    let is_code = |line: &str| {
        let word = line.split(" = ").next().unwrap_or(line);
        line.starts_with('[')
            || word != line && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let lines = DOCUMENT.lines().map(|line| match line.strip_prefix("# ") {
        Some(code) if is_code(code) => code,
        _ => line,
    });
    let document = lines.collect::<Vec<_>>().join("\n");
    let secret = document.replace("\"…\"", "\"0123456789abcdef0123456789abcdef\"");
    let config = load(&secret, &[], &[]).expect("the examples are right");
    let room = config.namespaces.first().expect("the document declares `room`");
    assert_eq!((room.name.as_str(), room.class, room.subscribe), ("room", Class::Memory, Audience::Users));
    assert_eq!(config.auth.issuer.as_deref(), Some("https://auth.example.com"));
}

#[test]
fn no_file_and_no_environment_is_the_default() {
    let folder = Folder::new();
    let nowhere = folder.path().join("veche.toml");
    let config = load_from(&Overrides::default(), Vec::new(), &nowhere).expect("nothing is wrong");
    assert_eq!(config, Config::default());
    assert_eq!((config.server.host, config.server.port), (Host::Localhost, 3000));
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let overrides = Overrides { file: Some("/nowhere/veche.toml".into()), ..Overrides::default() };
    let error = load_from(&overrides, Vec::new(), Path::new("unused")).expect_err("there is no such file");
    assert!(
        error.to_string().starts_with("cannot read the configuration file /nowhere/veche.toml: "),
        "{error}"
    );
}

#[test]
fn a_flag_beats_set_beats_environment_beats_file_beats_default() {
    let folder = Folder::new();
    let path = folder.path().join("veche.toml");
    fs::write(&path, "server.port = 1\n").expect("the folder is ours");
    let port = |flag: bool, set: bool, environment: bool, file: bool| {
        let flags = if flag { vec![("--port", "server.port", "4".to_owned())] } else { Vec::new() };
        let set = if set { vec!["server.port=3".to_owned()] } else { Vec::new() };
        let environment = if environment { vec![("PORT".into(), "2".into())] } else { Vec::new() };
        let file = if file { path.as_path() } else { Path::new("/nowhere/veche.toml") };
        load_from(&Overrides { file: None, set, flags }, environment, file).expect("it is right").server.port
    };
    assert_eq!(port(true, true, true, true), 4);
    assert_eq!(port(false, true, true, true), 3);
    assert_eq!(port(false, false, true, true), 2);
    assert_eq!(port(false, false, false, true), 1);
    assert_eq!(port(false, false, false, false), 3000);
}

#[test]
fn every_kind_of_value_is_read() {
    let file = r#"
        [server]
        host = "::1"
        data = "/d"
        shards = 2
        drain = "10s"
        allowed_origins = ["https://App.example.com", "tauri://localhost"]
        [limits]
        frame_bytes = "1MiB"
        backlog_bytes = 65_536
        [log]
        level = "warn,veche=debug"
        format = "json"
        [namespaces."".retain]
        ttl = "30s"
        [namespaces.room]
        class = "memory"
        publish = "anyone"
        slow_consumer = "latest_per_key"
        coalesce_ms = 5
        retain = { count = 7 }
        [namespaces.bare]
    "#;
    let config = load(file, &[], &[]).expect("it is right");
    assert_eq!(config.server.host, Host::Address("::1".parse().expect("an address")));
    assert_eq!(config.server.allowed_origins, ["https://app.example.com", "tauri://localhost"]);
    assert_eq!((config.server.shards, config.server.drain), (2, Duration::from_secs(10)));
    assert_eq!((config.limits.frame_bytes, config.limits.backlog_bytes), (1 << 20, 65_536));
    assert_eq!((config.log.level.as_str(), config.log.format), ("warn,veche=debug", LogFormat::Json));
    let names: Vec<&str> = config.namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    assert_eq!(names, ["", "bare", "room"]);
    assert_eq!(config.namespaces[0].retain.ttl, Duration::from_secs(30));
    let room = &config.namespaces[2];
    assert_eq!(
        (room.class, room.publish, room.subscribe),
        (Class::Memory, Audience::Anyone, Audience::Nobody)
    );
    assert_eq!((room.slow_consumer, room.coalesce_ms), (SlowConsumer::LatestPerKey, 5));
    assert_eq!((room.retain.count, room.retain.ttl), (7, Duration::from_mins(5)));
}

#[test]
fn the_environment_sets_any_key() {
    let environment = [
        ("HOST", "0.0.0.0"),
        ("PORT", ""),
        ("VECHE_AUTH__HS256_SECRET", "01234567890123456789012345678901"),
        ("VECHE_LIMITS__MESSAGES_PER_MINUTE", "5"),
        ("VECHE_LIMITS__FRAME_BYTES", "32KiB"),
        ("VECHE_LIMITS__BACKLOG_BYTES", "4096"),
        ("VECHE_NAMESPACES__ROOM__RETAIN", "{count=3}"),
        ("VECHE_SERVER__ALLOWED_ORIGINS", "https://a.example"),
        ("VECHE_NAMESPACES__ROOM__CLASS", "memory"),
        ("VECHE_NAMESPACES____SUBSCRIBE", "anyone"),
        ("PATH", "/bin"),
    ];
    let config = load("", &[], &environment).expect("it is right");
    assert_eq!(config.server.host, Host::Address("0.0.0.0".parse().expect("an address")));
    assert_eq!(config.server.port, 3000, "an empty PORT is none");
    assert_eq!(config.auth.hs256_secret, Some(Secret::new("01234567890123456789012345678901")));
    assert_eq!((config.limits.messages_per_minute, config.limits.frame_bytes), (5, 32 << 10));
    assert_eq!((config.limits.backlog_bytes, config.namespaces[1].retain.count), (4096, 3));
    assert_eq!(config.server.allowed_origins, ["https://a.example"]);
    assert_eq!((config.namespaces[0].name.as_str(), config.namespaces[0].subscribe), ("", Audience::Anyone));
    assert_eq!((config.namespaces[1].name.as_str(), config.namespaces[1].class), ("room", Class::Memory));
}

#[test]
fn set_takes_toml_or_a_bare_word() {
    let set = [
        "limits.messages_per_minute=5",
        "limits.backlog_bytes = 1MiB",
        "log.format=json",
        "log.level=warn,veche=debug",
        "server.allowed_origins=[\"https://a.example\"]",
        "namespaces.room={class=\"memory\", retain={count=3}}",
        "namespaces.\"a=b\".class=memory",
        "auth.issuer=a=b",
        "auth.audience=5",
    ];
    let config = load("[namespaces.room]\npublish = \"users\"\n", &set, &[]).expect("it is right");
    assert_eq!((config.limits.messages_per_minute, config.limits.backlog_bytes), (5, 1 << 20));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "warn,veche=debug"));
    assert_eq!(config.server.allowed_origins, ["https://a.example"]);
    assert_eq!(config.namespaces[0].name, "a=b");
    let room = &config.namespaces[1];
    assert_eq!((room.class, room.retain.count, room.publish), (Class::Memory, 3, Audience::Users));
    assert_eq!((config.auth.issuer.as_deref(), config.auth.audience.as_deref()), (Some("a=b"), Some("5")));
}

#[test]
fn an_unknown_key_is_refused_where_it_stands() {
    let check = |file: &str, set: &[&str], environment: &[(&str, &str)], expected: &str| {
        assert_eq!(refusal(file, set, environment), expected);
    };
    check(
        "[server]\nport = 1\n\n[limits]\nmesages_per_minute = 5\n",
        &[],
        &[],
        "veche.toml:5: unknown key `limits.mesages_per_minute`; did you mean `limits.messages_per_minute`?",
    );
    check("port = 1\n", &[], &[], "veche.toml:1: unknown key `port`; did you mean `server.port`?");
    check("\ncolour = 1\n", &[], &[], "veche.toml:2: unknown key `colour`");
    check(
        "",
        &["auth.hs256_sekret=x"],
        &[],
        "--set auth.hs256_sekret: unknown key `auth.hs256_sekret`; did you mean `auth.hs256_secret`?",
    );
    check(
        "",
        &[],
        &[("VECHE_PORT", "1")],
        "environment variable VECHE_PORT: unknown key `port`; did you mean `server.port`?",
    );
    check(
        "[namespaces.room]\nclas = \"memory\"\n",
        &[],
        &[],
        "veche.toml:2: unknown key `namespaces.room.clas`; did you mean `namespaces.room.class`?",
    );
}

#[test]
fn a_wrong_value_is_refused_by_key_value_and_place() {
    let check = |file: &str, expected: &str| assert_eq!(refusal(file, &[], &[]), expected);
    check(
        "[server]\nport = 65536\n",
        "veche.toml:2: `server.port` cannot be 65536: expected a port from 0 to 65535",
    );
    check(
        "server.port = \"3000\"\n",
        "veche.toml:1: `server.port` cannot be \"3000\": expected a port from 0 to 65535",
    );
    check(
        "server.host = \"example.com\"\n",
        "veche.toml:1: `server.host` cannot be \"example.com\": expected \"localhost\" or an IP address such as \
         \"0.0.0.0\" (all) or \"::1\"",
    );
    check("server.drain = 25\n", "veche.toml:1: `server.drain` cannot be 25: expected text in quotes");
    check(
        "limits.frame_bytes = \"64KB\"\n",
        "veche.toml:1: `limits.frame_bytes` cannot be \"64KB\": expected a number of bytes, or a size such as \
         \"64KiB\", \"1MiB\" or \"1GiB\"",
    );
    check(
        "[namespaces.room]\nclass = \"eternal\"\n",
        "veche.toml:2: `namespaces.room.class` cannot be \"eternal\": expected one of \"ephemeral\", \"memory\", \
         \"durable\"",
    );
    check("limits = 5\n", "veche.toml:1: `limits` cannot be 5: expected a table");
    check(
        "namespaces.room = \"memory\"\n",
        "veche.toml:1: `namespaces.room` cannot be \"memory\": expected a table such as { class = \"memory\" }",
    );
    check(
        "[namespaces.\"a:b\"]\nclass = \"memory\"\n",
        "veche.toml:2: `namespaces` cannot be \"a:b\": expected a name without `:`, `*` and control characters",
    );
}

#[test]
fn origins_are_exact_and_whole() {
    for bad in
        ["null", "*", "https://*.example.com", "https://a.example/", "a.example", "https://", "https://u@a"]
    {
        let set = format!("server.allowed_origins=[\"{bad}\"]");
        assert!(refusal("", &[&set], &[]).contains("expected a list of origins"), "{bad}");
    }
}

#[test]
fn proxies_are_networks() {
    // Red: `networks` that leaves out what it cannot read.
    let proxies = |set: &str| load("", &[set], &[]).map(|config| config.server.trusted_proxies);
    let two = proxies(r#"server.trusted_proxies=["10.0.0.0/8", "fd00::1"]"#).expect("they are networks");
    assert!(two[0].has([10, 1, 2, 3].into()) && !two[1].has([10, 1, 2, 3].into()));
    for bad in ["10.0.0.1/8", "proxy.example", "*", "10.0.0.0/33", ""] {
        let set = format!("server.trusted_proxies=[\"{bad}\"]");
        assert!(refusal("", &[&set], &[]).contains("expected a list of addresses and networks"), "{bad}");
    }
}

#[test]
fn levels_are_checked() {
    for good in ["info", "OFF", "warn,veche=debug", "veche::door=trace"] {
        assert!(load("", &[&format!("log.level=\"{good}\"")], &[]).is_ok(), "{good}");
    }
    for bad in ["", "loud", "info,,warn", "veche=loud", "[[["] {
        assert!(load("", &[&format!("log.level=\"{bad}\"")], &[]).is_err(), "{bad}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let canary = "canary-of-the-secret";
    for key in ["hs256_secret", "hs256_previous"] {
        let listed =
            load(&format!("auth.{key} = [\"{canary}\"]\n"), &[], &[]).expect_err("a list is no secret");
        let config = load("", &[&format!("auth.{key}={canary}")], &[]).expect("it is text");
        let variable = format!("VECHE_AUTH__{}", key.to_uppercase());
        let table = load("", &[], &[(&variable, "{canary-of-the-secret=1}")]).expect("it is text");
        for text in [format!("{table:?}"), listed.to_string(), format!("{listed:?}"), format!("{config:?}")] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = refusal("a = 1\nserver.port = -1\n", &["nonsense", "b.c=1"], &[("VECHE_D", "1")]);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("--set nonsense: expected key=value"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let text = refusal("[server]\nport = \n", &[], &[]);
    assert!(text.starts_with("veche.toml:2: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn the_demo_opens_channels_without_a_namespace_unless_they_are_declared() {
    let config = load("", &[], &[]).expect("it is right").with_demo();
    let open = config.namespaces.first().expect("the demo declares one");
    assert_eq!((open.name.as_str(), open.class, open.publish), ("", Class::Memory, Audience::Anyone));
    assert_eq!((open.retain.count, open.retain.ttl), (100, Duration::from_mins(5)));
    let declared =
        load("[namespaces.\"\"]\nsubscribe = \"users\"\n", &[], &[]).expect("it is right").with_demo();
    assert_eq!(declared.namespaces.len(), 1);
    assert_eq!(declared.namespaces[0].publish, Audience::Nobody);
}

#[test]
fn a_durable_namespace_keeps_more_and_for_longer() {
    let file = "[namespaces.log]\nclass = \"durable\"\n[namespaces.log.retain]\ncount = 7\n";
    let config = load(file, &[], &[]).expect("it is right");
    let namespace = config.namespaces.first().expect("it is declared");
    let expected = Namespace {
        retain: Retain { count: 7, ..Namespace::durable("log").retain },
        ..Namespace::durable("log")
    };
    assert_eq!(*namespace, expected);
    let day = Duration::from_hours(24);
    assert_eq!((namespace.retain.ttl, namespace.retain.bytes, namespace.dedupe), (30 * day, 0, 7 * day));
}
