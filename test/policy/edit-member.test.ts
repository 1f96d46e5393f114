// One member changed in the text of a policy: what else stands in it stays, and what comes out means just that.
import { describe, expect, it, test } from "vitest";
import { addDevice, removeDevice, restore, suspend } from "../../src/policy/edit-member.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { memberOf, type Policy } from "../../src/policy/schema.ts";
import { NOW, readsKey, SAMPLE, signsKey } from "./sample.ts";

const next = { version: 8, previous: "cd".repeat(32) };
const laptop = { name: "laptop", signs: signsKey(40), reads: readsKey(40) };
const phone = { name: undefined, signs: signsKey(41), reads: readsKey(41) };

function read(text: string): Policy {
  const { policy, problems } = readPolicy(Buffer.from(text), { now: NOW });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

/** The sample with Dee in lines of her own. */
const BLOCK = SAMPLE.replace(
  /^ {2}dee:.*$/m,
  `  dee:\n    name: Dee Okafor   # since March\n    roles: [reviewer]\n    signs: "${signsKey(5)}"\n    reads: "${readsKey(5)}"   # her first`,
);

describe.each([
  ["on one line", SAMPLE, "bo"],
  ["in lines of their own", BLOCK, "dee"],
])("a member %s", (_, text, id) => {
  const devicesOf = (edited: string) => memberOf(read(edited), id)?.devices.map(({ name, signs }) => [name, signs]);
  const first = memberOf(read(text), id)?.devices[0]?.signs ?? "";

  it("gets devices, and loses them one by one, the first as well", () => {
    const two = addDevice(text, id, laptop, next);
    expect(devicesOf(two)).toEqual([
      [undefined, first],
      ["laptop", laptop.signs],
    ]);
    const three = addDevice(two, id, phone, next);
    expect(devicesOf(three)).toHaveLength(3);
    expect(devicesOf(removeDevice(three, id, laptop.signs, new Map(), next))).toEqual([
      [undefined, first],
      [undefined, phone.signs],
    ]);
    const without = removeDevice(three, id, first, new Map([["churn", 9]]), next);
    expect(devicesOf(without)).toEqual([
      [undefined, laptop.signs],
      [undefined, phone.signs],
    ]);
    expect(read(without).domains.find((domain) => domain.id === "churn")?.epoch).toBe(9);
    const one = removeDevice(without, id, phone.signs, new Map(), next);
    expect(() => removeDevice(one, id, laptop.signs, new Map(), next)).toThrow(`it is the only device of ${id}`);
    expect(addDevice(one, id, phone, next)).toContain(phone.signs);
  });

  it("is suspended with higher epochs, and restored to what they were", () => {
    const suspended = suspend(text, id, "left: 2026-06-30", new Map([["churn", 3]]), next);
    expect(memberOf(read(suspended), id)?.suspended).toBe("left: 2026-06-30");
    expect(read(suspended).domains.map(({ epoch }) => epoch)).toContain(3);
    expect(() => suspend(suspended, id, "again", new Map(), next)).toThrow();
    const back = restore(suspended, id, next);
    expect(memberOf(read(back), id)).toMatchObject({ suspended: undefined });
    const lineOfMember = (whole: string) =>
      whole.split("\n").slice(whole.split("\n").findIndex((line) => line.startsWith(`  ${id}:`)));
    expect(lineOfMember(back)[0]).toBe(lineOfMember(text)[0]);
    expect(() => restore(back, id, next)).toThrow("there is no suspended to take away");
  });
});

test("devices in a list of lines get another line", () => {
  const listed = BLOCK.replace(
    "   # her first",
    `\n    devices:\n      - { name: spare, signs: "${signsKey(42)}", reads: "${readsKey(42)}" }   # kept in a drawer`,
  );
  const edited = addDevice(listed, "dee", laptop, next);
  expect(memberOf(read(edited), "dee")?.devices.map(({ name }) => name)).toEqual([undefined, "spare", "laptop"]);
  expect(edited).toContain("# kept in a drawer");
});

test("an owner who is suspended signs no more; enough others must be left, and somebody owns each domain", () => {
  const owned = SAMPLE.replace("{ owner: omar,", "{ owner: mei,");
  const without = read(suspend(owned, "omar", "left", new Map(), next));
  expect([without.owners.members, memberOf(without, "omar")?.suspended]).toEqual([["ana"], "left"]);
  const two = owned.replace("threshold: 1", "threshold: 2");
  expect(() => suspend(two, "omar", "left", new Map(), next)).toThrow("without omar too few owners are left to sign");
  expect(() => suspend(SAMPLE, "mei", "left", new Map(), next)).toThrow(
    expect.objectContaining({ why: expect.stringContaining("the owner of domain marketing is suspended") }),
  );
});
