/**
 * The mirror's log as its parts see it. Fields and messages hold no
 * credentials: addresses in them are those of the configuration, from which
 * credentials were taken out. A failure value as the field `failure` is told
 * once, whoever logs it (failure-log.ts).
 */
export type MirrorLog = (level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>) => void;
