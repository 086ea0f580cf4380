//! The order function of the gojinn-benchmarks page: an order and its value in,
//! what it costs with 15 % tax out; 400 for what is no order.
mod json;
use json::Json;
use std::io::{read_to_string, stdin};

const TAX_RATE: f64 = 0.15;

fn total(body: &str) -> Option<Json> {
    let order = Json::parse(body)?;
    let id = order.get("id")?.text()?;
    let value = order.get("value")?.number()?;
    Some(Json::object(&[
        ("order_id", Json::of(id)),
        ("total_final", Json::Literal(format!("{}", value + value * TAX_RATE))),
        ("engine", Json::of("rust")),
    ]))
}

fn main() {
    let request = read_to_string(stdin()).unwrap_or_default();
    let request = Json::parse(&request);
    let body = request.as_ref().and_then(|request| request.get("body")?.text()).unwrap_or("");
    let (status, answer) = match total(body) {
        Some(answer) => ("200", answer),
        None => ("400", Json::object(&[("error", Json::of("invalid order"))])),
    };
    let mut text = String::new();
    answer.write(&mut text);
    let headers = Json::object(&[("Content-Type", Json::List(vec![Json::of("application/json")]))]);
    let mut out = String::new();
    Json::object(&[("status", Json::Literal(status.into())), ("headers", headers), ("body", Json::Text(text))]).write(&mut out);
    print!("{out}");
}
