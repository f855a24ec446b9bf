/** The fleet's own processes, started from their source, for the demo, the benches and the fleet tests. */

export type { CliOptions, CliResult } from "./run-cli.ts";
export { runCli, runCliJson } from "./run-cli.ts";
export type { App, AppName, AppOptions, LogLine } from "./start-app.ts";
export { repositoryFolder, startApp } from "./start-app.ts";
