// The hosts that one command in a workspace reaches: those the workspace was made with, as far as the policy in force
// still names them, or fewer. What was reached and what was refused goes into the record of the run.
import { isIP } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import { coversHost } from "../../policy/host-entry.ts";
import type { Role } from "../../policy/schema.ts";
import type { RunNetwork } from "../../provenance/manifest.ts";
import { planLoopback } from "../../sandbox/egress/addresses.ts";
import type { Egress } from "../../sandbox/egress/egress.ts";
import type { Refused, Target } from "../../sandbox/egress/target.ts";
import type { ExecSpec } from "../../sandbox/exec-spec.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { WorkspaceState } from "./state.ts";
import { creatingRoles, hostOf } from "./use.ts";

/** What leads a command out. */
export interface WayOut {
  readonly environment: Readonly<Record<string, string>>;
  readonly hosts: NonNullable<ExecSpec["hosts"]>;
  readonly sharesLoopback: boolean;
  /** Ends it. What was decided meanwhile, or undefined where there was no network. */
  close(): RunNetwork | undefined;
}

const NO_WAY_OUT: WayOut = { environment: {}, hosts: [], sharesLoopback: false, close: () => undefined };
/** A range of addresses that a command beside this one has taken is not met a third time. */
const ATTEMPTS = 3;

/**
 * Opens the way out for one command.
 *
 * @param only hosts of the workspace's list; none at all where it is empty, the whole list where it is left out
 * @throws CloisterError USAGE for a host that is not on the list; FAILURE where nothing can listen in the workspace
 */
export async function openWayOut(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  only: readonly string[] | undefined,
): Promise<WayOut> {
  const wanted = narrowed(state, only);
  if (wanted.length === 0) return NO_WAY_OUT;
  const { policy } = (await session.policy()).compiled;
  const roles = await creatingRoles(session, policy);
  const reach = inForce(roles, wanted, state.privateNetworks);
  for (const host of wanted.filter((one) => !reach.hosts.includes(one))) {
    session.host.notice(`${host} is not reached: the policy in force no longer names it`);
  }
  const { startEgress } = await import("../../sandbox/egress/egress.ts");
  const { plan, servers } = await listen(
    sandbox,
    state,
    reach.hosts.filter((entry) => !entry.startsWith("*")),
  );
  const [proxy, ...forwarders] = servers;
  if (!proxy) throw new TypeError("no socket");
  const doors = [
    { server: proxy, to: undefined },
    ...forwarders.map((server, at) => ({ server, to: plan.doors[at]?.to })),
  ];
  let egress: Egress;
  try {
    egress = await startEgress({
      doors,
      covering: (target) => coveringEntry(reach.hosts, textOf(target)),
      privateNetworks: reach.privateNetworks,
      text: (refusal) => refusalText(refusal, reach.hosts, nextOf(refusal, state.name, roles)),
    });
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    environment: proxyVariables(`http://${plan.proxy.address}:${String(plan.proxy.port)}`),
    hosts: plan.hosts,
    sharesLoopback: true,
    close: () => {
      egress.close();
      return { allowed: reach.hosts, decisions: egress.decisions() };
    },
  };
}

/** The host by its own name before a star that stands for it, too. */
function coveringEntry(entries: readonly string[], host: string): string | undefined {
  return entries.find((entry) => entry === host) ?? entries.find((entry) => coversHost(entry, host));
}

function narrowed(state: WorkspaceState, only: readonly string[] | undefined): readonly string[] {
  const all = state.use.network ?? [];
  if (only === undefined) return all;
  const hosts = only.map(hostOf);
  const beyond = hosts.find((host) => !all.some((entry) => coversHost(entry, host)));
  if (beyond === undefined) return hosts;
  throw new CloisterError("USAGE", `workspace ${state.name} does not reach ${beyond}`, {
    why: all.length > 0 ? `it was made with ${all.join(", ")}` : "it was made without a network",
    next: `cloister ws create NAME --network ${beyond}`,
  });
}

/** What of it the roles have now: a policy that takes a host away does so for workspaces that run already. */
function inForce(roles: readonly Role[], hosts: readonly string[], privateNetworks: readonly string[]) {
  const entries = roles.flatMap((role) => role.workspace.network);
  const networks = roles.flatMap((role) => role.workspace.privateNetworks);
  return {
    hosts: hosts.filter((host) => entries.some((entry) => coversHost(entry, host))),
    privateNetworks: privateNetworks.filter((network) => networks.includes(network)),
  };
}

async function listen(sandbox: Sandbox, { holder }: WorkspaceState, hosts: readonly string[]) {
  const targets = hosts.map(targetOf);
  for (let attempt = 1; ; attempt++) {
    const plan = planLoopback(targets);
    try {
      return { plan, servers: await sandbox.listen(holder, [plan.proxy, ...plan.doors]) };
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof CloisterError) || error.code !== "FAILURE") throw error;
    }
  }
}

/** As clients look for them: most in lower case, some in upper case, and curl for http in lower case alone. */
function proxyVariables(url: string): Readonly<Record<string, string>> {
  const variables = { http_proxy: url, https_proxy: url, no_proxy: "localhost,127.0.0.1,127.0.0.0/8,::1" };
  const upper = Object.entries(variables).map(([name, value]) => [name.toUpperCase(), value]);
  return { ...variables, ...Object.fromEntries(upper) };
}

function targetOf(entry: string): Target {
  const [host = "", port = ""] = entry.split(":");
  return { host, port: Number(port) };
}

function textOf({ host, port }: Target): string {
  return `${host}:${String(port)}`;
}

/** For whoever reads what the client prints. */
function refusalText(refusal: Refused, hosts: readonly string[], next: string | undefined): string {
  const { target, status, message } = refusal;
  const lines = [
    `cloister: ${status === 403 ? "refused" : "not reached"}: ${target ? textOf(target) : "what was asked for"}`,
    `  why    ${message}`,
    `  hosts  ${hosts.join(", ") || "none"}`,
    ...(next === undefined ? [] : [`  next   ${next}`]),
  ];
  return `${lines.join("\n")}\n`;
}

function nextOf({ target, status }: Refused, workspace: string, roles: readonly Role[]): string | undefined {
  if (!target || status !== 403) return undefined;
  // No policy names addresses.
  if (isIP(target.host) !== 0) return "ask for a host by its name";
  const host = textOf(target);
  const named = roles.some((role) => role.workspace.network.some((entry) => coversHost(entry, host)));
  const create = `cloister ws create NAME --network ${host} …   (${workspace} keeps the list that it was made with)`;
  if (named) return create;
  return `an owner adds ${host} to roles.${roles[0]?.id ?? "ROLE"}.workspace.network; then ${create}`;
}
