// How long a version is kept follows from its stage, and that from promotions which rules about its kind decide.
import { expect, test } from "vitest";
import { pruneVersions } from "../../../../src/operations/retention/prune.ts";
import type { Session } from "../../../../src/operations/session.ts";
import { promote } from "../../../../src/operations/stage/promote.ts";
import type { Store } from "../../../../src/store/store.ts";
import { sessionOf } from "../../project.ts";
import { World } from "./world.ts";

const RULE = "  reviewed: { on: [artifact.promote], kinds: [model], require: { evidence: [bias-review] } }";
const DAY_MS = 86_400_000;

test("a dataset is not past its time for what a rule wants of models, whoever prunes", async () => {
  const world = await World.make();
  await world.changePolicy(
    (text) =>
      `${text
        .replace("\nalways:", "\n  keeper: { can: [artifact.retire], up-to: confidential }\nalways:")
        .replace(/^rules:.*$/m, `$&\n${RULE}`)
        .replace(/^( {2}dee:.*roles: )\[[^\]]*\]/m, "$1[keeper]")
        .replace(/^( {2}ana:.*roles: )\[([^\]]*)\]/m, "$1[$2, keeper]")}
retention: { dev: 10d, candidate: 1y, production: 1y, then: retire }
`,
  );
  const { reference, versionId } = await world.push("risk:1");
  await world.state("ci", reference, "tests-passed");
  await promote(await world.as("bo"), { reference });
  const other = await world.push("raw:1");
  const due = async (person: "ana" | "dee") => {
    const session: Session = await sessionOf(world.hosts[person], later(20 * DAY_MS));
    return (await pruneVersions(session, { dryRun: true })).due.map((each) => each.versionId);
  };
  // Ana sees that it is a dataset; Dee holds no key, and cannot tell.
  for (const person of ["ana", "dee"] as const) {
    expect(await due(person)).toContain(other.versionId);
    expect(await due(person)).not.toContain(versionId);
  }
});

function later(ms: number): (store: Store) => Store {
  return (store) => {
    const now = store.now.bind(store);
    return Object.assign(store, { now: async () => (await now()) + ms });
  };
}
