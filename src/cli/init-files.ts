/**
 * The files that `pilotlight init` writes: a project that runs, reloads and
 * tests before anything else is installed. Pure text; init.ts writes it.
 */

/** Path in the project to its content. `dependency` is what package.json names: a version or a file: address. */
export function projectFiles(name: string, dependency: string): Readonly<Record<string, string>> {
  return {
    "package.json": packageJson(name, dependency),
    "tsconfig.json": TSCONFIG,
    "pilotlight.yaml": PILOTLIGHT_YAML,
    ".gitignore": "node_modules/\n.pilotlight/\ndist/\n.env\n",
    "README.md": readme(name),
    "functions/index.ts": INDEX,
    "functions/index.http": INDEX_HTTP,
    "functions/hello.ts": HELLO,
    "functions/hello.http": HELLO_HTTP,
  };
}

/** Only for `npm run types` and editors: functions are bundled without looking at their types. */
const TYPESCRIPT = "^7.0.0";

function packageJson(name: string, dependency: string): string {
  const manifest = {
    name,
    private: true,
    type: "module",
    scripts: {
      // exec: npm's signals reach the server and not a shell around it.
      dev: "exec pilotlight dev",
      start: "exec pilotlight serve",
      test: "pilotlight test",
      check: "pilotlight validate",
      types: "tsc",
      build: "pilotlight build",
    },
    dependencies: { pilotlight: dependency },
    devDependencies: { typescript: TYPESCRIPT },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: "ES2024",
      lib: ["ES2024", "ESNext", "DOM", "DOM.Iterable"],
      module: "Preserve",
      moduleResolution: "Bundler",
      allowImportingTsExtensions: true,
      jsx: "react",
      jsxFactory: "h",
      jsxFragmentFactory: "Fragment",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["pilotlight/globals"],
    },
    include: ["functions"],
  },
  null,
  2,
)}\n`;

const PILOTLIGHT_YAML = `# Settings of this project; flags and PILOTLIGHT_* variables win over them.
port: 8080
timeout: 10s
memory: 64m

functions:
  hello:
    # Values that the function finds in its \`env\`.
    env: { GREETING: Hello }
    # What it may reach; everything absent is denied.
    # allow: { fetch: ["https://api.example.com"] }
`;

const INDEX = `/** GET / */
export function GET(): Response {
  return Response.json({ functions: ["/hello?name=Ada"] });
}
`;

const INDEX_HTTP = `### points to the other function
GET http://127.0.0.1:8080/

?? status == 200
?? json functions contains "/hello?name=Ada"
`;

const HELLO = `/** GET /hello?name=Ada */
import type { Handler } from "pilotlight";

interface Env {
  readonly GREETING?: string;
}

export const GET: Handler<Env> = (request, env) => {
  const name = new URL(request.url).searchParams.get("name") ?? "world";
  return new Response(\`\${env.GREETING ?? "Hi"}, \${name}!\\n\`);
};
`;

const HELLO_HTTP = `### greets the world
GET http://127.0.0.1:8080/hello

?? status == 200
?? body contains Hello, world!

### greets by name
GET http://127.0.0.1:8080/hello?name=Ada

?? body contains Hello, Ada!
`;

function readme(name: string): string {
  return `# ${name}

Functions served by Pilotlight. Each file in \`functions/\` is one, at the path its name says:

    functions/hello.ts        /hello          functions/users/[id].ts      /users/:id
    functions/index.ts        /               functions/files/[...path].ts /files/*

    npx pilotlight dev        serve, reload on save          http://127.0.0.1:8080/hello?name=Ada
    npx pilotlight test       run the .http files
    npx pilotlight validate   check every function, but not its types
    npm run types             check those
    npx pilotlight serve      for production
    npx pilotlight build && npx pilotlight serve dist

A file that begins with \`_\` is a module, not a function. Settings are in \`pilotlight.yaml\`.
`;
}
