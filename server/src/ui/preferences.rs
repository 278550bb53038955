//! How a browser likes its pages: by its cookies, which any script of the page may have written, and by its headers.
//! What cannot be understood is as if it were not there.

use axum::http::{HeaderMap, header};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use veche_people::accounts::Language;

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Theme {
    Light,
    Dark,
    #[default]
    System,
}

/// How close things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Density {
    #[default]
    Comfortable,
    Compact,
}

/// What one browser likes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Preferences {
    /// The language that it chose here, or else the first of its own that is spoken here.
    pub(super) language: Language,
    pub(super) theme: Theme,
    pub(super) contrast: bool,
    pub(super) density: Density,
    /// A known IANA name, with the database's spelling.
    pub(super) zone: Option<TimeZone>,
}

impl Preferences {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, "veche_locale").and_then(Language::parse);
        Self {
            language: chosen.unwrap_or_else(|| accepted(headers)),
            theme: match cookie(headers, "veche_theme") {
                Some("light") => Theme::Light,
                Some("dark") => Theme::Dark,
                _ => Theme::System,
            },
            contrast: cookie(headers, "veche_contrast") == Some("more"),
            density: match cookie(headers, "veche_density") {
                Some("compact") => Density::Compact,
                _ => Density::Comfortable,
            },
            zone: cookie(headers, "veche_tz").and_then(zone),
        }
    }

    /// The zone's name, `UTC` where none is known.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.as_ref().and_then(TimeZone::iana_name).unwrap_or("UTC")
    }

    /// Minutes east of UTC at this moment.
    pub(super) fn offset_minutes(&self, now_ms: u64) -> i32 {
        let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let offset = |now| self.zone.as_ref().map_or(0, |zone| zone.to_offset(now).seconds() / 60);
        now.map_or(0, offset)
    }
}

/// The longest name of a zone is 32 bytes; nobody's cookie is searched for at more cost than that.
fn zone(name: &str) -> Option<TimeZone> {
    let name = name.replace("%2F", "/").replace("%2f", "/");
    if name.len() > 64 { None } else { TimeZone::get(&name).ok() }
}

/// The first cookie of this name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Russian for whoever reads it at all: most who do ask for English as well. Else English.
fn accepted(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let mut ranges = lines.flat_map(|line| line.split(','));
    let reads_russian = ranges.any(|range| {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let language = tag.trim().split('-').next().unwrap_or_default();
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        language.eq_ignore_ascii_case("ru") && !is_refused
    });
    if reads_russian { Language::Russian } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: &str, accept_language: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        let value = |text: &str| text.parse::<axum::http::HeaderValue>().expect("a header");
        headers.insert(header::COOKIE, value(cookie));
        headers.insert(header::ACCEPT_LANGUAGE, value(accept_language));
        Preferences::read(&headers)
    }

    #[test]
    fn a_language_is_chosen_or_accepted() {
        // Red: `accepted` that takes the first range; that does not look at the weight.
        for (cookie, accepts, expected) in [
            ("", "", "en"),
            ("", "ru", "ru"),
            ("", "en-US,en;q=0.9,ru;q=0.5", "ru"),
            ("", "ru-RU", "ru"),
            ("", "ru;q=0, de", "en"),
            ("", "rum", "en"),
            ("veche_locale=ru", "en", "ru"),
            ("a=b; veche_locale=en", "ru", "en"),
            ("veche_locale=xx", "ru", "ru"),
            ("veche_locale=", "", "en"),
        ] {
            assert_eq!(read(cookie, accepts).language.code(), expected, "{cookie:?} {accepts:?}");
        }
    }

    #[test]
    fn garbage_in_cookies_is_as_if_it_were_not_there() {
        for garbage in [
            "veche_theme=\"><script>; veche_tz=../../etc/passwd; veche_density; veche_contrast=",
            "veche_theme; =; ;;; veche_tz=%00",
            &format!("veche_tz={}", "x".repeat(5_000)),
        ] {
            assert_eq!(read(garbage, "en"), Preferences::default(), "{garbage}");
        }
    }

    #[test]
    fn a_zone_tells_its_offset_at_the_moment() {
        // 2026-07-01 and 2026-01-01, at noon UTC.
        let (summer, winter) = (1_782_907_200_000, 1_767_268_800_000);
        for (cookie, name, in_summer, in_winter) in [
            ("veche_tz=Europe/Moscow", "Europe/Moscow", 180, 180),
            ("veche_tz=Europe%2FBerlin", "Europe/Berlin", 120, 60),
            ("veche_tz=America/New_York", "America/New_York", -240, -300),
            ("veche_tz=Asia/Kolkata", "Asia/Kolkata", 330, 330),
            ("veche_tz=Mars/Olympus", "UTC", 0, 0),
            ("", "UTC", 0, 0),
        ] {
            let preferences = read(cookie, "");
            let found = (preferences.zone_name(), preferences.offset_minutes(summer));
            assert_eq!(found, (name, in_summer), "{cookie}");
            assert_eq!(preferences.offset_minutes(winter), in_winter, "{cookie}");
        }
    }

    #[test]
    fn looks_are_read() {
        let chosen = read("veche_theme=dark; veche_contrast=more; veche_density=compact", "");
        let found = (chosen.theme, chosen.contrast, chosen.density);
        assert_eq!(found, (Theme::Dark, true, Density::Compact));
        assert_eq!(read("veche_theme=light", "").theme, Theme::Light);
    }
}
