//! The port of post offices, and a letter as they take it (RFC 5322).

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::letter::Letter;

/// A letter on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id: the same at each attempt.
    pub id: String,
    /// When it was written, ms since 1970.
    pub written_ms: u64,
    /// What it says, and to whom.
    pub letter: Letter,
}

/// Why a post office did not take a letter. It will be asked again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The letter cannot be put into a message.
    #[error("failed to compose the message: {0}")]
    Compose(String),
    /// It cannot be reached, or said no.
    #[error("{0}")]
    Refused(String),
    /// It did not answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// A letter being taken.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>>;

/// A post office. Called by the outbox's worker, which asks again where it fails.
pub trait Mailer: Send + Sync + 'static {
    /// Takes a letter: when this answers `Ok`, it is the post office's.
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a>;
}

/// The mail as a message from this sender: text and HTML as alternatives.
pub(super) fn compose(mail: &Mail, from: &Mailbox) -> Result<Message, MailError> {
    let failed = |what: &dyn std::fmt::Display| MailError::Compose(what.to_string());
    let letter = &mail.letter;
    let address = letter.address().ok_or_else(|| failed(&"the recipient has no address"))?;
    let name = Some(letter.to.name.clone()).filter(|name| !name.is_empty());
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(letter.subject.clone())
        .date(UNIX_EPOCH + Duration::from_millis(mail.written_ms))
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        // Nobody's absence note shall answer it (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(url) = &letter.unsubscribe {
        message = message.raw_header(header("List-Unsubscribe", &format!("<{url}>")));
    }
    let body = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
    message.multipart(body).map_err(|error| failed(&error))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;
    use crate::{accounts::Email, mail::Recipient};

    fn mail(name: &str, subject: &str) -> Mail {
        let email = Email::parse("ann@example.com").expect("an address");
        let to = Recipient { email, name: name.into() };
        let letter = Letter::new(to, subject, "Привет,\nмир", "<p>Привет</p>").expect("it is right");
        let letter = letter.unsubscribe("https://veche.example/off?t=1").expect("it is right");
        Mail { id: "m1".into(), written_ms: 1_700_000_000_000, letter }
    }

    #[test]
    fn a_message_says_what_the_letter_does() {
        let from = "Вече <no-reply@veche.example>".parse().expect("a mailbox");
        let bytes = compose(&mail("Аня, «Ann»", "Вход в «Вече»"), &from).expect("it composes").formatted();
        let message = MessageParser::default().parse(&bytes).expect("it is a message");
        assert_eq!(message.subject(), Some("Вход в «Вече»"));
        let to = message.to().and_then(|to| to.first()).expect("a recipient");
        assert_eq!((to.name(), to.address()), (Some("Аня, «Ann»"), Some("ann@example.com")));
        assert_eq!(message.from().and_then(|from| from.first()).and_then(|a| a.name()), Some("Вече"));
        assert_eq!(message.body_text(0).as_deref(), Some("Привет,\r\nмир"));
        assert!(message.body_html(0).is_some_and(|html| html.contains("<p>Привет</p>")));
        assert_eq!(message.message_id(), Some("m1@veche.example"));
        assert_eq!(message.date().map(mail_parser::DateTime::to_timestamp), Some(1_700_000_000));
        let raw = String::from_utf8_lossy(&bytes);
        assert!(raw.contains("List-Unsubscribe: <https://veche.example/off?t=1>"), "{raw}");
        assert!(raw.contains("Auto-Submitted: auto-generated"), "{raw}");
    }
}
