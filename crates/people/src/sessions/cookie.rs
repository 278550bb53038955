//! The session cookie.

use http::{HeaderMap, HeaderValue, header};

use super::kept::LIFE_MS;
use crate::secret::Secret;

/// How the cookie is called and which rules it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookie {
    is_https: bool,
}

impl Cookie {
    /// For a site with TLS or without.
    pub(crate) fn new(is_https: bool) -> Self {
        Self { is_https }
    }

    /// Its name. With the prefix a browser takes it only over TLS, for `/`, and from this very host: no
    /// neighbouring host can plant one.
    pub(crate) fn name(self) -> &'static str {
        if self.is_https { "__Host-veche_session" } else { "veche_session" }
    }

    /// What a browser brought. Two of the name are none: one of them was planted.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    }

    /// `Set-Cookie` with a secret.
    pub(crate) fn set(self, secret: &Secret) -> HeaderValue {
        self.value(secret.as_str(), LIFE_MS / 1_000)
    }

    /// `Set-Cookie` that removes it.
    pub(crate) fn clear(self) -> HeaderValue {
        self.value("", 0)
    }

    fn value(self, value: &str, max_age: u64) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let name = self.name();
        let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::from_str(&cookie).expect("a name and base64url are printable");
        cookie.set_sensitive(true);
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_out_of_scripts_reach() {
        let secret = Secret::draw().expect("random bits");
        let plain = Cookie::new(false).set(&secret);
        let expected =
            format!("veche_session={}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", secret.as_str());
        assert_eq!(plain, expected.as_str());
        let https = Cookie::new(true).set(&secret);
        assert_eq!(https, format!("__Host-{expected}; Secure").as_str());
        assert!(
            Cookie::new(false)
                .clear()
                .to_str()
                .expect("ASCII")
                .starts_with("veche_session=; Path=/; Max-Age=0;")
        );
        assert!(!format!("{plain:?}").contains(secret.as_str()), "a debug print hides it");
    }

    /// Red where the first of two is taken.
    #[test]
    fn a_planted_second_cookie_is_not_chosen() {
        let check = |fields: &[&'static str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::COOKIE, HeaderValue::from_static(field));
            }
            assert_eq!(Cookie::new(false).read(&headers), expected, "{fields:?}");
        };
        check(&[], None);
        check(&["veche_session=abc"], Some("abc"));
        check(&["theme=dark; veche_session=abc;x=y"], Some("abc"));
        check(&["theme=dark", "veche_session=abc"], Some("abc"));
        check(&["veche_session=abc; veche_session=def"], None);
        check(&["veche_session=abc", "veche_session=abc"], None);
        check(&["my_veche_session=abc"], None);
        check(&["__Host-veche_session=abc"], None);
    }
}
