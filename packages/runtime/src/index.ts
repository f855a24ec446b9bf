/** What a process needs whatever it does: environment, start and stop, health, log, metrics, and whom it may dial. */

export { classifierConfig, classifierVariables } from "./classifier-variables.ts";
export { ConfigurationError } from "./configuration-error.ts";
export type { DnsTxtLookupOptions } from "./create-dns-txt-lookup.ts";
export { createDnsTxtLookup } from "./create-dns-txt-lookup.ts";
export type { Log, LogFields, LogLevel, LogOptions } from "./create-log.ts";
export { createLog, logLevels } from "./create-log.ts";
export type { Labels, MetricCounter, MetricGauge, MetricHistogram, Metrics } from "./create-metrics.ts";
export { createMetrics } from "./create-metrics.ts";
export type { EnvironmentVariable } from "./describe-environment.ts";
export { describeEnvironment } from "./describe-environment.ts";
export {
  blobVariables,
  chooseKey,
  databaseVariables,
  freshnessVariables,
  healthVariables,
  keyVariables,
  logLevel,
  networkVariables,
  queueVariables,
  workerConfig,
  workerEnvironment,
} from "./fleet-variables.ts";
export type { Lookup, NetworkGuardOptions } from "./network/create-network-guard.ts";
export { createNetworkGuard } from "./network/create-network-guard.ts";
export { cidrList, parseCidrs } from "./network/parse-cidrs.ts";
export type { Environment } from "./read-environment.ts";
export { readEnvironment } from "./read-environment.ts";
export type { Closable, Process, ProcessOptions } from "./run-process.ts";
export { runProcess } from "./run-process.ts";
export { secret, secretText } from "./secret-schema.ts";
export type { HealthAddress, HealthServer, HealthSources } from "./serve-health.ts";
export { serveHealth } from "./serve-health.ts";
export type { Loop, LoopOptions, LoopPass } from "./start-loop.ts";
export { startLoop } from "./start-loop.ts";
export type { Access, AccessWatch, AccessWatchOptions, HeldAccess } from "./watch-access.ts";
export { watchAccess } from "./watch-access.ts";
