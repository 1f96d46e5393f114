/** Where join requests lie in the store, each under the SHA-256 of its payload. */
export const JOINS = "joins/";
