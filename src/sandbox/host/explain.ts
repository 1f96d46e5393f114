// What keeps a sandbox from starting, once one has failed to, told from the kernel's settings and what was printed.
import { readFileSync } from "node:fs";
import type { Problem } from "./programs.ts";

/** Where the programs that make namespaces lie, and how people call them. */
const MAKERS = {
  bwrap: { path: "/usr/bin/bwrap", called: "bubblewrap" },
  podman: { path: "/usr/bin/podman", called: "podman" },
} as const;

export interface Probe {
  readonly program?: keyof typeof MAKERS;
  /** Value of a file below /proc/sys; undefined where there is none. */
  readonly setting?: (name: string) => string | undefined;
}

/** @param failure what the failed attempt printed */
export function explainFailure(failure: string, { program = "bwrap", setting = readSetting }: Probe = {}): Problem {
  const { path, called } = MAKERS[program];
  if (setting("user/max_user_namespaces") === "0") {
    return {
      why: "user namespaces are turned off (user.max_user_namespaces is 0)",
      next: "sudo sysctl -w user.max_user_namespaces=15000",
    };
  }
  if (setting("kernel/unprivileged_userns_clone") === "0") {
    return {
      why: "unprivileged user namespaces are turned off (kernel.unprivileged_userns_clone is 0)",
      next: "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    };
  }
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return {
      why: `AppArmor keeps unprivileged user namespaces from ${called} (the default since Ubuntu 24.04)`,
      next:
        `give ${called} a profile that allows them: ` +
        `printf 'abi <abi/4.0>,\\nprofile ${program} ${path} flags=(unconfined) { userns, }\\n' | ` +
        `sudo tee /etc/apparmor.d/${program} && sudo apparmor_parser -r /etc/apparmor.d/${program}`,
    };
  }
  if (failure.includes("disable-userns")) {
    return { why: "bubblewrap is older than 0.8", next: "install bubblewrap 0.8 or newer" };
  }
  if (/newuidmap|newgidmap/.test(failure)) {
    return {
      why: "newuidmap, which rootless podman needs, does not work",
      next: "apt install uidmap (Debian, Ubuntu)",
    };
  }
  if (failure.includes("hybrid mode")) {
    return { why: "crun cannot use this machine's mixture of cgroups v1 and v2", next: "apt install runc" };
  }
  return {
    why: `a sandbox did not start: ${failure.trim().slice(0, 300) || "no message"}`,
    next: "in a container, start it with --security-opt seccomp=unconfined, or work on the machine itself",
  };
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch {
    // Settings that a kernel does not know do not restrict.
    return undefined;
  }
}
