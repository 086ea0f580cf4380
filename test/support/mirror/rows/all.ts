/** All rows of the matrix, in its order. */
import type { Row } from "../conformance.ts";
import { CLIENT_ROWS } from "./clients.ts";
import { HTTP_ROWS } from "./http.ts";
import { NEGOTIATION_ROWS } from "./negotiation.ts";
import { TRANSFER_ROWS } from "./transfers.ts";
import { UPSTREAM_ROWS } from "./upstreams.ts";

export const ALL_ROWS: readonly Row[] = [...CLIENT_ROWS, ...TRANSFER_ROWS, ...NEGOTIATION_ROWS, ...HTTP_ROWS, ...UPSTREAM_ROWS].sort(
  (one, other) => one.id - other.id,
);
