/** The matrix, rows of pip and uv: they install through the mirror as they would from the index. */

import { testRows } from "./support/mirror/row-tests.ts";
import { CLIENT_ROWS } from "./support/mirror/rows/clients.ts";

testRows(CLIENT_ROWS);
