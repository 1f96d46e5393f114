// A project with an AWS side, for tests of what is asked of AWS and what is handed on.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Member, World } from "../acceptance/harness.ts";

export const ROLE_ARN = "arn:aws:iam::111122223333:role/cloister-churn-data-scientist";

/** Changes the policy file and puts it in force. */
export async function changePolicy(owner: Member, edit: (text: string) => string): Promise<void> {
  const file = join(owner.folder, "cloister.policy.yaml");
  const before = readFileSync(file, "utf8");
  const after = edit(before);
  if (after === before) throw new Error("the policy did not change");
  writeFileSync(file, after);
  await owner.ok("policy", "propose", "--yes");
}

/** Ana, who owns a project, and Bo, a data scientist who may be issued credentials for 15 minutes to an hour. */
export async function projectInAws(world: World): Promise<{ ana: Member; bo: Member }> {
  const ana = await world.project("ana", "demo");
  await changePolicy(ana, issuing);
  const bo = await world.colleague(ana, "bo", "data-scientist");
  return { ana, bo };
}

function issuing(text: string): string {
  const scientist = /( {2}data-scientist:[\s\S]*?)artifact\.read-metadata\]/;
  return `${text
    .replace(scientist, "$1artifact.read-metadata, creds.issue]\n    credentials: { ttl: 1h }")
    .replace(
      "purpose-for: [workspace.create, artifact.pull]",
      "purpose-for: [workspace.create, artifact.pull, creds.issue]",
    )}
  no-confidential-sessions:
    on: [creds.issue]
    from: confidential
    refuse: Confidential data has no sessions.
aws: { account: "111122223333", region: eu-west-1, bucket: acme-ml, prefix: churn }
`;
}
