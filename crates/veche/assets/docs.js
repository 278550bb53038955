// Shows the OpenAPI document of this server. Everything is put in as text, never as markup.

const DOCUMENT = "/api/v1/openapi.json";

/** An element with attributes and children; a child that is a string becomes text. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A text whose parts between backticks are code. */
function prose(text) {
  return text.split("`").map((part, at) => (at % 2 === 1 ? element("code", {}, part) : part));
}

/** What a `$ref` of the document stands for; anything else is itself. */
function resolved(whole, value) {
  if (!value?.$ref) return value ?? {};
  return value.$ref.slice(2).split("/").reduce((at, key) => at?.[key], whole) ?? {};
}

/** The kind of a field in a few words. */
function kind(whole, schema) {
  if (schema === true || schema === undefined) return "any JSON";
  const name = schema.$ref?.split("/").pop();
  const shape = resolved(whole, schema);
  const among = (shape.anyOf ?? shape.oneOf)?.filter((one) => one.type !== "null");
  if (among) return among.map((one) => kind(whole, one)).join(" or ");
  if (name) return shape.type === "string" ? "string" : name;
  if (shape.enum) return shape.enum.filter((one) => one !== null).map((one) => JSON.stringify(one)).join(", ");
  const types = [shape.type ?? "any JSON"].flat().filter((type) => type !== "null");
  const each = shape.items ? ` of ${kind(whole, shape.items)}` : "";
  return types.map((type) => (type === "array" ? `list${each}` : type)).join(" or ");
}

/** A field's bounds, where it has any. */
function bounds(shape) {
  const parts = [];
  const range = (least, most, unit) => {
    if (least === undefined && most === undefined) return;
    const text = least === undefined ? `at most ${most}` : most === undefined ? `at least ${least}` : `${least} to ${most}`;
    parts.push(text + unit);
  };
  range(shape.minLength, shape.maxLength, " characters");
  range(shape.minItems, shape.maxItems, " entries");
  range(shape.minimum, shape.maximum, "");
  return parts.join(", ");
}

function fields(whole, schema) {
  const shape = resolved(whole, schema);
  const names = Object.entries(shape.properties ?? {});
  if (names.length === 0) return element("p", { class: "soft" }, "An empty object.");
  const rows = names.map(([name, field]) => {
    const known = resolved(whole, field);
    const needed = shape.required?.includes(name) ? "" : " (optional)";
    const limits = bounds(known);
    const about = [field.description ?? known.description, limits].filter(Boolean).join(" ");
    return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, kind(whole, field) + needed), element("td", {}, ...prose(about)));
  });
  const head = ["Field", "Kind", "Meaning"].map((title) => element("th", { scope: "col" }, title));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  return element("div", { class: "fields", tabindex: "0", role: "region", "aria-label": "Fields" }, table);
}

function call(path, method, example) {
  const lines = [`curl -X ${method.toUpperCase()} "${location.origin}${path}" \\`, '  -H "Authorization: Bearer $VECHE_KEY"'];
  if (example !== undefined) {
    const body = JSON.stringify(example).replaceAll("'", "'\\''");
    lines[1] += " \\";
    lines.push('  -H "Content-Type: application/json" \\', `  -d '${body}'`);
  }
  return element("pre", { tabindex: "0" }, element("code", {}, lines.join("\n")));
}

function section(whole, path, method, operation) {
  const content = (part) => part?.content?.["application/json"]?.schema;
  const body = content(operation.requestBody);
  const parts = [
    element("h2", {}, element("span", { class: "method" }, method.toUpperCase()), path),
    element("p", {}, `${operation.summary}. `, element("span", { class: "soft" }, ...prose(operation.description ?? ""))),
    call(path, method, body && (resolved(whole, body).examples?.[0] ?? {})),
  ];
  if (body) parts.push(element("h3", {}, "Request"), fields(whole, body));
  parts.push(element("h3", {}, "Response"), fields(whole, content(operation.responses["200"])));
  const refusals = Object.entries(operation.responses).filter(([status]) => status !== "200");
  const rows = refusals.map(([status, response]) =>
    element("tr", {}, element("th", { scope: "row" }, status), element("td", {}, ...prose(resolved(whole, response).description))),
  );
  const table = element("table", {}, element("tbody", {}, ...rows));
  parts.push(element("details", {}, element("summary", {}, "Refusals"), element("div", { class: "fields" }, table)));
  return element("article", { id: operation.operationId }, ...parts);
}

async function show() {
  const response = await fetch(DOCUMENT);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const whole = await response.json();
  document.getElementById("about").textContent = `${whole.info.description} Version ${whole.info.version}.`;
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const link = element("a", { href: `#${operation.operationId}` }, operation.summary);
      document.getElementById("list").append(element("li", {}, link));
      document.getElementById("content").append(section(whole, path, method, operation));
    }
  }
  // The place that the address names is there only now.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => {
  const notice = element("p", { class: "notice", role: "alert" }, `The document cannot be shown: ${error.message}.`);
  document.getElementById("content").replaceChildren(notice);
});
