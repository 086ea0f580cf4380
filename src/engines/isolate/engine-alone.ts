/**
 * An engine in a process of its own, where no server counts its turns: what it
 * needs of one, and its watchdog ended with it.
 */
import type { Engine, EngineSource, Template, TurnObserver } from "../engine.ts";
import { Watchdog } from "./watchdog.ts";

export interface AloneHost {
  readonly watchdog: Watchdog;
  readonly turns: TurnObserver;
}

export interface LoneEngine<Made extends Template> extends Engine {
  prepare(source: EngineSource): Promise<Made>;
}

export function engineAlone<Made extends Template>(make: (host: AloneHost) => LoneEngine<Made>): LoneEngine<Made> {
  const watchdog = new Watchdog();
  const engine = make({ watchdog, turns: { loopTurn() {}, threadTurn: () => 0, threadTurnEnded() {} } });
  return {
    name: engine.name,
    prepare: (source) => engine.prepare(source),
    close() {
      engine.close();
      watchdog.close();
    },
  };
}
