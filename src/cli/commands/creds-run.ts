// Commands that hand credentials to a running program.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { CloisterError, systemCode } from "../../base/errors.ts";
import type { CredentialVariables, IssuedCredential } from "../../index.ts";
import type { Call } from "../call.ts";
import { credentialOptions } from "../credential-flags.ts";
import { print } from "../output.ts";
import { leaseNamed, secretAskedFor } from "../secret-lease.ts";
import { exportLines, SHELLS } from "../shell-export.ts";
import { signalExit } from "../signals.ts";
import { tellOf } from "./creds.ts";

interface Handed {
  /** Undefined for a secret: it was issued to nobody in particular. */
  readonly first: IssuedCredential | undefined;
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Runs a command with a credential, and ends with its exit code. */
export async function exec(call: Call): Promise<number> {
  const { rest, args, context, flags } = call;
  if (!rest?.length || args.length > rest.length) {
    throw new CloisterError("USAGE", "exec needs a command", {
      why: "a command comes after --",
      next: `cloister creds exec -- ${args[0] ?? "COMMAND"}`,
    });
  }
  const handed = await handOver(call, flags.on("env"));
  if (handed.first) tellOf(call, handed.first);
  try {
    const variables = await (await call.library()).credentialEnvironment(handed.environment);
    return await runChild(call, rest, environmentOf(context.env, variables));
  } finally {
    await handed.close();
  }
}

/** AWS credentials by an endpoint, which refreshes them, unless variables were asked for; others by variables. */
async function handOver(call: Call, asVariables: boolean): Promise<Handed> {
  const secret = secretAskedFor(call.flags);
  if (secret !== undefined) {
    const { credential } = await leaseNamed(call, secret, true);
    return { first: undefined, environment: credential.environment, close: async () => {} };
  }
  const project = await call.project();
  const options = credentialOptions(call.flags);
  const first = await project.getCredential(options);
  if (asVariables || first.provider !== "aws") {
    return { first, environment: first.environment, close: async () => {} };
  }
  return project.serveCredentials({ ...options, provider: "aws" }, { endsWithIt: false });
}

function environmentOf(own: Call["context"]["env"], { set, unset, secrets }: CredentialVariables): NodeJS.ProcessEnv {
  const removed = new Set([...unset, ...secrets]);
  return { ...Object.fromEntries(Object.entries(own).filter(([name]) => !removed.has(name))), ...set };
}

async function runChild(call: Call, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { interruption, io } = call.context;
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { env, cwd: call.context.cwd, stdio: "inherit" });
  const pass = (): void => void child.kill(interruption.caught() ?? "SIGTERM");
  interruption.signal.addEventListener("abort", pass, { once: true });
  try {
    // On a terminal, Ctrl-C goes to the child without us.
    return await (io.inIsTty ? interruption.leaveToChild(() => endOf(call, child, file)) : endOf(call, child, file));
  } finally {
    interruption.signal.removeEventListener("abort", pass);
  }
}

/** The exit code of a child as shells report it. */
async function endOf(call: Call, child: ChildProcess, file: string): Promise<number> {
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } catch (error) {
    const absent = systemCode(error) === "ENOENT";
    call.progress.note(`${file} ${absent ? "was not found" : "cannot be executed"}`);
    return absent ? 127 : 126;
  }
}

/** Runs an endpoint until it is ended. */
export async function serve(call: Call): Promise<number> {
  const { flags, context } = call;
  const { signal, caught } = context.interruption;
  const socket = flags.text("socket");
  const project = await call.project();
  const options = credentialOptions(flags, "aws");
  const serving = await project.serveCredentials(options, { socket, endsWithIt: true });
  try {
    const { environment, at, first } = serving;
    const { set, unset } = await (await call.library()).credentialEnvironment(environment);
    print(call, "credential-endpoint", { at, environment: set, unset, expiresAt: first.expiresAt }, () =>
      context.io.out(exportLines(flags.choice("shell", SHELLS) ?? "bash", set, unset)),
    );
    tellOf(call, first);
    if (!signal.aborted) await once(signal, "abort");
    return signalExit(caught() ?? "SIGTERM");
  } finally {
    await serving.close();
  }
}
