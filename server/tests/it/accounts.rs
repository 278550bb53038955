//! Accounts on the real server: the document's lines as they stand, sockets that end with a sign-in, and logs
//! without secrets.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use veche_server::{
    config::{Config, Secret},
    people::{People, PeopleError},
    secret,
};

use crate::{
    secret::Folder,
    support::{client::Client, process::Veche},
};

const DOCUMENT: &str = include_str!("../../../docs/accounts.md");
const PASSWORD: &str = "correct horse battery";

/// A shell that runs one block after the other.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("bash");
        command.args(["-e", "-u"]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("there is a `bash`");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// Runs a block; what it writes.
    fn run(&mut self, block: &str) -> String {
        writeln!(self.input, "{block}\necho; echo done-with-it").expect("it listens");
        let mut said = String::new();
        loop {
            let line = self.output.next().expect("no command fails").expect("UTF-8");
            if line == "done-with-it" {
                return said;
            }
            said.push_str(line.trim());
        }
    }

    fn json(&mut self, block: &str) -> Value {
        let said = self.run(block);
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{block}\nsays: {said}"))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The document's commands for this server.
fn blocks(server: &Veche) -> Vec<String> {
    let blocks = DOCUMENT.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| block.replace("http://localhost:3000", &base(server))).collect()
}

fn base(server: &Veche) -> String {
    format!("http://{}", server.address())
}

/// Red where a line of the document is wrong, and where signing out leaves the sockets open.
#[test]
fn the_documents_lines_do_what_it_says() {
    let server = Veche::start();
    let folder = Folder::new();
    let mut shell = Shell::start(folder.path());
    let blocks = blocks(&server);
    let [register, confirm, sign_in, me, token, sign_out, demo] = blocks.as_slice() else {
        panic!("the document has other blocks: {blocks:?}")
    };
    assert_eq!(shell.json(register), json!({"status": "look_at_your_mail"}));
    let account = shell.json(confirm);
    assert_eq!((&account["email"], &account["name"]), (&json!("ann@example.com"), &json!("Ann")));
    assert_eq!(shell.json(sign_in), account);
    assert_eq!(shell.json(me), account);

    let issued = shell.json(token);
    let mut socket = Client::connect(server.address(), issued["token"].as_str().expect("a token"))
        .unwrap_or_else(|_| panic!("the token is good"));
    let jar = fs::read_to_string(folder.path().join("cookies.txt")).expect("curl wrote it");
    let cookie = jar.split_whitespace().last().expect("a cookie");
    let headers = format!("Cookie: veche_session={cookie}\r\nOrigin: {}", base(&server));
    let by_cookie = Client::connect_by(server.address(), &headers);
    let mut by_cookie = by_cookie.unwrap_or_else(|_| panic!("the cookie is good"));
    assert_eq!(shell.run(sign_out), "");
    for socket in [&mut socket, &mut by_cookie] {
        let closed = socket.expect(&["never"]);
        assert!(closed.is_err(), "the socket ends with its sign-in: {closed:?}");
    }
    assert_eq!(shell.json(me)["error"]["code"], "unauthorized");
    assert_eq!(shell.json(demo)["name"], "Аня");
}

/// A request of curl's; status and body.
fn post(server: &Veche, path: &str, body: &Value, more: &[&str]) -> (u16, String) {
    let url = format!("{}/api/people/{path}", base(server));
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/json", "-d"]);
    let output = curl.arg(body.to_string()).args(more).arg(url).output().expect("there is a `curl`");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let (body, status) = said.rsplit_once('\n').expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

fn get(server: &Veche, path: &str) -> String {
    let url = base(server) + path;
    let output = Command::new("curl").args(["-sS", &url]).output().expect("there is a `curl`");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The token of the latest letter with a link of this page.
fn link(server: &Veche, page: &str) -> String {
    let mark = format!("/people/{page}#token=");
    crate::support::until(|| {
        let outbox = get(server, "/_dev/outbox");
        let rest = outbox.split(&mark).nth(1)?;
        Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    })
}

/// Red where a handler logs what it read, as by `tracing::trace!(?body)`.
#[test]
fn no_secret_is_in_the_log_nor_in_the_figures() {
    let server = Veche::start_with(&["log.level=trace"]);
    let canary = "the canary sings at dawn";
    let register = json!({"email": "ann@example.com", "password": canary, "name": "Ann"});
    assert_eq!(post(&server, "register", &register, &[]).0, 202);
    let confirm = link(&server, "confirm");
    let folder = Folder::new();
    let jar = folder.path().join("cookies.txt");
    let jar = jar.to_str().expect("UTF-8");
    let confirmed = json!({"token": confirm, "password": canary});
    assert_eq!(post(&server, "confirm", &confirmed, &["-c", jar]).0, 200);
    let wrong = json!({"email": "ann@example.com", "password": format!("{canary} wrong")});
    assert_eq!(post(&server, "sign-in", &wrong, &[]).0, 401);
    let origin = format!("Origin: {}", base(&server));
    let signed_in = ["-b", jar, "-H", &origin];
    let change = json!({"old": canary, "new": format!("{canary} again")});
    assert_eq!(post(&server, "password", &change, &signed_in).0, 204);
    let (status, token) = post(&server, "token", &Value::Null, &signed_in);
    let token: Value = serde_json::from_str(&token).expect("JSON");
    assert_eq!(status, 200);
    assert_eq!(post(&server, "reset/request", &json!({"email": "ann@example.com"}), &[]).0, 202);
    let reset = link(&server, "reset");
    let chosen = json!({"token": reset, "password": format!("{canary} third")});
    assert_eq!(post(&server, "reset", &chosen, &[]).0, 204);

    let cookies = fs::read_to_string(jar).expect("curl wrote it");
    let cookie = cookies.split_whitespace().last().expect("a cookie").to_owned();
    let figures = get(&server, "/metrics");
    assert!(
        figures.contains(r#"veche_accounts_total{act="sign_in",outcome="wrong_credentials"} 1"#),
        "{figures}"
    );
    let said = server.said() + &figures;
    assert!(said.contains("listening"), "the log is on");
    for secret in [canary, &confirm, &reset, &cookie, token["token"].as_str().expect("a token")] {
        assert!(secret.len() > 20 && !said.contains(secret), "the log or a figure has {secret}");
    }
}

/// Red where the page shows what it read as it is.
#[test]
fn the_outbox_shows_letters_as_text() {
    let server = Veche::start();
    let name = "<script>alert(1)</script>";
    let register = json!({"email": "ann@example.com", "password": PASSWORD, "name": name});
    assert_eq!(post(&server, "register", &register, &[]).0, 202);
    let confirm = json!({"token": link(&server, "confirm"), "password": PASSWORD});
    assert_eq!(post(&server, "confirm", &confirm, &[]).0, 200);
    assert_eq!(post(&server, "reset/request", &json!({"email": "ann@example.com"}), &[]).0, 202);
    link(&server, "reset");
    // Red where `outbox` does not look at the name that it is asked by.
    let rebound = ["-H", "Host: evil.example"];
    let url = base(&server) + "/_dev/outbox";
    let output =
        Command::new("curl").args(["-sS"]).args(rebound).arg(&url).output().expect("there is a `curl`");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("#token="), "{output:?}");
    let outbox = get(&server, "/_dev/outbox");
    assert!(outbox.contains("&lt;script&gt;") && !outbox.contains(name), "{outbox}");
}

fn opened(change: impl FnOnce(&mut Config)) -> Result<(), PeopleError> {
    let folder = Folder::new();
    let mut config = Config::default();
    config.server.data = folder.path().join("data");
    config.auth.hs256_secret = Some(Secret::new("a secret of thirty-two bytes, or more"));
    config.accounts.enabled = true;
    change(&mut config);
    let verifier = secret::resolve(&config).expect("there is a secret").verifier;
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let clock = veche::Clock::real();
        let store = veche_store::Store::open(&config.server.data, veche_store::Options::new(clock));
        let store = store.await.expect("it opens");
        let opened = People::open(&config, false, &store, &verifier).await.map(drop);
        store.close().await;
        opened
    })
}

#[test]
fn a_server_for_others_says_where_it_is_and_how_it_writes() {
    let public = |config: &mut Config| config.server.host = "0.0.0.0".parse().expect("a host");
    let site = || veche_people::accounts::Site::parse("https://veche.example");
    assert!(opened(|_| ()).is_ok(), "this machine's needs nothing");
    assert!(matches!(opened(public), Err(PeopleError::NoUrl)));
    let no_mail = opened(|config| {
        public(config);
        config.server.public_url = site();
    });
    assert!(matches!(no_mail, Err(PeopleError::NoMail)));
    let with_mail = opened(|config| {
        public(config);
        config.server.public_url = site();
        config.mail.smtp_url = Some(Secret::new("smtp://localhost:25"));
    });
    assert!(with_mail.is_ok());
}

#[test]
fn a_mail_that_cannot_be_is_refused_without_its_secret() {
    type Change = fn(&mut Config);
    let changes: [(Change, &str); 4] = [
        (|config| config.mail.from = "nobody".into(), "mail.from"),
        (|config| config.mail.smtp_url = Some(Secret::new("hunter2@host")), "mail.smtp_url"),
        (|config| config.mail.webhook_url = Some("https://mail.example".into()), "mail.webhook_url"),
        (
            |config| {
                config.mail.smtp_url = Some(Secret::new("smtp://localhost"));
                config.mail.folder = Some("mail".into());
            },
            "set one of them",
        ),
    ];
    for (change, named) in changes {
        let refused = opened(change).expect_err("it is refused").to_string();
        assert!(refused.contains(named) && !refused.contains("hunter2"), "{refused}");
    }
}
