// A project with gates, and the people who work at them: Bo and Dee make models, CI tests them, Priya reviews them, Omar owns the data.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { push } from "../../../../src/operations/artifact/push.ts";
import type { Host } from "../../../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../../../src/operations/policy/change.ts";
import { join as joinProject } from "../../../../src/operations/project/join.ts";
import { approveRequest } from "../../../../src/operations/request/approve.ts";
import { createRequest } from "../../../../src/operations/request/create.ts";
import type { Session } from "../../../../src/operations/session.ts";
import { attest } from "../../../../src/operations/stage/attest.ts";
import type { Pushed } from "../../../../src/operations/types.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "../../project.ts";

const ROLES = `
  maker:
    can: [artifact.push, artifact.pull, artifact.read-metadata, artifact.promote, artifact.declassify, artifact.attest, request.create]
    up-to: confidential
  reviewer:
    can: [artifact.pull, artifact.attest, request.approve]
    up-to: confidential
  pipeline:
    can: [artifact.pull, artifact.attest]
    up-to: confidential
`;

const GATES = `
evidence:
  tests-passed: { by: [pipeline, maker] }
  bias-review:  { by: [reviewer, maker], not-by: pusher }

gates:
  dev -> candidate:        { evidence: [tests-passed] }
  candidate -> production: { evidence: [tests-passed, bias-review] }
`;

const PEOPLE = { bo: "maker", dee: "maker", priya: "reviewer", ci: "pipeline" } as const;
export type Person = "ana" | keyof typeof PEOPLE;

export class World {
  readonly folder: string;
  readonly hosts: Readonly<Record<Person, Host>>;

  private constructor(folder: string, hosts: Readonly<Record<Person, Host>>) {
    this.folder = folder;
    this.hosts = hosts;
  }

  static async make(): Promise<World> {
    const folder = scratch();
    const ana = await makeProject(folder);
    const hosts: Partial<Record<Person, Host>> = { ana };
    await changePolicy(ana, (text) => text.replace("\nalways:", `${ROLES}\nalways:`) + GATES);
    for (const [name, role] of Object.entries(PEOPLE) as [keyof typeof PEOPLE, string][]) {
      const host = hostIn(folder, name);
      const { line } = await joinProject(host, { folder: ".", store: "../store", member: name, name });
      await addMember(await sessionOf(ana), { line, roles: [role] });
      hosts[name] = host;
    }
    return new World(folder, hosts as Record<Person, Host>);
  }

  as(person: Person): Promise<Session> {
    return sessionOf(this.hosts[person]);
  }

  /** Somebody's request, approved by Priya where she is to. */
  async ask(
    by: Person,
    kind: "promote" | "declassify",
    reference: string,
    { to, approved = true }: { readonly to: string; readonly approved?: boolean },
  ): Promise<string> {
    const { id = "" } = await createRequest(await this.as(by), { kind, reference, to, justification: "for the trial" });
    if (approved) await approveRequest(await this.as("priya"), { id });
    return id;
  }

  /** A new version by Bo. */
  async push(name: string, klass = "internal"): Promise<Pushed> {
    const { path } = randomFiles(this.hosts.bo.cwd);
    return push(await this.as("bo"), { source: { path }, name, class: klass });
  }

  async state(person: Person, reference: string, kind: string, result: "pass" | "fail" = "pass") {
    const { cwd } = this.hosts[person];
    mkdirSync(cwd, { recursive: true });
    writeFileSync(join(cwd, "report.txt"), `${person} on ${kind}: ${result}\n`);
    return attest(await this.as(person), { reference, kind, result, file: "report.txt" });
  }

  changePolicy(change: (text: string) => string): Promise<void> {
    return changePolicy(this.hosts.ana, change);
  }
}

async function changePolicy(owner: Host, change: (text: string) => string): Promise<void> {
  const session = await sessionOf(owner);
  await session.sync();
  const { text } = await session.policy();
  const changed = change(text);
  if (changed === text) throw new Error("the policy was to change");
  const file = join(owner.cwd, "cloister.policy.yaml");
  writeFileSync(file, changed);
  await proposePolicy(await sessionOf(owner), {});
  if (!readFileSync(file, "utf8").includes("version:")) throw new Error("no policy was written");
}
