// Which GPUs and which driver the machine has, from what the drivers say in /proc and /sys; nothing is run for it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { printable } from "../base/terminal.ts";
import type { Facts } from "./manifest.ts";

const TEXT_CHARS_MAX = 200;

/**
 * `gpu`: models and their number; `gpuDriver`: version of the kernel driver. Empty where there is none that is known: NVIDIA's
 * driver (`/proc/driver/nvidia`) and AMD's (`/sys/module/amdgpu`).
 * @param root what the paths are below
 */
export function captureGpu(root = "/"): Facts {
  const nvidia = textOf(join(root, "proc/driver/nvidia/version"));
  const driver = /Kernel Module(?: for \S+)?\s+([\d.]+)/.exec(nvidia ?? "")?.[1];
  if (driver !== undefined) return { ...models(join(root, "proc/driver/nvidia/gpus")), gpuDriver: `nvidia ${driver}` };
  const amd = textOf(join(root, "sys/module/amdgpu/version"))?.trim();
  return amd === undefined ? {} : { gpuDriver: printable(`amdgpu ${amd}`.slice(0, TEXT_CHARS_MAX)) };
}

function models(folder: string): Facts {
  const counts = new Map<string, number>();
  for (const gpu of namesIn(folder)) {
    const model = /^Model:\s*(.+)$/m.exec(textOf(join(folder, gpu, "information")) ?? "")?.[1]?.trim() ?? "unknown";
    counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  const texts = [...counts].map(([model, count]) => `${String(count)} x ${model}`);
  return texts.length === 0 ? {} : { gpu: printable(texts.join(", ").slice(0, TEXT_CHARS_MAX)) };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // No such driver, or one that shows nothing.
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
