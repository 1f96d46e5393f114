// The answers `init` needs: a flag, else a default where --yes was given, else a question.
import { CloisterError } from "../base/errors.ts";
import { checkName } from "../base/name.ts";
import type { CreateOptions, Detected } from "../index.ts";
import type { Call } from "./call.ts";
import { reachOf } from "./reach.ts";

const STORE = ".cloister/store";
const PURPOSE = "modelling";

/** At most six questions; the display name is never one of them, it comes from what was detected. */
export async function answers(call: Call, found: Detected, folder: string): Promise<CreateOptions> {
  const { flags } = call;
  const template = await pickTemplate(call, found);
  const project = await named(call, "project", "Project name:", found.project);
  const store =
    flags.text("store") ??
    (await ask(call, "--store", "Folder for the sealed artifacts, or s3://bucket/prefix:", STORE));
  const member = await named(call, "as", "Your member id:", found.member);
  const domain = await named(call, "domain", "Data domain to start with:", project);
  const purpose = await named(call, "purpose", "Purpose of the work:", PURPOSE);
  const name = flags.text("name") ?? found.name;
  return { folder, template, project, store, ...reachOf(flags), member, name, domain, purpose, ...inAws(call) };
}

/** What the answers are where every default is taken. */
export function defaults(call: Call, found: Detected, folder: string): CreateOptions {
  const { flags } = call;
  const project = flags.text("project") ?? found.project;
  return {
    folder,
    template: flags.text("template") ?? firstTemplate(found),
    project,
    store: flags.text("store") ?? STORE,
    ...reachOf(flags),
    member: flags.text("as") ?? found.member,
    name: flags.text("name") ?? found.name,
    domain: flags.text("domain") ?? project,
    purpose: flags.text("purpose") ?? PURPOSE,
    ...inAws(call),
  };
}

/** By flags only: whoever has a key in KMS knows its ARN, and the account. */
function inAws({ flags }: Call): Pick<CreateOptions, "account" | "kms" | "signingKey" | "bucket"> {
  const [account, kms] = [flags.text("account"), flags.text("kms")];
  return { account, kms, signingKey: flags.text("signingKey"), bucket: flags.text("bucket") };
}

function firstTemplate({ templates }: Detected): string {
  return (templates.find(({ name }) => name === "solo") ?? templates[0])?.name ?? "solo";
}

async function pickTemplate(call: Call, found: Detected): Promise<string> {
  const { flags, context } = call;
  const given = flags.text("template");
  if (given !== undefined) return given;
  if (flags.on("yes")) return firstTemplate(found);
  const width = Math.max(...found.templates.map(({ name }) => name.length));
  return await context.prompter.select({
    message: "What should the policy start from?",
    flag: "--template",
    choices: found.templates.map(({ name, title }) => ({ value: name, name: `${name.padEnd(width)}  ${title}` })),
  });
}

async function named(call: Call, flag: string, message: string, initial: string): Promise<string> {
  return call.flags.text(flag) ?? (await ask(call, `--${flag}`, message, initial, (text) => nameProblem(text)));
}

async function ask(
  call: Call,
  flag: string,
  message: string,
  initial: string,
  check?: (text: string) => string | undefined,
): Promise<string> {
  if (call.flags.on("yes")) return initial;
  return await call.context.prompter.input({ message, default: initial, flag, ...(check && { check }) });
}

/** What is wrong with a name, for a question; undefined where nothing is. */
export function nameProblem(text: string): string | undefined {
  try {
    checkName(text, "name");
    return undefined;
  } catch (error) {
    if (error instanceof CloisterError) return `${error.why ?? error.message}: ${error.next ?? ""}`;
    throw error;
  }
}
