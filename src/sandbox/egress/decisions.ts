// What was allowed and what was refused, counted by host: the list is for people and for the signed record, and whoever
// asks for a million hosts must not make it a million lines long.
import type { NetworkDecision } from "../../base/network-decision.ts";
import type { Target } from "./target.ts";

/** Hosts that were reached, and hosts and reasons that were refused, as many as are told apart. */
const ENTRIES_MAX = 100;
const OTHERS = { host: "*", port: 0, allowed: false, why: "more hosts than are listed" };

type Decided = Pick<NetworkDecision, "host" | "port" | "allowed" | "why">;
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

  /**
   * However much else is asked for, a host that is on the list by name has its own line; those beyond the first are
   * counted under the star that they are allowed by.
   *
   * @param under entry of the list that covers it
   * @param carrier the connection to the host, where there came to be one
   */
  allowed({ host, port }: Target, under: string, carrier?: Carrier): void {
    const [other = host] = under.split(":");
    const entry = this.#count({ host, port, allowed: true }, { host: other, port, allowed: true });
    if (!carrier) return;
    this.#carriers.set(carrier, entry);
    carrier.once("close", () => {
      this.#carriers.delete(carrier);
      entry.sent += carrier.bytesWritten;
      entry.received += carrier.bytesRead;
    });
  }

  refused(target: Target | undefined, why: string): void {
    this.#count({ host: target?.host ?? "?", port: target?.port ?? 0, allowed: false, why }, OTHERS);
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

  #count(decision: Decided, others: Decided): Counted {
    const nameOf = ({ host, port, why }: Decided) => JSON.stringify([host, port, why]);
    const alike = [...this.#entries.values()].filter(({ allowed }) => allowed === decision.allowed).length;
    const full = alike >= ENTRIES_MAX && !this.#entries.has(nameOf(decision));
    const counted = full ? others : decision;
    const entry = this.#entries.get(nameOf(counted)) ?? { ...counted, count: 0, sent: 0, received: 0 };
    entry.count++;
    this.#entries.set(nameOf(counted), entry);
    return entry;
  }
}
