/**
 * Page client: the event loop's side of the page thread, which is started by
 * the first request that what is ready in the database can't answer, and ends
 * when nobody needed it for a while. After one death another is started at
 * once, after several in a row not before a while that grows. A page that it
 * died of is not given to the next for a while (fatal-pages.ts).
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { ThreadClient } from "../../base/thread-client.ts";
import { MINUTE_MS } from "../../base/units.ts";
import { MIRROR_STOPPING, type StoreFault, type ThreadNames, threadFault } from "../../store/store-fault.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { PageBody } from "../simple/format.ts";
import { FatalPages, intakeOf, type PageWorkMethod, workOf } from "./fatal-pages.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { ArgumentsOf, PageMethod, PageReply, PageRequest, ValueOf } from "./page-messages.ts";
import type { PageServiceSettings, PageSource, RenderedForm } from "./page-service.ts";
import type { PageCoding } from "./pages.ts";
import { ReadyPages } from "./ready-pages.ts";

const PENDING_MAX = 10_000;
/** A page at its limit takes its text, the parsed values and what is rendered of them. */
const HEAP_MAX_MIB = 256;
/** What is asked for often is ready without the thread. */
const IDLE_MAX_MS = 5 * MINUTE_MS;
const NAMES: ThreadNames = {
  thread: "The page thread",
  tooMany: "requests for pages are waiting: the machine is too slow for them",
  stopping: MIRROR_STOPPING,
};

/** Of what is made of an index's page it may be that the page is at fault. */
type PageFailure<Name extends PageMethod> = Name extends PageWorkMethod ? StoreFault | UpstreamFailure : StoreFault;

export interface PageClientOptions {
  readonly settings: PageServiceSettings;
  /** The database could not take or give something; answers go on without. */
  onFault(fault: StoreFault): void;
  onLost(reason: string): void;
  readonly idleMaxMs?: number;
  /** For tests. */
  readonly heapMaxMib?: number;
  /** Of a clock that never jumps; the world, for tests. */
  readonly nowMs?: () => number;
}

export class PageClient {
  readonly #options: PageClientOptions;
  readonly #ready: ReadyPages;
  readonly #thread: ThreadClient<PageRequest, PageReply>;
  readonly #fatal: FatalPages;
  #projectCount: number | null = null;

  constructor(options: PageClientOptions) {
    const { settings, onLost, idleMaxMs = IDLE_MAX_MS, heapMaxMib = HEAP_MAX_MIB, nowMs } = options;
    this.#options = options;
    this.#ready = new ReadyPages(settings.file, settings.policy);
    this.#fatal = new FatalPages(nowMs ?? (() => performance.now()));
    this.#thread = new ThreadClient({
      program: "mirror/pages/page-thread",
      workerData: { ...settings, mark: this.#fatal.mark },
      heapMaxMib,
      pendingMax: PENDING_MAX,
      idleMaxMs,
      closesItself: true,
      backsOff: true,
      isExplained: () => this.#fatal.blame(),
      onLost,
      ...(nowMs === undefined ? {} : { nowMs }),
    });
  }

  /** Projects in the database, as of the last reply. */
  get projectCount(): number {
    if (this.#projectCount === null && this.#isResting) this.#projectCount = this.#ready.projectCount();
    return this.#projectCount ?? 0;
  }

  async look(project: string): Promise<Result<KeptAnswer[], StoreFault>> {
    const ready = this.#isResting ? this.#ready.look(project) : null;
    return ready === null ? this.call("look", project) : ok(ready);
  }

  async render(
    source: PageSource,
    body: PageBody,
    coding: PageCoding,
    nowMs: number,
  ): Promise<Result<RenderedForm | null, PageFailure<"render">>> {
    const ready = this.#isResting ? this.#ready.form(source, body, coding, nowMs) : null;
    return ready === null ? this.call("render", source, body, coding, nowMs) : ok(ready);
  }

  call<Name extends PageMethod>(method: Name, ...args: ArgumentsOf<Name>): Promise<Result<ValueOf<Name>, PageFailure<Name>>> {
    return this.transfer(method, [], ...args);
  }

  /** With buffers among the arguments that this thread gives away. */
  async transfer<Name extends PageMethod>(
    method: Name,
    buffers: readonly ArrayBuffer[],
    ...args: ArgumentsOf<Name>
  ): Promise<Result<ValueOf<Name>, PageFailure<Name>>> {
    const work = workOf(method, args);
    const banned = this.#fatal.failure(work);
    if (banned !== null) return fail(banned as PageFailure<Name>);
    if (this.#isResting) this.#ready.close();
    const number = this.#fatal.begin(work);
    const asked = await this.#thread.ask({ number, method, args }, buffers);
    this.#fatal.end(number);
    if (!asked.ok) return fail((this.#fatal.failure(work) ?? threadFault(asked.failure, NAMES)) as PageFailure<Name>);
    const { value, projectCount, faults } = asked.value;
    this.#projectCount = projectCount;
    for (const fault of faults) this.#options.onFault(fault);
    return ok(value as ValueOf<Name>);
  }

  /** What the thread died of, where it was this page of this index; null when it may be asked for. */
  fatal(project: string, url: string): UpstreamFailure | null {
    return this.#fatal.failure(intakeOf(project, url));
  }

  /** What was lost with the thread was not at fault: its last death was of a page that is known. */
  get diedOfAnother(): boolean {
    return this.#fatal.wasExplained;
  }

  pardon(project: string, url: string): void {
    this.#fatal.pardon(intakeOf(project, url));
  }

  /** What was asked before is done; nobody is answered after it. */
  close(): Promise<void> {
    this.#ready.close();
    return this.#thread.close();
  }

  /** While the thread runs, what it was told to write comes before what is read. */
  get #isResting(): boolean {
    return !this.#thread.isRunning && !this.#thread.isClosed;
  }
}
