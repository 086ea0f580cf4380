/**
 * Distributions for the tests' index: wheels and sdists written here (core
 * metadata 2.1, PEP 427, PEP 517 with an in-tree backend), and the real wheels
 * that CPython's ensurepip carries, as far as this machine has them.
 */
import { createCipheriv, createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { type Entry, readZipEntry, tarGzip, zip } from "./archives.ts";

export interface Distribution {
  readonly filename: string;
  /** Normalised (PEP 503). */
  readonly project: string;
  readonly version: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  /** METADATA of a wheel, which PEP 658 serves; null for an sdist. */
  readonly metadata: Buffer | null;
  readonly requiresPython: string | null;
}

export interface WheelPlan {
  readonly name: string;
  readonly version: string;
  /** Requires-Dist lines, with their markers. */
  readonly requires?: readonly string[];
  readonly extras?: readonly string[];
  readonly requiresPython?: string;
  /** Python files by path; without any there is one module that knows its version. */
  readonly modules?: Readonly<Record<string, string>>;
  /** Data beside the modules, stored as it is: what makes a wheel heavy. */
  readonly payload?: Buffer;
}

export function wheel(plan: WheelPlan): Distribution {
  const { name, version, requires = [], extras = [], requiresPython = null, payload } = plan;
  const escaped = name.replace(/[-_.]+/g, "_");
  const modules = plan.modules ?? { [`${escaped.toLowerCase()}.py`]: `__version__ = "${version}"\n` };
  const info = `${escaped}-${version}.dist-info`;
  const metadata = Buffer.from(
    [
      "Metadata-Version: 2.1",
      `Name: ${name}`,
      `Version: ${version}`,
      "Summary: made by a test",
      ...(requiresPython === null ? [] : [`Requires-Python: ${requiresPython}`]),
      ...extras.map((extra) => `Provides-Extra: ${extra}`),
      ...requires.map((requirement) => `Requires-Dist: ${requirement}`),
      "",
    ].join("\n"),
  );
  const entries: Entry[] = [
    ...Object.entries(modules).map(([path, source]) => ({ path, bytes: Buffer.from(source) })),
    ...(payload === undefined ? [] : [{ path: `${escaped}_data/payload.bin`, bytes: payload, stored: true }]),
    { path: `${info}/METADATA`, bytes: metadata },
    { path: `${info}/WHEEL`, bytes: Buffer.from("Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n") },
  ];
  const record = entries.map(({ path, bytes }) => `${path},sha256=${digest(bytes, "base64url")},${bytes.length}\n`);
  const bytes = zip([...entries, { path: `${info}/RECORD`, bytes: Buffer.from(`${record.join("")}${info}/RECORD,,\n`) }]);
  return distribution(`${escaped}-${version}-py3-none-any.whl`, name, version, bytes, metadata, requiresPython);
}

/** An sdist whose backend lies in its own tree (PEP 517, `backend-path`): building it needs nothing from an index. */
export function sdist(name: string, version: string): Distribution {
  const module = name.replace(/[-_.]+/g, "_").toLowerCase();
  const built = wheel({ name, version });
  const root = `${module}-${version}`;
  const entries: Entry[] = Object.entries({
    "PKG-INFO": built.metadata!.toString(),
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": backendSource(built),
  }).map(([path, text]) => ({ path: `${root}/${path}`, bytes: Buffer.from(text) }));
  return distribution(`${root}.tar.gz`, name, version, tarGzip(entries), null, null);
}

/** The backend carries the wheel that it "builds". */
function backendSource(built: Distribution): string {
  return `import base64, os
WHEEL = ${JSON.stringify(built.bytes.toString("base64"))}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with open(os.path.join(folder, ${JSON.stringify(built.filename)}), "wb") as file:
        file.write(base64.b64decode(WHEEL))
    return ${JSON.stringify(built.filename)}
def build_sdist(folder, config_settings=None):
    raise NotImplementedError
`;
}

/** The same bytes for the same seed, and nothing in them that would shrink. AES in counter mode: 100 MB take a tenth of a second. */
export function pseudoRandom(sizeBytes: number, seed: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** A wheel of about this size. */
export function heavyWheel(name: string, version: string, sizeBytes: number): Distribution {
  return wheel({ name, version, payload: pseudoRandom(sizeBytes, sizeBytes + name.length) });
}

export interface BundledWheels {
  /** One of each file name, oldest first within a project. */
  readonly wheels: readonly Distribution[];
  /** Where they were looked for, for whoever is told that there are none. */
  readonly lookedIn: readonly string[];
}

/** Real wheels: what the Pythons of this machine install pip from. Distributions that strip them leave none. */
export function bundledWheels(): BundledWheels {
  const pyenv = process.env["PYENV_ROOT"] ?? join(homedir(), ".pyenv");
  const lookedIn = [
    join(pyenv, "versions/*/lib/python3*/ensurepip/_bundled/*.whl"),
    "/usr/lib/python3*/ensurepip/_bundled/*.whl",
    "/usr/local/lib/python3*/ensurepip/_bundled/*.whl",
    "/usr/share/python-wheels/*.whl",
  ];
  const byName = new Map<string, string>();
  for (const path of globSync(lookedIn)) if (!byName.has(basename(path))) byName.set(basename(path), path);
  const wheels = [...byName.values()].flatMap((path) => readWheel(path) ?? []);
  return { wheels: wheels.sort((one, other) => compareVersions(one.version, other.version)), lookedIn };
}

function readWheel(path: string): Distribution | null {
  const bytes = readFileSync(path);
  const metadata = readZipEntry(bytes, (entry) => /^[^/]+\.dist-info\/METADATA$/.test(entry));
  if (metadata === null) return null;
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, "m").exec(metadata.toString())?.[1] ?? null;
  const [name, version] = [field("Name"), field("Version")];
  return name === null || version === null ? null : distribution(basename(path), name, version, bytes, metadata, field("Requires-Python"));
}

/** Enough for releases such as 23.0.1, which is all that is bundled. */
function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

function distribution(
  filename: string,
  name: string,
  version: string,
  bytes: Buffer,
  metadata: Buffer | null,
  requiresPython: string | null,
): Distribution {
  return { filename, project: normalise(name), version, bytes, sha256: digest(bytes, "hex"), metadata, requiresPython };
}

/** PEP 503, written down once more: the tests don't believe the mirror's own. */
export function normalise(name: string): string {
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}

export function digest(bytes: Uint8Array, encoding: "hex" | "base64url"): string {
  return createHash("sha256").update(bytes).digest(encoding);
}
