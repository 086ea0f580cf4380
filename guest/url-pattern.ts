/**
 * URLPattern of the WHATWG standard, from the polyfill that follows it. It
 * looks for `URL` in the global scope when used, not when loaded.
 */
export { URLPattern } from "urlpattern-polyfill/urlpattern";
