// What a workspace is to use, from the flags and the limits of the member's roles: flags only narrow.
import { CloisterError } from "../../base/errors.ts";
import { coversHost, coversPath, pathEntry, portEntry } from "../../policy/host-entry.ts";
import type { Policy, Role } from "../../policy/schema.ts";
import { DRIVERS, type Enforceable, type WorkspaceUse } from "../../policy/workspace-use.ts";
import type { Session } from "../session.ts";

/** Where neither a flag nor the role says otherwise. */
const TTL_MS_DEFAULT = 8 * 3_600_000;
const DISK_BYTES_DEFAULT = 1_000_000_000;

export interface PlannedUse {
  readonly ttlMs: number;
  readonly diskBytes: number;
  /** What the workspace gets. */
  readonly use: WorkspaceUse;
  /** The same in the policy's own words: hosts and folders by the entries that cover them. */
  readonly asked: WorkspaceUse;
  /** CIDRs beyond public addresses that its hosts may resolve to. */
  readonly privateNetworks: readonly string[];
  /** Limits that have to be enforced by this host, or there is no workspace. */
  readonly mustHold: readonly Enforceable[];
}

export interface UseOptions extends WorkspaceUse {
  readonly ttlMs?: number | undefined;
  readonly diskBytes?: number | undefined;
}

/** @throws CloisterError USAGE for a host or folder that cannot be one */
export async function planUse(session: Session, policy: Policy, options: UseOptions): Promise<PlannedUse> {
  const roles = await creatingRoles(session, policy);
  const network = (options.network ?? []).map(hostOf);
  const mounts = (options.mounts ?? []).map(folderOf);
  const numbers = {
    cpus: options.cpus ?? most(roles, (limits) => limits.cpus),
    memoryBytes: options.memoryBytes ?? most(roles, (limits) => limits.memoryBytes),
    processes: options.processes ?? most(roles, (limits) => limits.processes),
    openFiles: options.openFiles ?? most(roles, (limits) => limits.openFiles),
    runMs: options.runMs ?? most(roles, (limits) => limits.runMs),
  };
  const use: WorkspaceUse = {
    ...numbers,
    ...{ network, mounts, gpu: options.gpu },
    ...driverOf(roles, options),
  };
  const all = <T>(of: (limits: Role["workspace"]) => readonly T[]) => roles.flatMap((role) => of(role.workspace));
  const covering = (entries: readonly string[], covers: (entry: string, asked: string) => boolean, asked: string) =>
    entries.find((entry) => covers(entry, asked)) ?? asked;
  return {
    ttlMs: options.ttlMs ?? Math.min(TTL_MS_DEFAULT, most(roles, (limits) => limits.ttlMs) ?? TTL_MS_DEFAULT),
    diskBytes:
      options.diskBytes ??
      Math.min(DISK_BYTES_DEFAULT, most(roles, (limits) => limits.diskBytes) ?? DISK_BYTES_DEFAULT),
    use,
    asked: {
      ...use,
      network: network.map((host) =>
        covering(
          all((limits) => limits.network),
          coversHost,
          host,
        ),
      ),
      mounts: mounts.map((folder) =>
        covering(
          all((limits) => limits.mounts),
          coversPath,
          folder,
        ),
      ),
    },
    privateNetworks: [...new Set(all((limits) => limits.privateNetworks))],
    mustHold: [...new Set(all((limits) => limits.mustHold))],
  };
}

/**
 * Always named, so that a role which leaves bubblewrap out is heard without a flag, too. Without one it is bubblewrap
 * where a role allows it, else the first that one does; and the image where the roles know one only.
 */
function driverOf(roles: readonly Role[], { driver, image }: UseOptions): Pick<WorkspaceUse, "driver" | "image"> {
  const free =
    roles.length === 0 || roles.some(({ workspace: { drivers = DRIVERS } }) => drivers.includes("bubblewrap"));
  const chosen = driver ?? (free ? "bubblewrap" : roles[0]?.workspace.drivers?.[0]);
  const images = [...new Set(roles.flatMap((role) => role.workspace.images))];
  const only = chosen === "podman" && images.length === 1 ? images[0] : undefined;
  return { driver: chosen, image: image ?? only };
}

/** How long a workspace of this member may live; undefined where that has no limit. */
export async function longestLife(session: Session, policy: Policy): Promise<number | undefined> {
  return most(await creatingRoles(session, policy), (limits) => limits.ttlMs);
}

/** The member's roles that make workspaces. */
export async function creatingRoles(session: Session, policy: Policy): Promise<readonly Role[]> {
  const me = await session.me();
  return policy.roles.filter(
    (role) => me.roles.some((held) => held.role === role.id) && role.can.includes("workspace.create"),
  );
}

/** The most that some role allows; undefined where one sets no limit. */
function most(roles: readonly Role[], of: (limits: Role["workspace"]) => number | undefined): number | undefined {
  const values = roles.map((role) => of(role.workspace));
  const limited = values.filter((value) => value !== undefined);
  return limited.length === values.length && limited.length > 0 ? Math.max(...limited) : undefined;
}

/** The host as the policy writes it. @throws CloisterError USAGE */
export function hostOf(text: string): string {
  const entry = portEntry(text);
  if (entry !== undefined) return entry;
  throw new CloisterError("USAGE", `${JSON.stringify(text)} is no host that a workspace can reach`, {
    why: "hosts are names with a port, and never addresses",
    next: "write --network pypi.acme.example:443 or --network '*.example.org:443'",
  });
}

function folderOf(text: string): string {
  const entry = pathEntry(text);
  if (entry !== undefined) return entry;
  throw new CloisterError("USAGE", `${JSON.stringify(text)} is no folder that can be shown`, {
    next: "write an absolute path, such as --mount-ro /opt/conda",
  });
}
