//! Echo in Gojinn's contract: the body comes back byte for byte, binary ones too;
//! x-method, x-target and x-echo (the request's X-Probe) say what arrived, and
//! x-headers all of its headers as JSON.
mod json;
use json::Json;
use std::io::{read_to_string, stdin};

fn first<'a>(headers: Option<&'a Json>, name: &str) -> &'a str {
    match headers.and_then(|headers| headers.get(name)) {
        Some(Json::List(values)) => values.first().and_then(Json::text).unwrap_or(""),
        Some(Json::Text(value)) => value,
        _ => "",
    }
}

fn main() {
    let request = Json::parse(&read_to_string(stdin()).unwrap()).expect("a request in JSON");
    let headers = request.get("headers");
    let content_type = match first(headers, "Content-Type") {
        "" => "application/octet-stream",
        named => named,
    };
    let mut all = String::new();
    headers.unwrap_or(&Json::Object(vec![])).write(&mut all);
    let text = |name: &str| Json::of(request.get(name).and_then(Json::text).unwrap_or(""));
    let one = |value: Json| Json::List(vec![value]);
    let mut answer = vec![
        ("status", Json::Literal("200".into())),
        (
            "headers",
            Json::object(&[
                ("Content-Type", one(Json::of(content_type))),
                ("x-method", one(text("method"))),
                ("x-target", one(text("uri"))),
                ("x-echo", one(Json::of(first(headers, "X-Probe")))),
                ("x-headers", one(Json::Text(all))),
            ]),
        ),
    ];
    match request.get("body_base64") {
        Some(bytes) => answer.push(("body_base64", bytes.clone())),
        None => answer.push(("body", text("body"))),
    }
    let mut out = String::new();
    Json::object(&answer).write(&mut out);
    print!("{out}");
}
