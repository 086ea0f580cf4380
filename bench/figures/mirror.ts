/** All figures of the package-index mirror, in the order of their page. */
import type { Figure } from "../support/figure.ts";
import { mirrorBoot } from "./mirror-boot.ts";
import { mirrorFanout } from "./mirror-fanout.ts";
import { mirrorFiles } from "./mirror-files.ts";
import { mirrorLimit } from "./mirror-limit.ts";
import { mirrorList } from "./mirror-list.ts";
import { mirrorPages } from "./mirror-pages.ts";
import { mirrorRefresh } from "./mirror-refresh.ts";

export const MIRROR_FIGURES: readonly Figure[] = [
  mirrorPages,
  mirrorList,
  mirrorRefresh,
  mirrorFiles,
  mirrorFanout,
  mirrorLimit,
  mirrorBoot,
];
