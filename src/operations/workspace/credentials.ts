// Credentials for a command in a workspace: for its domain, up to its label, its purpose, and read-only, because results
// leave a workspace by `push --from` alone. No key stands in its environment; AWS's tools find an endpoint on loopback.
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { WorkspaceState } from "./state.ts";

/** What a command in a workspace is handed. */
export interface HandedIn {
  readonly environment: Readonly<Record<string, string>>;
  readonly sharesLoopback: boolean;
  close(): Promise<void>;
}

/** @throws CloisterError as `getCredential`; FAILURE where the endpoint cannot be opened in the workspace */
export async function handCredentials(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  { label, provider }: { readonly label: string | undefined; readonly provider: "token" | "aws" | undefined },
): Promise<HandedIn> {
  if (provider === undefined) return { environment: {}, sharesLoopback: false, close: async () => {} };
  const { classifications } = (await session.policy()).compiled.policy;
  // Without inputs there is no label: then it is good for the lowest class.
  const workspace = { id: state.id, domain: state.domain, label: label ?? classifications[0] ?? "" };
  const options = { provider, purpose: state.purpose, readOnly: true };
  if (provider === "token") {
    const { getCredential } = await import("../creds/issue.ts");
    const { environment } = await getCredential(session, options, workspace);
    return { environment, sharesLoopback: false, close: async () => {} };
  }
  const { serveCredentials } = await import("../creds/serve.ts");
  const [inside] = await sandbox.listen(state.holder, [{ address: "127.0.0.1", port: 0 }]);
  if (!inside) throw new TypeError("no socket");
  const closeInside = (): void => void inside.close();
  try {
    const serving = await serveCredentials(session, options, { at: { inside }, endsWithIt: false, workspace });
    const close = async (): Promise<void> => {
      closeInside();
      await serving.close();
    };
    return { environment: serving.environment, sharesLoopback: true, close };
  } catch (error) {
    closeInside();
    throw error;
  }
}
