/**
 * What passes between the event loop and the page thread: a method of
 * PageService, its arguments, and what it returned.
 */
import type { StoreFault } from "../../store/store-fault.ts";
import type { PageService } from "./page-service.ts";

/** What the event loop may ask for. */
export type PageMethod =
  | "look"
  | "keep"
  | "putAbsent"
  | "confirm"
  | "forget"
  | "render"
  | "find"
  | "explain"
  | "whole"
  | "adopt"
  | "listForm";

export interface PageRequest {
  /** What the thread marks itself busy with. */
  readonly number: number;
  readonly method: PageMethod;
  readonly args: readonly unknown[];
}

export interface PageReply {
  readonly value: unknown;
  readonly projectCount: number;
  /** Of the database, met since the last reply. */
  readonly faults: readonly StoreFault[];
}

export type ArgumentsOf<Name extends PageMethod> = Parameters<PageService[Name]>;
export type ValueOf<Name extends PageMethod> = Awaited<ReturnType<PageService[Name]>>;
