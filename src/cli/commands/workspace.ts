import { durationFlagMs, formatBytes, formatDuration } from "../../base/units.ts";
import type { WorkspaceDetail, WorkspaceSummary, WorkspaceTemplate } from "../../index.ts";
import type { Call } from "../call.ts";
import { limitFlags, sizeFlag } from "../limit-flags.ts";
import { chosenLimits, notHeld, showLimits } from "../limit-words.ts";
import { showNetwork } from "../network-words.ts";
import { type Cell, type Page, print, type Row } from "../output.ts";
import { showRuns } from "../run-words.ts";
import { files, left, log, minutesUtc } from "../words.ts";

export async function create(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const ttl = flags.text("ttl");
  const dryRun = flags.on("dryRun");
  const made = await (await call.project()).createWorkspace({
    name: args[0] ?? "",
    inputs: flags.list("input"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    ttlMs: ttl === undefined ? undefined : durationFlagMs(ttl, "--ttl"),
    code: flags.text("code"),
    domain: flags.text("domain"),
    template: flags.text("template"),
    diskBytes: sizeFlag(flags, "disk"),
    volume: volumeKind(flags.text("volume")),
    volumeFolder: flags.text("volumeDir"),
    use: {
      ...limitFlags(flags),
      ...{ network: flags.list("network"), mounts: flags.list("mountRo"), gpu: flags.on("gpu") },
      ...{ driver: flags.choice("driver", ["bubblewrap", "podman"]), image: flags.text("image") },
    },
    dryRun,
  });
  call.progress.clear();
  print(call, "workspace", { ...made, dryRun }, (page) => {
    const verb = dryRun ? "would create" : "created";
    page.done(`${verb} workspace ${made.name}   label ${labelOf(made)}   ${left(made.leftMs)} left`);
    const end = dryRun ? "nothing was written" : log(made.logEntry);
    page.line(`  domain ${made.domain}   disk ${diskText(made)}   ${made.driver}   ${end}`);
    for (const row of environmentRows(made)) page.line(`  ${row[0]} ${row[1]}`);
    if (made.network?.length) page.line(`  network ${made.network.join(" ")}`);
    const limits = chosenLimits(made.limits);
    if (limits.length > 0) page.line(`  limits ${limits.join("   ")}`);
    for (const input of made.inputs) page.line(`  input ${input.reference} (${input.class}) at ${input.path}`);
    for (const text of made.limits.flatMap(notHeld)) page.line(`  ${text}`, page.paint.yellow);
    if (!dryRun) page.hints("Next", [`cloister run ${made.name} -- ls /inputs`, `cloister ws show ${made.name}`]);
  });
}

/** The tree lets nothing else through. */
function volumeKind(text: string | undefined): WorkspaceDetail["volume"] | undefined {
  return text as WorkspaceDetail["volume"] | undefined;
}

function diskText({ diskBytes: bytes, volume }: WorkspaceDetail): string {
  return `${formatBytes(bytes)} ${volume === "encrypted" ? "encrypted on disk" : "in memory"}`;
}

export function labelOf({ label }: { readonly label: string | undefined }): string {
  return label ?? "none";
}

export async function list(call: Call): Promise<undefined> {
  const workspaces = await (await call.project()).listWorkspaces();
  print(call, "workspace-list", { workspaces }, (page) => {
    page.table(
      ["NAME", "STATE", "DOMAIN", "LABEL", "LEFT", "IDLE", "INPUTS"],
      workspaces.map((workspace) => listRow(page, workspace)),
    );
    if (page.tty && workspaces.length === 0 && !page.quiet) {
      page.line("no workspaces: cloister ws create NAME --input REF --purpose PURPOSE", page.paint.dim);
    }
  });
}

function listRow(page: Page, workspace: WorkspaceSummary): readonly Cell[] {
  const { name, state, domain, leftMs, inputs } = workspace;
  const paint = state === "running" ? page.paint.green : page.paint.yellow;
  const remains = state !== "running" ? "-" : page.tty ? left(leftMs) : String(Math.round(leftMs / 1000));
  const references = inputs.map((input) => input.reference).join(" ");
  return [name, { text: state, paint }, domain, labelOf(workspace), remains, idle(page, workspace), references];
}

function idle(page: Page, { state, active, idleMs }: WorkspaceSummary): string {
  if (state !== "running") return "-";
  if (!page.tty) return String(Math.round(idleMs / 1000));
  return active ? "in use" : formatDuration(idleMs);
}

export async function show(call: Call): Promise<undefined> {
  const detail = await (await call.project()).showWorkspace(call.args[0] ?? "");
  print(call, "workspace", detail, (page) => {
    if (call.flags.on("network")) return showNetwork(page, detail);
    if (page.tty) page.line(detail.name, page.paint.bold);
    page.fields(detailRows(page, detail));
    showRuns(page, detail.runs);
    showLimits(page, detail.limits);
    if (detail.enforced.length > 0) page.heading("Enforced");
    page.list("enforced", detail.enforced);
    if (detail.notEnforced.length > 0) page.heading("Not enforced");
    page.list("not enforced", detail.notEnforced);
  });
}

function detailRows(page: Page, detail: WorkspaceDetail): readonly Row[] {
  const { code, labelFrom, inputs } = detail;
  return [
    ["name", page.tty ? undefined : detail.name],
    ["state", detail.state],
    ["label", `${labelOf(detail)}${labelFrom ? ` (${labelFrom})` : ""}`],
    ["domain", detail.domain],
    ["purpose", detail.purpose],
    ["left", `${left(detail.leftMs)} (until ${page.tty ? minutesUtc(detail.expiresAt) : detail.expiresAt})`],
    ["idle", detail.active ? "in use" : formatDuration(detail.idleMs)],
    ["disk", diskText(detail)],
    ["network", detail.network?.join(", ") || undefined],
    ["driver", detail.driver],
    ["image", detail.image],
    ...environmentRows(detail),
    ["code", code && `${code.folder}  ${files(code.files)}${code.commit ? `  commit ${code.commit}` : ""}`],
    ...inputs.map((input): Row => ["input", `${input.path}  ${input.reference} (${input.class})`]),
  ];
}

/** What a workspace has around its work, and what a GPU gives up. */
function environmentRows(detail: WorkspaceDetail): readonly [string, string][] {
  const { template, mounts, gpu } = detail;
  return [
    ...(template === undefined ? [] : [["template", template] satisfies [string, string]]),
    ...mounts.map(({ source, path, identity }): [string, string] => [
      "mount",
      `${path}  read-only${source === path ? "" : ` from ${source}`}${identity === undefined ? "" : `  (${shortDigest(identity)})`}`,
    ]),
    ...(gpu.length === 0
      ? []
      : [
          ["gpu", `${gpu.join(" ")}  (weakens the sandbox: its driver is part of the kernel)`] satisfies [
            string,
            string,
          ],
        ]),
  ];
}

/** Twelve digits tell toolchains apart; all of them are in `--json`. */
function shortDigest(identity: string): string {
  return identity.replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1");
}

export async function templates(call: Call): Promise<undefined> {
  const found = await (await call.project()).listTemplates();
  print(call, "workspace-templates", { templates: found }, (page) => {
    page.table(
      ["NAME", "FROM", "ASKS FOR", "SUMMARY"],
      found.map((template) => [
        template.name,
        template.own ? "project" : "cloister",
        asksFor(template),
        template.summary,
      ]),
    );
  });
}

function asksFor({ network, mounts, gpu }: WorkspaceTemplate): string {
  return [...network, ...mounts, ...(gpu ? ["gpu"] : [])].join(" ") || "-";
}
