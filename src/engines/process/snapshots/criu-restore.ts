/**
 * CRIU restore: one process made of an image, in namespaces and limits like those of
 * a plain start, with CRIU in the place of the function's program. It has its own
 * pipes and its own ring in place of the template's, finds its socket in a line that
 * waits in a pipe, and says READY there; a program that is called by HTTP listens on
 * a port of its own, because the image is changed for it. Failed or late, it is
 * killed, and the fault says why in CRIU's words.
 */
import { closeSync, linkSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { complaintIn } from "../launch/criu-probe.ts";
import type { LaunchOrder } from "../launch/launched.ts";
import { openPipe } from "../launch/pipes.ts";
import { PLAIN, type PlainLauncher, type Run } from "../launch/plain-launcher.ts";
import type { CriuImage } from "./criu-template.ts";
import { beginWork } from "./image-folder.ts";
import type { Image } from "./image-store.ts";
import { withListenPort } from "./listen-port.ts";
import { RestoredProcess } from "./restored-process.ts";

export interface RestoreParts {
  readonly plain: PlainLauncher;
  readonly criuFile: string;
  readonly image: Image<CriuImage>;
}

const LOG = "restore.log";
const FILES_IMAGE = "files.img";
const RING_KEY = "/memfd:pilotlight-ring";

/** Resolves when it has said READY. The fault is a phrase. */
export async function restoreProcess(parts: RestoreParts, order: LaunchOrder): Promise<Result<RestoredProcess, string>> {
  const made = new DisposableStack();
  try {
    return await restored(parts, order, made);
  } catch (error) {
    return fail((error as Error).message);
  } finally {
    made.dispose();
  }
}

async function restored({ plain, criuFile, image }: RestoreParts, order: LaunchOrder, made: DisposableStack) {
  const startedAtMs = performance.now();
  const { dir, details } = image;
  // CRIU writes its log and figures there. The image's own folder is named by its key.
  const workDir = made.adopt(beginWork(dirname(dir), "using", basename(dir)), (path) => rmSync(path, { recursive: true, force: true }));
  const control = openPipe();
  if (control === null) return fail("there is no pipe to be had");
  made.adopt(control.read, closeSync);
  made.adopt(control.write, closeSync);
  const started = await plain.start(
    { ...order, withRing: order.withRing && details.hasRing },
    {
      ...PLAIN,
      origin: "restored",
      fds: [control.read],
      execute: (run) => {
        writeSync(control.write, lineOf(run));
        const args = argumentsOf(details, run, { workDir, imageDir: imageDirFor(image, run, workDir) });
        // CRIU needs nothing of the function's environment: the process has its own, in the image.
        return { program: { file: criuFile, args }, env: { PATH: run.env["PATH"]! }, firstFd: run.firstFd };
      },
    },
  );
  if (!started.ok) return fail(started.failure.message);
  const ready = await started.value.ready;
  if (ready.ok) return ok(new RestoredProcess(started.value, details.pid, performance.now() - startedAtMs));
  started.value.kill();
  await started.value.ended;
  return fail(complaintIn(textOf(join(workDir, LOG))) ?? ready.failure.message);
}

function argumentsOf(
  { stdout, stderr, control }: CriuImage,
  { env, firstFd }: Run,
  folders: { workDir: string; imageDir: string },
): string[] {
  const replaced: [number, string][] = [
    [1, stdout],
    [2, stderr],
    [firstFd, control],
  ];
  if (env["PILOTLIGHT_RING"] !== undefined) replaced.push([firstFd - 1, RING_KEY]);
  const options = ["-D", folders.imageDir, "-W", folders.workDir, "-o", LOG, "-v1", "--manage-cgroups=ignore", "--tcp-close"];
  return ["restore", ...options, ...replaced.flatMap(([fd, key]) => ["--inherit-fd", `fd[${fd}]:${key}`])];
}

/** The socket's path comes last: it may hold spaces. */
function lineOf({ env }: Run): string {
  return `INSTANCE ${env["PILOTLIGHT_INSTANCE"]} ${env["PILOTLIGHT_RING"] ?? "-"} ${env["PILOTLIGHT_SOCKET"]}\n`;
}

/** For a program that listens on a port, a folder that leads to the image, but for one file with another port. Throws where that can't be. */
function imageDirFor({ dir, details }: Image<CriuImage>, { env }: Run, workDir: string): string {
  if (details.port === 0) return dir;
  const changed = withListenPort(readFileSync(join(dir, FILES_IMAGE)), { from: details.port, to: Number(env["PORT"] ?? 0) });
  if (!changed.ok) throw new Error(changed.failure);
  if (changed.value.count === 0) throw new Error("nothing in its image listens on its port");
  for (const name of readdirSync(dir)) if (name !== FILES_IMAGE) linkSync(join(dir, name), join(workDir, name));
  writeFileSync(join(workDir, FILES_IMAGE), changed.value.bytes);
  return workDir;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
