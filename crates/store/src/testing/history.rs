//! Pages of the log.

use veche_kernel::broker::HistoryQuery;
use veche_protocol::client::Range::{After, Before};

use super::desk::{ALL, Desk, name, rules};

pub(super) async fn history_is_read_in_both_directions(desk: &Desk) {
    desk.append_many(10).await;
    let rules = veche_kernel::Namespace {
        retain: veche_kernel::Retain { count: 8, bytes: 0, ..rules().retain },
        ..rules()
    };
    let rules = std::sync::Arc::new(rules);
    desk.store.trim(|_| Some(rules.clone()), desk.clock.wall_ms()).await.expect("trims");
    // Retained are 3 to 10.
    let cases: [(_, u64, usize, &[u64]); 17] = [
        (After(0), u64::MAX, 100, &[3, 4, 5, 6, 7, 8, 9, 10]),
        (After(2), u64::MAX, 3, &[3, 4, 5]),
        (After(5), u64::MAX, 2, &[6, 7]),
        (After(5), 7, 100, &[6, 7]),
        (After(7), 7, 100, &[]),
        (After(8), 7, 100, &[]),
        (After(10), u64::MAX, 100, &[]),
        (After(u64::MAX), u64::MAX, 100, &[]),
        (After(0), 2, 100, &[]),
        (After(0), u64::MAX, 0, &[]),
        (Before(None), u64::MAX, 3, &[10, 9, 8]),
        (Before(None), 5, 100, &[5, 4, 3]),
        (Before(Some(6)), u64::MAX, 2, &[5, 4]),
        (Before(Some(6)), 4, 100, &[4, 3]),
        (Before(Some(3)), u64::MAX, 100, &[]),
        (Before(Some(0)), u64::MAX, 100, &[]),
        (Before(Some(u64::MAX)), u64::MAX, 1, &[10]),
    ];
    for (range, until, limit, expected) in cases {
        let query = HistoryQuery { range, until, limit, bytes: usize::MAX };
        assert_eq!(desk.offsets(query).await, expected, "{query:?}");
    }
}

pub(super) async fn a_page_is_bounded_by_bytes(desk: &Desk) {
    for data in ["\"12345678\"", "\"12345678\"", "\"12345678\"", "1"] {
        desk.append(desk.publication(data), &rules()).await;
    }
    for (bytes, expected) in [(0, 1), (9, 1), (10, 1), (19, 1), (20, 2), (30, 3), (31, 4)] {
        let page = desk.offsets(HistoryQuery { bytes, ..ALL }).await;
        assert_eq!(page, (1..=expected).collect::<Vec<_>>(), "{bytes} bytes");
    }
}

pub(super) async fn an_unused_channel_has_an_empty_history(desk: &Desk) {
    let history = desk.store.history(&name("room:9"), ALL).await.expect("reads");
    assert!(history.publications.is_empty());
    assert_eq!(history.head, Some(desk.store.head(&name("room:9")).await.expect("reads")));
}
