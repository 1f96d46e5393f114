// A project in which others are asked: for access to restricted data, exports, promotions and lower classes.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { push } from "../../src/operations/artifact/push.ts";
import { resolve } from "../../src/operations/artifact/resolve.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { createRequest } from "../../src/operations/request/create.ts";
import { approvalsOf } from "../../src/operations/request/gather.ts";
import type { Session } from "../../src/operations/session.ts";
import type { RequestCreated, RequestOptions } from "../../src/operations/types.ts";
import type { RoleAction } from "../../src/policy/actions.ts";
import type { GovernanceFacts } from "../../src/policy/facts.ts";
import type { Store } from "../../src/store/store.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";

const RULES = `roles:
  security-officer:
    can: [policy.change, member.add, member.review, audit.read, key.rotate, request.approve, request.create]
    up-to: restricted
  data-owner:
    can: [artifact.pull, artifact.read-metadata, request.approve, request.create, artifact.export]
    up-to: restricted
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.read-metadata, artifact.export, artifact.promote, artifact.declassify,
          request.create, workspace.create, workspace.mount, workspace.run, creds.issue]
    up-to: restricted

separate:
  - { who: artifact.push,  cannot: request.approve }
  - { who: request.create, cannot: request.approve }

rules:
  restricted-needs-grant:
    on: [artifact.pull, workspace.mount, creds.issue]
    from: restricted
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h } }
  export-needs-two:
    on: [artifact.export]
    from: internal
    require: { approvals: { data-owner: 1, security-officer: 1 } }
  declassify-needs-owner:
    on: [artifact.declassify]
    require: { approvals: { data-owner: 1 } }

gates:
  dev -> production: { approvals: { any: 2 } }
`;

export type Person = "ana" | "omar" | "mei" | "bo" | "dee";
export type People = Readonly<Record<Person, Host>>;

/** Ana is security officer, Omar and Mei are data owners, Bo and Dee work with the data, which Dee pushed. */
export async function requestProject(): Promise<{ readonly folder: string; readonly people: People }> {
  const folder = scratch();
  const ana = await makeProject(folder);
  const hosts = (["omar", "mei", "bo", "dee"] as const).map((id) => [id, hostIn(folder, id)] as const);
  const people = { ana, ...Object.fromEntries(hosts) } as People;
  for (const [id, host] of hosts) {
    const { line } = await joinProject(host, { folder: ".", store: "../store", member: id, name: id });
    await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  }
  await change(ana, (text) => {
    const officers = { ana: "security-officer", omar: "data-owner", mei: "data-owner" };
    const members = Object.entries(officers).reduce((done, [id, role]) => withRole(done, id, role), text);
    const [before = ""] = members.split(/^roles:/m);
    return `${before.replace("internal, confidential]", "internal, confidential, restricted]")}${RULES}`;
  });
  randomFiles(people.dee.cwd);
  const dee = await sessionOf(people.dee);
  await push(dee, { source: { path: "data" }, name: "cohort:v-one", class: "restricted" });
  await push(dee, { source: { path: "data" }, name: "risk:1.0", class: "internal" });
  return { folder, people };
}

/** The text with another role for a member. */
export function withRole(text: string, id: string, role: string): string {
  return text.replace(new RegExp(`^( {2}${id}:.*roles: )\\[[^\\]]*\\]`, "m"), `$1[${role}]`);
}

/** The owner changes the policy in force. */
export async function change(owner: Host, edit: (text: string) => string): Promise<void> {
  const session = await synced(owner);
  const { text } = await session.policy();
  const after = edit(text);
  if (after === text) throw new Error("the edit changed nothing");
  writeFileSync(join(owner.cwd, "cloister.policy.yaml"), after);
  await proposePolicy(session, {});
}

export async function synced(host: Host): Promise<Session> {
  const session = await sessionOf(host);
  await session.sync();
  return session;
}

/** Somebody asks; with reasons, for three days. */
export async function ask(
  host: Host,
  kind: RequestOptions["kind"],
  reference: string,
  terms: Partial<RequestOptions> = {},
): Promise<RequestCreated & { readonly id: string }> {
  const made = await createRequest(await sessionOf(host), { kind, reference, justification: "needed", ...terms });
  if (made.id === undefined) throw new Error("a request without an id");
  return { ...made, id: made.id };
}

/** What a member wants to do. */
export interface Wanted {
  readonly action: RoleAction;
  readonly reference: string;
  readonly purpose?: string;
  readonly said?: GovernanceFacts;
  /** Time of the decision; now where it is left out. */
  readonly now?: number;
}

/** What the guard would be told of others' consent. */
export async function consentFor(host: Host, wanted: Wanted): Promise<GovernanceFacts> {
  const session = await synced(host);
  const { versionId, record } = await resolve(session, wanted.reference, { action: "artifact.read-metadata" });
  const { policy } = (await session.policy()).compiled;
  const act = { action: wanted.action, domain: record.domain, class: record.class, kind: undefined, versionId };
  const at = { now: wanted.now ?? (await session.clock()), before: session.ledger.events.length };
  const member = await session.me();
  return approvalsOf({ session, policy, member, ...act, ...at, purpose: wanted.purpose, said: wanted.said ?? {} });
}

/** A store's methods, to put others in their place. */
export function storeOf(store: Store): Store {
  return {
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    create: (name, parts) => store.create(name, parts),
    delete: (name) => store.delete(name),
    now: () => store.now(),
  };
}
