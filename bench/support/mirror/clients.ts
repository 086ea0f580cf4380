/**
 * What pip and uv send, word for word (captured from pip 26.3 and uv 0.13.9 by a
 * server that prints heads): which form of a page they get hangs on it.
 */
const PIP_AGENT =
  'User-Agent: pip/26.3 {"ci":null,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.7"},"installer":{"name":"pip","version":"26.3"},"openssl_version":"OpenSSL 3.0.19 27 Jan 2026","python":"3.11.7","rustc_version":"1.95.0","setuptools_version":"65.5.0","system":{"name":"Linux","release":"6.18.44"}}';
const UV_AGENT =
  'User-Agent: uv/0.13.9 {"installer":{"name":"uv","version":"0.13.9","subcommand":["pip","install"]},"python":"3.11.7","implementation":{"name":"CPython","version":"3.11.7"},"distro":{"name":"Debian GNU/Linux","version":"12","id":"bookworm","libc":{"lib":"glibc","version":"2.36"}},"system":{"name":"Linux","release":"6.18.44"},"cpu":"x86_64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}';

/** Of an index page. */
export const PIP_PAGE: readonly string[] = [
  PIP_AGENT,
  "Accept-Encoding: gzip, deflate",
  "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
];

/** Of a file. */
export const PIP_FILE: readonly string[] = [PIP_AGENT, "Accept-Encoding: identity", "Accept: */*"];

export const UV_PAGE: readonly string[] = [
  "Accept-Encoding: gzip, deflate, zstd",
  "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
  UV_AGENT,
];
