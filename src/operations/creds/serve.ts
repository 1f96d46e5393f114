// An endpoint from which unmodified SDKs get a role's credentials, as long as it runs. Each refresh passes the guard.
import { mkdir, stat } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { dirname, resolve } from "node:path";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { containerDocument, NO_OTHER_CREDENTIALS, regionEnvironment } from "../../credentials/aws-environment.ts";
import { type ContainerEndpoint, containerEndpoint, ENDPOINT_PATH } from "../../credentials/container-endpoint.ts";
import type { Session } from "../session.ts";
import type { CredentialOptions, IssuedCredential } from "../types/creds.ts";
import { credentialsFolder } from "./index.ts";
import { getCredential } from "./issue.ts";
import type { ForWorkspace } from "./plan.ts";
import { register } from "./serves.ts";

/** SDKs refresh five minutes before the end; the endpoint has a new session by then. */
const REFRESH_BEFORE_MS = 5 * 60_000;

/** Where the endpoint listens: on loopback, at a unix socket, or on a socket of loopback that was opened elsewhere. */
export type ListenAt = "loopback" | { readonly socket: string } | { readonly inside: Server };

/** A running endpoint. */
export interface Serving {
  /** The first credential, without which there is no endpoint. */
  readonly first: IssuedCredential;
  /** URL, or the path of the socket. */
  readonly at: string;
  /** Variables that lead an SDK to it, and to nothing else. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Starts an endpoint.
 *
 * @param endsWithIt whether this process does nothing else, so that a revocation ends it
 * @throws CloisterError as `getCredential`; USAGE where the socket cannot be made
 */
export async function serveCredentials(
  session: Session,
  options: CredentialOptions,
  { at, endsWithIt, workspace }: { at: ListenAt; endsWithIt: boolean; workspace?: ForWorkspace | undefined },
): Promise<Serving> {
  const first = await getCredential(session, options, workspace);
  const { policy } = (await session.policy()).compiled;
  let registered: () => boolean = () => true;
  // Where more is asked to be left than half its life, every question would be a new session.
  const minLeftMs = Math.min(options.minLeftMs ?? REFRESH_BEFORE_MS, lifeOf(first) / 2);
  const next = () => getCredential(session, { ...options, minLeftMs }, workspace);
  const current = holding(first, minLeftMs, session.host.now, next);
  const endpoint = containerEndpoint(async () => {
    if (!registered()) throw new CloisterError("NOT_AUTHENTICATED", "these credentials were revoked");
    return containerDocument((await current()).environment);
  });
  const where = await listen(endpoint, at, session.host.cwd);
  const folder = credentialsFolder(session.places.state, session.config.project);
  const since = new Date(session.host.now()).toISOString();
  const entry = { provider: "aws", role: first.role, at: where, since, endsWithIt };
  const registration = await register(folder, entry).catch((error: unknown) => {
    // Unregistered, nobody could revoke it.
    endpoint.close();
    throw error;
  });
  registered = registration.valid;
  return {
    first,
    at: where,
    environment: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: where,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: endpoint.token,
      ...NO_OTHER_CREDENTIALS,
      ...(policy.aws ? regionEnvironment(policy.aws.region) : {}),
    },
    close: async () => {
      endpoint.close();
      await registration.end();
    },
  };
}

function lifeOf({ issuedAt, expiresAt }: IssuedCredential): number {
  return Date.parse(expiresAt) - Date.parse(issuedAt);
}

/** The credential in hand as long as it lives long enough; asked for once, however many wait for the next. */
function holding(
  first: IssuedCredential,
  minLeftMs: number,
  now: () => number,
  next: () => Promise<IssuedCredential>,
): () => Promise<IssuedCredential> {
  let held = first;
  let asking: Promise<IssuedCredential> | undefined;
  return async () => {
    if (Date.parse(held.expiresAt) - now() > minLeftMs) return held;
    asking ??= next().finally(() => {
      asking = undefined;
    });
    held = await asking;
    return held;
  };
}

async function listen({ server, takeOver }: ContainerEndpoint, at: ListenAt, cwd: string): Promise<string> {
  if (at === "loopback") {
    await listening(server, () => server.listen(0, "127.0.0.1"));
    return urlOf(server);
  }
  if ("inside" in at) {
    takeOver(at.inside);
    return urlOf(at.inside);
  }
  const socket = resolve(cwd, at.socket);
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  if (await stat(socket).catch(() => undefined)) {
    throw new CloisterError("USAGE", `${socket} is there already`, { next: "another --socket, or remove it" });
  }
  await listening(server, () => {
    // Node binds at once: nobody else ever finds it open.
    const before = process.umask(0o177);
    server.listen(socket);
    process.umask(before);
  });
  return socket;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${ENDPOINT_PATH}`;
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((done, reject) => {
    server.once("error", (error) => {
      const why = systemCode(error) ?? error.message;
      reject(new CloisterError("USAGE", "the endpoint cannot be opened", { why, next: "another --socket" }));
    });
    server.once("listening", done);
    start();
  });
}
