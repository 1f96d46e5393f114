// What a request is bound to besides its version: purpose, destination, stage, class and time.
import { CloisterError } from "../../base/errors.ts";
import { formatDuration } from "../../base/units.ts";
import type { Policy } from "../../policy/schema.ts";
import { destinationOf } from "../export/destination.ts";
import type { Session } from "../session.ts";
import type { RequestOptions } from "../types.ts";

import type { RequestDetails, RequestRecord } from "./record.ts";

const LASTS_MS = 72 * 3_600_000;
const LASTS_MS_MIN = 60_000;
const LASTS_MS_MAX = 90 * 86_400_000;
const WHY_MAX = 4000;

/** Terms of a request, checked against the policy. */
export type Terms = Pick<RequestRecord, "toStage" | "toClass"> & Pick<RequestDetails, "destination" | "purpose">;

/** @param klass of the version. @throws CloisterError USAGE */
export async function termsOf(
  session: Session,
  policy: Policy,
  options: RequestOptions,
  klass: string,
): Promise<Terms> {
  const { kind, to, purpose } = options;
  const none = { toStage: undefined, toClass: undefined, destination: undefined, purpose };
  const classes = policy.classifications;
  switch (kind) {
    case "access":
      if (to !== undefined) throw new CloisterError("USAGE", "access is not given --to somewhere");
      if (purpose === undefined && policy.purposes.length > 0) {
        const purposes = policy.purposes.map(({ id }) => id).join(", ");
        throw new CloisterError("USAGE", "access for which purpose?", { next: `add --purpose, one of: ${purposes}` });
      }
      return none;
    case "export":
      return { ...none, destination: await placeOf(session, to) };
    case "promote":
      return { ...none, toStage: oneOf(to, policy.stages, "stage") };
    case "declassify":
      return { ...none, toClass: oneOf(to, classes.slice(0, classes.indexOf(klass)), `class below ${klass}`) };
  }
}

/** The one spelling that the export is decided for. A recipient alone is that of a share. */
async function placeOf({ host }: Session, to: string | undefined): Promise<string> {
  if (to === undefined) {
    throw new CloisterError("USAGE", "export to where?", {
      next: "add --to s3://bucket/prefix, domain:NAME, age1… or ./folder",
    });
  }
  return (await destinationOf(host, to.startsWith("age1") ? `share:${to}` : to)).text;
}

function oneOf(to: string | undefined, known: readonly string[], what: string): string {
  if (to !== undefined && known.includes(to)) return to;
  if (known.length === 0)
    throw new CloisterError("USAGE", `the policy has no ${what}`, { next: "cloister policy show" });
  throw new CloisterError("USAGE", to === undefined ? `to which ${what}?` : `the policy has no ${what} ${to}`, {
    next: `add --to, one of: ${known.join(", ")}`,
  });
}

/** How long the request lasts, in ms. @throws CloisterError USAGE, also for what gives no reason */
export function lastsOf({ justification, lastsMs = LASTS_MS }: RequestOptions): number {
  if (justification.trim() === "" || justification.length > WHY_MAX) {
    throw new CloisterError("USAGE", "a request says why", { next: 'add --why "…": those who approve read it' });
  }
  if (lastsMs < LASTS_MS_MIN || lastsMs > LASTS_MS_MAX) {
    const [min, max] = [LASTS_MS_MIN, LASTS_MS_MAX].map(formatDuration);
    throw new CloisterError("USAGE", `a request lasts ${min ?? ""} to ${max ?? ""}`, { next: "--expires 72h" });
  }
  return lastsMs;
}
