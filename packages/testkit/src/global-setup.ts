import type { TestProject } from "vitest/node";
import { startPostgres } from "./servers/postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgresPort: number;
  }
}

/** One PostgreSQL for a whole run; each test file makes databases of its own in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide("postgresPort", server.port);
  return () => server.close();
}
