/**
 * Lazy face: loaded when a person or a dashboard asks for it; installers never
 * do, and the mirror starts the sooner.
 */
import type { MirrorFace } from "../front.ts";

export function lazyFace(load: () => Promise<MirrorFace>): () => Promise<MirrorFace> {
  let loading: Promise<MirrorFace> | null = null;
  return () => {
    loading ??= load();
    return loading;
  };
}
