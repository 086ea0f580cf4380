/**
 * Prepares one module: rehearses it, makes the variant that can go on from its
 * question if that may help, measures each way, and chooses. Runs hostile code
 * and Binaryen in this process: only for one that can be killed
 * (prepare-main.ts), never for a server.
 */
import { EXPORTED, GATE_EXPORT } from "../../../../guest/wasi/exported-names.ts";
import { compileModule } from "../compile-module.ts";
import { asyncify } from "./asyncify.ts";
import { type Choice, checkpointObstacle, choosePreparation, type Findings, type StartCosts } from "./choose-preparation.ts";
import { costsUs } from "./cost.ts";
import { type Ended, Rehearsal } from "./rehearsal.ts";
import { type Exports, loadShim, type Shim } from "./shim.ts";

export interface Preparation extends Choice {
  readonly costs: StartCosts;
  readonly noted: number;
  /** What the mode needs in place of the module as it was; null when that is the module itself. */
  readonly bytes: Uint8Array | null;
}

export interface PrepareOptions {
  readonly environIsRequest: boolean;
  readonly saysCheckpoint: boolean;
  /** Told when the module begins to run on its own account, and when that is over. */
  onRehearsing?(isRehearsing: boolean): void;
}

/** Paths to the question may differ from run to run (hash seeds, clocks): what was met in any of them can unwind. */
const REHEARSALS = 3;
/** TinyGo and Emscripten run the same pass for their own ends. */
const ASYNCIFY_EXPORT = "asyncify_start_unwind";

/** `bytes`: a module that was rewritten, so that its state can be put back. */
export async function prepare(bytes: Uint8Array, { environIsRequest, saysCheckpoint, onRehearsing }: PrepareOptions): Promise<Preparation> {
  const shim = await loadShim();
  const rehearsalOf = async (module: Uint8Array): Promise<Rehearsal> => new Rehearsal(shim, await compileModule(module), environIsRequest);
  const plain = await rehearsalOf(bytes);
  onRehearsing?.(true);
  const found = rehearse(plain);
  onRehearsing?.(false);
  const chosen = (fault: string | null, costs: readonly number[], variant: Uint8Array | null = null): Preparation => {
    const findings: Findings = { ...found, fault, costs: costsOf(costs) };
    const choice = choosePreparation(findings, saysCheckpoint);
    return { ...choice, costs: findings.costs, noted: found.noted, bytes: choice.mode === "checkpoint" ? variant : null };
  };
  if (found.unasked !== null) return chosen(null, []);
  const ways = waysOfReset(shim, plain);
  if (checkpointObstacle(found, saysCheckpoint) !== null) return chosen(null, costsUs(ways));
  if (ASYNCIFY_EXPORT in plain.instantiate()) return chosen("its compiler has used asyncify already", costsUs(ways));
  let variant: Uint8Array;
  let resumed: (() => void) | string;
  try {
    variant = await asyncify(bytes, found.functions);
    resumed = wayOfCheckpoint(shim, await rehearsalOf(variant));
  } catch (error) {
    return chosen(`Binaryen can't change it: ${(error as Error).message}`, costsUs(ways));
  }
  if (typeof resumed === "string") return chosen(resumed, costsUs(ways));
  return chosen(null, costsUs([...ways, resumed]), variant);
}

interface Rehearsed {
  readonly unasked: Ended;
  readonly noted: number;
  readonly changedDescriptors: boolean;
  readonly functions: readonly number[];
}

function rehearse(rehearsal: Rehearsal): Rehearsed {
  const functions = new Set<number>();
  let noted = 0;
  let changedDescriptors = false;
  for (let round = 0; round < REHEARSALS; round++) {
    rehearsal.reset();
    rehearsal.lookAtStack();
    const unasked = rehearsal.toQuestion(rehearsal.instantiate());
    noted |= rehearsal.noted;
    changedDescriptors ||= rehearsal.changedDescriptors;
    for (const index of rehearsal.stack) functions.add(index);
    if (unasked !== null) return { unasked, noted, changedDescriptors, functions: [] };
  }
  return { unasked: null, noted, changedDescriptors, functions: [...functions] };
}

function waysOfReset({ Image }: Shim, rehearsal: Rehearsal): [instance: () => void, reset: () => void] {
  let exports = rehearsal.instantiate();
  const image = new Image(exports);
  let bound = image.bind(exports);
  return [
    () => {
      rehearsal.reset();
      rehearsal.toQuestion(rehearsal.instantiate());
    },
    () => {
      rehearsal.reset();
      if (bound.restore()) rehearsal.use(exports);
      else {
        // What grows on its way to the question has to be made anew for every request.
        exports = rehearsal.instantiate();
        bound = image.bind(exports);
      }
      rehearsal.toQuestion(exports);
    },
  ];
}

/** Or why it can't be. */
function wayOfCheckpoint({ Image }: Shim, rehearsal: Rehearsal): (() => void) | string {
  const exports = rehearsal.instantiate();
  const ended = rehearsal.unwind(exports);
  if (ended !== null) return ended;
  const image = new Image(exports).bind(exports);
  const again = (): Ended => {
    rehearsal.reset();
    image.restore();
    rehearsal.use(exports);
    return rehearsal.toQuestionAgain(exports);
  };
  const before = stateOf(exports);
  const endedAgain = again();
  if (endedAgain !== null) return endedAgain;
  // The way back to the question runs none of the guest's own code: whatever changed was torn.
  if (!isSameState(before, stateOf(exports))) return "it does not come back to its question unchanged";
  return again;
}

interface State {
  readonly memories: readonly Buffer[];
  readonly globals: readonly unknown[];
}

/** Of the guest: the memory that its stack was unwound into is ours. */
function stateOf(exports: Exports): State {
  const named = Object.entries(exports);
  const memories = named.filter(([name]) => name.startsWith(EXPORTED.memory) && !name.startsWith(GATE_EXPORT));
  const globals = named.filter(([name]) => name.startsWith(EXPORTED.global));
  return {
    memories: memories.map(([, memory]) => Buffer.from((memory as { buffer: ArrayBuffer }).buffer.slice(0))),
    globals: globals.map(([, global]) => (global as { value: unknown }).value),
  };
}

function isSameState(one: State, other: State): boolean {
  return (
    one.memories.every((memory, index) => memory.equals(other.memories[index]!)) &&
    one.globals.every((value, index) => Object.is(value, other.globals[index]))
  );
}

function costsOf([instanceUs = null, resetUs = null, checkpointUs = null]: readonly (number | null)[]): StartCosts {
  return { instanceUs, resetUs, checkpointUs };
}
