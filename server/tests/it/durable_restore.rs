//! The operator's side of durable channels: one process a folder, damage, backup and restore.

use std::{fs, io::Write as _};

use serde_json::{Value, json};

use crate::support::{
    client::{Client, message},
    process::{Veche, free_port, refused},
};

const CHANNEL: &str = "log:1";

fn publish(client: &mut Client, op_id: &str) -> Value {
    let reply = client.request(message(CHANNEL, op_id, json!(op_id))).expect("it is served");
    assert_eq!(reply["type"], "reply", "{reply}");
    reply["position"].clone()
}

fn operations(client: &mut Client) -> Vec<String> {
    let history = client.history(CHANNEL);
    history.iter().map(|publication| publication["op_id"].as_str().expect("it has one").to_owned()).collect()
}

/// Red where the folder was not locked.
#[test]
fn a_second_server_on_the_same_folder_refuses() {
    let server = Veche::start();
    let said = server.refusal(free_port());
    assert!(
        said.contains("in use by another process; stop it, or give this one a folder of its own"),
        "{said}"
    );
    // The first has not noticed.
    let mut client = Client::insist(server.address(), &server.token("ann"));
    publish(&mut client, "one");
}

/// Red where a restore drew no new epoch, and where it did not look whether the folder is in use.
#[test]
fn a_restore_brings_back_the_backup_and_resets_positions() {
    let mut server = Veche::start();
    let token = server.token("ann");
    let mut client = Client::insist(server.address(), &token);
    publish(&mut client, "one");
    let then = publish(&mut client, "two");
    let output = server.run(&["store", "backup", "copy.db"]);
    assert!(output.status.success(), "{output:?}");
    let later = publish(&mut client, "three");
    // While somebody works in the folder nothing is put back.
    let said = refused(&server.run(&["store", "restore", "copy.db"]));
    assert!(said.contains("in use by another process"), "{said}");
    assert!(server.terminate().success());
    let output = server.run(&["store", "restore", "copy.db"]);
    assert!(output.status.success(), "{output:?}");
    server.restart();

    let mut client = Client::insist(server.address(), &token);
    assert_eq!(operations(&mut client), ["one", "two"]);
    // Even the position that the backup has is another one's today.
    for since in [then, later] {
        let ask = json!({"type": "subscribe", "channel": CHANNEL, "since": since});
        client.send(&ask.to_string()).expect("it is served");
        let subscribed = loop {
            // The own channel's may come between.
            let subscribed = client.expect(&["subscribed"]).expect("it is served");
            if subscribed["channel"] == CHANNEL {
                break subscribed;
            }
        };
        let told = (&subscribed["recovery"], &subscribed["reset_reason"]);
        assert_eq!(told, (&json!("reset"), &json!("epoch")), "{subscribed}");
    }
    assert_eq!(publish(&mut client, "four")["offset"], 3);
}

/// Red where the damage was reported without the advice.
#[test]
fn a_damaged_database_is_refused_with_the_way_out() {
    let mut server = Veche::start();
    let token = server.token("ann");
    let mut client = Client::insist(server.address(), &token);
    publish(&mut client, "one");
    assert!(server.run(&["store", "backup", "copy.db"]).status.success());
    assert!(server.terminate().success());
    let file = server.file("veche.db");
    let mut database = fs::File::options().write(true).open(&file).expect("it is there");
    database.write_all(&[b'x'; 100]).expect("there is room");
    drop(database);
    let said = server.refusal(free_port());
    assert!(said.contains("veche.db is damaged") && said.contains("`veche store restore FILE`"), "{said}");

    assert!(server.run(&["store", "restore", "copy.db"]).status.success(), "the advice holds");
    server.restart();
    let mut client = Client::insist(server.address(), &token);
    assert_eq!(operations(&mut client), ["one"]);
}
