/**
 * What the file system under the content store refuses, as a value. Other than
 * for the stores of functions every error of a system call is a fault of
 * storage here: the mirror goes on with what it can still do, whatever the disk
 * thinks of next. What is no such error is our own mistake, and is thrown.
 */
import { unlink } from "node:fs/promises";
import { fail, ok, type Result } from "../../base/result.ts";
import { StoreError, type StoreFault, storeFault } from "../store-fault.ts";

export function faultOf(action: string, error: unknown): StoreFault {
  const known = storeFault(action, error);
  if (known !== null) return known;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) throw error;
  return { code: "STORAGE_FAILED", message: `${action}: the system answers ${code}. Check the disk and the cache folder` };
}

export async function guarded<Value>(action: string, work: () => Promise<Value>): Promise<Result<Value, StoreFault>> {
  try {
    return ok(await work());
  } catch (error) {
    return fail(faultOf(action, error));
  }
}

/** The outcome of what throws StoreError. */
export function attempt<Value>(look: () => Value): Result<Value, StoreFault> {
  try {
    return ok(look());
  } catch (error) {
    if (error instanceof StoreError) return fail(error.fault);
    throw error;
  }
}

/** Nothing there is a success. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? "";
}
