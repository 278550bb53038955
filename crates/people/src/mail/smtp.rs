//! Mail by SMTP.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor, message::Mailbox,
    transport::smtp::extension::ClientId,
};

use super::message::{Mail, MailError, Mailer, Sending, compose};

/// How long a server may take for a step of the conversation.
const PATIENCE: Duration = Duration::from_secs(20);

/// Brings letters to an SMTP server, over TLS where the URL says so, a connection for each.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// A server by its URL, and the sender, such as `Veche <no-reply@example.com>`; `None` where one of them
    /// is none.
    ///
    /// `smtps://user:password@host` is TLS from the first byte, `smtp://user:password@host:587?tls=required`
    /// is STARTTLS, and `smtp://relay:25` is neither, for a server of the same machine or network. A password is
    /// not sent without TLS: such a URL is none.
    pub fn new(url: &str, from: &str) -> Option<Self> {
        if shows_a_password(url) {
            return None;
        }
        let from: Mailbox = from.parse().ok()?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).ok()?;
        // Servers look up who greets them.
        let name = ClientId::Domain(from.email.domain().to_owned());
        let transport = transport.hello_name(name).timeout(Some(PATIENCE));
        Some(Self { transport: transport.build(), from })
    }
}

/// Whether the URL has credentials and does not demand TLS for them.
fn shows_a_password(url: &str) -> bool {
    let has_credentials = url.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let options = url.split_once('?').map_or("", |(_, options)| options);
    let is_protected = url.starts_with("smtps:") || options.split('&').any(|option| option == "tls=required");
    has_credentials && !is_protected
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(async move {
            let message = compose(mail, &self.from)?;
            let sent = self.transport.send(message).await;
            sent.map(drop).map_err(|error| MailError::Refused(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red where `new` takes what lettre takes.
    #[test]
    fn a_password_needs_tls() {
        for (url, expected) in [
            ("smtps://ann:secret@mail.example", true),
            ("smtp://ann:secret@mail.example:587?tls=required", true),
            ("smtp://localhost:25", true),
            ("smtp://ann:secret@mail.example:587", false),
            ("smtp://ann:secret@mail.example:587?tls=opportunistic", false),
            ("smtp://ann:secret@mail.example/tls=required", false),
            ("http://mail.example", false),
            ("mail.example", false),
        ] {
            assert_eq!(Smtp::new(url, "Veche <no-reply@veche.example>").is_some(), expected, "{url}");
        }
        assert!(Smtp::new("smtp://localhost:25", "nobody").is_none());
    }
}
