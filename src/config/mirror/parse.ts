/**
 * Parse: flags, variables and the `mirror:` part of pilotlight.yaml become one
 * frozen MirrorConfig, all problems reported together. Flags win over
 * variables, those over the file, that over the defaults. When nobody names an
 * index, the caller's `discover` is asked for this machine's; otherwise
 * nothing is looked for and nothing started.
 */
import { join, resolve } from "node:path";
import { deepFreeze } from "../../base/deep-freeze.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { fillEnvironment } from "../env-file.ts";
import { inOrderOfLines } from "../failure-order.ts";
import { CONFIG_FLAG, CONFIG_VARIABLE, ENV_FILE_FLAG } from "../file-flags.ts";
import type { Flag, ParsedFlags } from "../flags.ts";
import { GivenValues } from "../given-values.ts";
import { FUNCTIONS_KEY, MIRROR_KEY, subtree, type Tree } from "../keys.ts";
import { flagLayer, type Layer } from "../layer.ts";
import type { MirrorConfig } from "../mirror-config.ts";
import { type SettingTable, settingFlags } from "../setting.ts";
import { SETTING_KEYS, SETTINGS } from "../settings.ts";
import { CONFIG_FILE_NAME, statOrNull } from "../source.ts";
import { readTree } from "../tree.ts";
import { type Env, variableLayer } from "../variables.ts";
import { type DiscoverIndex, environmentCa } from "./discovered.ts";
import { findIndexes } from "./find-indexes.ts";
import { type MirrorValues, settledPins } from "./indexes.ts";
import type { MirrorSetting } from "./mirror-setting.ts";
import { MIRROR_SETTINGS, type MirrorKey } from "./settings.ts";
import { type FaultOfVersions, settleMirror, versionFailures } from "./settle.ts";
import { readIndexes, readPinMap, readRules, type Structures } from "./structures.ts";
import { mirrorVariables, misspeltMirrorVariables, type Notice, PREFIXES, variableNotices } from "./variables.ts";

export interface MirrorLine {
  /** An env file fills what it lacks. */
  readonly env: Env;
  readonly cwd: string;
  /** Whether whoever reads standard output wants colours: the default of log.color. */
  readonly seesColour: boolean;
  readonly discover: DiscoverIndex;
  readonly faultOfVersions: FaultOfVersions;
}

export interface FoundMirrorConfig {
  readonly config: MirrorConfig;
  /** Where the first index was found: "--index-url", "pip's own default"; null when there is none. */
  readonly indexFrom: string | null;
  readonly notices: readonly Notice[];
}

/** Of the server's settings, the one that the mirror shares: where the data folder is. */
const SHARED_SETTINGS = { data_dir: SETTINGS.data_dir } as const;

const SHARED_VARIABLES = [{ name: SETTINGS.data_dir.env, setting: "data_dir" }];

/** What the file's part may hold: all but secrets. */
const FILE_SETTINGS: SettingTable = Object.fromEntries(
  Object.entries(MIRROR_SETTINGS as Readonly<Record<string, MirrorSetting<unknown>>>).filter(([, { isSecret }]) => isSecret !== true),
);

/** First words of the server's own keys. */
const SERVER_WORDS = [...new Set(SETTING_KEYS.map((key) => key.split(".")[0]!)), FUNCTIONS_KEY, MIRROR_KEY].filter(
  (word) => word !== "data_dir",
);

/** The flags of `pilotlight mirror` that set something, and those that choose what is read. */
export const MIRROR_FLAGS: readonly Flag[] = [
  ...settingFlags(MIRROR_SETTINGS),
  ...settingFlags(SHARED_SETTINGS),
  CONFIG_FLAG,
  { ...ENV_FILE_FLAG, help: "NAME=value lines for what the environment lacks" },
];

export async function mirrorConfigFromFlags(flags: ParsedFlags, line: MirrorLine): Promise<Result<FoundMirrorConfig, readonly Failure[]>> {
  const { failures, notices, given, structures, dataDir } = await gather(flags, line);
  const { env, cwd, seesColour } = line;
  const settled = settleMirror({ given, rules: structures.rules, env, dataDir, seesColour, failures, notices });
  failures.push(...(await versionFailures(structures.rules, line.faultOfVersions)));
  const found = await findIndexes(given, structures.indexes, settled, { line, failures, notices });
  const pins = settledPins(given, structures.pins, found?.indexes ?? null, failures);
  const ca = settled.upstream.caFile === null ? environmentCa(env, cwd) : { file: settled.upstream.caFile, notices: [] };
  failures.push(...given.failures);
  if (failures.length > 0 || found === null) return fail(inOrderOfLines(failures));
  const caFile = ca.file ?? found.caFile;
  const config: MirrorConfig = { ...settled, upstream: { ...settled.upstream, caFile }, indexes: found.indexes, pins };
  return ok({ config: deepFreeze(config), indexFrom: found.from, notices: [...notices, ...ca.notices] });
}

interface Gathered {
  readonly given: MirrorValues;
  readonly structures: Structures;
  /** Absolute. */
  readonly dataDir: string;
  readonly failures: Failure[];
  readonly notices: Notice[];
}

/** What each place says, before anything is made of it. */
async function gather({ values, failures: flagFailures }: ParsedFlags, { env, cwd }: MirrorLine): Promise<Gathered> {
  const envFile = values.get(ENV_FILE_FLAG.name)?.at(-1);
  const unreadable = fillEnvironment(env, envFile === undefined ? null : resolve(cwd, envFile));
  const file = await readConfigFile(values.get(CONFIG_FLAG.name)?.at(-1), env, cwd);
  const flags = flagLayer(MIRROR_FLAGS, values, cwd);
  const given = new GivenValues(MIRROR_SETTINGS, [flags, variableLayer(mirrorVariables(env), env, cwd), file.layer]);
  const shared = new GivenValues(SHARED_SETTINGS, [flags, variableLayer(SHARED_VARIABLES, env, cwd), file.sharedLayer]);
  const dataDir = shared.path("data_dir", "any") ?? resolve(cwd, ".pilotlight");
  const failures = [...flagFailures, ...(unreadable === null ? [] : [unreadable]), ...misspeltMirrorVariables(env)];
  return {
    given,
    structures: file,
    dataDir,
    failures: [...failures, ...file.failures, ...shared.failures],
    notices: [...variableNotices(env)],
  };
}

interface ConfigFile extends Structures {
  readonly layer: Layer;
  readonly sharedLayer: Layer;
  readonly failures: readonly Failure[];
}

const NO_FILE: ConfigFile = { layer: new Map(), sharedLayer: new Map(), indexes: [], pins: [], rules: [], failures: [] };

/** The one that is named, else that of the working folder. */
async function readConfigFile(named: string | undefined, env: Env, cwd: string): Promise<ConfigFile> {
  const asked = named ?? (env[CONFIG_VARIABLE] || null);
  const beside = join(cwd, CONFIG_FILE_NAME);
  if (asked === null && !statOrNull(beside)?.isFile()) return NO_FILE;
  const { loadYaml } = await import("../yaml.ts");
  const loaded = await loadYaml(asked === null ? beside : resolve(cwd, asked));
  return loaded.ok ? readMirrorTree(loaded.value) : { ...NO_FILE, failures: loaded.failure };
}

/** The whole file: what is the server's is passed over, what nobody knows is not. */
function readMirrorTree(tree: Tree): ConfigFile {
  const ours = subtree(tree, MIRROR_KEY);
  const failures: Failure[] = [];
  let structures: Structures = { indexes: [], pins: [], rules: [] };
  const add = (read: Partial<Structures>): readonly Failure[] => {
    structures = { ...structures, ...read };
    return [];
  };
  const shared = readTree(tree, {
    settings: SHARED_SETTINGS,
    structures: {},
    otherKeys: SERVER_WORDS,
    elsewhere: (key) => (isOurs(key) ? `It is said of the mirror: write it under ${MIRROR_KEY}` : null),
  });
  const { layer, failures: ownFailures } = readTree(ours, {
    settings: FILE_SETTINGS,
    structures: {
      indexes: (value, path) => add({ indexes: readIndexes(value, path, ours, failures) }),
      pins: (value, path) => add({ pins: readPinMap(value, path, ours, failures) }),
      "policy.rules": (value, path) => add({ rules: readRules(value, path, ours, failures) }),
    },
    otherKeys: [],
    elsewhere: secretHint,
  });
  return { ...structures, layer, sharedLayer: shared.layer, failures: [...shared.failures, ...ownFailures, ...failures] };
}

function isOurs(key: string): boolean {
  return Object.keys(FILE_SETTINGS).some((known) => known === key || known.startsWith(`${key}.`)) || ["indexes", "pins"].includes(key);
}

function secretHint(key: string): string | null {
  const setting = Object.hasOwn(MIRROR_SETTINGS, key) ? (MIRROR_SETTINGS[key as MirrorKey] as MirrorSetting<unknown>) : null;
  return setting?.isSecret ? `It is a secret, and no file should hold it: set ${PREFIXES[0]}${setting.variables![0]}` : null;
}
