/** What tests are made of: conformance suites and memory adapters. Real servers are in `@mailfleet/testkit/servers`. */

export { testDatabaseUrl } from "./test-database.ts";
