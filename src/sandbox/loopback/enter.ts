// Into the network namespace of a workspace, and into no other of its namespaces but, without root, that of its user.
import type { HolderState } from "../sandbox.ts";

/** What entering needs of a driver. */
export interface Entrant {
  readonly programs: { readonly nsenter: string };
  /** Effective uid of this process. */
  readonly uid: number;
}

/**
 * Words before the command that enters. Root may enter any network namespace; others only as the user who owns it, through
 * its user namespace.
 */
export function enterNetwork({ programs, uid }: Entrant, { pid }: HolderState): readonly string[] {
  const through = uid === 0 ? [] : ["--preserve-credentials", "--user"];
  return [programs.nsenter, `--target=${String(pid)}`, ...through, "--net", "--"];
}
