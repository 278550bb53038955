//! The secret of tokens: from the configuration, or from a file that a loopback server makes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use veche_server::{
    config::{Config, Secret},
    secret::{self, SecretError},
    token::{self, Wanted},
};

/// A folder of one test, removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("veche-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("cargo's folder for tests is ours");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in cargo's folder, where it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config(data: &Path, host: &str, secret: Option<&str>) -> Config {
    let mut config = Config::default();
    data.clone_into(&mut config.server.data);
    config.server.host = host.parse().expect("a host");
    config.auth.hs256_secret = secret.map(Secret::new);
    config
}

fn ann() -> Wanted {
    Wanted { sub: "ann".to_owned(), ttl: Duration::from_mins(1), ..Wanted::default() }
}

#[test]
fn a_loopback_server_makes_its_secret_once() {
    let folder = Folder::new();
    let data = folder.path().join("deep/data");
    let config = config(&data, "localhost", None);
    let first = secret::resolve(&config).expect("it makes one");
    let file = data.join("hs256.secret");
    let text = fs::read_to_string(&file).expect("the file is there");
    assert_eq!(text.trim_end().len(), 43, "32 bytes in base64url");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&data)), (0o600, 0o700));
    assert_eq!(first.warning, None);
    let token = first.verifier.sign("ann", Duration::from_mins(1), 0).expect("a user id");
    let second = secret::resolve(&config).expect("it reads the same one");
    assert!(second.verifier.verify(&token, 1).is_ok());
    assert_eq!(fs::read_dir(&data).expect("it is there").count(), 1, "nothing unfinished is left");
}

#[test]
fn many_that_start_at_once_agree_on_one_secret() {
    let folder = Folder::new();
    let config = config(folder.path(), "127.0.0.1", None);
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| token::issue(&config, &ann()).expect("a token").token)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let verifier = secret::resolve(&config).expect("it is there").verifier;
    let key_agrees = |token: &String| verifier.verify(token, 0).is_ok();
    assert!(tokens.iter().all(key_agrees));
}

#[test]
fn a_server_for_others_needs_a_secret() {
    let folder = Folder::new();
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let refused = secret::resolve(&config(folder.path(), host, None)).expect_err("it has none");
        assert!(matches!(refused, SecretError::Missing { .. }));
        assert!(refused.to_string().contains("VECHE_AUTH__HS256_SECRET"), "{refused}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0, "none was made");
    let given = "0123456789abcdef0123456789abcdef";
    assert!(secret::resolve(&config(folder.path(), "0.0.0.0", Some(given))).is_ok());
    for host in ["127.0.0.2", "::1", "::ffff:127.0.0.1"] {
        assert!(secret::resolve(&config(folder.path(), host, None)).is_ok(), "{host}");
    }
}

#[test]
fn a_short_secret_is_refused_by_its_place() {
    let folder = Folder::new();
    let refused = secret::resolve(&config(folder.path(), "localhost", Some("short"))).expect_err("5 bytes");
    assert!(refused.to_string().starts_with("auth.hs256_secret: the secret has 5 bytes"), "{refused}");
    assert!(!refused.to_string().contains("short"), "{refused}");
    fs::write(folder.path().join("hs256.secret"), "").expect("the folder is ours");
    let refused = secret::resolve(&config(folder.path(), "localhost", None)).expect_err("0 bytes");
    assert!(refused.to_string().contains("hs256.secret: the secret has 0 bytes"), "{refused}");
}

#[test]
fn a_file_that_others_may_read_is_used_with_a_warning() {
    let folder = Folder::new();
    let file = folder.path().join("hs256.secret");
    fs::write(&file, "0123456789abcdef0123456789abcdef\n").expect("the folder is ours");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("the file is ours");
    let resolved = secret::resolve(&config(folder.path(), "localhost", None)).expect("it is long enough");
    assert!(resolved.warning.expect("it is readable by all").contains("0644"));
}

#[test]
fn public_keys_serve_in_place_of_a_secret() {
    // Red: `with_secrets` without `has_keys`; `resolve` without the file.
    let folder = Folder::new();
    let file = folder.path().join("keys.pem");
    let with = |keys: Option<&Path>, jwks: Option<&str>| {
        let mut config = config(folder.path(), "0.0.0.0", None);
        config.auth.keys = keys.map(Path::to_owned);
        config.auth.jwks = jwks.map(str::to_owned);
        config
    };
    let refused = |config: &Config| secret::resolve_to_serve(config).expect_err("it is no key").to_string();
    assert!(refused(&with(Some(&file), None)).starts_with("auth.keys: cannot read"), "it is not there");
    let pem = include_str!("../../../crates/veche/tests/it/fixtures/ed25519.pem");
    fs::write(&file, pem.replace("PUBLIC", "PRIVATE")).expect("the folder is ours");
    let private = refused(&with(Some(&file), None));
    assert!(private.starts_with("auth.keys") && private.contains("private key"), "{private}");
    fs::write(&file, pem).expect("the folder is ours");
    assert!(secret::resolve_to_serve(&with(Some(&file), None)).is_ok());
    let clear = refused(&with(None, Some("http://id.example/keys")));
    assert!(clear.starts_with("auth.jwks") && clear.contains("id.example"), "{clear}");
    let mut private = with(None, Some("https://id.example/keys"));
    private.auth.jwks_authorities = Some(file.clone());
    let no_authority = refused(&private);
    assert!(no_authority.starts_with("auth.jwks_authorities: expected PEM"), "{no_authority}");
    let nobody = token::issue(&with(Some(&file), None), &ann()).expect_err("there is no secret");
    assert!(nobody.to_string().contains("no secret"), "{nobody}");
}

#[test]
fn the_secret_before_is_good_for_a_while() {
    // Red: `with_secrets` without `hs256_previous`.
    let folder = Folder::new();
    let (old, new) = ("old-0123456789abcdef0123456789ab", "new-0123456789abcdef0123456789ab");
    let before = token::issue(&config(folder.path(), "0.0.0.0", Some(old)), &ann()).expect("a token").token;
    let mut both = config(folder.path(), "0.0.0.0", Some(new));
    assert!(secret::resolve(&both).expect("a secret").verifier.verify(&before, 0).is_err());
    both.auth.hs256_previous = Some(Secret::new(old));
    assert!(secret::resolve(&both).expect("secrets").verifier.verify(&before, 0).is_ok());
    let after = token::issue(&both, &ann()).expect("a token").token;
    let new_alone = secret::resolve(&config(folder.path(), "0.0.0.0", Some(new))).expect("a secret");
    assert!(new_alone.verifier.verify(&after, 0).is_ok(), "the first one signs");
    both.auth.hs256_previous = Some(Secret::new("short"));
    let refused = secret::resolve(&both).expect_err("5 bytes").to_string();
    assert!(refused.starts_with("auth.hs256_previous: the secret has 5 bytes"), "{refused}");
}
