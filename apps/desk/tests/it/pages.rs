//! What a page shows first: a board, or the beginning of a large one.

use serde_json::{Value, json};

use crate::support::{Office, done, order};

async fn page(office: &Office) -> Value {
    office.node.boot("/desk/b", Some("eve")).await.expect("she is a member")
}

/// Red where the cut was at 400, where it counted hidden cards, and where cards of an archived list were cut too.
#[tokio::test]
async fn a_page_has_a_whole_board_of_400_cards_and_the_beginning_of_a_larger_one() {
    let office = Office::new().await;
    let mut ann = office.node.client("ann").await;
    for number in 0..401 {
        let list = ["l1", "l2", "l3"][number % 3];
        let data = json!({"card": format!("c{number:03}"), "list": list, "title": "x", "before": "c000"});
        done(&mut ann, "card.create", data).await;
    }
    let large = page(&office).await;
    assert_eq!((&large["complete"], large["cards"].as_array().map(Vec::len)), (&json!(false), Some(60)));
    let counts = |page: &Value| {
        page["lists"].as_array().expect("a list").iter().map(|it| it["count"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(counts(&large), [json!(134), json!(134), json!(133)]);
    let whole = office.snapshot("eve").await;
    for list in ["l1", "l2", "l3"] {
        assert_eq!(order(&large, list), order(&whole, list)[..20], "{list}");
    }
    assert_eq!((&whole["complete"], counts(&whole)), (&json!(true), counts(&large)));
    done(&mut ann, "list.change", json!({"list": "l3", "archived": true})).await;
    assert_eq!(page(&office).await["cards"].as_array().map(Vec::len), Some(40));
    assert_eq!(order(&office.snapshot("eve").await, "l3").len(), 133);
    done(&mut ann, "card.delete", json!({"card": "c007"})).await;
    let small = page(&office).await;
    assert_eq!((&small["complete"], small["cards"].as_array().map(Vec::len)), (&json!(true), Some(400)));
    assert_eq!(small["role"], "viewer");
    assert_eq!(small["position"], office.snapshot("ann").await["position"]);
}

/// Red where the trash counted as the archive, and where the archive was open to everybody.
#[tokio::test]
async fn what_is_archived_or_in_the_trash_can_be_found_by_members() {
    let office = Office::new().await;
    let mut ann = office.node.client("ann").await;
    for card in ["c1", "c2", "c3", "c4"] {
        done(&mut ann, "card.create", json!({"card": card, "list": "l1", "title": card})).await;
    }
    done(&mut ann, "card.change", json!({"card": "c1", "archived": true})).await;
    done(&mut ann, "card.change", json!({"card": "c2", "archived": true})).await;
    done(&mut ann, "card.delete", json!({"card": "c2"})).await;
    done(&mut ann, "card.delete", json!({"card": "c3"})).await;
    let ask = async |user| {
        let request =
            http::Request::get("/api/desk/boards/b/archive").body(veche_kernel::web::Body::default());
        office.node.ask_http(request.expect("it is a request"), user).await
    };
    let found: Value = serde_json::from_slice(ask(Some("eve")).await.body()).expect("it is JSON");
    let ids = |of: &str| -> Vec<Value> {
        found[of].as_array().expect("a list").iter().map(|card| card["id"].clone()).collect()
    };
    assert_eq!((ids("archived"), ids("deleted")), (vec![json!("c1")], vec![json!("c3"), json!("c2")]));
    assert_eq!(ask(Some("mallory")).await.status(), 403);
    assert_eq!(ask(None).await.status(), 401);
}
