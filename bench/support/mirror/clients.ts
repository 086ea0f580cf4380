/**
 * What pip and uv send, word for word (captured from pip 26.2.1 and uv 0.9.11 by
 * a server that prints heads): which form of a page they get hangs on it.
 */
const PIP_AGENT =
  'User-Agent: pip/26.2.1 {"ci":null,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.7"},"installer":{"name":"pip","version":"26.2.1"},"openssl_version":"OpenSSL 3.0.17 1 Jul 2025","python":"3.11.7","setuptools_version":"65.5.0","system":{"name":"Linux","release":"6.18.44"}}';

/** Of an index page. */
export const PIP_PAGE: readonly string[] = [
  PIP_AGENT,
  "Accept-Encoding: gzip, deflate",
  "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
  "Cache-Control: max-age=0",
];

/** Of a file. */
export const PIP_FILE: readonly string[] = [PIP_AGENT, "Accept-Encoding: identity", "Accept: */*"];

export const UV_PAGE: readonly string[] = [
  "user-agent: uv/0.9.11",
  "accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
  "accept-encoding: gzip, br, zstd, deflate",
];
