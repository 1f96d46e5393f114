// A real training run: scikit-learn of Debian's packages, once as the system has it and once unpacked in a folder of the
// host that is shown read-only. Nobody types what the model was made from.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Listing, Pushed, Verified, VersionDetail, WorkspaceDetail } from "../../src/index.ts";
import { HAS_SANDBOX, type Member, World } from "../acceptance/harness.ts";

const hasSklearn = spawnSync("/usr/bin/python3", ["-c", "import sklearn"]).status === 0;
const title = hasSklearn && HAS_SANDBOX ? "training" : "training (skipped: needs bubblewrap and python3-sklearn)";

const PACKAGES = ["python3-sklearn", "python3-sklearn-lib", "python3-joblib", "python3-threadpoolctl"];

const TRAIN = `
import csv, glob, json, os, pickle, sys
import numpy, sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

rows = [row for path in sorted(glob.glob("/inputs/customers/*.csv")) for row in csv.DictReader(open(path))]
x = numpy.array([[float(row["tenure"]), float(row["calls"])] for row in rows])
y = numpy.array([int(row["churned"]) for row in rows])
seed = int(os.environ["CLOISTER_SEED"])
train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=seed)
model = LogisticRegression(random_state=seed).fit(train_x, train_y)
os.makedirs("out", exist_ok=True)
pickle.dump(model, open("out/model.pickle", "wb"))
accuracy = model.score(test_x, test_y)
json.dump({"accuracy": accuracy, "sklearn": sklearn.__file__, "rows": len(rows)}, open("out/metrics.json", "w"))
assert accuracy > 0.8, accuracy
`;

/** Customers who call often and came lately tend to leave. */
function customers(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const [tenure, calls] = [(i * 37) % 60, (i * 53) % 20];
    return `${String(tenure)},${String(calls)},${calls * 3 > tenure ? "1" : "0"}`;
  });
  return `tenure,calls,churned\n${lines.join("\n")}\n`;
}

// Python compiles much at its first start, and a machine may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describe.skipIf(!hasSklearn || !HAS_SANDBOX)(title, () => {
  const world = new World();
  const folder = mkdtempSync(join(tmpdir(), "cloister-toolchain-"));
  const toolchain = join(folder, "sklearn");
  let ana: Member;
  let bo: Member;
  let data: Pushed;

  beforeAll(async () => {
    // What dpkg -x would make of them.
    mkdirSync(toolchain);
    chmodSync(folder, 0o755);
    const copy =
      'dpkg -L "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done | tar -cf - -T - | tar -xf - -C "$0"';
    execFileSync("sh", ["-c", copy, toolchain, ...PACKAGES], { stdio: ["ignore", "ignore", "ignore"] });
    writeFileSync(join(toolchain, "VERSION"), "1.2.1\n");
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    const policy = join(ana.folder, "cloister.policy.yaml");
    writeFileSync(
      policy,
      (await ana.ok("policy", "show", "--text")).out.replace(
        /(disk: 50GB, network: \[\])( \} {3})/,
        `$1, mounts: [${folder}]$2`,
      ),
    );
    await ana.ok("policy", "propose", "--yes");
    ana.files("customers", { "customers.csv": customers(2000) });
    data = await ana.json<Pushed>("push", "customers", "--name", "customers:2026", "--class", "confidential");
    bo.files("code", { "train.py": TRAIN });
  });

  afterAll(async () => {
    await Promise.all(["w1", "w2"].map((workspace) => bo.cli("ws", "destroy", workspace, "--yes")));
    rmSync(folder, { recursive: true, force: true });
  });

  async function train(workspace: string, name: string): Promise<VersionDetail> {
    await bo.ok("run", workspace, "--keep-output", "--seed", "7", "--", "/usr/bin/python3", "train.py");
    const fields = ["--owner", "Bo", "--licence", "CC-BY-4.0", "--kind", "model"];
    await bo.ok("push", "out", "--from", workspace, "--name", `${name}:1.0`, ...fields);
    return await bo.json<VersionDetail>("show", `${name}:1.0`);
  }

  const input = ["--input", "customers:2026", "--purpose", "modelling", "--ttl", "10m", "--code", "code"];

  it("on the system's packages names its inputs by version and digest", async () => {
    await bo.ok("ws", "create", "w1", ...input);
    const model = await train("w1", "risk");
    expect(model.inputs).toEqual([
      { reference: expect.stringContaining("churn/customers"), digest: data.digest, class: "confidential" },
    ]);
    expect(model).toMatchObject({ class: "confidential", workspace: "w1", run: { exit: 0 } });
    expect(model.run?.argv).toEqual(["/usr/bin/python3", "train.py"]);
  });

  it("on a toolchain of the host that is shown read-only, by a template of the project", async () => {
    mkdirSync(join(bo.folder, ".cloister/workspace"));
    const template = [
      "environment: 1",
      "summary: scikit-learn as the team unpacked it",
      "variables: { PYTHONPATH: /opt/sklearn/usr/lib/python3/dist-packages }",
      `mounts: ["${toolchain}:/opt/sklearn"]`,
      'setup: [/usr/bin/python3, -c, "import sklearn; assert sklearn.__file__.startswith(chr(47) + chr(111) + chr(112) + chr(116))"]',
    ];
    writeFileSync(join(bo.folder, ".cloister/workspace/training.yaml"), template.join("\n"));
    const made = await bo.json<WorkspaceDetail>("ws", "create", "w2", "--template", "training", ...input);
    expect(made).toMatchObject({ template: "training", mounts: [{ source: toolchain, path: "/opt/sklearn" }] });
    const model = await train("w2", "risk-mounted");
    expect(model.inputs).toMatchObject([{ digest: data.digest }]);
  });

  it("is verified by another member, who sees what it was made from and in what environment", async () => {
    const { versions } = await ana.json<Listing>("list");
    expect(versions.map(({ name }) => name)).toEqual(expect.arrayContaining(["risk", "risk-mounted"]));
    for (const name of ["risk", "risk-mounted"]) {
      expect(await ana.json<Verified>("verify", `${name}:1.0`)).toMatchObject({ ok: true });
    }
    await ana.ok("pull", "risk-mounted:1.0", "-o", "model", "--purpose", "modelling");
    const metrics = JSON.parse(readFileSync(join(ana.folder, "model/metrics.json"), "utf8"));
    expect(metrics).toMatchObject({ rows: 2000, sklearn: expect.stringMatching(/^\/opt\/sklearn\//) });
    const statement = statementOf(join(ana.folder, "model"));
    const { resolvedDependencies, internalParameters } = statement.predicate.buildDefinition;
    expect(JSON.stringify(resolvedDependencies)).toContain(data.digest);
    expect(internalParameters.environment).toMatchObject({
      template: expect.stringMatching(/^training sha256:[0-9a-f]{64}$/),
      "mount /opt/sklearn": expect.stringMatching(new RegExp(`^${toolchain} VERSION sha256:[0-9a-f]{64}$`)),
    });
    // Changed afterwards, it is not what was pushed.
    writeFileSync(join(ana.folder, "model/model.pickle"), "x");
    expect(JSON.parse((await ana.cli("verify", "model", "--json")).out)).toMatchObject({ ok: false });
  });
});

interface Statement {
  readonly predicate: {
    readonly buildDefinition: {
      readonly resolvedDependencies: readonly object[];
      readonly internalParameters: { readonly environment: Readonly<Record<string, string | number>> };
    };
  };
}

/** What stands signed beside a pulled artifact. */
function statementOf(pulled: string): Statement {
  const bundle = JSON.parse(readFileSync(join(pulled, "provenance.sigstore.json"), "utf8"));
  return JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, "base64").toString("utf8"));
}
