// What must be written nowhere: the store holds no plain text and no name, the device no open key, the process no secret.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Ended, filesBelow, HAS_SANDBOX, holders, type Member, marker, randomText, World } from "./harness.ts";

const world = new World();
const plain = marker();
const hidden = {
  content: plain,
  "file name": marker(),
  "folder name": marker(),
  artifact: marker(),
  label: marker(),
  justification: marker(),
  licence: marker(),
  workspace: marker(),
  command: marker(),
  "refused artifact": marker(),
};
let ana: Member;
let bo: Member;
const printed: Ended[] = [];

/** Runs a command of a member and keeps what it printed. */
async function say(member: Member, ...args: readonly string[]): Promise<Ended> {
  const ended = await member.cli(...args);
  printed.push(ended);
  return ended;
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  const file = `${hidden["folder name"]}/${hidden["file name"]}.csv`;
  ana.files("data", { [file]: `id,${plain}\n${`${plain}\n`.repeat(2000)}${randomText(50_000)}`, "b.txt": plain });
  const reference = `${hidden.artifact}:${hidden.label}`;
  const said = ["--why", `because of ${hidden.justification}`, "--licence", hidden.licence, "--owner", "ana"];
  expect((await say(ana, "push", "data", "--name", reference, "--class", "confidential", ...said, "--json")).exit).toBe(
    0,
  );
  await say(ana, "push", "data", "--name", reference, "--class", "confidential");
  await say(bo, "pull", reference, "-o", "out", "--purpose", "modelling", "--why", hidden.justification);
  await say(bo, "pull", hidden["refused artifact"]);
  if (HAS_SANDBOX) {
    const create = ["ws", "create", hidden.workspace, "--input", reference, "--purpose", "modelling", "--ttl", "5m"];
    expect((await say(bo, ...create)).exit).toBe(0);
    const run = [
      "run",
      hidden.workspace,
      "--keep-output",
      "--",
      "sh",
      "-c",
      `cp -r /inputs/* . ; echo ${hidden.command}`,
    ];
    expect((await say(bo, ...run)).exit).toBe(0);
    expect((await say(bo, "ws", "show", hidden.workspace)).exit).toBe(0);
    const push = ["push", hidden.artifact, "--from", hidden.workspace, "--name", hidden.artifact];
    expect((await say(bo, ...push)).exit).toBe(0);
    expect((await say(bo, "ws", "destroy", hidden.workspace, "--yes", "--json")).exit).toBe(0);
  }
  await say(ana, "audit", "list", "--json");
  await say(ana, "list", "--json");
  await say(ana, "show", reference, "--json");
  await say(ana, "whoami", "--json");
  await say(bo, "join", ana.store, "--json");
});

/** A text with all base64 in it opened, and in what was opened, too: envelopes stand in envelopes. */
function unwrapped(text: string): string {
  const inner = (text.match(/[A-Za-z0-9+/]{40,}={0,2}/g) ?? []).map((part) =>
    Buffer.from(part, "base64").toString("latin1"),
  );
  return [text, ...inner.map(unwrapped)].join("\n");
}

describe("the store", () => {
  it("holds nothing of it in clear, in no file and no file name, plain, hex or base64", () => {
    expect(filesBelow(ana.store).length).toBeGreaterThan(20);
    const spellings = Object.values(hidden).flatMap((text) => [text, Buffer.from(text).toString("hex")]);
    expect(holders(ana.store, spellings)).toEqual([]);
    for (const file of filesBelow(ana.store)) {
      const text = unwrapped(readFileSync(join(ana.store, file), "latin1"));
      for (const [what, word] of Object.entries(hidden)) expect(text.includes(word), `${what} in ${file}`).toBe(false);
    }
  });

  it("says in clear who did what in which class, so that the log can be checked without a key", () => {
    const commits = join(ana.store, "log/commit");
    const text = filesBelow(commits)
      .map((file) => unwrapped(readFileSync(join(commits, file), "latin1")))
      .join();
    for (const word of ["artifact.push", "artifact.pull", "refused", "confidential"]) expect(text).toContain(word);
  });

  it("has no file that is still being written", () => {
    expect(filesBelow(ana.store).filter((path) => /tmp|\.part|~$/.test(path))).toEqual([]);
  });
});

describe("the device", () => {
  it("keeps no open secret key and no plain text of an artifact or a workspace in HOME", () => {
    for (const member of [ana, bo]) {
      const files = filesBelow(member.home);
      expect(files.length).toBeGreaterThan(2);
      expect(holders(member.home, ["AGE-SECRET-KEY-", "PRIVATE KEY", member.passphrase, plain])).toEqual([]);
      for (const file of files.filter((path) => path.includes("config/cloister"))) {
        expect(statSync(join(member.home, file)).mode & 0o077, file).toBe(0);
      }
      expect(readdirSync(member.env["TMPDIR"] ?? "")).toEqual([]);
    }
    expect(readdirSync(bo.folder).filter((name) => name !== ".cloister" && name !== "out")).toEqual([]);
  });

  it("keeps its folders closed to other users", () => {
    for (const folder of [".config/cloister", ".local/state/cloister", ".cache/cloister"]) {
      expect(statSync(join(ana.home, folder)).mode & 0o077, folder).toBe(0);
    }
  });
});

describe("what is printed", () => {
  it("never holds a passphrase or a secret key", () => {
    expect(printed.length).toBeGreaterThan(8);
    const text = printed.map(({ out, err }) => out + err).join("\n");
    for (const secret of [ana.passphrase, bo.passphrase, "AGE-SECRET-KEY-", "PRIVATE KEY"])
      expect(text).not.toContain(secret);
    expect(text).toContain(hidden.justification);
  });

  it.skipIf(!HAS_SANDBOX)("nor do the arguments and environments of the processes of a workspace", async () => {
    await bo.ok("ws", "create", "watched", "--input", hidden.artifact, "--purpose", "modelling", "--ttl", "2m");
    const running = bo.start(["run", "watched", "--", "sleep", "2"]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const processes = execFileSync("ps", ["-ewwo", "args"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    const inside = await bo.cli(
      "run",
      "watched",
      "--keep-output",
      "--",
      "sh",
      "-c",
      `! env | grep -q ${bo.passphrase} && ! env | grep -q CLOISTER_PASS`,
    );
    await running.ended;
    await bo.ok("ws", "destroy", "watched");
    expect(inside.exit).toBe(0);
    for (const secret of [ana.passphrase, bo.passphrase, "AGE-SECRET-KEY-", plain])
      expect(processes.includes(secret)).toBe(false);
  });
});
