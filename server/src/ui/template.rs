//! The document around what the bundle renders. Everything that is put in is escaped here.

use std::fmt::Write as _;

use super::{
    boot::Boot,
    manifest::Needed,
    preferences::{Density, Theme},
};

/// What the bundle made of the page; nothing where the browser has to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Content<'a> {
    pub(super) head: &'a str,
    pub(super) body: &'a str,
}

/// Links of a page that search engines may keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canonical<'a> {
    /// The site's origin, from the configuration.
    pub(super) origin: &'a str,
    pub(super) path: &'a str,
}

/// One page as HTML. `json` is the boot's text.
pub(super) fn page(
    boot: &Boot<'_>,
    json: &str,
    needed: &Needed,
    canonical: Option<Canonical<'_>>,
    content: Content<'_>,
) -> String {
    let mut html = String::with_capacity(content.body.len() + json.len() + 4_096);
    // A string never refuses.
    _ = write!(
        html,
        "<!doctype html>\n<html lang=\"{}\" class=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\n",
        boot.locale,
        classes(boot)
    );
    for style in &needed.styles {
        _ = writeln!(html, "<link rel=\"stylesheet\" href=\"/{}\">", attribute(style));
    }
    for script in &needed.scripts {
        _ = writeln!(html, "<link rel=\"modulepreload\" href=\"/{}\">", attribute(script));
    }
    html.push_str("<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n");
    html.push_str("<link rel=\"manifest\" href=\"/manifest.webmanifest\">\n");
    if let Some(Canonical { origin, path }) = canonical {
        let url = attribute(&format!("{origin}{path}"));
        _ = writeln!(
            html,
            "<link rel=\"canonical\" href=\"{url}\">\n<meta property=\"og:url\" content=\"{url}\">"
        );
    }
    html.push_str(if content.head.is_empty() { EMPTY_HEAD } else { content.head });
    _ = write!(
        html,
        "\n</head>\n<body>\n<div id=\"app\">{}</div>\n<script type=\"application/json\" id=\"boot\">{}</script>\n\
         <script type=\"module\" src=\"/{}\"></script>\n</body>\n</html>\n",
        content.body,
        in_script(json),
        attribute(&needed.entry)
    );
    html
}

/// Of a page that the browser makes: search engines come again when there is something to read.
const EMPTY_HEAD: &str = "<title>Veche</title>\n<meta name=\"robots\" content=\"noindex\">";

fn classes(boot: &Boot<'_>) -> String {
    let theme = match boot.theme {
        Theme::Light => "light",
        Theme::Dark => "dark",
        Theme::System => "system",
    };
    let contrast = if boot.contrast { " contrast-more" } else { "" };
    let density = match boot.density {
        Density::Comfortable => "comfortable",
        Density::Compact => "compact",
    };
    format!("theme-{theme}{contrast} density-{density}")
}

/// JSON in a script element: nothing in it can end the element or begin a comment, and the line ends of Unicode, which
/// older readers take for ends of lines, are written as escapes. Within JSON all three stand in strings only.
pub(super) fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Text in an attribute's double quotes.
pub(super) fn attribute(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use axum::http::Uri;
    use veche::Outcome;

    use super::*;
    use crate::ui::{boot::Facts, preferences::Preferences};

    fn html(data: &str, canonical: Option<Canonical<'_>>, content: Content<'_>) -> String {
        let facts = Facts { build: String::new(), apps: Vec::new(), demo: false };
        let (uri, preferences) = (Uri::from_static("/x"), Preferences::default());
        let outcome: Outcome = Ok(Some(data.into()));
        let boot = Boot::new(&uri, &preferences, None, &facts, &outcome, 0);
        let needed = Needed {
            entry: "assets/entry.js".to_owned(),
            styles: vec!["assets/a.css".to_owned()],
            scripts: vec!["assets/b.js".to_owned()],
        };
        page(&boot, &boot.to_json(), &needed, canonical, content)
    }

    #[test]
    fn nothing_in_the_data_ends_its_element() {
        // Red: `in_script` without one of its replacements.
        let hostile = "{\"a\":\"</script><script>alert(1)</script><!--\u{2028}\u{2029}\"}";
        let html = html(hostile, None, Content::default());
        let (_, rest) = html.split_once("id=\"boot\">").expect("a boot");
        let (json, _) = rest.split_once("</script>").expect("its end");
        let boot: serde_json::Value = serde_json::from_str(json).expect("it is JSON up to its end");
        assert_eq!(boot["data"]["a"], "</script><script>alert(1)</script><!--\u{2028}\u{2029}");
        assert!(!json.contains(['<', '\u{2028}', '\u{2029}']));
        assert_eq!(html.matches("<script").count(), 2);
    }

    #[test]
    fn a_path_cannot_leave_its_attribute() {
        let path = "/a\"><script>alert(1)</script>'&\r\nSet-Cookie: x";
        let canonical = Canonical { origin: "https://veche.example", path };
        let html = html("null", Some(canonical), Content::default());
        let expected =
            "href=\"https://veche.example/a&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;";
        assert!(html.contains(expected), "{html}");
        assert_eq!(html.matches("<script").count(), 2);
    }

    #[test]
    fn a_page_loads_its_files_and_is_dressed_by_its_classes() {
        let content = Content { head: "<title>T</title>", body: "<p>B</p>" };
        let html = html("null", None, content);
        for part in [
            "<html lang=\"en\" class=\"theme-system density-comfortable\">",
            "<link rel=\"stylesheet\" href=\"/assets/a.css\">",
            "<link rel=\"modulepreload\" href=\"/assets/b.js\">",
            "<title>T</title>",
            "<div id=\"app\"><p>B</p></div>",
            "<script type=\"module\" src=\"/assets/entry.js\"></script>",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("noindex") && !html.contains("canonical"));
        assert!(EMPTY_HEAD.contains("noindex"));
    }
}
