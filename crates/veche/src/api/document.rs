//! `GET /api/v1/openapi.json`: the door described by its own types, as OpenAPI 3.1.

use std::sync::LazyLock;

use http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use veche_kernel::web::{HttpResponse, json_response};

use super::{
    requests::{
        Batch, Broadcast, Channels, Disconnect, HistoryOf, MakeKey, Operation, Presence, Publish, Revoke,
        Standing, Subscribe,
    },
    responses::{
        Batched, Broadcasted, ChannelsPage, CredentialsRevoked, Failed, HistoryPage, KeyView, KeysPage,
        NodeFigures, Published, Revoked, Roster, Sessions,
    },
};

/// The document. It never changes while the server runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(super) fn response() -> HttpResponse {
    json_response(StatusCode::OK, DOCUMENT.as_str())
}

/// Statuses that every request may be answered with, beside its own.
const REFUSALS: [(&str, &str); 8] = [
    ("400", "A field is wrong; the error names it."),
    ("401", "No key of this server was shown."),
    ("403", "No scope of the key allows it, whether or not the thing exists."),
    ("408", "The body did not come in time."),
    ("413", "The body, or a list in it, is too long."),
    ("415", "The body does not come as application/json."),
    ("429", "The key makes too many requests; `Retry-After` says when to come back."),
    ("503", "It cannot be done now and may be tried again."),
];

struct Writer {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut writer = Writer { schemas: settings.into_generator(), paths: Map::new() };
    let it = &mut writer;
    it.post::<Publish, Published>("publish", "Publish in a channel", "the right `publish`");
    it.post::<Broadcast, Broadcasted>("broadcast", "Publish in many channels", "the right `publish`");
    it.post::<Presence, Roster>("presence", "See who is in a channel", "the right `presence`");
    it.post::<HistoryOf, HistoryPage>("history", "Read what a channel retains", "the right `history`");
    it.post::<Disconnect, Sessions>("disconnect", "End a user's connections", "the right `disconnect`");
    it.post::<Revoke, CredentialsRevoked>(
        "revoke",
        "Revoke a user's credentials, or a token",
        "the right `revoke`",
    );
    it.post::<Subscribe, Sessions>("subscribe", "Subscribe a user to a channel", "the right `subscribe`");
    it.post::<Subscribe, Sessions>("unsubscribe", "End a user's subscription", "the right `subscribe`");
    it.post::<Channels, ChannelsPage>("channels", "List channels with subscribers", "the right `channels`");
    it.post::<Standing, NodeFigures>("info", "See the node's figures", "the right `info`");
    it.post::<Batch, Batched>("batch", "Do several operations", "the right of each operation");
    it.post::<MakeKey, KeyView>("keys", "Make a key", "the right `keys`");
    it.keys();
    it.schemas.subschema_for::<Operation>();
    let failed = it.schemas.subschema_for::<Failed>();
    let refusals: Map<String, Value> = REFUSALS
        .iter()
        .map(|(status, what)| {
            let content = json!({ "application/json": { "schema": &failed } });
            ((*status).to_owned(), json!({ "description": what, "content": content }))
        })
        .collect();
    let schemas = writer.schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Veche: the HTTP door for servers",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Publish to channels and look after clients, from a back end in any language.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": writer.paths,
        "components": {
            "schemas": schemas,
            "responses": refusals,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "vk_<id>_<secret>",
                    "description": "A key of `veche key create`, or of POST /api/v1/keys.",
                },
            },
        },
    })
}

impl Writer {
    /// An endpoint for `In` that answers `Out`, by keys that have `right`.
    fn post<In: JsonSchema, Out: JsonSchema>(&mut self, name: &str, summary: &str, right: &str) {
        let body = self.schemas.subschema_for::<In>();
        let mut responses = self.responses::<Out>();
        responses.insert(
            "409".into(),
            refusal("A request with this Idempotency-Key is under way, or a limit is reached."),
        );
        responses.insert("422".into(), refusal("This Idempotency-Key was used with another body."));
        let operation = json!({
            "operationId": if name == "keys" { "make_key" } else { name },
            "summary": summary,
            "description": format!("A key needs {right}."),
            "parameters": [{
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A name for this request: sent again with the same body within 24 hours, it is \
                    answered by the first response, with `Idempotency-Hit: true`.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
            "responses": responses,
        });
        self.path(&format!("/api/v1/{name}"), "post", operation);
    }

    fn keys(&mut self) {
        let responses = self.responses::<KeysPage>();
        let query = |name: &str, schema: Value| json!({ "name": name, "in": "query", "schema": schema });
        let id = json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" });
        let list = json!({
            "operationId": "list_keys",
            "summary": "List the keys",
            "description": "A key needs the right `keys`. No secret is shown.",
            "parameters": [
                query("cursor", id.clone()),
                query("limit", json!({ "type": "integer", "minimum": 1, "maximum": 1_000 })),
            ],
            "responses": responses,
        });
        self.path("/api/v1/keys", "get", list);
        let mut responses = self.responses::<Revoked>();
        responses.insert("404".into(), refusal("There is no such key."));
        let revoke = json!({
            "operationId": "revoke_key",
            "summary": "Revoke a key",
            "description": "A key needs the right `keys`. What is revoked holds no more within 2 s.",
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": id }],
            "responses": responses,
        });
        self.path("/api/v1/keys/{id}", "delete", revoke);
    }

    fn responses<Out: JsonSchema>(&mut self) -> Map<String, Value> {
        let out = self.schemas.subschema_for::<Out>();
        let content = json!({ "application/json": { "schema": out } });
        let mut responses = Map::new();
        responses.insert("200".into(), json!({ "description": "It is done.", "content": content }));
        for (status, _) in REFUSALS {
            responses.insert(status.into(), json!({ "$ref": format!("#/components/responses/{status}") }));
        }
        responses
    }

    fn path(&mut self, path: &str, method: &str, operation: Value) {
        let entry = self.paths.entry(path).or_insert_with(|| json!({}));
        entry[method] = operation;
    }
}

fn refusal(what: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Failed" });
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` of a value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_refers_to_nothing_that_it_lacks() {
        // Red: without `take_definitions`.
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{found:?}");
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
