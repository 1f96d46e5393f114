// The policy of a whole project, with every part of the format: roles, consent, stages, retention, emergencies.
import { readsKey, signsKey } from "./sample.ts";

export const EXAMPLE = `# yaml-language-server: $schema=.cloister/policy.schema.json
# Read me top to bottom: WHAT data there is, WHO people are, WHAT each role may do, and WHEN we refuse anyway.
cloister: 1
project: churn-model
id: "0123456789abcdef0123456789abcdef"
version: 7                       # every accepted change is the previous version + 1
previous: sha256:${"3f".repeat(32)}           # filled in by cloister policy propose
expires: 2027-03-31              # after this day only policy.change works (bounds a frozen copy)
owners: { threshold: 2, members: [ana, omar, priya] }          # who must sign the next version

classifications: [public, internal, confidential, restricted]  # low -> high; order matters
domains:                         # data domains; nothing crosses from one to another without an approved export
  churn:     { owner: omar, epoch: 2 }                         # epoch: oldest key epoch that may still be written to
  marketing: { owner: mei, epoch: 1 }
purposes:
  churn-modelling:   { until: 2027-03-31 }
  fraud-research:    { until: 2027-10-31 }
  incident-response: {}

members:
  ana:   { name: Ana Ruiz,    roles: [security-officer],              signs: "${signsKey(1)}", reads: "${readsKey(1)}", oidc: { issuer: https://login.acme.example, sub: 00u1ana } }
  omar:  { name: Omar Haddad, roles: [data-owner@churn],              signs: "${signsKey(2)}", reads: "${readsKey(2)}", oidc: { issuer: https://login.acme.example, sub: 00u1omar } }
  mei:   { name: Mei Lin,     roles: [data-owner@marketing],          signs: "${signsKey(3)}", reads: "${readsKey(3)}", oidc: { issuer: https://login.acme.example, sub: 00u1mei } }
  priya: { name: Priya Nair,  roles: [reviewer],                      signs: "${signsKey(4)}", reads: "${readsKey(4)}", oidc: { issuer: https://login.acme.example, sub: 00u1priya } }
  bo:    { name: Bo Chen,     roles: [data-scientist@churn],          signs: "${signsKey(5)}", reads: "${readsKey(5)}", oidc: { issuer: https://login.acme.example, sub: 00u1bo } }
  dee:   { name: Dee Okafor,  roles: [data-scientist@churn, reviewer@marketing], signs: "${signsKey(6)}", reads: "${readsKey(6)}", oidc: { issuer: https://login.acme.example, sub: 00u1dee } }
  ci:    { name: CI runner, service: true, roles: [pipeline@churn],   signs: "${signsKey(7)}", reads: "${readsKey(7)}" }
  zed:   { name: Zed Gone,    roles: [data-scientist@churn],          signs: "${signsKey(8)}", reads: "${readsKey(8)}", suspended: left 2026-06-30 }

roles:                           # a role is the ONLY way to be allowed anything; everything else is refused
  data-scientist:
    can: [workspace.create, workspace.mount, creds.issue, artifact.pull, artifact.push, artifact.export, artifact.promote, artifact.declassify, share.create, request.create, workspace.run, artifact.read-metadata]
    up-to: restricted            # the highest classification it may ever touch (the rules below still apply)
    stages: [dev, candidate]
    purposes: [churn-modelling, fraud-research]
    workspace: { ttl: 8h, max-open: 3, network: [pypi.acme.example:443], cpus: 4, memory: 16GB, disk: 50GB }
    credentials: { ttl: 1h }
    quota: { pull-bytes-per-day: 50GB, exports-per-week: 5 }
  reviewer:
    can: [artifact.pull, artifact.attest, request.approve, audit.read]
    up-to: confidential
    stages: [dev, candidate, production]
    purposes: [churn-modelling]
  data-owner:
    can: [artifact.pull, artifact.attest, artifact.retire, artifact.restore, request.approve, audit.read, secret.write, member.add]
    up-to: restricted
    stages: [dev, candidate, production]
    purposes: [churn-modelling, fraud-research, incident-response]
  security-officer:
    can: [audit.read, request.approve, policy.change, member.add, member.review, key.rotate, store.gc, break-glass.invoke]
    up-to: restricted
    stages: [dev, candidate, production]
    purposes: [incident-response]
  pipeline:
    can: [workspace.create, workspace.mount, workspace.run, creds.issue, artifact.pull, artifact.push, artifact.attest]
    up-to: internal
    stages: [dev, candidate]
    purposes: [churn-modelling]
    workspace: { ttl: 2h, max-open: 10, network: [] }
    credentials: { ttl: 15m }

login: { issuer: https://login.acme.example, client: cloister }

always:                          # holds for every person and every action it names
  mfa-within: { artifact.export: 15m, artifact.promote: 15m, request.approve: 15m, policy.change: 5m, break-glass.invoke: 5m }
  purpose-for: [workspace.create, creds.issue, artifact.pull, artifact.export]
  label-floor: 30d
  justification-for: { artifact.export: 20, artifact.retire: 20, policy.change: 20, break-glass.invoke: 20 }   # minimum characters

separate:                        # segregation of duties, on the same artifact or request
  - { who: artifact.push,  cannot: request.approve }
  - { who: request.create, cannot: request.approve }
  - { who: artifact.push,  cannot: artifact.promote, above: internal }

rules:                           # refusals with a way out; the id shows up in errors and in the log
  restricted-needs-grant:
    on: [artifact.pull, workspace.mount, creds.issue]
    from: restricted             # this classification or higher
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h }, release: keys }
  confidential-stays-in-workspaces:
    on: [artifact.pull]
    kinds: [dataset]
    from: confidential
    refuse: Confidential data is used inside a workspace. Use ws create --input.
  export-needs-two:
    on: [artifact.export, share.create]
    from: internal
    require: { approvals: { data-owner: 1, security-officer: 1 } }
  export-destinations:
    on: [artifact.export]
    require: { destination: ["s3://partner-acme/*", "domain:marketing"] }
  never-export-restricted:
    on: [artifact.export, share.create]
    from: restricted
    refuse: Restricted data never leaves this project. Derive an internal artifact and export that.
  declassify-needs-owner:
    on: [artifact.declassify]
    require: { approvals: { data-owner: 1 }, evidence: [privacy-risk-signoff] }
  models-say-who-and-what:
    on: [artifact.push]
    kinds: [model]
    require: { fields: [owner, licence], provenance: run }

evidence:                        # who may state what about a version
  tests-passed:          { by: [pipeline] }
  dependencies-approved: { by: [reviewer], not-by: pusher }
  bias-review:           { by: [reviewer], not-by: pusher }
  privacy-risk-signoff:  { by: [data-owner], not-by: pusher }

gates:                           # promotion along dev -> candidate -> production
  dev -> candidate:        { evidence: [tests-passed, dependencies-approved] }
  candidate -> production: { evidence: [tests-passed, dependencies-approved, bias-review, privacy-risk-signoff],
                             approvals: { reviewer: 1, security-officer: 1 } }

retention:
  dev: 30d
  candidate: 180d
  production: 3y
  restricted: 90d                # the shorter of stage and classification wins
  then: shred-keys


secrets: { rotate-every: 90d }
break-glass: { can: [artifact.pull, workspace.mount, creds.issue], with: escrow, escrow: [mei, priya], max: 1h, review-within: 24h, notify: [ana, omar, mei] }
access-review: { every: 90d, by: security-officer, lapsed: read-only }
`;
