/** The thread on which passwords are checked, one after the other. Must not print. */
import { parentPort } from "node:worker_threads";
import { checkPassword } from "./check-password.ts";
import type { PasswordHash } from "./htpasswd.ts";

export interface PasswordQuestion {
  readonly id: number;
  readonly password: string;
  readonly hash: PasswordHash;
}

export interface PasswordAnswer {
  readonly id: number;
  readonly isRight: boolean;
}

const port = parentPort!;

port.on("message", ({ id, password, hash }: PasswordQuestion) => {
  void checkPassword(password, hash).then((isRight) => port.postMessage({ id, isRight } satisfies PasswordAnswer));
});
