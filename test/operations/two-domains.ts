// A project of two people and two domains, whose steward may let things out and end them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";

export interface People {
  readonly folder: string;
  readonly ana: Host;
  readonly bo: Host;
}

/** Ana may export, share and end versions of the domains churn and marketing; Bo works with both. */
export async function twoDomains(edit: (policy: string) => string = (text) => text): Promise<People> {
  const folder = scratch();
  const ana = await makeProject(folder);
  await changePolicy(ana, (text) =>
    edit(
      text
        .replace(/^( {2}churn:.*)$/m, "$1\n  marketing: { owner: ana, epoch: 1 }")
        .replace("artifact.push, artifact.pull, artifact.read-metadata,\n          secret.read, secret.write", MORE),
    ),
  );
  const bo = hostIn(folder, "bo");
  const { line } = await joinProject(bo, { folder: ".", store: "../store", member: "bo", name: "Bo" });
  await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  randomFiles(bo.cwd);
  randomFiles(ana.cwd);
  return { folder, ana, bo };
}

const MORE =
  "artifact.push, artifact.pull, artifact.read-metadata, artifact.export, artifact.retire,\n" +
  "          artifact.restore, share.create, secret.read, secret.write";

/** Publishes the policy file with a change, as an owner does. */
export async function changePolicy(owner: Host, edit: (policy: string) => string): Promise<void> {
  const file = join(owner.cwd, "cloister.policy.yaml");
  const session = await sessionOf(owner);
  await session.sync();
  const { text } = await session.policy();
  writeFileSync(file, edit(text));
  await proposePolicy(await sessionOf(owner), {});
}

/** What was pushed, to be compared with what came out. */
export function contentOf(folder: string): readonly string[] {
  return ["a.csv", "sub/b.bin"].map((path) => readFileSync(join(folder, path)).toString("base64"));
}
