// A policy that uses every part of the format, for the tests of this room.
import { sha256Hex } from "../../src/base/digest.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { readPolicy } from "../../src/policy/read.ts";

/** Noon of the day that all cases play on. */
export const NOW = Date.parse("2026-08-03T12:00:00Z");

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** A well-formed signing key; no point of the curve, which the reader does not ask for. */
export function signsKey(number: number): string {
  return `p256:${String(number).padStart(44, "A")}`;
}

/** A well-formed reading key. */
export function readsKey(number: number): string {
  return `age1${(BECH32[number % 32] ?? "q").repeat(58)}`;
}

/** A well-formed ARN of a KMS key. */
export function keyArn(number: number, region = "eu-west-1", account = "111122223333"): string {
  return `arn:aws:kms:${region}:${account}:key/1234abcd-12ab-34cd-56ef-${String(number).padStart(12, "0")}`;
}

export const SAMPLE = `# What data there is
cloister: 1
project: churn-model
id: "0123456789abcdef0123456789abcdef"
version: 7
previous: sha256:${"ab".repeat(32)}
expires: 2027-03-31              # a comment
owners: { threshold: 1, members: [ana, omar] }

classifications: [public, internal, confidential, restricted]
domains:
  churn:     { owner: omar, epoch: 2 }
  marketing: { owner: mei, epoch: 1 }
purposes:
  churn-modelling: { until: 2027-01-31 }
  fraud-research: {}
  spring-campaign: { until: 2026-05-31 }

# Who people are
members:
  ana:  { name: Ana Ruiz, roles: [security-officer], signs: "${signsKey(1)}", reads: "${readsKey(1)}", oidc: { issuer: https://login.acme.example, sub: 00u1ana } }
  omar: { name: Omar Haddad, roles: [data-owner@churn], signs: "${signsKey(2)}", reads: "${readsKey(2)}" }
  mei:  { name: Mei Lin, roles: [data-owner@marketing], signs: "${signsKey(3)}", reads: "${readsKey(3)}" }
  bo:   { name: Bo Chen, roles: [data-scientist@churn], signs: "${signsKey(4)}", reads: "${readsKey(4)}", oidc: { issuer: https://login.acme.example, sub: 00u1bo } } # joined late
  dee:  { name: Dee Okafor, roles: [data-scientist, reviewer@marketing], signs: "${signsKey(5)}", reads: "${readsKey(5)}" }
  ci:   { name: CI runner, service: true, roles: [pipeline@churn], signs: "${signsKey(6)}", reads: "${readsKey(6)}" }
  zed:  { name: Zed Gone, roles: [data-scientist@churn], signs: "${signsKey(7)}", reads: "${readsKey(7)}", suspended: left 2026-06-30 }

roles:
  data-scientist:
    can: [workspace.create, workspace.mount, workspace.run, artifact.pull, artifact.push, creds.issue]
    up-to: confidential
    purposes: [churn-modelling, spring-campaign]
    workspace: { ttl: 8h, max-open: 3, disk: 50GB, cpus: 4, memory: 16GB, processes: 2000, open-files: 4096, run-time: 2h,
      network: [pypi.acme.example:443, "*.debian.example:80"], private-networks: [10.20.0.0/16],
      mounts: [/opt/conda], gpu: true, images: ["acme.example/ml@sha256:1"], must-hold: [memory] }
    credentials: { ttl: 1h }
  reviewer:
    can: [artifact.pull, audit.read]
    up-to: internal
  data-owner:
    can: [artifact.pull, artifact.push, artifact.retire, audit.read, member.add]
    up-to: restricted
  security-officer:
    can: [audit.read, policy.change, member.add, member.review, key.rotate, secret.write]
    up-to: public
  pipeline:
    can: [workspace.create, workspace.run, artifact.push, artifact.read-metadata]
    up-to: internal
    workspace: { ttl: 2h }

always:
  purpose-for: [workspace.create, artifact.pull]
  justification-for: { policy.change: 20, artifact.retire: 10 }
  mfa-within: { creds.issue: 15m, secret.write: 5m }

rules:
  confidential-stays-in-workspaces:
    on: [artifact.pull]
    kinds: [dataset]
    from: confidential
    refuse: Confidential data is used inside a workspace.
  marketing-is-frozen:
    on: [artifact.push]
    domains: [marketing]
    refuse: Nothing new goes into marketing.
  models-say-who-and-what:
    on: [artifact.push]
    kinds: [model]
    require: { fields: [owner, licence, purpose, justification], provenance: run }

login: { issuer: https://login.acme.example, client: cloister, audience: sts.amazonaws.com }
secrets: { rotate-every: 90d }
aws:
  account: "111122223333"
  region: eu-west-1
  bucket: acme-ml
  prefix: team/churn
  role-prefix: ml-churn-
  kms: ${keyArn(1)}
  kms-by-class: { restricted: "${keyArn(2)}" }
`;

/** The sample, or another text, compiled. */
export function compiled(text: string = SAMPLE): CompiledPolicy {
  const bytes = Buffer.from(text);
  const { policy, problems } = readPolicy(bytes, { now: NOW });
  if (!policy) throw new Error(JSON.stringify(problems));
  return compilePolicy(policy, sha256Hex(bytes));
}

/** 1-based line of the first place where the sample says this. */
export function lineOf(needle: string, text: string = SAMPLE): number {
  const at = text.indexOf(needle);
  if (at < 0) throw new Error(`not in the text: ${needle}`);
  return text.slice(0, at).split("\n").length;
}
