//! The documents of the HTTP door: their `curl` lines as they are written, and the back end in Node.

use std::{fs, net::TcpStream, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    e2e::server::{Server, await_start, free_port, settings},
    failure::Failure,
    process::{Output, Running, capture},
    test::{Verdict, node},
    workspace::{Workspace, file},
};

/// The document whose lines are run, and what its keys may do.
const DOCUMENT: &str = "docs/http.md";
const SCOPES: &[&str] =
    &["publish", "history", "presence", "subscribe", "channels", "disconnect", "revoke", "info", "keys"];
/// What the documents say of the server.
const SETTINGS: &[&str] = &[
    r#"namespaces.news={class="memory", subscribe="anyone", presence="anyone"}"#,
    r#"namespaces.circle={class="durable", subscribe="users"}"#,
];
/// The address that the documents show.
const ADDRESS: &str = "http://localhost:3000";

/// Runs the step.
pub(crate) fn documents(workspace: &Workspace) -> Result<Verdict, Failure> {
    let scratch = workspace.scratch("documents")?;
    let server = Server::start_with(workspace, &scratch, |serve| settings(serve, SETTINGS))?;
    let desk = Desk { url: format!("http://localhost:{}", server.port()), key: server.key(SCOPES)? };

    let path = workspace.path(DOCUMENT);
    let document = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
    let samples = samples(&document);
    for (lines, expected) in &samples {
        let answer = desk.shell(lines)?;
        if let Some(expected) = expected {
            let expected =
                serde_json::from_str(expected).map_err(|error| unmet(lines, &error.to_string()))?;
            differs(&expected, &answer)
                .map_or(Ok(()), |why| Err(unmet(lines, &format!("{why}: {answer}"))))?;
        }
    }
    if samples.len() < 12 {
        return Err(Failure::Unmet(format!("{DOCUMENT} shows {} requests only", samples.len())));
    }
    back_end(workspace, &desk, &scratch)?;
    server.stop()?;
    Ok(Verdict::Passed(format!("{} requests, and the back end", samples.len())))
}

/// The server as a back end reaches it.
struct Desk {
    url: String,
    key: String,
}

impl Desk {
    /// Runs lines of a document, whose output is JSON.
    fn shell(&self, lines: &str) -> Result<Value, Failure> {
        let mut shell = Command::new("sh");
        shell.args(["-euc", &lines.replace(ADDRESS, &self.url).replace("curl ", "curl -sS ")]);
        let output = capture(shell.env("VECHE_KEY", &self.key))?;
        serde_json::from_str(&output).map_err(|error| unmet(lines, &format!("{error}: {output}")))
    }

    fn history(&self, channel: &str) -> Result<Value, Failure> {
        let body = json!({ "channel": channel });
        let headers = r#"-H "Authorization: Bearer $VECHE_KEY" -H "Content-Type: application/json""#;
        self.shell(&format!("curl {ADDRESS}/api/v1/history {headers} -d '{body}'"))
    }
}

/// The example's back end gets a post, and Veche carries it.
fn back_end(workspace: &Workspace, desk: &Desk, scratch: &Path) -> Result<(), Failure> {
    let port = free_port()?;
    let mut program = node();
    program.arg(workspace.path("examples/backend/server.mjs"));
    program.envs([("VECHE_URL", &desk.url), ("VECHE_KEY", &desk.key)]).env("PORT", port.to_string());
    let mut running = Running::start(&mut program, scratch.join("backend.log"), Output::Logged)?;
    await_start(&mut running, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    let post = r#"{"author":"ann","text":"Oolong","mentions":["bob"]}"#;
    let posted = desk.shell(&format!("curl http://127.0.0.1:{port}/circles/tea/posts -d '{post}'"))?;
    let told = desk.history("circle:tea")?;
    let expected = json!({ "id": 1, "circleId": "tea", "author": "ann", "text": "Oolong" });
    let is_told = |told: &Value, event: &str, data: &Value| {
        let newest = &told["publications"][0];
        newest["type"] == event && newest["data"] == *data
    };
    if posted != expected || !is_told(&told, "new_post", &expected) {
        return Err(Failure::Unmet(format!("the post was not told: {posted} {told}")));
    }
    let notified = desk.history("user:bob")?;
    let mention = json!({ "kind": "mention", "from": "ann", "post": 1 });
    if is_told(&notified, "notification", &mention) {
        return running.still_running();
    }
    Err(Failure::Unmet(format!("the mention was not told: {notified}")))
}

fn unmet(lines: &str, why: &str) -> Failure {
    Failure::Unmet(format!("{DOCUMENT}: {why}\n{lines}"))
}

/// The fenced `curl` lines of a document, each with the fenced JSON that follows it, if there is any.
fn samples(document: &str) -> Vec<(String, Option<String>)> {
    let mut samples: Vec<(String, Option<String>)> = Vec::new();
    for block in document.split("\n```").skip(1).step_by(2) {
        match block.split_once('\n') {
            Some(("sh", lines)) if lines.starts_with("curl ") => samples.push((lines.to_owned(), None)),
            Some(("json", text)) => {
                if let Some((_, expected)) = samples.last_mut() {
                    *expected = Some(text.to_owned());
                }
            }
            _ => {}
        }
    }
    samples
}

/// Where an answer is not as it was shown. Of a text with `…` and of a number only the kind counts, but for
/// offsets.
fn differs(shown: &Value, found: &Value) -> Option<String> {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            if shown.keys().ne(found.keys()) {
                return Some("other fields".into());
            }
            let mut each = shown.iter().zip(found.values());
            each.find_map(|((name, shown), found)| match (name.as_str(), shown == found) {
                ("offset" | "next", false) => Some(format!("{name} is {found}")),
                _ => differs(shown, found),
            })
        }
        (Value::Array(shown), Value::Array(found)) if shown.len() == found.len() => {
            shown.iter().zip(found).find_map(|(shown, found)| differs(shown, found))
        }
        (Value::String(shown), Value::String(found)) if shown.contains('…') || shown == found => None,
        (Value::Number(_), Value::Number(_)) => None,
        (shown, found) if shown == found => None,
        (shown, found) => Some(format!("{found} in place of {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{differs, samples};

    #[test]
    fn the_lines_of_a_document_are_found_with_their_answers() {
        let document =
            "a\n```sh\ncurl x\n```\n\n```json\n{}\n```\nb\n```sh\nls\n```\n\n```sh\ncurl \\\n  y\n```\n";
        let expected = [("curl x".to_owned(), Some("{}".to_owned())), ("curl \\\n  y".to_owned(), None)];
        assert_eq!(samples(document), expected);
    }

    #[test]
    fn an_answer_is_held_against_what_is_shown() {
        let check =
            |shown, found, expected| assert_eq!(differs(&shown, &found).is_none(), expected, "{found}");
        check(json!({"a": "…", "n": 1}), json!({"a": "x", "n": 2}), true);
        check(json!({"a": "x"}), json!({"a": "y"}), false);
        check(json!({"a": 1}), json!({"b": 1}), false);
        check(json!({"offset": 1}), json!({"offset": 2}), false);
        check(json!([1]), json!([1, 2]), false);
        check(json!({"a": null}), json!({"a": 1}), false);
    }
}
