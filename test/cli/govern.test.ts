import { describe, expect, it } from "vitest";
import { stepOf } from "../../src/cli/audit-words.ts";
import type { AuditListOptions, AuditRow, Explained, PolicyShown, Status } from "../../src/index.ts";
import { cloister } from "./fake.ts";

describe("policy", () => {
  const shown: PolicyShown = {
    version: 3,
    digest: "ab".repeat(32),
    text: "cloister: 1\n",
    lines: ["Ana may do everything."],
    signedBy: ["ana"],
    logEntry: 7,
    localFile: "differs",
    projectFingerprint: "ef".repeat(32),
  };

  it("show says when the local file differs; --text prints the file alone", async () => {
    const project = { showPolicy: async () => shown };
    const words = await cloister(["policy", "show"], { project });
    expect(words.out).toContain("says\tAna may do everything.\n");
    expect(words.err).toContain("cloister.policy.yaml differs from it");
    expect(await cloister(["policy", "show", "--text"], { project })).toMatchObject({ out: "cloister: 1\n", err: "" });
  });

  it("propose shows what changes and asks; elsewhere it needs --yes", async () => {
    const seen: (boolean | undefined)[] = [];
    const project = {
      showPolicy: async () => shown,
      proposePolicy: async ({ dryRun = false }: { dryRun?: boolean | undefined }) => {
        seen.push(dryRun);
        const signed = { version: 4, digest: "ab".repeat(32), file: "/p/cloister.policy.yaml", logEntry: 9 };
        return { ...signed, pending: undefined, lacking: [], dryRun };
      },
    };
    const lines = ["Ana may do everything.", "Bo may read."];
    const library = { checkPolicy: async () => ({ file: "f", ok: true, problems: [], lines }) };
    const no = await cloister(["policy", "propose"], { project, library, answers: { "--yes": false } });
    expect(no.exit).toBe(130);
    expect(no.err).toContain("Policy v4, from /p/cloister.policy.yaml:\n  + Bo may read.\n");
    expect(seen).toEqual([true]);
    expect((await cloister(["policy", "propose"], { project, library })).err).toContain("--yes is required");
    const yes = await cloister(["policy", "propose", "--yes"], { project, library });
    expect(yes.out).toContain("✓ signed policy v4");
    expect(seen).toEqual([true, true, false]);
  });

  it("check prints problems where editors find them, and ends with 2", async () => {
    const problems = [{ line: 4, column: 9, severity: "error" as const, message: "unknown class", hint: "internal?" }];
    const library = { checkPolicy: async (_host: unknown, file: string) => ({ file, ok: false, problems, lines: [] }) };
    const { exit, out } = await cloister(["policy", "check", "draft.yaml"], { library });
    expect(exit).toBe(2);
    expect(out).toBe("draft.yaml:4:9: error: unknown class\n  internal?\n");
  });

  it("explain draws yes and no; both are answers", async () => {
    const answer: Explained = {
      member: "bo",
      action: "artifact.pull",
      allow: false,
      policyVersion: 3,
      by: [],
      refusals: [{ rule: "role", enforcement: "cryptographic", why: "no role allows it", who: "ana" }],
      enforcement: "cryptographic",
      ...{ lacksApproval: false, about: undefined, restsOn: [], notKnown: [] },
    };
    let seen: unknown;
    const explainPolicy = async (options: unknown) => {
      seen = options;
      return answer;
    };
    const argv = ["policy", "explain", "artifact.pull", "--as", "bo", "--ttl", "1h", "--class", "secret"];
    const { exit, out } = await cloister(argv, { project: { explainPolicy } });
    expect(exit).toBe(0);
    expect(out).toBe(
      "✗ bo may not pull artifacts (artifact.pull)   policy v3   (cryptographic)\n" +
        "  rule   role   policy v3   (cryptographic)\n  why    no role allows it\n  who    ana\n",
    );
    expect(seen).toMatchObject({ as: "bo", ttlMs: 3_600_000, class: "secret" });
    const by = [{ rule: "owner", line: 12, text: "owners may do everything" }];
    const yes = { explainPolicy: async () => ({ ...answer, allow: true, refusals: [], by }) };
    expect((await cloister(argv, { project: yes, tty: true })).out).toBe(
      "✓ bo may pull artifacts (artifact.pull)   policy v3   (cryptographic)\n  by   owner, line 12   owners may do everything\n",
    );
  });
});

describe("audit", () => {
  const row: AuditRow = {
    entry: 12,
    time: "2026-03-01T10:20:30.000Z",
    member: "bo",
    action: "artifact.pull",
    phase: "refused",
    domain: "churn",
    class: "secret",
    operation: "1",
    versionId: undefined,
    rules: ["role"],
    policyVersion: 3,
    facts: undefined,
    details: { reason: "line\nbreak" },
  };

  it("list keeps one entry on one line", async () => {
    let seen: AuditListOptions | undefined;
    const listAudit = async (options: AuditListOptions) => {
      seen = options;
      return [row];
    };
    const { out } = await cloister(["audit", "ls", "--refused", "--last", "5", "--member", "bo"], {
      project: { listAudit },
    });
    expect(out).toBe(
      "#12\t2026-03-01T10:20:30.000Z\tbo\tartifact.pull\trefused\tchurn/secret\trole reason=line\\u{a}break\n",
    );
    expect(seen).toEqual({ refusedOnly: true, action: undefined, member: "bo", last: 5 });
    const { out: json } = await cloister(["audit", "list", "--json"], { project: { listAudit } });
    expect(JSON.parse(json)).toMatchObject({ schema: "cloister/audit-list@1", entries: [{ entry: 12 }] });
  });

  it.each([
    [{ verdict: "approve", requestEntry: 16 }, "approve r-16"],
    [{ kind: "export", requestEntry: 16 }, "export r-16"],
    [{ stage: "dev", toStage: "candidate" }, "dev -> candidate"],
    [{ kind: "bias-review", result: "pass" }, "bias-review pass"],
    [{ retire: "hold" }, "hold"],
    [{ lines: [{ verdict: "keep", member: "bo", holding: "reviewer" }, 7, { verdict: 1 }] }, "keep bo reviewer"],
    [{ verdict: { a: 1 }, lines: "no" }, undefined],
  ])("says which step an entry with the facts %j was", (facts, step) => {
    expect(stepOf({ facts })).toBe(step);
  });

  it("shows what matters on a narrow terminal: action, artifact and rule", async () => {
    const entry = { ...row, details: { reason: "x".repeat(80), artifact: "churn/cohort:v3" } };
    const narrow = await cloister(["audit", "ls"], { tty: true, project: { listAudit: async () => [entry] } });
    expect(narrow.out).toContain("#12  bo      artifact.pull  refused  churn/cohort:v3 role\n");
    for (const line of narrow.out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const wide = await cloister(["audit", "ls"], {
      tty: true,
      columns: 120,
      project: { listAudit: async () => [entry] },
    });
    expect(wide.out).toContain("#12  2026-03-01 10:20  bo ");
    expect(wide.out).toContain("  churn/cohort:v3 role churn/secret\n");
    expect(wide.out).toMatch(/\n +reason=x+…?\n$/);
  });

  it.each(["0", "-3", "x", "1.5", "1e3"])("--last %s is refused", async (last) => {
    const { exit } = await cloister(["audit", "list", `--last=${last}`], { project: { listAudit: async () => [] } });
    expect(exit).toBe(2);
  });

  it("verify ends with 6 where the log is broken", async () => {
    const checks = [{ name: "chain", state: "bad" as const, text: "entry 4 is missing" }];
    const verified = { entries: 9, commits: 5, root: "ab", ok: false, checks };
    const project = { verifyAudit: async () => verified };
    expect((await cloister(["audit", "verify"], { project })).exit).toBe(6);
    const good = { verifyAudit: async () => ({ ...verified, ok: true, checks: [] }) };
    expect((await cloister(["audit", "verify"], { project: good })).exit).toBe(0);
  });
});

describe("this device", () => {
  it("status shows warnings on standard error", async () => {
    const state: Status = {
      folder: "/p",
      store: "s",
      endpoint: undefined,
      project: "churn",
      member: "ana",
      roles: ["owner"],
      policyVersion: 3,
      policyExpires: undefined,
      localFile: "same",
      projectFingerprint: "ef".repeat(32),
      logEntries: 12,
      unlocked: true,
      login: undefined,
      workspaces: [],
      warnings: ["the clock was set back"],
    };
    const { out, err } = await cloister(["status"], { project: { status: async () => state } });
    expect(out).toContain("you\tana  owner\n");
    expect(err).toBe("! the clock was set back\n");
  });

  it("doctor ends with 1 where something is wrong, and says what to do", async () => {
    const checks = [{ name: "sandbox", state: "bad" as const, text: "no bwrap", next: "apt install bubblewrap" }];
    const { exit, out } = await cloister(["doctor"], { library: { doctor: async () => ({ ok: false, checks }) } });
    expect(exit).toBe(1);
    expect(out).toBe("bad\tsandbox\tno bwrap  (apt install bubblewrap)\n");
  });

  it("lock and whoami print a document with --json", async () => {
    const who = {
      fingerprint: "SHA256:a",
      storage: "keychain",
      signingKey: undefined,
      unlocked: true,
      signs: "s",
      reads: "r",
      project: undefined,
      member: undefined,
      name: undefined,
      roles: [],
      login: undefined,
    };
    const library = { lock: async () => ({ forgotten: true, credentials: 0 }), whoAmI: async () => who };
    expect(JSON.parse((await cloister(["lock", "--json"], { library })).out)).toEqual({
      schema: "cloister/lock@1",
      forgotten: true,
      credentials: 0,
    });
    expect(JSON.parse((await cloister(["whoami", "--json"], { library })).out).fingerprint).toBe("SHA256:a");
    expect((await cloister(["whoami"], { library })).out).toContain("kept in\tkeychain, unlocked\n");
  });
});
