//! The binary as people call it.

use std::process::{Command, Output};

use crate::secret::Folder;

/// Runs `veche` in an empty folder and environment.
fn veche(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veche"));
    command.args(arguments).current_dir(folder.path()).env_clear().envs(environment.iter().copied());
    command.output().expect("the binary runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the binary writes UTF-8")
}

#[test]
fn config_prints_a_document_that_is_taken_back() {
    let folder = Folder::new();
    let printed = veche(&folder, &["config"], &[]);
    assert!(printed.status.success());
    assert_eq!(text(printed.stdout.clone()), veche_server::config::DOCUMENT);
    std::fs::write(folder.path().join("veche.toml"), printed.stdout).expect("the folder is ours");
    assert!(veche(&folder, &["token", "--sub", "ann"], &[]).status.success());
}

#[test]
fn token_prints_a_token_alone() {
    let folder = Folder::new();
    let secret = "0123456789abcdef0123456789abcdef";
    let output = veche(&folder, &["token", "--sub", "ann", "--ttl", "8h", "--secret", secret], &[]);
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(stderr, "");
    let token = stdout.strip_suffix('\n').expect("one line");
    let verifier = veche::Verifier::hs256(secret.as_bytes()).expect("32 bytes");
    assert_eq!(verifier.verify(token, 0).map(|who| who.user), Ok("ann".into()));
    assert!(!folder.path().join("veche-data").exists(), "a given secret makes no file");
}

#[test]
fn token_takes_the_secret_of_the_same_data_folder() {
    let folder = Folder::new();
    let first = text(veche(&folder, &["token", "--sub", "ann", "--data", "d"], &[]).stdout);
    let secret = std::fs::read(folder.path().join("d/hs256.secret")).expect("the file is made");
    let verifier = veche::Verifier::hs256(secret.trim_ascii_end()).expect("32 bytes");
    let second = text(veche(&folder, &["token", "--sub", "bob"], &[("VECHE_SERVER__DATA", "d")]).stdout);
    assert!(verifier.verify(first.trim_end(), 0).is_ok());
    assert!(verifier.verify(second.trim_end(), 0).is_ok());
}

#[test]
fn what_is_wrong_is_told_on_standard_error() {
    let folder = Folder::new();
    let check = |arguments: &[&str], environment: &[(&str, &str)], expected: &str| {
        let output = veche(&folder, arguments, environment);
        assert!(!output.status.success(), "{arguments:?}");
        let stderr = text(output.stderr);
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(text(output.stdout), "", "{arguments:?}");
    };
    check(&["serve", "--set", "x=1"], &[], "veche: --set x: unknown key `x`");
    check(&["serve", "--config", "no.toml"], &[], "veche: cannot read the configuration file no.toml");
    check(&["serve", "--port", "65536"], &[], "65536");
    check(&["serve", "--host", "example.com"], &[], "veche: --host: `server.host` cannot be \"example.com\"");
    check(&["serve", "--host", "0.0.0.0"], &[], "VECHE_AUTH__HS256_SECRET");
    check(
        &["serve"],
        &[("PORT", "http")],
        "veche: environment variable PORT: `server.port` cannot be \"http\"",
    );
    check(&["serve"], &[("VECHE_AUTH__HS256_SECRET", "short")], "auth.hs256_secret: the secret has 5 bytes");
    check(&["token", "--sub", "guest:1"], &[], "\"guest:1\" is no user id");
    check(&["token", "--sub", "ann", "--ttl", "0s"], &[], "at least one second");
    check(&["token", "--sub", "ann", "--secret", "short"], &[], "the secret has 5 bytes");
    check(&["token"], &[], "--sub");
}

#[test]
fn help_has_examples() {
    let folder = Folder::new();
    for arguments in [&["--help"][..], &["serve", "--help"], &["token", "--help"]] {
        assert!(text(veche(&folder, arguments, &[]).stdout).contains("Examples:"), "{arguments:?}");
    }
}
