import { describe, expect, it } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import type { AddMemberOptions, Created, CreateOptions, Detected, Joined, JoinOptions, Plan } from "../../src/index.ts";
import { cloister, type Setting } from "./fake.ts";

const found: Detected = {
  folder: "/home/ana/churn",
  git: { branch: "main", remote: undefined },
  member: "ana",
  name: "Ana O'Hara",
  project: "churn",
  templates: [
    { name: "demo", title: "two people" },
    { name: "solo", title: "one person, local folder" },
  ],
  identity: undefined,
};

const plan: Plan = {
  folder: "/home/ana/churn",
  store: ".cloister/store",
  files: [".cloister/config.yaml", "cloister.policy.yaml"],
  identity: "a new key in the keychain",
  policyLines: ["Ana may do everything.", "Nobody else may."],
  policyText: "cloister: 1\n",
};

function initialising(extra: Setting = {}) {
  const seen: { plan?: CreateOptions; create?: CreateOptions } = {};
  const created: Created = {
    folder: "/home/ana/churn",
    store: ".cloister/store",
    project: "churn",
    projectId: "1",
    policyVersion: 1,
    policyDigest: "ab".repeat(32),
    member: "ana",
    fingerprint: "SHA256:abc",
    identityStorage: "keychain",
    files: plan.files.map((file) => `/home/ana/churn/${file}`),
    logEntry: 0,
  };
  const setting: Setting = {
    ...extra,
    library: {
      detect: async () => found,
      plan: async (_host, options) => {
        seen.plan = options;
        return plan;
      },
      create: async (_host, options) => {
        seen.create = options;
        return created;
      },
    },
  };
  return { seen, setting };
}

describe("init", () => {
  it("asks nothing with --yes", async () => {
    const { seen, setting } = initialising();
    const { exit, out, err } = await cloister(["init", "--template", "solo", "--yes", "DIR"], setting);
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    expect(seen.plan).toBeUndefined();
    expect(seen.create).toEqual({
      folder: "/home/ana/churn/DIR",
      template: "solo",
      project: "churn",
      store: ".cloister/store",
      member: "ana",
      name: "Ana O'Hara",
      domain: "churn",
      purpose: "modelling",
    });
    expect(out).toMatch(/^✓ project churn is ready {3}log #0\nfolder\t/);
    expect(out).toContain("files\t.cloister/config.yaml cloister.policy.yaml\n");
  });

  it("asks at most six questions, shows the plan, confirms, and prints the command that asks nothing", async () => {
    const answers = { "--template": "solo", "--project": "risk", "--purpose": "research" };
    const { seen, setting } = initialising({ answers, tty: true, columns: 120 });
    const { exit, out, err, asked } = await cloister(["init"], setting);
    expect(exit).toBe(0);
    expect(asked).toEqual(["--template", "--project", "--store", "--as", "--domain", "--purpose", "--yes"]);
    expect(err).toContain("  identity   a new key in the keychain\n");
    expect(err).toContain("  policy     Ana may do everything.\n             Nobody else may.\n");
    expect(seen.create).toEqual(seen.plan);
    expect(out).toContain(
      "  cloister init --template solo --project risk --store .cloister/store --as ana" +
        " --name 'Ana O'\\''Hara' --domain risk --purpose research --yes\n",
    );
  });

  it("says how colleagues join where the template is for several", async () => {
    const init = async (template: string, ...store: readonly string[]) => {
      const { setting } = initialising({ tty: true, columns: 120 });
      return (await cloister(["init", "--template", template, ...store, "--yes"], setting)).out;
    };
    expect(await init("demo")).toMatch(/\nColleagues ask to join with\n {2}cloister join \S+ churn\n/);
    expect(await init("solo")).not.toContain("cloister join");
  });

  it("asks nothing in a folder that is a project already, nor in the home folder", async () => {
    const { setting } = initialising({ answers: {} });
    const exists = async () => Promise.reject(new CloisterError("USAGE", "is a Cloister project already"));
    const there = await cloister(["init", "."], { ...setting, library: { ...setting.library, plan: exists } });
    expect(there).toMatchObject({ exit: 2, asked: [] });
    const env = { HOME: "/home/ana/churn" };
    expect((await cloister(["init", "--yes"], { ...initialising().setting, env })).exit).toBe(2);
    expect((await cloister(["init", ".", "--yes"], { ...initialising().setting, env })).exit).toBe(0);
  });

  it("asks nothing that a flag has answered", async () => {
    const { setting } = initialising({ answers: {} });
    const flags = "--template solo --project p --store s --as a --domain d --purpose q";
    expect((await cloister(["init", ...flags.split(" ")], setting)).asked).toEqual(["--yes"]);
  });

  it("writes nothing where the plan is refused, and says so", async () => {
    const { seen, setting } = initialising({ answers: { "--yes": false } });
    const { exit, err } = await cloister(["init"], setting);
    expect(exit).toBe(130);
    expect(err).toContain("✗ cancelled  [INTERRUPTED]\n  why    nothing was written\n");
    expect(seen.create).toBeUndefined();
  });

  it("names the missing flag where no one can be asked", async () => {
    const first = await cloister(["init"], initialising().setting);
    expect(first).toMatchObject({ exit: 2, out: "" });
    expect(first.err).toContain("--template");
    const flags = "--template solo --project p --store s --as a --domain d --purpose q";
    const last = await cloister(["init", ...flags.split(" ")], initialising().setting);
    expect(last).toMatchObject({ exit: 2 });
    expect(last.err).toContain("--yes");
  });

  it("shows plan and policy with --dry-run", async () => {
    const { seen, setting } = initialising();
    const text = await cloister(["init", "--yes", "--dry-run"], setting);
    expect(text.out).toContain("Nothing was written.");
    expect(text.out).toContain("cloister: 1\n");
    const { out } = await cloister(["init", "--yes", "--dry-run", "--json"], setting);
    expect(JSON.parse(out)).toMatchObject({ schema: "cloister/init-plan@1", ...plan });
    expect(seen.create).toBeUndefined();
  });
});

describe("join", () => {
  const joined: Joined = {
    folder: "/home/ana/churn",
    store: "/mnt/store",
    project: "churn",
    projectId: "1",
    policyFingerprint: "3f9a",
    policyVersion: 2,
    fingerprint: "SHA256:bo",
    identityStorage: "keychain",
    line: "cloister-join:abc",
    request: "j-3f9a0c1d",
    invitedBy: undefined,
    member: undefined,
  };

  it.each([
    ["join /mnt/store --as bo --expect 3f9a", "/home/ana/churn", "3f9a"],
    ["join /mnt/store sub --as bo", "/home/ana/churn/sub", undefined],
    ["init sub --join /mnt/store --as bo --yes", "/home/ana/churn/sub", undefined],
  ])("%s", async (line, folder, expectPolicy) => {
    let seen: JoinOptions | undefined;
    const library = {
      detect: async () => found,
      join: async (_host: unknown, options: JoinOptions) => {
        seen = options;
        return joined;
      },
    };
    const { exit, out } = await cloister(line.split(" "), { library });
    expect(exit).toBe(0);
    expect(seen).toEqual({ folder, store: "/mnt/store", member: "bo", name: "Ana O'Hara", expectPolicy });
    expect(out).toContain("policy fingerprint\t3f9a\n");
    expect(out).toContain("line\tcloister-join:abc\n");
    expect(out).toContain("request\tj-3f9a0c1d\n");
  });

  it("takes an invitation in the place of the store", async () => {
    let seen: JoinOptions | undefined;
    const library = {
      detect: async () => found,
      join: async (_host: unknown, options: JoinOptions) => {
        seen = options;
        return { ...joined, invitedBy: "ana" };
      },
    };
    const { out } = await cloister(["join", "cloister-invite-1.abc", "--as", "bo"], { library });
    expect(seen).toMatchObject({ store: "", invitation: "cloister-invite-1.abc", member: "bo" });
    expect(out).toContain("invited by\tana\n");
  });
});

describe("join, in a terminal", () => {
  it("says what to do once the line was used, and as long as nothing was compared, what to compare", async () => {
    const library = {
      detect: async () => found,
      join: async () => ({
        ...{ folder: "/home/ana/churn/sub", store: "/mnt/store", project: "churn", projectId: "1", member: undefined },
        ...{ policyFingerprint: "3f9a", policyVersion: 2, fingerprint: "SHA256:bo", line: "cloister-join:abc" },
        ...{ identityStorage: "keychain", request: "j-3f9a0c1d", invitedBy: undefined },
      }),
    };
    const setting: Setting = { library, tty: true, columns: 80 };
    const { out } = await cloister(["join", "/mnt/store", "sub", "--as", "bo", "--name", "Bo"], setting);
    expect(out).toMatch(
      /Read the policy fingerprint to them[\s\S]*\n\nOnce they added you\n {2}cd sub\n {2}cloister status\n$/,
    );
    expect(out).toContain("\n  cloister request approve j-3f9a0c1d --role ROLE\n");
    const told = await cloister(["join", "/mnt/store", "--as", "bo", "--name", "Bo", "--expect", "3f9a"], setting);
    expect(told.out).not.toContain("Read the policy fingerprint");
    expect(told.out).toContain("Once they added you\n");
  });

  it("asks for id and name, with what was detected as defaults", async () => {
    let seen: JoinOptions | undefined;
    const library = {
      detect: async () => found,
      join: async (_host: unknown, options: JoinOptions) => {
        seen = options;
        throw new CloisterError("NOT_FOUND", "no store");
      },
    };
    const { asked } = await cloister(["join", "/mnt/store"], { library, answers: { "--as": "bo" } });
    expect(asked).toEqual(["--as", "--name"]);
    expect(seen).toMatchObject({ member: "bo", name: "Ana O'Hara" });
  });
});

describe("member add", () => {
  function adding(extra: Setting = {}) {
    const seen: { options?: AddMemberOptions } = {};
    const setting: Setting = {
      ...extra,
      library: { readJoinLine: async () => ({ member: "bo", name: "Bo\u202e", fingerprint: "SHA256:bo" }) },
      project: {
        addMember: async (options) => {
          seen.options = options;
          return {
            member: "bo",
            name: "Bo",
            roles: options.roles,
            fingerprint: "SHA256:bo",
            policyVersion: 2,
            policyDigest: "cd".repeat(32),
            keys: ["churn/internal"],
            kmsKeys: [],
            logEntry: 4,
            pending: undefined,
            lacking: [],
            dryRun: options.dryRun === true,
          };
        },
      },
    };
    return { seen, setting };
  }
  const argv = ["member", "add", "LINE", "--role", "data-scientist", "--role", "data-owner@churn"];

  it("shows the fingerprint and asks a person whether it is the same", async () => {
    const yes = adding({ answers: { "--yes": true } });
    const { exit, err } = await cloister(argv, yes.setting);
    expect(exit).toBe(0);
    expect(err).toContain("    SHA256:bo\n");
    expect(err).toContain("Bo\\u{202e} (bo)");
    expect(yes.seen.options?.roles).toEqual(["data-scientist", "data-owner@churn"]);
    const no = adding({ answers: {} });
    expect((await cloister(argv, no.setting)).exit).toBe(130);
    // Asked whether it would be allowed, before the question; never to do it.
    expect(no.seen.options?.dryRun).toBe(true);
  });

  it("needs --yes where no one can be asked", async () => {
    const { seen, setting } = adding();
    const refused = await cloister(argv, setting);
    expect(refused.exit).toBe(2);
    expect(refused.err).toContain("--yes");
    expect(seen.options?.dryRun).toBe(true);
    expect((await cloister([...argv, "--yes"], setting)).out).toContain(
      "✓ added bo (Bo) as data-scientist, data-owner",
    );
  });

  it("asks nothing for a dry run", async () => {
    expect((await cloister([...argv, "--dry-run"], adding().setting)).out).toContain("✓ would add bo");
  });
});

describe("a notice", () => {
  const noticing = (argv: string[]) =>
    cloister(argv, {
      library: {
        lock: async (host) => {
          host.notice("by the way\u0007");
          return { forgotten: true, credentials: 0 };
        },
      },
    });

  it("goes to standard error: a line, a document with --json, nothing with --quiet", async () => {
    expect((await noticing(["lock"])).err).toBe("cloister: by the way\\u{7}\n");
    expect(JSON.parse((await noticing(["lock", "--json"])).err)).toEqual({ notice: "by the way\u0007" });
    expect((await noticing(["lock", "--quiet"])).err).toBe("");
  });
});

describe("the project a command works on", () => {
  const project = {
    status: async () => {
      throw new CloisterError("NOT_FOUND", "x");
    },
  };

  it("is looked for from the current folder or -C", async () => {
    expect((await cloister(["status"], { project })).folder).toBe("/home/ana/churn");
    expect((await cloister(["status", "-C", "../other"], { project })).folder).toBe("/home/ana/other");
    expect((await cloister(["-C", "/a", "status", "-C", "/b"], { project })).folder).toBe("/b");
  });

  it("is opened with what flags and environment say; flags win", async () => {
    const env = { CLOISTER_PASSPHRASE_FILE: "/e" };
    const plain = await cloister(["status"], { project, env });
    expect(plain.host).toMatchObject({ passphraseFile: "/e", insecureStorage: false, home: "/home/ana" });
    expect(plain.host?.askPassphrase).toBeUndefined();
    const flags = ["--passphrase-file", "/f", "--insecure-storage"];
    const given = await cloister(["status", ...flags], { project, env, answers: { "--passphrase-file": "secret" } });
    expect(given.host).toMatchObject({ passphraseFile: "/f", insecureStorage: true });
    expect(await given.host?.askPassphrase?.("unlock")).toBe("secret");
  });
});
