// Which package speaks for the keychain, on machines where keytar is built, is not built, or is left out: the real program
// as it is installed, a real Secret Service.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Diagnosis } from "../../src/index.ts";
import { type Ended, Member, start } from "../acceptance/harness.ts";
import { copyPackage, installKeytar } from "./package-copy.ts";
import { BUS, HAS_SECRET_SERVICE, type SecretService, startSecretService } from "./secret-service.ts";

const root = mkdtempSync(join(tmpdir(), "keytar-"));
const keytar = HAS_SECRET_SERVICE ? installKeytar(root) : { unbuilt: undefined, built: undefined, why: "no Linux" };
const ready = keytar.built !== undefined;
const reason = ready ? "built here" : `not built here: ${keytar.why}`;
const PACKAGE_IS_KEYTAR = { text: expect.stringContaining("(Secret Service), through keytar") };
const INIT = ["--template", "solo", "--project", "churn", "--domain", "churn", "--purpose", "modelling", "--yes"];

const devices: Device[] = [];
afterAll(async () => {
  // What the kernel remembers of them would outlive their folders.
  await Promise.all(devices.map((device) => device.run("lock")));
  rmSync(root, { recursive: true, force: true });
});

/** A person with a home of their own and one installation. */
class Device {
  readonly #member: Member;
  /** The program; replaced where a package vanishes or comes. */
  program: string;
  bus: string | undefined;

  constructor(id: string, program: string, bus: string | undefined) {
    this.#member = new Member(mkdtempSync(join(root, "device-")), id);
    this.program = program;
    this.bus = bus;
    devices.push(this);
  }

  async run(...args: readonly string[]): Promise<Ended> {
    // The passphrase file of the harness would be the first choice; the bus of this machine's own session must not be.
    const { CLOISTER_PASSPHRASE_FILE: _, ...env } = this.#member.env;
    const more = this.bus === undefined ? {} : { [BUS]: this.bus };
    const { folder: cwd } = this.#member;
    return await start([process.execPath, this.program, ...args], { ...env, ...more, CLOISTER_NO_INPUT: "1" }, { cwd })
      .ended;
  }

  init(...args: readonly string[]): Promise<Ended> {
    return this.run("init", ...INIT, "--as", this.#member.id, "--name", "A Person", ...args);
  }

  /** What the doctor says of the identity. */
  async identity(): Promise<Diagnosis["checks"][number] | undefined> {
    const { checks } = JSON.parse((await this.run("doctor", "--json")).out) as Diagnosis;
    return checks.find(({ name }) => name === "identity");
  }

  get passphraseFile(): string {
    return this.#member.env["CLOISTER_PASSPHRASE_FILE"] ?? "";
  }

  get storage(): string {
    return JSON.parse(readFileSync(join(this.#member.home, ".config/cloister/identity.json"), "utf8")).storage;
  }
}

const failure = ({ err }: Ended) => JSON.parse(err.trimEnd().split("\n").at(-1) ?? "").error;

describe.skipIf(!ready)(`keytar (${reason})`, () => {
  let service: SecretService;
  let built: string;
  let unbuilt: string;
  let absent: string;

  beforeAll(async () => {
    [built, unbuilt, absent] = [keytar.built, keytar.unbuilt, undefined].map((each) => copyPackage(root, each)) as [
      string,
      string,
      string,
    ];
    service = await startSecretService(root, "unlocked");
  });
  afterAll(() => service.end());

  test("is the first choice where it works, and is really what stores the identity", async () => {
    const ana = new Device("ana", built, service.bus);
    expect(await ana.identity()).toMatchObject({ state: "unknown", ...PACKAGE_IS_KEYTAR });
    expect(await ana.init()).toMatchObject({ exit: 0 });
    expect(ana.storage).toBe("keytar");
    await ana.run("lock");
    expect(await ana.run("audit", "list")).toMatchObject({ exit: 0 });
    expect(await ana.identity()).toMatchObject({ state: "good", ...PACKAGE_IS_KEYTAR });
  });

  test("an identity that it stored is not looked for elsewhere when it has gone, or lost its compiled part", async () => {
    const ana = new Device("ana", built, service.bus);
    await ana.init();
    await ana.run("lock");
    for (const [program, message, next] of [
      [absent, "keytar is not installed", "npm install keytar"],
      [unbuilt, "keytar does not load: its compiled part is missing", "npm rebuild keytar"],
    ] as const) {
      ana.program = program;
      const ended = await ana.run("audit", "list", "--json");
      expect(ended).toMatchObject({ exit: 4, out: "" });
      expect(failure(ended)).toMatchObject({
        message: `the identity of this device cannot be had: ${message}`,
        next: `where cloister is installed: ${next}`,
      });
      expect(await ana.identity()).toMatchObject({ state: "bad", text: expect.stringContaining(message) });
      // What needs no secret goes on.
      expect(await ana.run("whoami")).toMatchObject({ exit: 0 });
    }
    ana.program = built;
    expect(await ana.run("audit", "list")).toMatchObject({ exit: 0 });
  });

  test("without its compiled part, and without it at all, @napi-rs/keyring takes its place and the doctor says why", async () => {
    for (const [program, why] of [
      [unbuilt, "keytar does not load: its compiled part is missing"],
      [absent, "keytar is not installed"],
    ] as const) {
      const bo = new Device("bo", program, service.bus);
      const text = expect.stringMatching(`through @napi-rs/keyring.*${why}`);
      expect(await bo.identity()).toMatchObject({ state: "unknown", text });
      expect(await bo.init()).toMatchObject({ exit: 0 });
      expect(bo.storage).toBe("keyring");
      expect(await bo.identity()).toMatchObject({ state: "good", text });
      // That keytar comes later changes nothing for an identity that is stored.
      bo.program = built;
      await bo.run("lock");
      expect(await bo.run("audit", "list")).toMatchObject({ exit: 0 });
      expect(await bo.identity()).toMatchObject({ state: "good", text: expect.stringContaining("keytar works now") });
    }
  });

  test("without a session bus: refused with both ways out, and both of them work", async () => {
    const cy = new Device("cy", built, undefined);
    const refused = await cy.init("--json");
    expect(refused).toMatchObject({ exit: 9, out: "" });
    expect(failure(refused)).toMatchObject({
      code: "UNSUPPORTED_HOST",
      why: expect.stringMatching(/keytar: .*keyring: /),
      next: expect.stringMatching(/--passphrase-file FILE.*--insecure-storage/),
    });
    expect(await cy.init("--passphrase-file", cy.passphraseFile)).toMatchObject({ exit: 0 });
    expect(cy.storage).toBe("passphrase-file");
    const dee = new Device("dee", built, undefined);
    expect(await dee.init("--insecure-storage")).toMatchObject({ exit: 0 });
    expect(await dee.identity()).toMatchObject({ state: "bad", text: expect.stringContaining("NOT encrypted") });
  });

  test("a session bus that never answers costs 3 s for each package, and then it is refused", async () => {
    const silent = createServer(() => {});
    const path = join(root, "silent-bus");
    await new Promise<void>((listening) => silent.listen(path, listening));
    const eve = new Device("eve", built, `unix:path=${path}`);
    const before = Date.now();
    const why = failure(await eve.init("--json")).why;
    silent.close();
    expect(why).toMatch(/keytar: no answer within 3 s; keyring: no answer within 3 s/);
    expect(Date.now() - before).toBeLessThan(15_000);
  });

  test("a locked keyring: nothing new is put there, and what it holds is not taken for lost", async () => {
    const fay = new Device("fay", built, service.bus);
    await fay.init();
    await fay.run("lock");
    const kim = new Device("kim", absent, service.bus);
    await kim.init();
    await kim.run("lock");
    await service.end();
    service = await startSecretService(root, "locked");
    for (const device of [fay, kim]) {
      device.bus = service.bus;
      const ended = await device.run("audit", "list", "--json");
      expect(ended).toMatchObject({ exit: 4 });
      expect(failure(ended)).toMatchObject({
        message: "the keychain does not give the identity of this device",
        next: expect.stringContaining("unlock the keychain"),
      });
      expect(await device.identity()).toMatchObject({ state: "bad" });
    }
    const guy = new Device("guy", built, service.bus);
    expect(await guy.init("--json")).toMatchObject({ exit: 9 });
    await service.end();
    service = await startSecretService(root, "unlocked");
    for (const device of [fay, kim]) {
      device.bus = service.bus;
      expect(await device.run("audit", "list")).toMatchObject({ exit: 0 });
      await device.run("lock");
    }
  });
});
