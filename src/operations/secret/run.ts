// Secrets for one command in a workspace: in its environment or in files that only it sees, and gone with it.
import { CloisterError } from "../../base/errors.ts";
import { permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { SecretUse } from "../types.ts";
import type { WorkspaceState } from "../workspace/state.ts";
import { takeOut, takingAsk, textOf } from "./lease.ts";
import { requireSecret } from "./list.ts";
import { placeOfSecret, type Secret } from "./secrets.ts";
import { checkHarmless, variableOf } from "./variable.ts";
import { referenceTo } from "./write.ts";

/** What a command is given beside its inputs. */
export interface RunSecrets {
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

interface Planned {
  readonly secret: Secret;
  readonly reference: string;
  readonly as: NonNullable<SecretUse["as"]>;
}

/**
 * All are decided before the first is opened. A secret of a class above the workspace's label does not raise it: it is no
 * data, and what the command reads with it, the command's owner answers for.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), INTEGRITY
 */
export async function secretsFor(
  session: Session,
  state: WorkspaceState,
  uses: readonly SecretUse[],
): Promise<RunSecrets> {
  const planned: Planned[] = [];
  for (const use of uses) planned.push(await plan(session, state, use));
  checkDistinct(planned.map(({ as }) => ("env" in as ? as.env : as.path)));
  const { id, name, purpose } = state;
  const taking = { to: "workspace", workspace: { id, name }, purpose } as const;
  for (const { secret } of planned) await permit(session, takingAsk(secret, taking));
  const env: Record<string, string> = {};
  const files: { path: string; bytes: Uint8Array }[] = [];
  for (const { secret, reference, as } of planned) {
    const { value } = await takeOut(session, secret, taking);
    if ("env" in as) env[as.env] = textOf(value, reference);
    else files.push({ path: as.path, bytes: value });
  }
  return { env, files };
}

async function plan(session: Session, state: WorkspaceState, use: SecretUse): Promise<Planned> {
  // Data of two domains meets only through an export; what opens one domain's doors has no place in another's workspace.
  const place = await placeOfSecret(session, use.name, use.name.includes("/") ? undefined : state.domain);
  const reference = referenceTo(place);
  if (place.domain !== state.domain) {
    throw new CloisterError("USAGE", `secret ${reference} is of another domain`, {
      why: `workspace ${state.name} belongs to domain ${state.domain}`,
    });
  }
  const secret = await requireSecret(session, place);
  const as = use.as ?? { env: secret.metadata.env ?? variableOf(place.name) };
  return {
    secret,
    reference,
    as: "env" in as ? { env: checkHarmless(as.env, reference) } : { path: checkPath(as.path) },
  };
}

function checkDistinct(places: readonly string[]): void {
  const twice = places.find((place, at) => places.indexOf(place) !== at);
  if (twice !== undefined) throw new CloisterError("USAGE", `two secrets cannot both be ${twice}`);
}

const FOLDER = "/run/secrets/";

function checkPath(path: string): string {
  if (path.startsWith(FOLDER) && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(path.slice(FOLDER.length))) return path;
  throw new CloisterError("USAGE", `a secret cannot be shown at ${path}`, {
    why: "secrets are files in /run/secrets, named by letters, digits and . _ -",
    next: "--secret NAME:/run/secrets/NAME",
  });
}
