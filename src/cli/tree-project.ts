// Commands about the project and this device.
import type { Leaf } from "./tree.ts";

const member = { flags: "--as <member>", text: "your member id in the project, e.g. ana" };
const displayName = { flags: "--name <name>", text: "your name, as colleagues read it" };

/** How a store in a bucket is reached. */
export const reach = [
  { flags: "--endpoint <url>", text: "server of the bucket, if it is not AWS" },
  { flags: "--region <region>", text: "region of the bucket" },
  { flags: "--profile <name>", text: "AWS profile whose credentials are used" },
];

const signingKey = { flags: "--signing-key <arn>", text: "AWS KMS key a new identity signs with" };

const init: Leaf = {
  name: "init",
  summary: "set up a project: policy, store and your identity",
  args: [["[dir]", "project folder (default: here)"]],
  options: [
    {
      flags: "--template <name>",
      text: "what the policy starts from: solo, team, regulated, demo (two people) or aws",
    },
    { flags: "--project <name>", text: "project name" },
    {
      flags: "--store <place>",
      text: "where sealed artifacts are kept: a folder (relative: in the project's), or s3://bucket/prefix",
    },
    ...reach,
    member,
    displayName,
    { flags: "--domain <name>", text: "data domain to start with" },
    { flags: "--purpose <name>", text: "purpose the work is done for" },
    { flags: "--account <digits>", text: "AWS account the policy names, with --template aws" },
    { flags: "--kms <arn>", text: "AWS KMS key that the keys of all classes are under" },
    { flags: "--bucket <name>", text: "bucket the policy names, while the store is a folder" },
    signingKey,
    { flags: "--join <store>", text: "join the project in this store instead" },
    { flags: "-y, --yes", text: "take every default, ask nothing" },
    { flags: "--dry-run", text: "show the plan and the policy, write nothing" },
  ],
  examples: [
    "cloister init",
    "cloister init churn --template solo --yes",
    "cloister init churn --store s3://acme-ml/churn --region eu-west-1",
  ],
  notes: "Asks at most six questions, shows what it will write, then asks once more.",
  load: async () => (await import("./commands/init.ts")).init,
};

const join: Leaf = {
  name: "join",
  summary: "ask to join a project that others have set up",
  args: [
    ["<store>", "store of the project: a folder, s3://bucket/prefix, or an invitation"],
    ["[dir]", "project folder (default: here)"],
  ],
  options: [
    { ...member, text: "member id you would like" },
    displayName,
    signingKey,
    { flags: "--device-of <member>", text: "this is a further device of that member" },
    { flags: "--expect <fingerprint>", text: "policy fingerprint you were told; refuse any other" },
    ...reach,
  ],
  examples: [
    "cloister join /mnt/team/churn-store",
    "cloister join ../store churn --as bo --expect 3f9a…",
    "cloister join s3://acme-ml/churn --endpoint https://s3.acme.example",
  ],
  notes:
    "Files a join request in the store, and prints the same as one line to hand to a\n" +
    "steward of the project, who lets you in with `cloister request approve`, or with\n" +
    "`cloister member add`. An invitation (cloister member invite) is a line, or a\n" +
    "file with it: a store that shows less than the inviter saw is refused.",
  load: async () => (await import("./commands/join.ts")).join,
};

const status: Leaf = {
  name: "status",
  summary: "the project, your roles, the policy and your workspaces",
  examples: ["cloister status", "cloister status --json | jq -r .policyVersion"],
  load: async () => (await import("./commands/project.ts")).status,
};

const doctor: Leaf = {
  name: "doctor",
  summary: "check this machine: sandbox, keychain, store, clock",
  examples: ["cloister doctor"],
  load: async () => (await import("./commands/project.ts")).doctor,
};

const whoami: Leaf = {
  name: "whoami",
  summary: "your identity on this device and who you are in the project",
  examples: ["cloister whoami", "cloister whoami --json | jq -r .fingerprint"],
  load: async () => (await import("./commands/project.ts")).whoami,
};

const lock: Leaf = {
  name: "lock",
  summary: "forget the unlocked identity and kept credentials",
  examples: ["cloister lock"],
  load: async () => (await import("./commands/project.ts")).lock,
};

const login: Leaf = {
  name: "login",
  summary: "log in at the provider that the policy names",
  options: [
    { flags: "--device", text: "show a code for a browser on another machine" },
    { flags: "--no-browser", text: "print the address, open nothing" },
    { flags: "--token-file <file>", text: "use the ID token that a CI system wrote" },
    { flags: "--mfa", text: "ask for the second factor now" },
  ],
  examples: ["cloister login", "cloister login --device --mfa", "cloister login --token-file $FILE"],
  notes:
    "Says who sits in front of this device. It does not replace the device's own\nidentity, beside which the tokens are kept.\nCLOISTER_TOKEN_FILE stands for --token-file.",
  load: async () => (await import("./commands/login.ts")).login,
};

const logout: Leaf = {
  name: "logout",
  summary: "forget the login, here and at the provider",
  examples: ["cloister logout"],
  load: async () => (await import("./commands/login.ts")).logout,
};

const demo: Leaf = {
  name: "demo",
  summary: "watch the whole job on real files, in a scratch folder",
  options: [{ flags: "--keep <dir>", text: "keep everything in this new folder" }],
  examples: ["cloister demo", "cloister demo --keep ./demo"],
  notes: "Asks nothing, takes less than half a minute, leaves nothing behind.",
  load: async () => (await import("./commands/demo.ts")).demo,
};

export const projectCommands: readonly Leaf[] = [init, join, demo, login, logout, status, doctor, whoami, lock];
