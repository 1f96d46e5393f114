import type { Call } from "../call.ts";
import { showChecks } from "../checks.ts";
import { exitOf } from "../exit-codes.ts";
import { loginText } from "../login-words.ts";
import { print, warn } from "../output.ts";
import { left } from "../words.ts";

const LOCAL_FILE = {
  same: "the file here is the policy in force",
  differs: "the file here differs (cloister policy propose)",
  missing: "no copy of it here",
} as const;

export async function status(call: Call): Promise<undefined> {
  const state = await (await call.project()).status();
  print(call, "status", state, (page) => {
    const expires = state.policyExpires ? `, expires ${state.policyExpires.slice(0, 10)}` : "";
    page.fields([
      ["project", state.project],
      ["folder", state.folder],
      ["store", state.endpoint === undefined ? state.store : `${state.store} at ${state.endpoint}`],
      // As `join` calls it, which asks to compare the two; `whoami` shows the fingerprint of the device.
      ["policy fingerprint", state.projectFingerprint],
      ["you", state.member ? `${state.member}  ${state.roles.join(", ")}` : "not a member yet"],
      ["identity", state.unlocked ? "unlocked" : "locked"],
      ["login", state.login && loginText(state.login, call.host.now())],
      ["policy", `v${String(state.policyVersion)}${expires}; ${LOCAL_FILE[state.localFile]}`],
      ["log", `${String(state.logEntries)} entries`],
    ]);
    if (state.workspaces.length > 0) page.heading("Workspaces");
    page.table(
      ["NAME", "STATE", "LABEL", "LEFT"],
      state.workspaces.map(({ name, state: is, label, leftMs }) => [
        ...(page.tty ? [] : ["workspace"]),
        name,
        is,
        label ?? "none",
        is === "running" ? left(leftMs) : "-",
      ]),
    );
  });
  if (!call.json) for (const text of state.warnings) warn(call, text);
}

export async function doctor(call: Call): Promise<number> {
  const diagnosis = await (await call.library()).doctor(call.host, call.folder);
  print(call, "doctor", diagnosis, (page) => {
    const checks = diagnosis.checks.map((check) => ({
      ...check,
      text: check.next && check.state !== "good" ? `${check.text}  (${check.next})` : check.text,
    }));
    showChecks(page, checks, diagnosis.ok ? "this machine is ready" : "this machine is not ready", diagnosis.ok);
  });
  return diagnosis.ok ? 0 : exitOf("FAILURE");
}

export async function whoami(call: Call): Promise<undefined> {
  const who = await (await call.library()).whoAmI(call.host, call.folder);
  print(call, "whoami", who, (page) => {
    page.fields([
      ["fingerprint", who.fingerprint],
      ["kept in", `${who.storage}, ${who.unlocked ? "unlocked" : "locked"}`],
      ["signs in", who.signingKey === undefined ? undefined : `AWS KMS: ${who.signingKey}`],
      ["signs", who.signs],
      ["reads", who.reads],
      ["project", who.project],
      ["member", who.member && `${who.member}${who.name ? ` (${who.name})` : ""}`],
      ["login", who.login && loginText(who.login, call.host.now())],
      ["roles", who.roles.length > 0 ? who.roles.join(", ") : undefined],
    ]);
  });
}

export async function lock(call: Call): Promise<undefined> {
  const { forgotten, credentials } = await (await call.library()).lock(call.host);
  print(call, "lock", { forgotten, credentials }, (page) => {
    page.done(forgotten ? "locked: the next command asks for the passphrase" : "nothing was remembered");
    if (credentials > 0)
      page.line(`  ${String(credentials)} kept ${credentials === 1 ? "credential" : "credentials"} forgotten`);
  });
}
