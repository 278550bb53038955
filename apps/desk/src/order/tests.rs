use proptest::prelude::*;
use serde::Deserialize;

use super::*;

type Side = Option<String>;

#[derive(Deserialize)]
struct Vectors {
    between: Vec<(Side, Side, String)>,
    n_between: Vec<(Side, Side, usize, Vec<String>)>,
    invalid: Vec<String>,
}

/// Red: half up made half down in `middle`, and a head that skips from `Z` to `[`.
#[test]
fn keys_are_those_of_the_npm_package() {
    let vectors = include_str!("../../../../protocol-vectors/order.json");
    let vectors: Vectors = serde_json::from_str(vectors).expect("the vectors are JSON");
    for (low, high, expected) in &vectors.between {
        assert_eq!(between(low.as_deref(), high.as_deref()).as_ref(), Ok(expected), "{low:?} {high:?}");
    }
    for (low, high, count, expected) in &vectors.n_between {
        assert_eq!(
            n_between(low.as_deref(), high.as_deref(), *count).as_ref(),
            Ok(expected),
            "{low:?} {high:?}"
        );
    }
    for text in &vectors.invalid {
        let no_key = OrderError::NoKey(text.clone());
        assert_eq!(between(Some(text), None), Err(no_key.clone()), "{text:?}");
        assert_eq!(between(None, Some(text)), Err(no_key), "{text:?}");
    }
}

#[test]
fn nothing_is_between_keys_that_are_out_of_order() {
    for (low, high) in [("a1", "a0"), ("a0", "a0"), ("a0", "Zz")] {
        let out_of_order = OrderError::Order(low.into(), high.into());
        assert_eq!(between(Some(low), Some(high)), Err(out_of_order));
    }
}

/// The growth that the limit of a key's length was chosen by.
#[test]
fn appending_stays_short_and_one_gap_grows_slowly() {
    let many = n_between(None, None, 100_000).expect("there are so many");
    assert_eq!(many.iter().map(String::len).max(), Some(4));
    assert!(many.is_sorted());
    let mut high = "a1".to_owned();
    for _ in 0..100 {
        high = between(Some("a0"), Some(&high)).expect("there is one between");
    }
    assert!((19..=22).contains(&high.len()), "{high}");
}

proptest! {
    /// Whatever is inserted wherever, each key is new and stands where it was put.
    #[test]
    fn an_inserted_key_stands_between_its_neighbours(places in prop::collection::vec(any::<prop::sample::Index>(), 1..300)) {
        let mut keys: Vec<String> = Vec::new();
        for place in places {
            let at = place.index(keys.len() + 1);
            let low = at.checked_sub(1).and_then(|at| keys.get(at)).map(String::as_str);
            let high = keys.get(at).map(String::as_str);
            let key = between(low, high).expect("there is one");
            prop_assert!(low.is_none_or(|low| low < key.as_str()) && high.is_none_or(|high| key.as_str() < high));
            keys.insert(at, key);
        }
    }

    /// No text makes it panic, and what it takes it can go on from.
    #[test]
    fn any_text_is_a_key_or_an_error(low in "[0-9A-Za-z]{0,40}", high in ".{0,6}") {
        for key in [between(Some(&low), None), between(None, Some(&low)), between(Some(&low), Some(&high))].into_iter().flatten() {
            prop_assert!(between(Some(&key), None).is_ok() && between(None, Some(&key)).is_ok());
        }
    }
}
