/**
 * nginx over a folder of ready files: what can be reached when nothing has to
 * be decided. One worker, sendfile, prepared .gz files (gzip_static), a
 * configuration and a prefix of this run. As it is installed here; absent, it
 * is said.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { workFile, workFolder } from "./subjects.ts";

export interface NginxOptions {
  readonly name: string;
  /** What it serves. */
  readonly root: string;
  /** Type of files without a suffix. */
  readonly type?: string;
}

export interface NginxServer {
  readonly name: string;
  command(port: number): readonly string[];
}

/** Where Debian puts it is in no ordinary user's path. */
const PROGRAMS = ["nginx", "/usr/sbin/nginx"];

export function nginx({ name, root, type = "application/octet-stream" }: NginxOptions): NginxServer | { readonly unavailable: string } {
  const program = PROGRAMS.find((one) => spawnSync(one, ["-v"]).error === undefined);
  if (program === undefined) return { unavailable: "nginx is not installed: the limit is not measured" };
  const version = /nginx\/([\d.]+)/.exec(spawnSync(program, ["-v"], { encoding: "utf8" }).stderr)?.[1] ?? "";
  return {
    name: `${name.replace("nginx", `nginx ${version}`)}`,
    command: (port) => {
      const prefix = workFolder(`nginx-${port}`);
      for (const folder of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(prefix, folder), { recursive: true });
      const file = workFile(`nginx-${port}/nginx.conf`, configuration(prefix, root, type, port));
      return [program, "-p", prefix, "-c", file];
    },
  };
}

function configuration(prefix: string, root: string, type: string, port: number): string {
  // Started by root it would hand its worker to a user who may not read the folders of this run.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
events { worker_connections 4096; }
http {
  types { }
  default_type ${type};
  access_log off;
  sendfile on;
  tcp_nopush on;
  gzip_static on;
  gzip_vary on;
  keepalive_requests 1000000000;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`;
}
