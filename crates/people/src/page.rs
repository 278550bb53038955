//! How long a page of a list is.

use veche_kernel::{ErrorCode, Rejection};

/// The most entries of a page.
const MOST: u32 = 100;
/// What is given to those who do not say.
const USUAL: u32 = 50;

/// The limit that a client asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Rejection> {
    match asked {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => {
            Err(Rejection::new(ErrorCode::BadRequest, "a page has 1 to 100 entries").field("data.limit"))
        }
    }
}
