/**
 * Environment: what a process of a function finds in it (docs/process-protocol.md,
 * "Being started"): what its settings name, a few words of the server's, and
 * the protocol's own, which nothing can change. Pure. Must pass on nothing else:
 * the server's environment may hold secrets.
 */
import { delimiter } from "node:path";

export interface EnvironmentParts {
  readonly functionId: string;
  /** What the function's settings name. */
  readonly named: Readonly<Record<string, string>>;
  /** What one call adds. */
  readonly more: Readonly<Record<string, string>>;
  /** The server's own; a few names are taken from it. */
  readonly server: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Folder of the client libraries; null for none. */
  readonly clientsDir: string | null;
  readonly instance: number;
  readonly socketPath: string;
  /** 0 for none. */
  readonly port: number;
  readonly ringPath: string | null;
  readonly isForkServer: boolean;
}

const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Where Python and Node look for modules: our clients' folder stands before what the function names. */
const MODULE_PATHS = ["PYTHONPATH", "NODE_PATH"];

export function environmentOf(parts: EnvironmentParts): Record<string, string> {
  const { server, named, clientsDir } = parts;
  const env: Record<string, string> = { PATH: server["PATH"] || PATH_DEFAULT, HOME: parts.homeDir };
  for (const name of ["LANG", "TZ"]) if (server[name] !== undefined) env[name] = server[name];
  // A call's part is its client's words: they may not take the place of what the function was given.
  Object.assign(env, parts.more, named);
  if (clientsDir !== null) {
    for (const name of MODULE_PATHS) env[name] = env[name] ? `${clientsDir}${delimiter}${env[name]}` : clientsDir;
  }
  return Object.assign(withoutProtocol(env), protocolOf(parts));
}

function protocolOf(parts: EnvironmentParts): Record<string, string> {
  const own: Record<string, string> = {
    PILOTLIGHT_SOCKET: parts.socketPath,
    AETHER_SOCKET: parts.socketPath,
    PILOTLIGHT_FUNCTION: parts.functionId,
    AETHER_FUNCTION_ID: parts.functionId,
    PILOTLIGHT_INSTANCE: String(parts.instance),
  };
  if (parts.port !== 0) own["PORT"] = own["AETHER_TRIGGER_PORT"] = String(parts.port);
  if (parts.ringPath !== null) own["PILOTLIGHT_RING"] = parts.ringPath;
  if (parts.isForkServer) own["PILOTLIGHT_FORK"] = "1";
  return own;
}

/** A ring or a fork server that the settings invented would lead a client library astray. */
function withoutProtocol(env: Record<string, string>): Record<string, string> {
  for (const name of ["PILOTLIGHT_RING", "PILOTLIGHT_FORK"]) delete env[name];
  return env;
}
