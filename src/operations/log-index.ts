// The log by what its entries are about, in its order: what a version went through, and every time something was done.
import type { LoggedEvent } from "../audit/taken.ts";

export class LogIndex {
  readonly #byVersion = new Map<string, LoggedEvent[]>();
  readonly #byAction = new Map<string, LoggedEvent[]>();

  /** Entries that name the version. Those that only its pusher could know of, such as a push's intent, do not name it. */
  about(versionId: string): readonly LoggedEvent[] {
    return this.#byVersion.get(versionId) ?? [];
  }

  /** Entries of an action, in all phases. */
  of(action: string): readonly LoggedEvent[] {
    return this.#byAction.get(action) ?? [];
  }

  take(logged: LoggedEvent): void {
    for (const list of this.#lists(logged)) list.push(logged);
  }

  /** Takes back the last {@link take}. */
  drop(logged: LoggedEvent): void {
    for (const list of this.#lists(logged)) list.pop();
  }

  #lists({ event }: LoggedEvent): readonly LoggedEvent[][] {
    const byAction = listIn(this.#byAction, event.action);
    return event.versionId === undefined ? [byAction] : [byAction, listIn(this.#byVersion, event.versionId)];
  }
}

function listIn(lists: Map<string, LoggedEvent[]>, key: string): LoggedEvent[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
