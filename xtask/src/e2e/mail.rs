//! Letters by SMTP: the real server registers somebody by way of PyPI's `aiosmtpd`, in the clear, by STARTTLS
//! and by TLS from the first byte; and it hands nothing to a server whose certificate nobody vouches for.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    e2e::server::{Server, await_start, free_port, get, post},
    failure::Failure,
    install, process,
    process::{Output, Running},
    test::Verdict,
    workspace::{Workspace, file},
};

/// How long a letter may take to come.
const LETTER: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(25);

/// One way of speaking SMTP.
struct Way {
    name: &'static str,
    /// What stands before the address, and what behind the port, in `mail.smtp_url`.
    url: (&'static str, &'static str),
    /// Whether the server has a certificate, and by which flags it is told so.
    certificate: Option<[&'static str; 2]>,
    /// Whether ours knows who vouches for it.
    is_trusted: bool,
}

const WAYS: [Way; 4] = [
    Way { name: "plain", url: ("smtp", ""), certificate: None, is_trusted: false },
    Way {
        name: "starttls",
        url: ("smtp", "?tls=required"),
        certificate: Some(["--tlscert", "--tlskey"]),
        is_trusted: true,
    },
    Way {
        name: "smtps",
        url: ("smtps", ""),
        certificate: Some(["--smtpscert", "--smtpskey"]),
        is_trusted: true,
    },
    Way {
        name: "untrusted",
        url: ("smtp", "?tls=required"),
        certificate: Some(["--tlscert", "--tlskey"]),
        is_trusted: false,
    },
];

/// Runs the step.
pub(crate) fn mail(workspace: &Workspace) -> Result<Verdict, Failure> {
    let programs = install::python_tools(workspace, "mail")?;
    let scratch = workspace.scratch("mail")?;
    let certificate = certificate(&scratch)?;
    for way in &WAYS {
        let scratch = scratch.join(way.name);
        fs::create_dir_all(&scratch).map_err(|source| file(&scratch, source))?;
        let (taker, port) = take_letters(way, &programs, &scratch, &certificate)?;
        let (scheme, options) = way.url;
        let url = format!("mail.smtp_url={scheme}://localhost:{port}{options}");
        let server = Server::start_with(workspace, &scratch, |serve| {
            serve.args(["--set", &url]);
            if way.is_trusted {
                serve.env("SSL_CERT_FILE", &certificate.0);
            }
        })?;
        if way.is_trusted || way.certificate.is_none() {
            registers(&server, &scratch.join("letters")).map_err(|unmet| in_way(way, &unmet, &taker))?;
        } else {
            hands_nothing_over(&server, &scratch.join("letters"))?;
        }
        server.stop()?;
    }
    Ok(Verdict::Passed("in the clear, by STARTTLS and by TLS; an unknown certificate was refused".into()))
}

fn in_way(way: &Way, failure: &Failure, taker: &Running) -> Failure {
    Failure::Unmet(format!("{}: {failure}{}", way.name, taker.output()))
}

/// A certificate of `localhost` that vouches for itself, and its key.
fn certificate(scratch: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let (certificate, key) = (scratch.join("certificate.pem"), scratch.join("key.pem"));
    install::openssl()?;
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    process::capture(&mut openssl)?;
    Ok((certificate, key))
}

/// A server of SMTP that writes each letter into a file below `letters/new`.
fn take_letters(
    way: &Way,
    programs: &Path,
    scratch: &Path,
    (certificate, key): &(PathBuf, PathBuf),
) -> Result<(Running, u16), Failure> {
    let port = free_port()?;
    let mut serve = Command::new(programs.join("python"));
    serve.args(["-m", "aiosmtpd", "-n", "-l", &format!("localhost:{port}")]);
    if let Some([with_certificate, with_key]) = way.certificate {
        serve.arg(with_certificate).arg(certificate).arg(with_key).arg(key);
    }
    serve.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(scratch.join("letters"));
    let mut taker = Running::start(&mut serve, scratch.join("aiosmtpd.log"), Output::Logged)?;
    await_start(&mut taker, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok((taker, port))
}

/// Somebody registers, gets a letter, and confirms by what stands in it.
fn registers(server: &Server, letters: &Path) -> Result<(), Failure> {
    const PASSWORD: &str = r#""password":"correct horse battery""#;
    let ask = |path: &str, json: &str, status: &str| {
        let path = format!("/api/people/{path}");
        let answer = post(server.port(), &path, json).map_err(|source| Failure::Unmet(source.to_string()))?;
        let is_right = answer.starts_with(&format!("HTTP/1.1 {status} "));
        if is_right { Ok(()) } else { Err(Failure::Unmet(format!("{path} was answered by {answer}"))) }
    };
    let form = format!(r#"{{"email":"ann@example.com",{PASSWORD},"name":"Аня","language":"ru"}}"#);
    ask("register", &form, "202")?;
    let letter = await_letter(letters)?;
    for field in [
        "From: Veche <no-reply@localhost>",
        "To: ann@example.com",
        "Subject: =?utf-8?",
        "multipart/alternative",
    ] {
        if !letter.contains(field) {
            return Err(Failure::Unmet(format!("the letter does not say `{field}`: {letter}")));
        }
    }
    let token = token(&letter).ok_or_else(|| Failure::Unmet(format!("the letter has no link: {letter}")))?;
    ask("confirm", &format!(r#"{{"token":"{token}",{PASSWORD}}}"#), "200")
}

/// The same, but the letter stays here, and is counted.
fn hands_nothing_over(server: &Server, letters: &Path) -> Result<(), Failure> {
    let form = r#"{"email":"ann@example.com","password":"correct horse battery","name":"Ann"}"#;
    let unmet = |source: std::io::Error| Failure::Unmet(source.to_string());
    post(server.port(), "/api/people/register", form).map_err(unmet)?;
    let deadline = Instant::now() + LETTER;
    while !get(server.port(), "/metrics").map_err(unmet)?.contains(r#"veche_mail_total{outcome="failed"} 1"#)
    {
        if Instant::now() >= deadline {
            return Err(Failure::Unmet("no attempt to send the letter failed".into()));
        }
        std::thread::sleep(POLL);
    }
    let is_empty = first_letter(letters).is_none();
    if is_empty { Ok(()) } else { Err(Failure::Unmet("the letter went to whom nobody vouches for".into())) }
}

fn await_letter(letters: &Path) -> Result<String, Failure> {
    let deadline = Instant::now() + LETTER;
    loop {
        if let Some(letter) = first_letter(letters) {
            return Ok(letter);
        }
        if Instant::now() >= deadline {
            return Err(Failure::Unmet("no letter came".into()));
        }
        std::thread::sleep(POLL);
    }
}

fn first_letter(letters: &Path) -> Option<String> {
    let path = fs::read_dir(letters.join("new")).ok()?.next()?.ok()?.path();
    fs::read_to_string(path).ok().filter(|letter| letter.contains("Message-ID"))
}

/// The secret of the first link, through whatever encoding the letter's text has.
fn token(letter: &str) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let in_text = |text: &str| {
        let rest = text.split("#token=").nth(1)?;
        Some(rest.chars().take_while(|c| is_token(*c)).collect::<String>()).filter(|token| token.len() == 43)
    };
    let quoted_printable = letter.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    in_text(&quoted_printable).or_else(|| parts_in_base64(letter).find_map(|text| in_text(&text)))
}

/// The parts of a message that are base64 of text.
fn parts_in_base64(letter: &str) -> impl Iterator<Item = String> + '_ {
    let parts = letter.split("Content-Transfer-Encoding: base64").skip(1);
    parts.filter_map(|part| {
        let body = part.split("\n\n").nth(1).or_else(|| part.split("\r\n\r\n").nth(1))?;
        let lines: String = body.lines().map(str::trim).take_while(|line| !line.starts_with("--")).collect();
        String::from_utf8(base64(&lines)?).ok()
    })
}

/// Base64 of the standard alphabet; nothing else here needs a crate for it.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == symbol)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{base64, token};

    #[test]
    fn a_token_is_found_in_every_encoding() {
        let secret = "A".repeat(43);
        let plain = format!("Subject: x\n\nhttp://localhost/people/confirm#token={secret}\n");
        assert_eq!(token(&plain).as_ref(), Some(&secret));
        let (left, right) = secret.split_at(20);
        let quoted = format!("Subject: x\n\nhttp://localhost/people/confirm#token=3D{left}=\n{right}\n");
        assert_eq!(token(&quoted).as_ref(), Some(&secret));
        assert_eq!(token("Subject: x\n\n#token=short\n"), None);
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("UHJpdmV0IQ==").as_deref(), Some(b"Privet!".as_slice()));
        assert_eq!(base64("?"), None);
    }
}
