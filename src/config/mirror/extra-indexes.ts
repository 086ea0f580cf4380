/**
 * Further indexes that pip and uv are set to. They are never taken over: which
 * of several owns a name is a decision, and pip's answer (whoever has the
 * highest version) is the attack that a mirror's order of indexes is there to
 * stop. Nobody should have to find that out from a project that is missing.
 */
import type { Env } from "../variables.ts";
import type { Notice } from "./variables.ts";

const EXTRA_VARIABLES = ["PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"];

/** One for each variable: they may hold passwords, so that no value is told. */
export function extraVariableNotices(env: Env): readonly Notice[] {
  return EXTRA_VARIABLES.filter((name) => env[name]).map(extraNotice);
}

/** Further indexes exist: how to name them. */
export function extraNotice(from: string): Notice {
  return {
    code: "MIRROR_EXTRA_INDEX_LEFT",
    message: `${from} names further indexes, which are not mirrored: their order decides who owns a name`,
    hint: "Name them in that order by --extra-index-url",
  };
}
