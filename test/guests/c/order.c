/*
 * The order function of the gojinn-benchmarks page: an order and its value in,
 * what it costs with 15 % tax out; 400 for what is no order.
 * flags: -s
 */
#include "gojinn.h"

static const double TAX_RATE = 0.15;

static bool is_number(slice value) {
  if (value.bytes == NULL || strchr("-0123456789", value.bytes[0]) == NULL) return false;
  char *end;
  strtod(value.bytes, &end);
  return end == value.bytes + value.length;
}

/* As short as it can be and still the same number: 115, not 115.00000000000001 or 115.000000. */
static void format_number(double number, char *text, size_t size) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, number);
    if (strtod(text, NULL) == number) return;
  }
}

int main(void) {
  slice order = json_text(json_member(read_all(STDIN_FILENO), "body"));
  slice id = json_member(order, "id");
  slice value = json_member(order, "value");
  if (json_text(id).bytes == NULL || !is_number(value)) {
    const char *error = "{\"error\":\"invalid order\"}";
    answer(400, "application/json", (slice){error, strlen(error)});
    return 0;
  }
  double amount = strtod(value.bytes, NULL);
  char total[32];
  format_number(amount + amount * TAX_RATE, total, sizeof total);
  size_t room = id.length + 96;
  char *body = malloc(room);
  int length = snprintf(body, room, "{\"order_id\":%.*s,\"total_final\":%s,\"engine\":\"c\"}", (int)id.length, id.bytes, total);
  answer(200, "application/json", (slice){body, (size_t)length});
  return 0;
}
