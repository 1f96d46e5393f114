// The policy: reading, checking, trying out, signing it.
import type { Noun } from "./tree.ts";
import { signing } from "./tree-signing.ts";

/** `cloister policy`. */
export const policyCommand: Noun = {
  name: "policy",
  summary: "the signed policy: read, check, explain, change it",
  examples: ["cloister policy show", "cloister policy explain artifact.pull --as bo --class internal"],
  leaves: [
    {
      name: "show",
      summary: "the policy in force, in plain sentences",
      args: [["[proposal]", "with --proposal: first digits of its digest, or its version"]],
      options: [
        { flags: "--text", text: "the whole policy file instead" },
        { flags: "--proposal", text: "what waits for signatures, and what it changes" },
      ],
      examples: [
        "cloister policy show",
        "cloister policy show --text > cloister.policy.yaml",
        "cloister policy show --proposal 3f0c",
      ],
      load: async () => (await import("./commands/policy.ts")).show,
    },
    {
      name: "check",
      summary: "find mistakes in a policy file (exit 2 if there are any)",
      args: [["[file]", "policy file (default: the project's)"]],
      options: [{ flags: "--schema", text: "print the JSON Schema of policy files instead" }],
      examples: [
        "cloister policy check",
        "cloister policy check draft.yaml",
        "cloister policy check --schema > .cloister/policy.schema.json",
      ],
      notes:
        "Editors complete and check the file with its schema, where its first line is\n" +
        "# yaml-language-server: $schema=.cloister/policy.schema.json",
      load: async () => (await import("./commands/policy.ts")).check,
    },
    {
      name: "test",
      summary: "run the cases of the policy's test file (exit 1 if one fails)",
      args: [["[file]", "test file (default: cloister.policy.test.yaml beside the policy)"]],
      options: [
        { flags: "--file <policy>", text: "policy to test: a file, a version such as 3, or @in-force" },
        { flags: "--mutate", text: "also find what could be removed without a case failing (exit 1)" },
      ],
      examples: ["cloister policy test", "cloister policy test --file draft.yaml", "cloister policy test --mutate"],
      notes:
        "A case says who asks for what, on which facts, and what the answer has to be:\n" +
        "  cloister-test: 1\n" +
        "  cases:\n" +
        "    - { name: bo pushes, as: bo, action: artifact.push, domain: churn,\n" +
        "        class: internal, expect: allow, rule: role:data-scientist }",
      load: async () => (await import("./commands/policy-check.ts")).test,
    },
    {
      name: "diff",
      summary: "what another policy would answer differently, and whom it names",
      args: [
        ["[before]", "a file, a version such as 3, or @in-force (the default)"],
        ["[after]", "the same (default: the project's policy file)"],
      ],
      options: [{ flags: "--exit-code", text: "exit 1 where they differ" }],
      examples: ["cloister policy diff", "cloister policy diff 3 4", "cloister policy diff @in-force draft.yaml"],
      notes:
        "Both are asked the same questions: every role, action, class and stage, with all\n" +
        "facts in order and then with each of them missing. Exits 0 whether they differ\n" +
        "or not, unless --exit-code is given.",
      load: async () => (await import("./commands/policy-diff.ts")).diff,
    },
    {
      name: "simulate",
      summary: "what a draft would have refused or allowed of what people did",
      options: [
        { flags: "--file <policy>", text: "the draft (default: the project's policy file)" },
        { flags: "--since <time>", text: "how far back in the log (default: 30d)" },
      ],
      examples: ["cloister policy simulate --since 30d", "cloister policy simulate --file draft.yaml --json"],
      notes:
        "Every intent and refusal is decided again, on what the log held before it. What\n" +
        "its clear part does not say (purpose, justification, kind) is read where you may\n" +
        "read the log, which is logged; else it is taken as it was, and that is said.",
      load: async () => (await import("./commands/policy-simulate.ts")).simulate,
    },
    {
      name: "explain",
      summary: "may someone do something, and which line says so",
      args: [
        ["<action>", "e.g. artifact.pull, artifact.promote, workspace.create"],
        ["[ref]", "the artifact, for its real class, kind, stage and approvals"],
      ],
      options: [
        { flags: "--as <member>", text: "for this member (default: you)" },
        { flags: "--to <place>", text: "stage, class, destination or recipient it would go to" },
        { flags: "--domain <name>", text: "data domain, without a ref" },
        { flags: "--class <class>", text: "classification, without a ref" },
        {
          flags: "--kind <kind>",
          text: "kind of artifact, without a ref",
          choices: ["dataset", "model", "code", "report"],
        },
        { flags: "--purpose <name>", text: "what it is for" },
        { flags: "--why <text>", text: "as if this justification were given" },
        { flags: "--ttl <time>", text: "as if for this long: 30m, 8h" },
        { flags: "--exit-code", text: "exit 3 where it is refused, 5 where only approval lacks" },
      ],
      examples: [
        "cloister policy explain --as bo artifact.pull cohort:v3 --purpose modelling",
        "cloister policy explain artifact.promote risk:v2 --to candidate --exit-code",
        "cloister policy explain workspace.create --as bo --ttl 24h",
      ],
      notes:
        "Nothing is done or logged, and an answer is a success: exit 0 for yes and no,\n" +
        "unless --exit-code is given. Of workspace.create it assumes no network, no\n" +
        "folder of the host, no GPU and the limits of the role. With all its flags:\n" +
        "cloister ws create … --dry-run",
      load: async () => (await import("./commands/policy-explain.ts")).explain,
    },
    {
      name: "propose",
      summary: "sign the project's policy file as the next version (exit 5 while others must, too)",
      options: [
        { flags: "--why <text>", text: "justification, kept in the log" },
        { flags: "-y, --yes", text: "the changes were read: do not ask" },
        { flags: "--dry-run", text: "say what would change, change nothing" },
      ],
      examples: ["cloister policy propose --dry-run", "cloister policy propose --why 'bo may push models'"],
      load: async () => (await import("./commands/policy.ts")).propose,
    },
    ...signing,
    {
      name: "export",
      summary: "write the roles, bucket and key policies that AWS needs",
      args: [["<target>", "aws"]],
      options: [
        { flags: "--out <dir>", text: "folder for the files" },
        { flags: "--file <file>", text: "of this policy file (default: the policy in force)" },
      ],
      examples: [
        "cloister policy export aws --out deploy",
        "cloister policy export aws --out deploy --file draft.yaml",
      ],
      notes:
        "JSON documents for `aws`, and the same as Terraform (cloister.tf.json). The same\n" +
        "policy always gives the same bytes. Nothing is applied.",
      load: async () => (await import("./commands/policy-aws.ts")).exportDocuments,
    },
    {
      name: "verify",
      summary: "compare what is deployed in AWS with the policy (exit 1 if it differs)",
      args: [["<target>", "aws"]],
      options: [
        { flags: "--deployed <dir>", text: "folder with what those commands printed" },
        { flags: "--commands", text: "print the commands that read what is deployed" },
        { flags: "--file <file>", text: "of this policy file (default: the policy in force)" },
      ],
      examples: ["cloister policy verify aws --commands > read.sh", "cloister policy verify aws --deployed deployed"],
      load: async () => (await import("./commands/policy-aws.ts")).verifyDocuments,
    },
  ],
};
