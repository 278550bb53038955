//! Which compressed form a client takes (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header};

/// A content coding of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// `gzip`
    Gzip,
    /// `br`
    Brotli,
}

impl Coding {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// Whether `Accept-Encoding` takes this coding: named, or by `*`, and not with a weight of zero.
pub fn takes(headers: &HeaderMap, coding: Coding) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut by_star = false;
    for part in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
        let is_taken = weight.is_some_and(|weight| weight > 0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case(coding.name()) => return is_taken,
            "*" => by_star = is_taken,
            _ => {}
        }
    }
    by_star
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_taken_as_the_client_says() {
        // Red: a search for the name alone.
        for (accepts, gzip, brotli) in [
            (None, false, false),
            (Some(""), false, false),
            (Some("gzip, deflate, br, zstd"), true, true),
            (Some("GZIP"), true, false),
            (Some("br;q=0, gzip;q=0.5"), true, false),
            (Some("*"), true, true),
            (Some("*;q=0"), false, false),
            (Some("br;q=0, *"), true, false),
            (Some("gzip;q=x"), false, false),
            (Some("xgzip"), false, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accepts) = accepts {
                headers.insert(header::ACCEPT_ENCODING, accepts.parse().expect("a header"));
            }
            let found = (takes(&headers, Coding::Gzip), takes(&headers, Coding::Brotli));
            assert_eq!(found, (gzip, brotli), "{accepts:?}");
        }
    }
}
