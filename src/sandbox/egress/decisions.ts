// What was allowed and what was refused, counted by host: the list is for people and for the signed record, and whoever
// asks for a million hosts must not make it a million lines long.
import type { Target } from "./target.ts";

/** Connections and requests to one host that ended the same way. */
export interface NetworkDecision {
  /** Its name; `?` where what was asked for is none, `*` for all beyond those that are listed. */
  readonly host: string;
  /** 0 where there is none. */
  readonly port: number;
  readonly allowed: boolean;
  /** Why it was refused. */
  readonly why?: string | undefined;
  readonly count: number;
  /** Bytes that went out to the host, and that came back. */
  readonly sent: number;
  readonly received: number;
}

/** Hosts and reasons that are told apart; all others are counted together. */
const ENTRIES_MAX = 100;
const OTHERS = { host: "*", port: 0, allowed: false, why: "more hosts than are listed" };

type Counted = { -readonly [Key in keyof NetworkDecision]: NetworkDecision[Key] };

/** A connection's bytes, as Node's sockets count them. */
interface Carrier {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  once(event: "close", listener: () => void): unknown;
}

export class Decisions {
  readonly #entries = new Map<string, Counted>();
  readonly #carriers = new Map<Carrier, Counted>();

  /** @param carrier the connection to the host, where there came to be one */
  allowed({ host, port }: Target, carrier?: Carrier): void {
    const entry = this.#count({ host, port, allowed: true });
    if (!carrier) return;
    this.#carriers.set(carrier, entry);
    carrier.once("close", () => {
      this.#carriers.delete(carrier);
      entry.sent += carrier.bytesWritten;
      entry.received += carrier.bytesRead;
    });
  }

  refused(target: Target | undefined, why: string): void {
    this.#count({ host: target?.host ?? "?", port: target?.port ?? 0, allowed: false, why });
  }

  /** In the order in which each was first seen, with the bytes of connections that are still open. */
  list(): readonly NetworkDecision[] {
    return [...this.#entries.values()].map((entry) => {
      const open = [...this.#carriers].filter(([, of]) => of === entry).map(([carrier]) => carrier);
      const sum = (of: (carrier: Carrier) => number) => open.reduce((total, carrier) => total + of(carrier), 0);
      return {
        ...entry,
        sent: entry.sent + sum(({ bytesWritten }) => bytesWritten),
        received: entry.received + sum(({ bytesRead }) => bytesRead),
      };
    });
  }

  #count(decision: Pick<NetworkDecision, "host" | "port" | "allowed" | "why">): Counted {
    const listed = (one: typeof decision) => JSON.stringify([one.host, one.port, one.why]);
    // What is allowed is on a list of the policy's; only the others can be without end.
    const full = this.#entries.size >= ENTRIES_MAX && !this.#entries.has(listed(decision));
    const counted = full ? { ...OTHERS, allowed: decision.allowed } : decision;
    const key = full ? `${listed(counted)}${String(counted.allowed)}` : listed(counted);
    const entry = this.#entries.get(key) ?? { ...counted, count: 0, sent: 0, received: 0 };
    entry.count++;
    this.#entries.set(key, entry);
    return entry;
  }
}
