// A project in which the keys of restricted data are released by a data owner and a security officer together.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { approveRequest } from "../../src/operations/request/approve.ts";
import { createRequest } from "../../src/operations/request/create.ts";
import type { Session } from "../../src/operations/session.ts";
import { hostIn, makeProject, scratch, sessionOf } from "./project.ts";

const ROLES = `roles:
  security-officer:
    can: [policy.change, member.add, member.review, audit.read, key.rotate, request.approve]
    up-to: restricted
  data-owner:
    can: [artifact.pull, artifact.read-metadata, request.create, request.approve, audit.read]
    up-to: restricted
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.read-metadata, request.create, workspace.create, workspace.mount, workspace.run]
    up-to: restricted

always:
  purpose-for: [artifact.pull]

rules:
  restricted-needs-grant:
    on: [artifact.pull, workspace.mount]
    from: restricted
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }, release: keys }
`;

/** Ana is security officer, Omar data owner, Bo and Dee work with the data. */
export async function releaseProject(): Promise<{ folder: string; people: Record<Person, Host> }> {
  const folder = scratch();
  const ana = await makeProject(folder);
  const people = { ana, omar: hostIn(folder, "omar"), bo: hostIn(folder, "bo"), dee: hostIn(folder, "dee") };
  for (const id of ["omar", "bo", "dee"] as const) await enlist(people, id, "data-scientist");
  await change(ana, (text) => {
    const roles = { ana: "security-officer", omar: "data-owner" };
    const members = Object.entries(roles).reduce((done, [id, role]) => withRole(done, id, role), text);
    const [before = ""] = members.split(/^roles:/m);
    return `${before.replace("internal, confidential]", "internal, confidential, restricted]")}${ROLES}`;
  });
  return { folder, people };
}

export type Person = "ana" | "omar" | "bo" | "dee";

/** Somebody joins, and Ana gives them a role. */
export async function enlist(people: { readonly ana: Host } & Record<string, Host>, id: string, role: string) {
  const host = people[id];
  if (!host) throw new Error(`there is no ${id}`);
  const { line } = await joinProject(host, { folder: ".", store: "../store", member: id, name: id });
  await addMember(await sessionOf(people.ana), { line, roles: [role] });
}

/** The text with another role for a member. */
export function withRole(text: string, id: string, role: string): string {
  return text.replace(new RegExp(`^( {2}${id}:.*roles: )\\[[^\\]]*\\]`, "m"), `$1[${role}]`);
}

/** Ana changes the policy in force. */
export async function change(ana: Host, edit: (text: string) => string): Promise<void> {
  const session = await synced(ana);
  const { text } = await session.policy();
  writeFileSync(join(ana.cwd, "cloister.policy.yaml"), edit(text));
  await proposePolicy(session, {});
}

export async function synced(host: Host): Promise<Session> {
  const session = await sessionOf(host);
  await session.sync();
  return session;
}

/** What somebody asked for. */
export interface Asked {
  readonly id: string;
  /** SHA-256 of the request. */
  readonly hash: string;
  readonly versionId: string;
}

export async function ask(host: Host, reference: string, justification: string): Promise<Asked> {
  const options = { kind: "access", reference, purpose: "modelling", justification } as const;
  const { id = "", sha256: hash = "", versionId } = await createRequest(await sessionOf(host), options);
  return { id, hash, versionId };
}

/** Somebody approves, and so releases their half. */
export async function release(host: Host, { id }: Asked) {
  return approveRequest(await sessionOf(host), { id });
}
