/** The matrix, rows about files on their way: whole, right, once, and within the room there is. */

import { testRows } from "./support/mirror/row-tests.ts";
import { TRANSFER_ROWS } from "./support/mirror/rows/transfers.ts";

testRows(TRANSFER_ROWS);
