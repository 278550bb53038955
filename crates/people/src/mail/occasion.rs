//! What the accounts write to people, in their language.

use std::fmt::Write as _;

use super::letter::{Letter, Recipient, UnfitLetter};
use crate::accounts::Language;

/// What gives reason to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Somebody registered with this address; the link finishes it.
    Confirm { link: String },
    /// Somebody registered with an address that has an account; the link is where to sign in.
    AlreadyThere { link: String },
    /// Somebody asked to choose a new password; the link does it.
    Reset { link: String },
    /// The password was changed; the link is where to ask for another, if it was somebody else.
    PasswordChanged { link: String },
}

/// The words of one letter.
struct Words {
    subject: &'static str,
    greeting: &'static str,
    say: &'static [&'static str],
    link: &'static str,
    end: &'static str,
}

impl Occasion {
    /// The letter to this person.
    pub(crate) fn letter(&self, to: Recipient, language: Language) -> Result<Letter, UnfitLetter> {
        let (words, link) = self.words(language);
        let (text, html) = (words.text(&to.name, link), words.html(&to.name, link));
        Letter::new(to, words.subject, text, html)
    }

    fn words(&self, language: Language) -> (&'static Words, &str) {
        let (english, russian, link) = match self {
            Self::Confirm { link } => (&CONFIRM, &CONFIRM_RU, link),
            Self::AlreadyThere { link } => (&ALREADY, &ALREADY_RU, link),
            Self::Reset { link } => (&RESET, &RESET_RU, link),
            Self::PasswordChanged { link } => (&CHANGED, &CHANGED_RU, link),
        };
        (if language == Language::Russian { russian } else { english }, link)
    }
}

impl Words {
    fn text(&self, name: &str, link: &str) -> String {
        let say = self.say.join("\n");
        let hello = self.hello(name);
        format!("{hello}\n\n{say}\n\n{}:\n{link}\n\n{}\n", self.link, self.end)
    }

    fn html(&self, name: &str, link: &str) -> String {
        let (hello, href) = (escaped(&self.hello(name)), escaped(link));
        let mut html = String::from("<!doctype html><html><body style=\"font-family:sans-serif\">");
        let say = self.say.join("</p><p>");
        // A string never refuses.
        _ = write!(
            html,
            "<p>{hello}</p><p>{say}</p><p><a href=\"{href}\">{}</a></p><p><small>{}</small></p></body></html>",
            self.link, self.end
        );
        html
    }

    fn hello(&self, name: &str) -> String {
        let greeting = self.greeting;
        if name.is_empty() { format!("{greeting}!") } else { format!("{greeting}, {name}!") }
    }
}

/// Text as HTML shows it, in an element or in an attribute's quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const CONFIRM: Words = Words {
    subject: "Confirm your e-mail address",
    greeting: "Hello",
    say: &["Somebody, probably you, registered with this address.", "The link holds for 24 hours."],
    link: "Confirm the address",
    end: "If it was not you, do nothing: without your confirmation there is no account.",
};

const CONFIRM_RU: Words = Words {
    subject: "Подтвердите адрес почты",
    greeting: "Здравствуйте",
    say: &["Кто-то, вероятно вы, регистрируется с этим адресом.", "Ссылка действует 24 часа."],
    link: "Подтвердить адрес",
    end: "Если это не вы, ничего не делайте: без подтверждения учётной записи не будет.",
};

const ALREADY: Words = Words {
    subject: "You have an account already",
    greeting: "Hello",
    say: &[
        "Somebody, probably you, registered with this address, but it has an account already.",
        "Sign in; if you have forgotten the password, ask for a new one there.",
    ],
    link: "Sign in",
    end: "If it was not you, do nothing: nothing has changed.",
};

const ALREADY_RU: Words = Words {
    subject: "У вас уже есть учётная запись",
    greeting: "Здравствуйте",
    say: &[
        "Кто-то, вероятно вы, регистрируется с этим адресом, но учётная запись с ним уже есть.",
        "Войдите; если пароль забыт, там же можно задать новый.",
    ],
    link: "Войти",
    end: "Если это не вы, ничего не делайте: ничего не изменилось.",
};

const RESET: Words = Words {
    subject: "Choose a new password",
    greeting: "Hello",
    say: &["Somebody, probably you, asked to change the password.", "The link holds for one hour."],
    link: "Choose a new password",
    end: "If it was not you, do nothing: the password stays as it is.",
};

const RESET_RU: Words = Words {
    subject: "Задайте новый пароль",
    greeting: "Здравствуйте",
    say: &["Кто-то, вероятно вы, просит сменить пароль.", "Ссылка действует один час."],
    link: "Задать новый пароль",
    end: "Если это не вы, ничего не делайте: пароль останется прежним.",
};

const CHANGED: Words = Words {
    subject: "Your password was changed",
    greeting: "Hello",
    say: &["The password of your account was changed, and you were signed out on all other devices."],
    link: "If it was not you, choose a new one",
    end: "If it was you, there is nothing to do.",
};

const CHANGED_RU: Words = Words {
    subject: "Пароль изменён",
    greeting: "Здравствуйте",
    say: &["Пароль вашей учётной записи изменён, на других устройствах выполнен выход."],
    link: "Если это не вы, задайте новый",
    end: "Если это вы, ничего делать не нужно.",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Email;

    fn letter(occasion: &Occasion, name: &str, language: Language) -> Letter {
        let email = Email::parse("ann@example.com").expect("an address");
        occasion.letter(Recipient { email, name: name.into() }, language).expect("it is right")
    }

    #[test]
    fn each_occasion_is_written_in_both_languages_with_its_link() {
        let link = || "https://veche.example/confirm?token=abc".to_owned();
        let occasions = [
            Occasion::Confirm { link: link() },
            Occasion::AlreadyThere { link: link() },
            Occasion::Reset { link: link() },
            Occasion::PasswordChanged { link: link() },
        ];
        let mut subjects = Vec::new();
        for occasion in &occasions {
            for language in [Language::English, Language::Russian] {
                let letter = letter(occasion, "Аня", language);
                let is_cyrillic = letter.subject.contains(|c: char| ('а'..='я').contains(&c));
                assert_eq!(is_cyrillic, language == Language::Russian, "{letter:?}");
                assert!(letter.text.contains("Аня") && letter.text.contains(&link()), "{letter:?}");
                assert!(letter.html.contains(&format!("href=\"{}\"", link())), "{letter:?}");
                subjects.push(letter.subject);
            }
        }
        subjects.sort_unstable();
        subjects.dedup();
        assert_eq!(subjects.len(), 8, "each has words of its own");
    }

    /// Red where `html` takes the name as it is.
    #[test]
    fn a_name_is_no_markup() {
        let occasion = Occasion::Reset { link: "https://veche.example/?a=1&b='2'".into() };
        let letter = letter(&occasion, "<a href=\"https://evil.example\">Ann</a>", Language::English);
        assert!(!letter.html.contains("evil.example\">"), "{}", letter.html);
        assert!(letter.html.contains("&lt;a href=&quot;"), "{}", letter.html);
        assert!(letter.html.contains("a=1&amp;b=&#39;2&#39;\""), "{}", letter.html);
    }
}
