import { defineConfig } from "vitest/config";

const shared = {
  pool: "forks",
  testTimeout: 30_000,
  hookTimeout: 60_000,
  setupFiles: "tooling/seed-properties.ts",
} as const;

/** Three kinds of tests: beside the code, against real servers, and all processes together. */
export default defineConfig({
  test: {
    maxWorkers: 2, // by itself Vitest leaves a core to whoever watches: of two, half of them
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "{demo,bench,tooling,infra}/**/*.test.ts",
          ],
        },
      },
      {
        test: {
          ...shared,
          name: "integration",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts"],
          globalSetup: ["packages/testkit/src/global-setup.ts"],
        },
      },
      {
        test: {
          ...shared,
          name: "fleet",
          include: ["tests/fleet/src/**/*.test.ts"],
          globalSetup: ["packages/testkit/src/global-setup.ts"],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
