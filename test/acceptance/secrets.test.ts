// Secrets as people use them: set, listed, rotated, used by one command, removed; and the value found nowhere else.
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { changePolicy } from "../aws/project.ts";
import { type Ended, filesBelow, HAS_SANDBOX, holders, type Member, marker, World } from "./harness.ts";
import { Terminal } from "./terminal.ts";

interface Listed {
  readonly secrets: readonly { readonly name: string; readonly number: number; readonly overdue: boolean }[];
}

const world = new World();
const value = marker();
const rotated = marker();
const name = marker();
const printed: string[] = [];
let ana: Member;
let bo: Member;

async function say(member: Member, input: string | undefined, ...args: readonly string[]): Promise<Ended> {
  const ended = await member.with(input === undefined ? {} : { input }, ...args);
  if (args[1] !== "lease") printed.push(ended.out + ended.err);
  return ended;
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  const set = await say(ana, `${value}\n`, "secret", "set", name, "--class", "internal", "--env", "DB_PASSWORD");
  expect(set.exit, set.err).toBe(0);
});

describe("cloister secret", () => {
  it("lists names and dates, never a value, for people and programs", async () => {
    const { out } = await say(ana, undefined, "secret", "list");
    expect(out.split("\t").slice(0, 5)).toEqual([name, "churn", "internal", "1", "DB_PASSWORD"]);
    const { secrets } = JSON.parse((await say(bo, undefined, "secret", "list", "--json")).out);
    expect(secrets).toMatchObject([{ reference: `churn/${name}`, setBy: "ana", overdue: false }]);
    const shown = await say(ana, undefined, "secret", "show", name);
    expect(shown.out).toContain("DB_PASSWORD");
  });

  it("sets nothing twice, and says how to change it", async () => {
    const again = await say(ana, "x\n", "secret", "set", name, "--json");
    expect(again.exit).toBe(2);
    expect(JSON.parse(again.err).error.next).toContain(`cloister secret rotate churn/${name}`);
  });

  it.each([
    ["a line", "one\n", [], "one"],
    ["a line as on windows", "one\r\n", [], "one"],
    ["a line that keeps its end", "one\n", ["--keep-newline"], "one\n"],
    ["lines", "-----BEGIN\nAA\n-----END\n", [], "-----BEGIN\nAA\n-----END\n"],
    ["bytes", "\u0000\u0001", [], "\u0000\u0001"],
  ])("keeps %s as it is meant", async (what, input, flags, expected) => {
    const at = what.replaceAll(" ", "-");
    expect((await say(ana, input, "secret", "set", at, ...flags)).exit).toBe(0);
    expect((await say(ana, undefined, "secret", "lease", at)).out).toBe(expected);
    expect((await say(ana, undefined, "secret", "remove", at, "--yes")).exit).toBe(0);
    expect((await say(ana, undefined, "secret", "lease", at)).exit).toBe(7);
  });

  it("takes no value from the command line, and no empty one", async () => {
    expect((await ana.cli("secret", "set", "other", "value")).exit).toBe(2);
    expect((await say(ana, "\n", "secret", "set", "other")).exit).toBe(2);
    expect((await say(ana, "x".repeat(70_000), "secret", "set", "other")).exit).toBe(2);
    expect((await say(ana, undefined, "secret", "remove", name)).exit).toBe(2);
  });

  it("hands a value out on the host only to who may issue credentials", async () => {
    const { exit, err } = await say(bo, undefined, "secret", "lease", name, "--json");
    expect(exit).toBe(3);
    const { error } = JSON.parse(err.trimEnd().split("\n").at(-1) ?? "");
    expect(error.next).toContain("cloister run WORKSPACE --secret");
    const { out } = await say(ana, undefined, "secret", "lease", name, "--json");
    expect(JSON.parse(out)).toMatchObject({ provider: "secret", environment: { DB_PASSWORD: value } });
    const actions = (await ana.json<{ entries: { action: string; phase: string }[] }>("audit", "list")).entries;
    const seen = actions.map(({ action, phase }) => `${action} ${phase}`);
    expect(seen).toEqual(expect.arrayContaining(["creds.issue refused", "secret.read done", "secret.write done"]));
  });

  it("is a provider of creds: the same value, decisions and log, for a pipe, a shell and a command", async () => {
    const asked = ["--provider", "secret", "--name", name];
    const secretly = async (member: Member, ...args: readonly string[]) => member.cli("creds", ...args);
    expect((await secretly(ana, "get", ...asked)).out).toBe(value);
    expect((await secretly(ana, "env", ...asked)).out).toBe(`export DB_PASSWORD='${value}'\n`);
    const ran = await secretly(ana, "exec", ...asked, "--", "sh", "-c", "printf %s $DB_PASSWORD; exit 7");
    expect([ran.exit, ran.out]).toEqual([7, value]);
    expect((await secretly(bo, "get", ...asked)).exit).toBe(3);
    const refused = await secretly(bo, "exec", ...asked, "--", "echo", "ran");
    expect([refused.exit, refused.out]).toEqual([125, ""]);
    for (const wrong of [
      ["--provider", "secret"],
      ["--name", name],
      [...asked, "--role", "steward"],
    ]) {
      expect((await secretly(ana, "get", ...wrong)).exit).toBe(2);
    }
    await say(ana, "x\n", "secret", "set", "steering", "--env", "LD_PRELOAD");
    expect((await secretly(ana, "env", "--provider", "secret", "--name", "steering")).out).toBe("");
    await ana.ok("secret", "rm", "steering", "--yes");
    const shown = await Terminal.open(ana, "creds", "get", ...asked);
    expect(await shown.exit()).toBe(2);
    expect(shown.screen()).toContain("not shown on a terminal");
  });

  it("is rotated by a hook, which gets the old value and gives the new one", async () => {
    const hook = join(ana.folder, "hook");
    const script = `read old; test "$old" = "$1" && ! env | grep -q ^CLOISTER_ && printf '%s\\n' "$2"`;
    writeFileSync(hook, `#!/bin/sh\nexec sh -c '${script.replaceAll("'", `'\\''`)}' sh "$(cat old)" "$(cat new)"\n`);
    chmodSync(hook, 0o755);
    ana.files(".", { old: value, new: rotated });
    const { exit, err } = await say(ana, undefined, "secret", "rotate", name, "--", "./hook");
    expect(exit, err).toBe(0);
    execFileSync("rm", [join(ana.folder, "old"), join(ana.folder, "new")]);
    expect((await say(ana, undefined, "secret", "lease", name)).out).toBe(rotated);
    expect((await say(ana, undefined, "secret", "rotate", name, "--", "false")).exit).toBe(1);
    chmodSync(hook, 0o644);
    for (const [program, why] of [
      ["./nothing-here", "no such program"],
      ["./hook", "chmod +x"],
    ] as const) {
      const { exit: code, err: said } = await say(ana, undefined, "secret", "rotate", name, "--", program);
      expect(code).toBe(1);
      expect(said).toContain(`the rotation hook ${program} did not run`);
      expect(said).toContain(why);
    }
    expect((await say(ana, undefined, "secret", "lease", name)).out).toBe(rotated);
  });

  it("is rotated by a hook that leaves a program behind which holds its output open", async () => {
    const left = `setsid sleep 60 2> /dev/null & echo $! > left; cat > /dev/null; echo ${rotated}2`;
    const started = Date.now();
    const { exit, err } = await say(
      ana,
      undefined,
      "secret",
      "rotate",
      name,
      "--timeout",
      "20s",
      "--",
      "sh",
      "-c",
      left,
    );
    expect(exit, err).toBe(0);
    expect(Date.now() - started).toBeLessThan(15_000);
    process.kill(Number(readFileSync(join(ana.folder, "left"), "utf8")));
    expect((await say(ana, undefined, "secret", "lease", name)).out).toBe(`${rotated}2`);
    expect((await say(ana, `${rotated}\n`, "secret", "rotate", name)).exit).toBe(0);
  });

  it("is said to be overdue in list, status and doctor", async () => {
    await ana.with({ input: "short" }, "secret", "set", "short-lived", "--rotate-every", "1s");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { secrets } = await ana.json<Listed>("secret", "list");
    expect(secrets.find((secret) => secret.name === "short-lived")?.overdue).toBe(true);
    expect((await ana.json<{ warnings: string[] }>("status")).warnings.join()).toContain("1 secret is overdue");
    expect((await bo.json<{ warnings: string[] }>("status")).warnings).toEqual([]);
    expect((await ana.cli("doctor")).out).toContain("1 secret is overdue for rotation  (cloister secret list)");
    await ana.ok("secret", "rm", "short-lived", "--yes");
    expect((await ana.json<{ warnings: string[] }>("status")).warnings).toEqual([]);
  });

  it("is asked for without showing it, and never shown on a terminal", async () => {
    const set = await Terminal.open(ana, "secret", "set", "typed");
    await set.expect("Value of typed");
    set.type("by-hand-4711");
    expect(await set.exit()).toBe(0);
    expect(set.screen()).not.toContain("by-hand-4711");
    expect((await ana.ok("secret", "lease", "typed")).out).toBe("by-hand-4711");
    const lease = await Terminal.open(ana, "secret", "lease", "typed");
    expect(await lease.exit()).toBe(2);
    expect(lease.screen()).toContain("not shown on a terminal");
    await ana.ok("secret", "rm", "typed", "--yes");
  });
});

describe.skipIf(!HAS_SANDBOX)("a secret in a workspace", () => {
  beforeAll(async () => {
    await bo.ok("ws", "create", "t1", "--purpose", "modelling", "--ttl", "5m");
  });

  it("is in the variable or file of one command, and gone with it", async () => {
    const file = "/run/secrets/db";
    const both = ["--secret", name, "--secret", `${name}=TOKEN`, "--secret", `${name}:${file}`];
    const script = `echo "$DB_PASSWORD $TOKEN $(cat ${file})"; stat -c %a ${file}`;
    const { out } = await bo.ok("run", "t1", ...both, "--", "sh", "-c", script);
    expect(out).toBe(`${rotated} ${rotated} ${rotated}\n400\n`);
    const after = await bo.ok("run", "t1", "--", "sh", "-c", "env; ls /run/secrets 2>&1; true");
    expect(after.out).not.toContain(rotated);
    expect(after.out).toContain("No such file");
    const search = "! grep -rqFf - /workspace /tmp /var/tmp /home /dev/shm";
    expect((await bo.with({ input: rotated }, "run", "t1", "--", "sh", "-c", search)).exit).toBe(0);
  });

  it("is shown by no process but the command, while it runs", async () => {
    const running = bo.start(["run", "t1", "--secret", name, "--", "sh", "-c", 'sleep 3; echo "$DB_PASSWORD"']);
    await new Promise((resolve) => setTimeout(resolve, 1800));
    const processes = execFileSync("ps", ["-ewwo", "args"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    const ours = readFileSync(`/proc/${String(running.child.pid)}/environ`, "latin1");
    const beside = await bo.ok("run", "t1", "--", "sh", "-c", "cat /proc/*/environ | tr '\\0' '\\n'; ls /proc");
    expect([processes, ours, beside.out].some((text) => text.includes(rotated))).toBe(false);
    expect((await running.ended).out).toBe(`${rotated}\n`);
  });

  it("does not raise the label, and is decided each time", async () => {
    await ana.with({ input: "c" }, "secret", "set", "guarded", "--class", "confidential");
    await bo.ok("run", "t1", "--secret", "guarded=G", "--", "true");
    expect((await bo.json<{ label?: string }>("ws", "show", "t1")).label).toBeUndefined();
    await ana.ok("secret", "rm", "guarded", "--yes");
    expect((await bo.fails("run", "t1", "--secret", "guarded=G", "--", "true")).code).toBe("NOT_FOUND");
  });

  it.each([
    ["LD_PRELOAD", "decides which code runs"],
    ["no-name", "cannot be the name of a variable"],
  ])("goes into no variable %s", async (variable, why) => {
    const failed = await bo.fails("run", "t1", "--secret", `${name}=${variable}`, "--", "true");
    expect(failed).toMatchObject({ code: "USAGE" });
    expect(`${failed.message} ${failed.why}`).toContain(why);
  });

  it.each([[`${name}:/etc/passwd`], [`${name}:/run/secrets/../x`], [`${name}:relative`], [":x"], ["other/x"]])(
    "is nowhere else: --secret %s",
    async (text) => {
      expect((await bo.cli("run", "t1", "--secret", text, "--", "true")).exit).toBe(125);
    },
  );
});

describe("the value and the name", () => {
  it("stand nowhere in the store, on the devices, or in what was printed", async () => {
    const spellings = [value, rotated].flatMap((text) => [
      text,
      Buffer.from(text).toString("hex"),
      Buffer.from(text).toString("base64").replace(/=+$/, ""),
    ]);
    expect(filesBelow(ana.store).some((path) => path.startsWith("secrets/churn/internal/"))).toBe(true);
    expect(holders(ana.store, [...spellings, name])).toEqual([]);
    for (const member of [ana, bo]) {
      expect(holders(member.home, spellings)).toEqual([]);
      expect(holders(member.folder, spellings)).toEqual([]);
      expect(holders(member.env["TMPDIR"] ?? "", spellings)).toEqual([]);
    }
    printed.push((await ana.ok("audit", "list", "--json")).out, (await ana.ok("audit", "verify")).out);
    for (const spelling of spellings) expect(printed.join("\n")).not.toContain(spelling);
    expect(printed.join("\n")).toContain(name);
  });
});

describe("where the policy asks for a second factor", () => {
  it("says how to give it, and does not send the person elsewhere", async () => {
    const login = "login: { issuer: http://127.0.0.1:9, client: cloister }\n";
    await changePolicy(ana, (text) =>
      `${text}\n${login}`.replace(/^ {2}purpose-for: .*$/m, "$&\n  mfa-within: { creds.issue: 15m }"),
    );
    const refused = await ana.fails("secret", "lease", name);
    expect(refused).toMatchObject({ exit: 3, next: "cloister login --mfa" });
  });
});
