/** Data that comes with the package: policies to start from, and environments of workspaces. */
export const TEMPLATES = new URL("../../templates/", import.meta.url);
