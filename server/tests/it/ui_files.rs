//! The browser's files, and what search engines ask for.

use veche_server::ui::Surroundings;

use crate::ui::Pages;

#[test]
fn hashed_files_are_kept_for_ever_and_others_are_asked_for_again() {
    let pages = Pages::start_with(|around| around);
    let hashed = pages.get("/assets/entry-1.js", "");
    assert_eq!((hashed.status, hashed.body.as_str()), (200, "1"));
    assert_eq!(hashed.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let worker = pages.get("/sw.js", "");
    assert_eq!((worker.body.as_str(), worker.header("cache-control")), ("22", Some("no-cache")));
    let tag = worker.header("etag").expect("a tag");
    assert_eq!(pages.get("/sw.js", &format!("If-None-Match: {tag}\r\n")).status, 304);
}

#[test]
fn a_document_among_the_files_has_the_policy_of_pages() {
    let pages = Pages::start_with(|around| around);
    let offline = pages.get("/offline.html", "");
    assert_eq!((offline.status, offline.body.as_str()), (200, "<p>"));
    let policy = offline.header("content-security-policy");
    assert!(policy.is_some() && policy == pages.get("/", "").header("content-security-policy"));
    assert_eq!(pages.get("/sw.js", "").header("content-security-policy"), None);
}

#[test]
fn a_file_is_sent_in_the_form_that_the_client_takes() {
    let pages = Pages::start_with(|around| around);
    for (accepts, body, coding) in
        [("gzip, br", "br", Some("br")), ("gzip", "gz", Some("gzip")), ("br;q=0", "22", None)]
    {
        let file = pages.get("/sw.js", &format!("Accept-Encoding: {accepts}\r\n"));
        assert_eq!((file.body.as_str(), file.header("content-encoding")), (body, coding), "{accepts}");
        assert_eq!(file.header("vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn a_file_that_is_not_there_is_no_page() {
    let pages = Pages::start_with(|around| around);
    let missing = pages.get("/assets/old-0.js", "Accept: text/html\r\n");
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("text/plain")));
    assert_eq!(pages.get("/assets/../../Cargo.toml", "").status, 404);
}

#[test]
fn search_engines_find_the_landing_page_at_the_sites_own_address() {
    let pages = Pages::start_with(|around| around);
    assert!(pages.get("/robots.txt", "").body.contains("Sitemap: https://veche.example/sitemap.xml"));
    let map = pages.get("/sitemap.xml", "");
    assert!(map.body.contains("<loc>https://veche.example/</loc>"), "{}", map.body);
    let nowhere = Pages::start_with(|around| Surroundings { origin: None, ..around });
    assert!(!nowhere.get("/robots.txt", "").body.contains("Sitemap"));
    assert_eq!(nowhere.get("/sitemap.xml", "Accept: application/xml\r\n").status, 404);
}
