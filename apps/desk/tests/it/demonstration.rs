//! The boards of a server that is only tried.

use serde_json::{Value, json};

use crate::support::Office;

/// Red where a second start made them anew or failed, and where a page had all of a large board.
#[tokio::test]
async fn the_demonstrations_boards_are_made_once() {
    let office = Office::empty().await;
    for _ in 0..2 {
        office.desk.demonstrate().await.expect("they are made");
    }
    let boards = office.node.boot("/desk", Some("pasha")).await.expect("there are some");
    let entry = |board: &Value| json!([board["id"], board["role"], board["cards"]]);
    let mut entries: Vec<_> = boards["boards"].as_array().expect("a list").iter().map(entry).collect();
    entries.sort_by_key(Value::to_string);
    let expected =
        [json!(["big", "editor", 5_000]), json!(["sprint", "editor", 120]), json!(["welcome", "editor", 25])];
    assert_eq!((entries.as_slice(), &boards["can_create"]), (expected.as_slice(), &json!(true)));

    let big = office.node.boot("/desk/big", Some("admin")).await.expect("it is there");
    let counts: u64 =
        big["lists"].as_array().expect("a list").iter().filter_map(|list| list["count"].as_u64()).sum();
    assert_eq!((big["cards"].as_array().map(Vec::len), &big["complete"]), (Some(12 * 20), &json!(false)));
    assert_eq!((counts, &big["role"], &big["position"]["offset"]), (5_000, &json!("viewer"), &json!(1)));
    let welcome = office.node.boot("/desk/welcome", Some("anya")).await.expect("it is there");
    assert_eq!((welcome["cards"].as_array().map(Vec::len), &welcome["complete"]), (Some(25), &json!(true)));
}
