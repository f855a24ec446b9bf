/** Real servers, each on a free port of 127.0.0.1 and in a temporary folder of its own. */

export type { ChildServer, ChildServerOptions } from "./child-server.ts";
export { answers, startChildServer } from "./child-server.ts";
export { findProgram, hasServer } from "./find-program.ts";
export { freePort } from "./free-port.ts";
export type { PostgresOptions, PostgresServer } from "./postgres.ts";
export { startPostgres } from "./postgres.ts";
export type { TemporaryFolder } from "./temporary-folder.ts";
export { temporaryFolder } from "./temporary-folder.ts";
