// Which users containers run under, as they and as the host number them.

/** User that everything in a container runs under, as it has it. */
export const INSIDE_UID = 1000;

/**
 * Ids of the host that a root's containers are mapped to; nobody is given them (the upper half of ids is not for
 * accounts). All of them are the same, because an image is copied once for each mapping.
 */
const MAPPED_FROM = 2_147_483_648;
/** Images have files of any of these. */
const MAPPED_IDS = 65_536;

/** Uid of {@link INSIDE_UID} in the user namespace in which podman mounts volumes. */
export function mountUid(callerUid: number): number {
  return callerUid === 0 ? MAPPED_FROM + INSIDE_UID : INSIDE_UID;
}

/** Root's containers get ids of their own; anybody else's podman runs in a user namespace already. */
export function mappedIds(callerUid: number): readonly string[] {
  if (callerUid !== 0) return [];
  const map = `0:${String(MAPPED_FROM)}:${String(MAPPED_IDS)}`;
  return ["--uidmap", map, "--gidmap", map];
}
