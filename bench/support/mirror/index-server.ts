/**
 * Servers of the simple API that are compared, and what is asked of them as a
 * Subject of the lab. `pilotlight mirror` as it comes: only where it listens, what
 * it mirrors and where it keeps things is said.
 */
import type { Subject } from "../lab.ts";
import { pilotlightCommand } from "../subjects.ts";
import { PROJECT } from "./content.ts";

export interface IndexServer {
  readonly name: string;
  readonly pagePath: string;
  readonly listPath: string;
  filePath(filename: string): string;
  command(port: number): readonly string[];
}

export function mirror(indexUrl: string, dataDir: string, name = "pilotlight mirror"): IndexServer {
  return {
    name,
    pagePath: `/simple/${PROJECT}/`,
    listPath: "/simple/",
    filePath: (filename) => `/simple/${PROJECT}/${filename}`,
    command: (port) => [
      process.execPath,
      pilotlightCommand(),
      ...["mirror", "--index-url", indexUrl, "-p", String(port), "--data-dir", dataDir, "--json"],
    ],
  };
}

/** One request of a server. */
export function asks(server: IndexServer, path: string, headers: readonly string[], answer?: Uint8Array): Subject {
  return { name: server.name, path, headers, command: (port) => server.command(port), ...(answer !== undefined && { answer }) };
}
