/**
 * The order function of the gojinn-benchmarks page: an order and its value in,
 * what it costs with 15 % tax out; 400 for what is no order.
 */
import { isNumber, member, quoted, text } from "./json";
import { readText, writeText } from "./wasi";

const TAX_RATE = 0.15;

function answer(status: i32, body: string): void {
  writeText('{"status":' + status.toString() + ',"headers":{"Content-Type":["application/json"]},"body":' + quoted(body) + "}");
}

/** 115, not the 115.0 that AssemblyScript makes of a float. */
function decimal(value: f64): string {
  const digits = value.toString();
  return digits.endsWith(".0") ? digits.substring(0, digits.length - 2) : digits;
}

function main(): void {
  const body = text(member(readText(), "body"));
  const order = body === null ? "" : body;
  const id = text(member(order, "id"));
  const value = member(order, "value");
  if (id === null || value === null || !isNumber(value)) {
    answer(400, '{"error":"invalid order"}');
    return;
  }
  const amount = parseFloat(value);
  const total = decimal(amount + amount * TAX_RATE);
  answer(200, '{"order_id":' + quoted(id) + ',"total_final":' + total + ',"engine":"assemblyscript"}');
}

main();
