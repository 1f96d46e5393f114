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

/** Where the project's store is, if not in its folder. */
interface Elsewhere {
  readonly store: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Ana, who owns a project, and Bo, a data scientist who may be issued credentials for 15 minutes to an hour. */
export async function projectInAws(world: World, elsewhere?: Elsewhere): Promise<{ ana: Member; bo: Member }> {
  if (elsewhere) return projectElsewhere(world, elsewhere);
  const ana = await world.project("ana", "demo");
  await changePolicy(ana, issuing);
  const bo = await world.colleague(ana, "bo", "data-scientist");
  return { ana, bo };
}

async function projectElsewhere(world: World, { store, env }: Elsewhere): Promise<{ ana: Member; bo: Member }> {
  const [ana, bo] = [world.member("ana"), world.member("bo")];
  const answers = ["--template", "demo", "--project", "churn", "--domain", "churn", "--purpose", "modelling", ...store];
  const must = async (member: Member, ...args: readonly string[]) => {
    const ended = await member.with({ env }, ...args);
    if (ended.exit !== 0) throw new Error(`${args.join(" ")}: ${ended.out}${ended.err}`);
    return ended.out;
  };
  await must(ana, "init", ...answers, "--as", "ana", "--name", "Ana", "--yes");
  const file = join(ana.folder, "cloister.policy.yaml");
  writeFileSync(file, issuing(readFileSync(file, "utf8")));
  await must(ana, "policy", "propose", "--yes");
  const [, address = "", ...reach] = store;
  const joined = JSON.parse(await must(bo, "join", address, ...reach, "--as", "bo", "--name", "Bo", "--json"));
  await must(ana, "member", "add", joined.line, "--role", "data-scientist", "--yes");
  return { ana, bo };
}

/** Sessions for data scientists and nobody else, with a purpose, and none for confidential data. */
function issuing(text: string): string {
  return `${replaced(text, [
    ["secret.write, creds.issue,", "secret.write,"],
    [/( {2}data-scientist:[\s\S]*?)secret\.read\].*/, "$1secret.read, creds.issue]\n    credentials: { ttl: 1h }"],
    ["purpose-for: [workspace.create, artifact.pull]", "purpose-for: [workspace.create, artifact.pull, creds.issue]"],
  ])}
  no-confidential-sessions:
    on: [creds.issue]
    from: confidential
    refuse: Confidential data has no sessions.
aws: { account: "111122223333", region: eu-west-1, bucket: acme-ml, prefix: churn }
`;
}

/** The template with each of these changes, or an error: without one of them the tests would try something else. */
function replaced(text: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    const after = before.replace(from, to);
    if (after === before) throw new Error(`the template has no ${String(from)}`);
    return after;
  }, text);
}
