/** The matrix, rows about the protocol: names, forms, validators and ranges, from the PEPs and RFC 9110. */
import { testRows } from "./support/mirror/row-tests.ts";
import { HTTP_ROWS } from "./support/mirror/rows/http.ts";
import { NEGOTIATION_ROWS } from "./support/mirror/rows/negotiation.ts";

testRows([...NEGOTIATION_ROWS, ...HTTP_ROWS]);
