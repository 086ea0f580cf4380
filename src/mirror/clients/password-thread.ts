/** The thread on which passwords are checked, as password-queue.ts sends them. It may be ended at any point. Must not print. */
import { serveQuestions } from "../../base/thread-service.ts";
import { checkPassword } from "./check-password.ts";
import type { PasswordHash } from "./htpasswd.ts";

export interface PasswordQuestion {
  readonly password: string;
  readonly hash: PasswordHash;
}

serveQuestions<PasswordQuestion, boolean>({ answer: ({ password, hash }) => checkPassword(password, hash) });
