import { expect, test } from "vitest";
import { Decisions } from "../../../src/sandbox/egress/decisions.ts";

test("a flood of hosts hides none that is on the list by its name", () => {
  const decisions = new Decisions();
  for (let at = 0; at < 150; at++) {
    decisions.refused({ host: `x${String(at)}.test`, port: 443 }, "it is not on the list");
    decisions.allowed({ host: `h${String(at)}.many.test`, port: 443 }, "*.many.test:443");
  }
  decisions.allowed({ host: "good.test", port: 443 }, "good.test:443");
  const list = decisions.list().map(({ host, allowed, count }) => ({ host, allowed, count }));
  expect(list).toHaveLength(203);
  expect(list.filter(({ host }) => ["*", "*.many.test", "good.test"].includes(host))).toEqual([
    { host: "*", allowed: false, count: 50 },
    { host: "*.many.test", allowed: true, count: 50 },
    { host: "good.test", allowed: true, count: 1 },
  ]);
});
