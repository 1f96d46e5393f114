// Which packages a command could load: the names of what is installed, taken inside the sandbox and believed as far as names go.
import { byUtf8 } from "../base/digest.ts";
import { printable } from "../base/terminal.ts";

/** The list of a large environment; beyond it the list is cut and says so. */
const LIST_BYTES_MAX = 256 * 1024;

/**
 * A script for sh(1) that looks for installed packages. Its arguments are folders that may hold environments, besides the
 * system's own. Python says name and version in the name of a folder, conda in that of a file; of Node's packages the line
 * with the version is read. Nothing that is found is run but the system's interpreters.
 */
export const SOFTWARE_SCRIPT = `find /usr/lib /usr/lib64 /usr/local/lib -maxdepth 4 "(" -name "*.dist-info" -o -name "*.egg-info" ")" \\
  -printf 'python\\t%p\\0' 2>/dev/null
find "$@" -maxdepth 9 "(" -name "*.dist-info" -o -name "*.egg-info" ")" -printf 'python\\t%p\\0' \\
  -o -path "*/conda-meta/*.json" -printf 'conda\\t%p\\0' \\
  -o -name pyvenv.cfg -printf 'venv\\t%p\\0' 2>/dev/null
find "$@" /usr/local/lib/node_modules -maxdepth 9 -path "*/node_modules/*" -name package.json -print0 2>/dev/null |
  head -z -n 20000 | xargs -0 -r grep -m1 -sHZ '^ *"version"' | tr '\\n' '\\0' | sed -z 's/^/node\\t/'
for program in /usr/bin/python3 /usr/bin/R /usr/bin/julia; do
  [ -x "$program" ] && printf 'version\\t%s\\t%s\\0' "$program" "$(timeout 5 "$program" --version 2>&1 | head -n 1)"
done
exit 0`;

/**
 * The list that the script's output comes to, one line each, sorted: `python3 3.11.2`, or a kind, the folder and the
 * package: `python /usr/lib/python3/dist-packages numpy==1.24.2`. Empty where nothing was found.
 */
export function softwareList(output: string): string {
  const records = output.split("\0");
  const lines = new Set<string>();
  for (const [at, record] of records.entries()) {
    const line = lineOf(record, records[at + 1] ?? "");
    if (line !== undefined) lines.add(printable(line));
  }
  const sorted = [...lines].sort(byUtf8);
  let bytes = 0;
  const kept = sorted.filter((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes <= LIST_BYTES_MAX;
  });
  const more = sorted.length - kept.length;
  return [...kept, ...(more > 0 ? [`… and ${String(more)} more`] : [])].map((line) => `${line}\n`).join("");
}

function lineOf(record: string, next: string): string | undefined {
  const [kind = "", path = "", ...rest] = record.split("\t");
  const folder = path.slice(0, path.lastIndexOf("/"));
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (kind === "version") return `interpreter ${path} ${rest.join(" ").slice(0, 200)}`;
  if (kind === "venv") return `venv ${folder}`;
  if (kind === "python") {
    // PEP 376 and 427: `name-version.dist-info`; eggs add `-pyX.Y`.
    const found = /^(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$/s.exec(name);
    return found ? `python ${folder} ${found[1] ?? ""}==${found[2] ?? ""}` : undefined;
  }
  if (kind === "conda") return `conda ${folder} ${name.replace(/\.json$/, "")}`;
  const version = /"version"\s*:\s*"([^"\\]{1,100})"/.exec(next.replace(/^node\t/, ""))?.[1];
  const module = /^(.*)\/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/s.exec(path);
  if (kind !== "node" || version === undefined || !module) return undefined;
  return `node ${module[1] ?? ""}/node_modules ${module[2] ?? ""}@${version}`;
}
