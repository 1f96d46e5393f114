// The project of the example policy: eight members with keys of their own, and every line of the file in force but for what
// names keys, ids and days.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../src/operations/host.ts";
import { create } from "../../src/operations/init.ts";
import { keepLogin } from "../../src/operations/login/record.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { signProposal } from "../../src/operations/policy/sign.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { approveRequest } from "../../src/operations/request/approve.ts";
import { createRequest } from "../../src/operations/request/create.ts";
import type { Session } from "../../src/operations/session.ts";
import type { Proposed, RequestOptions } from "../../src/operations/types.ts";
import { EXAMPLE } from "../policy/example.ts";
import { hostIn, scratch, sessionOf } from "./project.ts";

const OTHERS = ["omar", "mei", "priya", "bo", "dee", "ci", "zed"] as const;
export type Person = "ana" | (typeof OTHERS)[number];
const DAY = 86_400_000;
export const WHY = "the board of the partner asked for it";

/** A day that many days from now, as the policy writes it. */
const dayFromNow = (days: number) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

export class Example {
  readonly folder = scratch();
  readonly hosts: Readonly<Record<Person, Host>>;
  /** The policy in force. */
  text = "";

  private constructor() {
    const everybody = ["ana", ...OTHERS] as const;
    this.hosts = Object.fromEntries(everybody.map((id) => [id, hostIn(this.folder, id)])) as Record<Person, Host>;
  }

  static async make(): Promise<Example> {
    const example = new Example();
    const { ana } = example.hosts;
    const answers = { folder: ".", template: "demo", store: "../store", project: "churn-model", domain: "churn" };
    await create(ana, { ...answers, member: "ana", name: "Ana Ruiz", purpose: "churn-modelling" });
    for (const id of OTHERS) {
      const { line } = await joinProject(example.hosts[id], { folder: ".", store: "../store", member: id, name: id });
      await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
    }
    await example.change((inForce) => example.#withKeysOf(inForce));
    return example;
  }

  as(person: Person, laterMs = 0): Promise<Session> {
    if (laterMs === 0) return sessionOf(this.hosts[person]);
    return sessionOf(this.hosts[person], (store) => Object.assign(store, { now: async () => Date.now() + laterMs }));
  }

  /** Ana proposes a change, Omar signs it, and hers lets it take force. */
  async change(edit: (text: string) => string): Promise<void> {
    const { ana, omar } = this.hosts;
    await this.logIn("ana", "omar");
    const session = await sessionOf(ana);
    await session.sync();
    writeFileSync(join(ana.cwd, "cloister.policy.yaml"), edit((await session.policy()).text));
    const proposed = await proposePolicy(session, { justification: WHY });
    if (proposed.pending) {
      await signProposal(await sessionOf(omar), { justification: WHY });
      await signProposal(await sessionOf(ana), { justification: WHY });
    }
    const after = await sessionOf(ana);
    await after.sync();
    this.text = (await after.policy()).text;
  }

  /** Proposes one more open workspace, and nothing else. */
  async propose(justification: string, by: Person = "ana"): Promise<Proposed> {
    writeFileSync(join(this.hosts[by].cwd, "cloister.policy.yaml"), this.text.replace("max-open: 3", "max-open: 4"));
    return proposePolicy(await this.as(by), { justification });
  }

  /** Logs people in with a second factor, now. */
  async logIn(...people: readonly Person[]): Promise<void> {
    for (const person of people) await this.loggedIn(person, 0);
  }

  /** What such a login leaves on a device, some time ago. */
  async loggedIn(person: Person, agoMs: number): Promise<void> {
    const at = Date.now() - agoMs;
    const claims = { issuer: "https://login.acme.example", sub: `00u1${person}`, audience: ["cloister"] };
    const how = { amr: ["pwd", "otp"], acr: undefined, client: "cloister", renewable: false, evidence: "0".repeat(64) };
    const times = { expiresAtMs: at + 600_000, loggedInAtMs: at, authTimeMs: at };
    const tokens = { idToken: "none", refreshToken: undefined };
    const session = await this.as(person);
    await session.sync();
    await keepLogin(session, { ...claims, ...how, ...times }, tokens);
  }

  /** The line of the policy in force that begins so, counted from 1. */
  line(begins: string): number {
    const lines = this.text.split("\n");
    const at = lines.findIndex((line) => line.trimStart().startsWith(begins));
    if (at < 0) throw new Error(`no line begins with ${begins}`);
    return at + 1;
  }

  /** Somebody asks, and these approve. */
  async consent(
    by: Person,
    options: Partial<RequestOptions> & Pick<RequestOptions, "kind" | "reference">,
    ...approvers: readonly Person[]
  ): Promise<string> {
    const asked = await createRequest(await this.as(by), { justification: WHY, ...options });
    for (const approver of approvers) {
      await this.logIn(approver);
      await approveRequest(await this.as(approver), { id: asked.id ?? "" });
    }
    return asked.id ?? "";
  }

  #withKeysOf(inForce: string): string {
    const same = (key: string) => new RegExp(`^${key}: .*$`, "m").exec(inForce)?.[0] ?? "";
    const keysOf = (id: string) =>
      new RegExp(`^ {2}${id}:.*?signs: "([^"]*)", *reads: "([^"]*)"`, "m").exec(inForce)?.slice(1) ?? [];
    return EXAMPLE.replace(/^(id|version|previous): .*$/gm, (_, key: string) => same(key))
      .replace(/2027-03-31/g, dayFromNow(120))
      .replace(/2027-10-31/g, dayFromNow(300))
      .replace(/^( {2}(\w+): .*)signs: "[^"]*", reads: "[^"]*"/gm, (_, before: string, id: string) => {
        const [signs = "", reads = ""] = keysOf(id);
        return `${before}signs: "${signs}", reads: "${reads}"`;
      });
  }
}
