import { describe, expect, it } from "vitest";
import { onlyHosts, refusedLines } from "../../src/cli/network-words.ts";
import type { NetworkDecision } from "../../src/index.ts";

const decision = (host: string, more: Partial<NetworkDecision> = {}): NetworkDecision => ({
  ...{ host, port: 443, allowed: false, why: "it is not listed", count: 1, sent: 0, received: 0 },
  ...more,
});

describe("what was refused, at the end of a run", () => {
  const allowed = ["good.example:443"];

  it("is nothing where there was no network, or nothing was refused", () => {
    expect(refusedLines("w1", undefined)).toEqual([]);
    expect(refusedLines("w1", { allowed, decisions: [decision("good.example", { allowed: true })] })).toEqual([]);
  });

  it("names hosts and reasons, who can allow them, and where all of it stands", () => {
    const decisions = [decision("bad.example", { count: 3 }), decision("?", { port: 0, why: "it is no name" })];
    expect(refusedLines("w1", { allowed, decisions })).toEqual([
      "refused by the network list: bad.example:443 (3 times): it is not listed",
      "refused by the network list: (no host name): it is no name",
      "an owner can add it to workspace.network of a role in the policy; then: cloister ws create NAME --network bad.example:443",
      "all of it: cloister ws show w1 --network",
    ]);
  });

  it("asks nobody to allow an address: hosts are allowed by name", () => {
    const why = "it is an address, and hosts are allowed by name";
    expect(refusedLines("w1", { allowed, decisions: [decision("192.0.2.1", { why })] })).toEqual([
      `refused by the network list: 192.0.2.1:443: ${why}`,
      "all of it: cloister ws show w1 --network",
    ]);
  });

  it("does not ask for what is on the list already, and is cut where it is long", () => {
    const why = "its TLS names another host";
    expect(refusedLines("w1", { allowed, decisions: [decision("good.example", { why })] })).toEqual([
      `refused by the network list: good.example:443: ${why}`,
      "all of it: cloister ws show w1 --network",
    ]);
    const many = Array.from({ length: 9 }, (_, at) => decision(`h${String(at)}.example`));
    expect(refusedLines("w1", { allowed, decisions: many })).toContain("and 4 more");
  });
});

describe("the hosts of run --network", () => {
  it("are all, none, or those that are named", () => {
    expect(onlyHosts([])).toBeUndefined();
    expect(onlyHosts(["none"])).toEqual([]);
    expect(onlyHosts(["a.example:80"])).toEqual(["a.example:80"]);
    expect(() => onlyHosts(["none", "a.example:80"])).toThrow("stands alone");
  });
});
