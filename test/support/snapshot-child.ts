/** A process that starts one instance with CRIU's launcher, so that an image is made, and stays: to be killed at any moment. Its argument: a subject and facts, as JSON. */
import type { MachineFacts } from "../../src/engines/process/launch/machine-facts.ts";
import type { LaunchSubject } from "../../src/engines/process/launch/plain-launcher.ts";
import { CriuLauncher } from "../../src/engines/process/snapshots/criu-launcher.ts";

const { subject, facts } = JSON.parse(process.argv[2]!) as { subject: LaunchSubject; facts: MachineFacts };
const launcher = new CriuLauncher(subject, facts, { line() {}, note() {} });
const launched = await launcher.launch({ instance: 1, withRing: true, moreEnv: {}, ownsStdio: false });
if (!launched.ok) throw new Error(launched.failure.message);
setInterval(() => {}, 60_000);
