// Requests of the project, and which of them wait for whom.
import type { Session } from "../session.ts";
import type { RequestListing, RequestListOptions, RequestSummary } from "../types.ts";
import { loggedRequests, positionNow, requestId } from "./find.ts";
import { readDetails } from "./shelf.ts";
import { summaryOfRequest } from "./show.ts";
import { standingOf, whyNoRequest } from "./standing.ts";

/** Requests in the order in which they were made. Open ones, those of this member, those that wait for them, or all. */
export async function listRequests(session: Session, { which }: RequestListOptions): Promise<RequestListing> {
  await session.sync();
  const me = (await session.me()).id;
  const at = await positionNow(session);
  const requests: RequestSummary[] = [];
  const ignored: { what: string; why: string }[] = [];
  for (const request of loggedRequests(session)) {
    if (which === "mine" && request.requester !== me) continue;
    const why = await whyNoRequest(session, request);
    if (why !== undefined) {
      ignored.push({ what: `${requestId(request)}, logged by ${request.requester}`, why });
      continue;
    }
    const standing = await standingOf(session, request, at);
    if (which !== "mine" && which !== "all" && standing.state !== "open") continue;
    const { details, problem } = await readDetails(session, request);
    if (problem !== undefined) ignored.push({ what: requestId(request), why: problem });
    const summary = await summaryOfRequest(session, standing, details, at);
    if (which !== "to-approve" || summary.waitsForYou) requests.push(summary);
  }
  return { requests, ignored };
}
