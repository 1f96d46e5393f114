// Short-lived credentials.
import type { Choice, Leaf, Noun } from "./tree.ts";

const shared: readonly Choice[] = [
  { flags: "--role <role>", text: "in this role (default: your only one that may)" },
  { flags: "--domain <name>", text: "for data of this domain only" },
  { flags: "--purpose <name>", text: "what it is for (also: CLOISTER_PURPOSE)" },
  { flags: "--ttl <time>", text: "how long it lives: 15m, 1h (default: the role's longest)" },
  { flags: "--min-ttl <time>", text: "get a new one where the kept one has less left" },
  { flags: "--read-only", text: "without anything that writes" },
  { flags: "--why <text>", text: "justification, kept in the log" },
];
const askingAws: readonly Choice[] = [
  { flags: "--profile <name>", text: "AWS profile whose keys ask for the session" },
  { flags: "--token-file <file>", text: "OpenID token to ask with instead of keys" },
  { flags: "--mfa-token <code>", text: "code of the profile's second factor" },
];
const provider: Choice = {
  flags: "--provider <provider>",
  text: "token, or aws (default: aws if the policy has it)",
  choices: ["token", "aws"],
};
const audience: Choice = { flags: "--audience <name>", text: "who a token is for (default: the project's id)" };
const shell: Choice = {
  flags: "--shell <shell>",
  text: "how to write it (default: bash)",
  choices: ["bash", "fish", "pwsh"],
};
const any: readonly Choice[] = [provider, ...shared, audience, ...askingAws];
const anyOrSecret: readonly Choice[] = [
  {
    ...provider,
    text: "token, aws or secret (default: aws if the policy has it)",
    choices: ["token", "aws", "secret"],
  },
  { flags: "--name <secret>", text: "which, with --provider secret" },
  ...any.slice(1),
];

const get: Leaf = {
  name: "get",
  summary: "print a credential; a kept one where it is still good",
  options: anyOrSecret,
  examples: [
    'curl --oauth2-bearer "$(cloister creds get --provider token)" $URL',
    "cloister creds get --provider aws --role data-scientist --ttl 15m",
    "cloister creds get --json | jq -r .expiresAt",
  ],
  notes:
    "This prints the secret, which is its job. It stands nowhere else, and it ends.\n" +
    "--provider secret is `cloister secret lease`: for a pipe or a file, never kept.",
  load: async () => (await import("./commands/creds.ts")).get,
};

const env: Leaf = {
  name: "env",
  summary: "print a credential as lines that a shell evaluates",
  options: [shell, ...anyOrSecret],
  examples: [
    'eval "$(cloister creds env)"',
    "cloister creds env --shell fish | source",
    "cloister creds env --shell pwsh | Out-String | Invoke-Expression",
  ],
  notes: "Variables that would lead AWS's tools to other credentials are unset.",
  load: async () => (await import("./commands/creds.ts")).env,
};

const exec: Leaf = {
  name: "exec",
  summary: "run a command with a credential; its exit code is ours",
  args: [["[command...]", "after --, the command and its arguments"]],
  usage: "[options] -- <command> [args...]",
  options: [{ flags: "--env", text: "AWS keys in variables instead of an endpoint" }, ...anyOrSecret],
  examples: [
    "cloister creds exec -- aws s3 ls s3://acme-ml/churn/packs/churn/internal/",
    "cloister creds exec --read-only --ttl 15m -- python evaluate.py",
    "cloister creds exec --provider secret --name db-password -- psql",
  ],
  notes:
    "AWS's tools get their session from an endpoint on loopback, which refreshes it;\n" +
    "no key stands in the environment. Other credentials are taken out of it.\n" +
    "Exits with the command's code, or with 125 where cloister itself failed.",
  load: async () => (await import("./commands/creds-run.ts")).exec,
};

const process: Leaf = {
  name: "process",
  summary: "AWS's credential_process: JSON, never a question",
  options: [...shared, ...askingAws],
  examples: ["cloister creds process --role data-scientist", "cloister creds process -C ~/churn --profile base"],
  notes:
    "For ~/.aws/config: credential_process = cloister creds process -C /path/to/churn\n" +
    "Where someone has to log in or unlock first it ends at once with 4 and says with\n" +
    "which command. It writes nothing to ~/.aws.",
  load: async () => (await import("./commands/creds.ts")).credentialProcess,
};

const serve: Leaf = {
  name: "serve",
  summary: "an endpoint for AWS's tools, refreshed until it is ended",
  options: [{ flags: "--socket <path>", text: "at a unix socket instead of loopback" }, shell, ...shared, ...askingAws],
  examples: ["cloister creds serve > endpoint.sh &", "cloister creds serve --socket $XDG_RUNTIME_DIR/churn.sock"],
  notes:
    "Prints the variables that lead an SDK to it. Ends with SIGINT, SIGTERM or\n" +
    "`cloister creds revoke`. Each refresh is decided and logged.",
  load: async () => (await import("./commands/creds-run.ts")).serve,
};

const creds: Noun = {
  name: "creds",
  summary: "short-lived credentials: tokens, and sessions in AWS",
  examples: [
    "cloister creds exec -- aws s3 ls s3://acme-ml/churn/packs/churn/internal/",
    "cloister creds get --provider token --audience models.example",
    "cloister creds list",
    "cloister creds revoke",
  ],
  leaves: [
    get,
    env,
    exec,
    process,
    serve,
    {
      name: "list",
      aliases: ["ls"],
      summary: "credentials kept on this device, and running endpoints",
      examples: ["cloister creds list", "cloister creds ls --json | jq '.credentials[].leftMs'"],
      load: async () => (await import("./commands/creds.ts")).list,
    },
    {
      name: "status",
      summary: "the same in full, or one word for a shell's prompt",
      options: [{ flags: "--prompt", text: "role and time left, or nothing" }],
      examples: ["cloister creds status", "PS1='$(cloister creds status --prompt) \\$ '"],
      load: async () => (await import("./commands/creds.ts")).status,
    },
    {
      name: "revoke",
      summary: "forget what is kept and end endpoints",
      options: [{ flags: "--server", text: "print the policy that makes AWS refuse your sessions so far" }],
      examples: ["cloister creds revoke", "cloister creds revoke --server > revoked.json"],
      notes: "What a program was handed already lives on to its end, unless AWS refuses it.",
      load: async () => (await import("./commands/creds.ts")).revoke,
    },
    {
      name: "use",
      summary: "open the store in a bucket in a role of yours",
      options: [
        { flags: "--role <role>", text: "this one (default: your only one that may)" },
        { flags: "--purpose <name>", text: "what for, where the role in AWS wants to know" },
        { flags: "--off", text: "with the keys that the aws program would use" },
      ],
      examples: ["cloister creds use --role data-scientist", "cloister creds use --off"],
      notes: "AWS then refuses to this program, too, what your role may not. For this device.",
      load: async () => (await import("./commands/creds.ts")).use,
    },
    {
      name: "explain",
      summary: "what a credential could do, and which line says so",
      options: any,
      examples: ["cloister creds explain --provider aws", "cloister creds explain --json | jq .document"],
      load: async () => (await import("./commands/creds.ts")).explain,
    },
    {
      name: "jwks",
      summary: "the keys that tokens are verified with, as JSON",
      examples: ["cloister creds jwks > jwks.json"],
      notes:
        "Each key says which roles, purposes and seconds its member's tokens may at most\n" +
        "claim. A member could sign more: a verifier has to compare.",
      load: async () => (await import("./commands/creds.ts")).jwks,
    },
  ],
};

export const credentialCommands: readonly Noun[] = [creds];
