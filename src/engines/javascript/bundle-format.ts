/**
 * The version of bundles. Apart from bundle.ts, because every start of a server
 * needs it and nothing of the bundler.
 */

/** Raised when the shape or meaning of bundles changes, so that no cache or build of before is used. */
export const BUNDLE_FORMAT = 2;
