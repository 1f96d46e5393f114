// Keys for a newcomer whom somebody let in who does not hold them: what is missing is said, and whoever holds it hands it on.
import { expect, test } from "vitest";
import { handOnKeys } from "../../../src/operations/key/hand-on.ts";
import { addMember, proposePolicy } from "../../../src/operations/policy/change.ts";
import { join as joinProject } from "../../../src/operations/project/join.ts";
import { edit, synced } from "../owners.ts";
import { hostIn, makeProject, scratch, sessionOf } from "../project.ts";

const INTERNAL = { domain: "churn", class: "internal" };

test("an officer without data lets somebody in; a steward gives the keys, to them and to nobody else", async () => {
  const folder = scratch();
  const ana = await makeProject(folder);
  edit(ana, /^roles:.*$/m, "$&\n  officer: { can: [policy.change, member.add], up-to: public }");
  await proposePolicy(await sessionOf(ana), {});
  const [omar, bo, cy] = [hostIn(folder, "omar"), hostIn(folder, "bo"), hostIn(folder, "cy")];
  const line = async (host: typeof omar, member: string) =>
    (await joinProject(host, { folder: ".", store: "../store", member, name: member })).line;
  await addMember(await sessionOf(ana), { line: await line(omar, "omar"), roles: ["officer"] });
  edit(ana, "members: [ana]", "members: [ana, omar]");
  expect((await proposePolicy(await sessionOf(ana), {})).pending).toBeUndefined();

  const added = await addMember(await sessionOf(omar), { line: await line(bo, "bo"), roles: ["data-scientist"] });
  const all = ["churn/_names/1", "churn/public/1", "churn/internal/1", "churn/confidential/1"].sort();
  expect(added.keys).toEqual([]);
  expect(added.lacking.map(({ member, keys, holders }) => [member, [...keys].sort(), holders])).toEqual([
    ["bo", all, ["ana"]],
  ]);
  expect(await (await synced(bo)).keys.secret(INTERNAL, 1)).toBeUndefined();
  expect(await handOnKeys(await sessionOf(omar))).toMatchObject({ given: [], lacking: [{ member: "bo" }] });

  await joinProject(cy, { folder: ".", store: "../store", member: "cy", name: "Cy" });
  const handed = await handOnKeys(await sessionOf(ana));
  expect(handed.given.map(({ member, keys }) => [member, keys.length])).toEqual([["bo", 4]]);
  expect(handed.lacking).toEqual([]);
  expect(await (await synced(bo)).keys.secret(INTERNAL, 1)).toBeDefined();
  expect(await (await synced(cy)).keys.secret(INTERNAL, 1)).toBeUndefined();
  expect((await handOnKeys(await sessionOf(ana))).given).toEqual([]);
});
