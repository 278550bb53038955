//! A letter: to whom, and what it says.

use lettre::Address;

use crate::accounts::Email;

/// Bytes of a subject at most.
const MAX_SUBJECT: usize = 256;
/// Bytes of each of the two bodies at most.
const MAX_BODY: usize = 64 << 10;

/// Who gets a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub email: Email,
    /// The name beside it; may be empty.
    pub name: String,
}

/// A letter as text and as HTML, checked: nothing in it can become a header of its own.
///
/// ```
/// use veche_people::{accounts::Email, mail::{Letter, Recipient}};
///
/// let to = Recipient { email: Email::parse("ann@example.com").expect("an address"), name: "Ann".into() };
/// let letter = Letter::new(to.clone(), "Tonight at 8", "Come.", "<p>Come.</p>");
/// assert!(letter.is_ok());
/// assert!(Letter::new(to, "Tonight\r\nBcc: all@example.com", "", "").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub(crate) to: Recipient,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) unsubscribe: Option<String>,
}

/// Why a letter cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitLetter {
    /// A header's field is longer than it may be, or has a control character, such as the end of a line.
    #[error("the letter's {0} is too long or has a control character")]
    Header(&'static str),
    /// A body has more than 64 KiB.
    #[error("the letter is longer than 64 KiB")]
    Long,
}

impl Letter {
    /// A letter to one person.
    pub fn new(
        to: Recipient,
        subject: impl Into<String>,
        text: impl Into<String>,
        html: impl Into<String>,
    ) -> Result<Self, UnfitLetter> {
        let (subject, text, html) = (subject.into(), text.into(), html.into());
        check("recipient", &to.name, MAX_SUBJECT)?;
        check("subject", &subject, MAX_SUBJECT)?;
        if text.len() > MAX_BODY || html.len() > MAX_BODY {
            return Err(UnfitLetter::Long);
        }
        Ok(Self { to, subject, text, html, unsubscribe: None })
    }

    /// Tells the reader's program where such letters are turned off (`List-Unsubscribe`): the URL of a page
    /// that asks before it does so. For letters that somebody may not want, such as invitations.
    pub fn unsubscribe(self, url: impl Into<String>) -> Result<Self, UnfitLetter> {
        let url = url.into();
        check("unsubscribe", &url, 1_024)?;
        if url.contains(['<', '>', ' ']) || !url.starts_with("http") {
            return Err(UnfitLetter::Header("unsubscribe"));
        }
        Ok(Self { unsubscribe: Some(url), ..self })
    }

    /// Who gets it.
    pub fn to(&self) -> &Recipient {
        &self.to
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it says, as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn address(&self) -> Option<Address> {
        self.to.email.as_str().parse().ok()
    }
}

fn check(field: &'static str, text: &str, most: usize) -> Result<(), UnfitLetter> {
    let is_right = text.len() <= most && !text.contains(|c: char| c.is_control());
    is_right.then_some(()).ok_or(UnfitLetter::Header(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(name: &str, subject: &str, body: &str) -> Result<Letter, UnfitLetter> {
        let email = Email::parse("ann@example.com").expect("an address");
        Letter::new(Recipient { email, name: name.into() }, subject, body, body)
    }

    /// Red where `check` looks for nothing but the length.
    #[test]
    fn nothing_becomes_a_header_of_its_own() {
        let long = "a".repeat(257);
        for evil in
            ["x\r\nBcc: all@example.com", "x\nBcc: all@example.com", "x\rBcc: y", "x\0", "x\u{85}y", &long]
        {
            assert_eq!(letter(evil, "Hello", ""), Err(UnfitLetter::Header("recipient")), "{evil:?}");
            assert_eq!(letter("Ann", evil, ""), Err(UnfitLetter::Header("subject")), "{evil:?}");
            let letter = letter("Ann", "Hello", "").expect("it is right");
            let url = format!("https://example.com/{evil}{}", "b".repeat(1_000));
            assert_eq!(letter.unsubscribe(url), Err(UnfitLetter::Header("unsubscribe")), "{evil:?}");
        }
        let fit = letter("Ann", "Hello", "a body\r\nhas lines").expect("it is right");
        assert!(fit.clone().unsubscribe("https://example.com/off?token=abc").is_ok());
        assert!(fit.unsubscribe("https://example.com/>,<mailto:all@example.com").is_err());
        assert_eq!(letter("Ann", "Hello", &"a".repeat((64 << 10) + 1)), Err(UnfitLetter::Long));
    }
}
