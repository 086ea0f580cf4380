/** The matrix, rows about what stands behind the mirror, and about what it lets through. */

import { testRows } from "./support/mirror/row-tests.ts";
import { UPSTREAM_ROWS } from "./support/mirror/rows/upstreams.ts";

testRows(UPSTREAM_ROWS);
