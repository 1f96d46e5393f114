// The house rules that a compiler does not know: who may import whom, which packages, what nobody may touch.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

interface Room {
  /** Rooms it may import, itself aside. */
  readonly rooms: readonly string[];
  /** Packages it may import. */
  readonly packages: RegExp;
}

const ABOVE_STORE = ["base", "store", "keys"];
const MIDDLE = ["content", "policy", "audit", "provenance", "sandbox", "credentials"];
const NODE = "^node:";

/** docs/architecture.md, the floors. */
const ROOMS: Readonly<Record<string, Room>> = {
  base: { rooms: [], packages: /^node:(crypto|stream)$/ },
  store: { rooms: ["base"], packages: /^(node:|@aws-sdk\/client-s3$)/ },
  keys: { rooms: ["base"], packages: /^(node:|age-encryption$|@napi-rs\/keyring$|keytar$|@aws-sdk\/client-kms$)/ },
  content: { rooms: ABOVE_STORE, packages: new RegExp(NODE) },
  policy: { rooms: ABOVE_STORE, packages: /^(node:|yaml$|@cedar-policy\/cedar-wasm)/ },
  audit: { rooms: ABOVE_STORE, packages: new RegExp(NODE) },
  provenance: { rooms: ABOVE_STORE, packages: /^(node:|execa$)/ },
  sandbox: { rooms: ABOVE_STORE, packages: /^(node:|tar-stream$|proxy-chain$|ipaddr\.js$)/ },
  credentials: { rooms: ABOVE_STORE, packages: /^(node:|@aws-sdk\/client-sts$|openid-client$)/ },
  operations: { rooms: [...ABOVE_STORE, ...MIDDLE], packages: new RegExp(NODE) },
  index: { rooms: ["operations", "base"], packages: /^$/ },
  cli: { rooms: ["index", "base"], packages: /^(node:|commander$|inquirer$|chalk$|execa$)/ },
};

const LINES_MAX = 300;

/** Rooms of the sandbox in which its drivers stand; all others are what the drivers share. */
const DRIVERS = ["bubblewrap", "podman"];

const root = resolve(import.meta.dirname, "..");
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => join("src", file));

test("every room of the house is in the table, and every room in the table is there", () => {
  expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(ROOMS)));
});

test.each(files)("%s imports only what its room may", (file) => {
  const room = ROOMS[roomOf(file)];
  for (const specifier of importsOf(file)) {
    if (!specifier.startsWith(".")) expect(specifier).toMatch(room?.packages ?? /^$/);
    else expect([roomOf(file), ...(room?.rooms ?? [])]).toContain(target(file, specifier));
  }
});

test.each(files)(`%s has at most ${String(LINES_MAX)} lines`, (file) => {
  expect(source(file).split("\n").length).toBeLessThanOrEqual(LINES_MAX);
});

/** Holds the source text of a child process, which has standard streams of its own. */
const CHILD_SOURCE = "src/keys/keychain.ts";

test.each(files.filter((file) => roomOf(file) !== "cli" && file !== CHILD_SOURCE))(
  "%s neither prints, prompts nor ends the process",
  (file) => {
    expect(withoutComments(file)).not.toMatch(/\bprocess\.(env|argv|exit|cwd|stdout|stderr|stdin)\b|\bconsole\./);
  },
);

test.each(
  files.filter((file) => !["keys", "content", "audit", "base", "provenance", "operations"].includes(roomOf(file))),
)("%s does no cryptography of its own", (file) => {
  expect(withoutComments(file)).not.toMatch(/create(Cipheriv|Decipheriv|Sign|Verify|Hmac)\b/);
});

test("the policy decides in one place only: nobody outside its room, the guard and the readers compares roles or classes", () => {
  const deciders = files.filter((file) => /\bdecide\(/.test(withoutComments(file)) && roomOf(file) !== "policy");
  expect(deciders.sort()).toEqual([
    "src/operations/artifact/judge-push.ts",
    "src/operations/decision.ts",
    "src/operations/governance/judge.ts",
    "src/operations/policy/explain.ts",
    "src/operations/secret/secrets.ts",
  ]);
});

test("remembered answers only explain: whoever lets something happen asks Cedar", () => {
  const importers = (room: string) => files.filter((file) => importsOf(file).some((s) => s.endsWith(room)));
  expect(importers("policy/answers.ts")).toEqual(["src/operations/policy/answer-memory.ts"]);
  expect(importers("./answer-memory.ts")).toEqual(["src/operations/policy/explain.ts"]);
});

test("only the guard writes to the log, and the making of a project", () => {
  const writers = files.filter(
    (file) => /\.append(All)?\(/.test(withoutComments(file)) && roomOf(file) === "operations",
  );
  expect(writers.sort()).toEqual(["src/operations/guard.ts", "src/operations/init.ts", "src/operations/session.ts"]);
});

test("drivers are chosen in one place each", () => {
  const importers = (driver: string) => files.filter((file) => importsOf(file).some((s) => s.endsWith(driver)));
  expect(importers("store/folder.ts")).toEqual(["src/operations/open-store.ts"]);
  expect(importers("store/s3.ts")).toEqual(["src/operations/open-store.ts"]);
  for (const driver of DRIVERS) {
    expect(importers(`sandbox/${driver}/${driver}.ts`)).toEqual(["src/operations/workspace/sandbox.ts"]);
  }
});

test("a sandbox driver knows what is shared, not the other driver; what is shared knows no driver", () => {
  for (const file of files.filter((each) => roomOf(each) === "sandbox")) {
    const folderOf = (path: string) => path.split("/")[2] ?? "";
    const known = importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => folderOf(relative(root, resolve(root, dirname(file), specifier))))
      .filter((folder) => DRIVERS.includes(folder) && folder !== folderOf(file));
    expect({ file, known }).toEqual({ file, known: [] });
  }
});

test("a driver that another workspace has costs no start: podman's machinery is loaded where a container is started", () => {
  const podman = withoutComments("src/sandbox/podman/podman.ts");
  const atOnce = [...podman.matchAll(/^(?:import|\} from)(?! type).*"\.\/(.+)\.ts";$/gm)].map(([, name]) => name);
  expect(atOnce.sort()).toEqual(["describe", "group", "held", "ids", "image", "problem", "programs", "runtime"]);
});

test("files that ask where they stand are as deep as the packed command line, two folders below the package", () => {
  const asking = files.filter((file) => /\bimport\.meta\b/.test(withoutComments(file)));
  expect(asking.filter((file) => file.split("/").length !== 3)).toEqual([]);
});

function roomOf(file: string): string {
  return (file.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function target(file: string, specifier: string): string {
  return roomOf(relative(root, resolve(root, dirname(file), specifier)));
}

function importsOf(file: string): readonly string[] {
  const pattern = /(?:^(?:import|export)\b[^"'`;]*?\bfrom\s*|^import\s*|\b(?:import|require)\()["']([^"']+)["']/gm;
  return [...source(file).matchAll(pattern)].map((match) => match[1] ?? "");
}

function withoutComments(file: string): string {
  return source(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

function source(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
