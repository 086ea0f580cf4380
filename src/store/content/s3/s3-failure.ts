/**
 * S3 failures: what a request met, whether it may pass by itself, and what the
 * operator is told. The text is the service's code and message with every
 * credential taken out, whatever the service repeats of the request.
 */
import { MIRROR_STOPPING, type StoreFault, type StoreFaultCode } from "../../store-fault.ts";
import { describeBucket, type S3Storage } from "./s3-address.ts";

export interface S3Failure {
  /** Null when there was no answer. */
  readonly status: number | null;
  /** The service's, or the system's. */
  readonly code: string;
  readonly message: string;
  readonly mayPass: boolean;
}

/** Not asked, or not waited for. */
export const STOPPED: S3Failure = { status: null, code: "STOPPING", message: "", mayPass: false };

const KEYS_WRONG = "Check the access key and its secret";
const PLACE_WRONG = "Check the region and the endpoint";
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: "Create the bucket, or give another one",
  AccessDenied:
    "Allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket (without it a missing object looks forbidden)",
  InvalidAccessKeyId: KEYS_WRONG,
  InvalidToken: KEYS_WRONG,
  ExpiredToken: "Give newer keys: those that are given for some time are over",
  SignatureDoesNotMatch: KEYS_WRONG,
  // As versitygw has it.
  XAdminUserNotFound: KEYS_WRONG,
  RequestTimeTooSkewed: "Set this machine's clock",
  PermanentRedirect: PLACE_WRONG,
  AuthorizationHeaderMalformed: PLACE_WRONG,
  QuotaExceeded: "Free some space there, or lower the size of the cache",
  XMinioStorageFull: "Free some space there, or lower the size of the cache",
};
const FULL = /^(?:QuotaExceeded|XMinioStorageFull|507)$/;
/** Codes that say "again", with statuses that don't. */
const PASSING = /^(?:RequestTimeout|SlowDown|ServiceUnavailable|InternalError|OperationAborted|ThrottlingException)$/;
/** HEAD and some gateways answer without a document. */
const BY_STATUS: Readonly<Record<number, string>> = { 301: "PermanentRedirect", 403: "AccessDenied" };
const HOPELESS = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|ERR_INVALID_URL/;

export function answered(status: number, error: { readonly code: string; readonly message: string } | null): S3Failure {
  const code = error?.code ?? BY_STATUS[status] ?? String(status);
  return {
    status,
    code,
    message: error?.message ?? "",
    mayPass: status === 429 || (status >= 500 && status !== 501) || PASSING.test(code),
  };
}

export function unanswered(error: unknown): S3Failure {
  const { code = "", message } = error as { code?: string; message: string };
  return { status: null, code: code === "" ? "no answer" : code, message, mayPass: !HOPELESS.test(code) };
}

export function explain(action: string, failure: S3Failure, storage: S3Storage): StoreFault {
  if (failure === STOPPED) return MIRROR_STOPPING;
  const { status, code, message } = failure;
  const said = [status === null || String(status) === code ? "" : String(status), code, message === "" ? "" : `(${message})`];
  const hint =
    ADVICE[code] ?? (status === null ? "Check the endpoint and the way to it" : failure.mayPass ? "Try again later" : PLACE_WRONG);
  const text = `Cannot ${action} in ${describeBucket(storage)}: ${said.filter((part) => part !== "").join(" ")}. ${hint}`;
  return { code: faultCode(failure), message: redacted(text, storage) };
}

function faultCode({ status, code, mayPass }: S3Failure): StoreFaultCode {
  if (FULL.test(code)) return "STORAGE_FULL";
  return mayPass && status !== null ? "BUSY" : "STORAGE_FAILED";
}

function redacted(text: string, { accessKeyId, secretAccessKey, sessionToken }: S3Storage): string {
  const secrets = [secretAccessKey, sessionToken ?? "", accessKeyId].filter((secret) => secret !== "");
  return secrets.reduce((all, secret) => all.replaceAll(secret, "[redacted]"), text);
}
